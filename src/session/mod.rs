//! Session: flows grouped into calls.
