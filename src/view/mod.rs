//! View: calls on a terminal.

mod ink;
pub mod map;
#[expect(dead_code, reason = "lists and details of calls use the rest")]
mod style;
pub mod timeline;

pub use map::Map;
pub use style::Look;
pub use timeline::Timeline;
