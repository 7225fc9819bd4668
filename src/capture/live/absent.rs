//! Where the program was built without live capture.

use super::super::{Batch, CaptureError, Input};
use super::{Drops, InterfaceInfo, TapOptions};
use std::time::Duration;

/// An interface that frames are captured from.
#[derive(Debug)]
pub struct Tap(std::convert::Infallible);

/// The interfaces of this machine.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, CaptureError> {
    Err(CaptureError::NoLive)
}

impl Tap {
    /// Opens the interface `name`.
    pub fn open(_name: &str, _options: &TapOptions) -> Result<Self, CaptureError> {
        Err(CaptureError::NoLive)
    }

    /// The interface as an input of which nothing has been read.
    pub fn input(&self) -> Input {
        match self.0 {}
    }

    /// The socket that frames come from.
    pub fn descriptor(&self) -> i32 {
        match self.0 {}
    }

    /// Tries to send a frame.
    pub fn send(&mut self, _frame: &[u8]) -> Result<(), String> {
        match self.0 {}
    }

    /// Fills `batch` with the frames that are there; waits up to `wait` for the first.
    pub fn fill(&mut self, _batch: &mut Batch, _wait: Duration) -> Result<bool, CaptureError> {
        match self.0 {}
    }

    /// Frames that never came, since the interface was opened.
    pub fn drops(&mut self) -> Drops {
        match self.0 {}
    }
}
