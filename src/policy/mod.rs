//! Policy: what is allowed, and the verdict.
