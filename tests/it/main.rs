//! x

mod names;
