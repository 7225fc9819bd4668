//! The report as one HTML file that needs nothing else: no network and no other file.
//!
//! What the wire or a user gave goes through [`escape::Escape`], which the templates apply to every value; a policy in
//! the file forbids the browser everything but the one style sheet and the one script in it.

mod call;
mod context;
mod endpoint;
pub(crate) mod escape;
mod far;
mod map;
mod page;
mod place;
mod timeline;

use super::{Report, words};
use askama::Template;
use context::Context;
use page::Page;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the report as a page.
pub(super) fn write(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let context = Context::new(report);
    let mut out = io::BufWriter::new(out);
    Page::new(&context, STYLE, SCRIPT, content_policy(STYLE, Some(SCRIPT))).write_into(&mut out)?;
    // The template engine leaves out the last line feed.
    out.write_all(b"\n")?;
    out.flush()
}

/// A content security policy (level 3) under which nothing is loaded, and nothing runs or styles but what is in the file.
pub(crate) fn content_policy(style: &str, script: Option<&str>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(style),
        script.map_or_else(|| "'none'".to_owned(), hash),
    )
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            let letter = LETTERS.get(bits >> (18 - 6 * place) & 0x3f).copied().unwrap_or(b'=');
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(cases, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
