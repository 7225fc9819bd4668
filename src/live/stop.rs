//! The end by Ctrl-C, or by whoever manages the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Signals cannot be heard.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for signals")]
pub struct StopError(#[from] io::Error);

/// What is set by the first signal that asks for the end. By the second the program ends at once, with the status that
/// shells give to whom a signal has ended.
#[cfg(all(feature = "live", unix))]
pub fn on_signal() -> Result<Arc<AtomicBool>, StopError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// What is set by the first signal that asks for the end.
#[cfg(not(all(feature = "live", unix)))]
pub fn on_signal() -> Result<Arc<AtomicBool>, StopError> {
    Ok(Arc::new(AtomicBool::new(false)))
}
