//! What every map of a report has: the outlines of countries, where a place is on the sheet, where the client is.
//!
//! A place is a country and never more: the point of a country stands for all of it.

mod client;
mod projection;
mod world;

pub(crate) use client::Client;
pub(crate) use projection::{HEIGHT, Place, Point, WIDTH, edge, great_circle};
pub(crate) use world::{Shape, countries, country};
