//! landfall answers one question from a packet capture: *in which countries did this video call touch
//! down, and was that allowed?*
//!
//! Data goes one way, one module a stage:
//!
//! ```text
//! capture ──Frame──▶ decode ──Packet──▶ flow ──Flow──▶ identify ──Identity──▶ session ──Session──▶ policy ──Verdict──▶ report
//!                                                      locate ──Location──────────────▶┘
//! ```
//!
//! A stage may use earlier stages, never later ones; [`locate`] uses none. [`pipeline`] is the only module
//! that knows them all. Facts (what packets say) and inferences (what is made of them) are different types.

pub mod capture;
pub mod cli;
#[cfg(feature = "parquet")]
pub mod corpus;
pub mod decode;
pub mod evidence;
pub mod flow;
pub mod identify;
pub mod live;
pub mod locate;
mod parallel;
pub mod pipeline;
pub mod policy;
pub mod report;
pub mod sandbox;
pub mod session;
pub mod store;
#[cfg(all(feature = "tui", unix))]
pub mod view;
