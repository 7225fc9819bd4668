//! What surrounds a live capture: what is told and how, the programs that sockets belong to, alerts, metrics.

mod alerts;
mod helper;
mod interfaces;
mod metrics;
mod processes;
mod run;
mod stop;
mod surroundings;
mod words;

pub use alerts::{AlertCounts, Alerts, run as run_command};
pub use interfaces::interfaces;
pub use metrics::Metrics;
pub use processes::{ByHelper, run as find_processes};
pub use run::{Telling, run};
pub use stop::{StopError, on_signal};
pub use surroundings::{Pending, Surroundings, SurroundingsError, Wanted};
