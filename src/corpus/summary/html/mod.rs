//! The tables of a corpus as one HTML file with pictures, that needs nothing else: no network, no other file, no script.
//!
//! What the wire, a manifest or a user gave goes through the escape of the report's page, which the templates apply to
//! every value; a policy in the file forbids the browser everything but the one style sheet in it.

mod axis;
mod flow;
mod moves;
mod page;
mod regions;
mod time;
mod words;

use super::{Found, Sheet};
use askama::Template;
use page::Page;
use std::io;

/// That of the report's page, and what pictures need.
const STYLE: &str = concat!(include_str!("../../../report/html/style.css"), include_str!("style.css"));

/// The page.
pub fn html(found: &Found, sheets: &[Sheet]) -> io::Result<Vec<u8>> {
    let page = Page::new(found, sheets, STYLE, crate::report::html::content_policy(STYLE, None));
    let mut text = page.render().map_err(io::Error::other)?;
    // The template engine leaves out the last line feed.
    text.push('\n');
    Ok(text.into_bytes())
}
