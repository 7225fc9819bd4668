//! Locate: where an address is, from claims of several sources, and how sure that is.
