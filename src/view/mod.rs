//! The terminal view: calls, their far ends, the map, the timeline and findings, of a live capture or a saved one.
//!
//! ```text
//! keys, snapshots ──▶ App (what is selected, sorted, filtered, paused) ──▶ draw ──▶ terminal
//! ```
//!
//! The state knows no terminal, and the drawing changes nothing. What came off the wire is escaped before it is drawn.

mod app;
mod capture;
mod detail;
mod draw;
mod filter;
mod grid;
mod head;
mod help;
mod ink;
mod keyboard;
mod lists;
pub mod map;
mod order;
mod rows;
mod run;
mod screen;
mod style;
#[cfg(test)]
mod tests;
pub mod timeline;
mod words;

pub use app::Origin;
pub use map::Map;
pub use run::{Left, live, saved};
pub use screen::{Screen, ViewError};
pub use style::Look;
pub use timeline::Timeline;
