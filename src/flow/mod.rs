//! Flow: both directions of one five-tuple.
