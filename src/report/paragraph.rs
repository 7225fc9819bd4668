//! Paragraphs of a width that every terminal has.

/// Columns of a line.
const WIDTH: usize = 80;

/// Adds `text`, broken at spaces, with `first` before the first line and as many blanks as `indent` before the others. A
/// word that is longer than a line stays whole. What is untrusted in it has been escaped.
pub(super) fn paragraph(out: &mut String, first: &str, indent: usize, text: &str) {
    let mut column = first.chars().count();
    out.push_str(first);
    let mut is_empty = true;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !is_empty && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
            is_empty = true;
        }
        if !is_empty {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        is_empty = false;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_indented() {
        let mut out = String::new();
        paragraph(&mut out, "1. ", 3, &format!("{} b {}", "a".repeat(76), "c".repeat(90)));
        assert_eq!(out, format!("1. {}\n   b\n   {}\n", "a".repeat(76), "c".repeat(90)));
    }
}
