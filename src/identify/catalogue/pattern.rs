//! Patterns of host names, in which `*` stands for any characters, dots included.

/// Whether `name` fits `pattern`. Both are lower case. Takes time in proportion to the product of the lengths.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    // What stands between two stars is taken where it first occurs: a later place leaves less for the others.
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_none() {
        for (pattern, name) in [
            ("*mmr*.zoom.us", "zoomfrn99mmr.zoom.us"),
            ("*mmr*.zoom.us", "zoomsjccv154mmr.sjc.zoom.us"),
            ("*.*.zoom.us", "*.sjc.zoom.us"),
            ("zoom.us", "zoom.us"),
            ("*", "anything.example"),
            ("a*b*c", "abc"),
            ("a*b*c", "abbcbc"),
        ] {
            assert!(fits(pattern, name), "{name} fits {pattern}");
        }
    }

    #[test]
    fn all_of_the_name_has_to_fit() {
        for (pattern, name) in [
            ("*mmr*.zoom.us", "zoom.us"),
            ("*mmr*.zoom.us", "zoomfrn99mmr.zoom.us.example"),
            ("*.*.zoom.us", "*.zoom.us"),
            ("zoom.us", "www.zoom.us"),
            ("a*a", "a"),
            ("", "a"),
        ] {
            assert!(!fits(pattern, name), "{name} does not fit {pattern}");
        }
    }
}
