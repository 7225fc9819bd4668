//! Strings made harmless for HTML.

use crate::report::text::is_plain;
use std::fmt::{self, Write};

/// What every value in a template goes through: what HTML takes for markup becomes a reference, what could turn the
/// direction of writing or hide itself becomes an escape that can be read (`\u{202e}`), as in the table.
#[derive(Clone, Copy)]
pub(crate) struct Escape;

impl askama::filters::Escaper for Escape {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((place, character)) = rest.char_indices().find(|(_, character)| is_special(*character))
        {
            let (before, after) = rest.split_at(place);
            out.write_str(before)?;
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                _ => write!(out, "\\u{{{:x}}}", u32::from(character))?,
            }
            rest = after.strip_prefix(character).unwrap_or_default();
        }
        out.write_str(rest)
    }
}

fn is_special(character: char) -> bool {
    matches!(character, '&' | '<' | '>' | '"' | '\'') || !is_plain(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use askama::filters::Escaper;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Escape.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_and_what_steers_a_reader_is_shown_and_does_nothing() {
        assert_eq!(
            escaped("<script>alert('&')</script>"),
            "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"
        );
        assert_eq!(escaped("a\u{202e}b\u{1b}[31m\n\u{feff}"), "a\\u{202e}b\\u{1b}[31m\\u{a}\\u{feff}");
        assert_eq!(escaped("\" onload=\"x"), "&quot; onload=&quot;x");
        assert_eq!(escaped("zoom.us/ü"), "zoom.us/ü");
    }

    proptest! {
        #[test]
        fn nothing_that_is_escaped_opens_a_tag_or_ends_an_attribute(text in "\\PC*|[<>&'\"\\x00-\\x1f\u{202a}-\u{202e}]*") {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(out.chars().all(is_plain));
        }
    }
}
