//! The stages of a live capture, without an interface.
