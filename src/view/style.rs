//! How this terminal is drawn on.

/// How this terminal is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there is colour. Words and symbols carry every meaning that it has.
    pub colour: bool,
    /// Whether characters beyond ASCII show.
    pub unicode: bool,
}
