//! View: calls on a terminal.

mod draw;
pub mod map;
pub mod style;
pub mod timeline;

pub use map::Map;
pub use style::Look;
pub use timeline::Timeline;
