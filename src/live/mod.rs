//! What surrounds a live capture: what is told and how, the programs that sockets belong to, alerts, metrics.

mod interfaces;
mod run;
mod stop;
mod words;

pub use interfaces::interfaces;
pub use run::{Telling, run};
pub use stop::{StopError, on_signal};
