//! What stands in for filters in a program that was built without libpcap.

use super::{CaptureError, Frame};

/// Chooses frames; in this program, which was built without libpcap, there is none.
#[derive(Clone, Debug)]
pub struct Filter(std::convert::Infallible);

impl Filter {
    /// Fails: this program was built without libpcap.
    pub fn new(_expression: &str) -> Result<Self, CaptureError> {
        Err(CaptureError::NoFilter)
    }

    /// Whether the frame is chosen.
    pub fn matches(&mut self, _frame: &Frame<'_>) -> bool {
        match self.0 {}
    }

    /// Frames that were not chosen because the expression has no meaning for their link type.
    pub const fn undecided(&self) -> u64 {
        match self.0 {}
    }
}
