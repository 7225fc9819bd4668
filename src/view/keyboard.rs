//! What was typed: bytes of a terminal become keys.

/// Most bytes of a sequence that is not understood. The longest that terminals send for a key have about ten.
const MAX_SEQUENCE: usize = 32;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Shift and the tabulator.
    BackTab,
    /// The key that removes the character before.
    Backspace,
    /// A character.
    Char(char),
    /// Control and a letter, which is given in lower case.
    Ctrl(char),
    /// An arrow.
    Down,
    /// To the end.
    End,
    /// The large one.
    Enter,
    /// Escape.
    Esc,
    /// To the beginning.
    Home,
    /// An arrow.
    Left,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// An arrow.
    Right,
    /// The tabulator.
    Tab,
    /// An arrow.
    Up,
}

/// Turns bytes into keys. A sequence may come in pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
}

/// What the first of some bytes are.
enum Found {
    /// A key, or nothing that is known, and how many bytes that were.
    Key(Option<Key>, usize),
    /// The beginning of something.
    More,
}

impl Decoder {
    /// Adds bytes that were typed, and gives the keys that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Found::Key(key, length) = first(&self.pending) {
            keys.extend(key);
            self.pending.drain(..length.min(self.pending.len()));
        }
        if self.pending.len() > MAX_SEQUENCE {
            self.pending.clear();
        }
        keys
    }

    /// Nothing more came for a while: an escape byte alone is the key of that name.
    pub(super) fn rest(&mut self) -> Option<Key> {
        let is_escape = self.pending == [0x1b];
        self.pending.clear();
        is_escape.then_some(Key::Esc)
    }

    /// Whether the beginning of a sequence waits for its end.
    pub(super) fn waits(&self) -> bool {
        !self.pending.is_empty()
    }
}

fn first(bytes: &[u8]) -> Found {
    match bytes {
        [] | [0x1b] | [0x1b, b'O'] => Found::More,
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O', letter, ..] => Found::Key(arrow(*letter), 3),
        // Whatever else follows was typed after it, or with the Alt key, which means nothing here.
        [0x1b, ..] => Found::Key(Some(Key::Esc), 1),
        [b'\r' | b'\n', ..] => Found::Key(Some(Key::Enter), 1),
        [b'\t', ..] => Found::Key(Some(Key::Tab), 1),
        [0x7f | 0x08, ..] => Found::Key(Some(Key::Backspace), 1),
        [control @ 0x01..=0x1a, ..] => Found::Key(Some(Key::Ctrl(char::from(control | 0x60))), 1),
        [0x00..=0x1f, ..] => Found::Key(None, 1),
        _ => character(bytes),
    }
}

/// What follows the introducer of a control sequence (ECMA-48, 5.4): parameters up to a letter.
fn control_sequence(rest: &[u8]) -> Found {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return Found::More;
    };
    let (parameters, last) = rest.split_at(end);
    let number = parameters.split(|byte| *byte == b';').next().unwrap_or_default();
    let key = match (last.first(), number) {
        (Some(b'~'), b"1" | b"7") => Some(Key::Home),
        (Some(b'~'), b"4" | b"8") => Some(Key::End),
        (Some(b'~'), b"5") => Some(Key::PageUp),
        (Some(b'~'), b"6") => Some(Key::PageDown),
        (Some(b'Z'), _) => Some(Key::BackTab),
        (Some(letter), _) => arrow(*letter),
        (None, _) => None,
    };
    Found::Key(key, end + 3)
}

const fn arrow(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

/// A character of UTF-8; bytes that are none are passed over.
fn character(bytes: &[u8]) -> Found {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    let Some(those) = bytes.get(..length) else { return Found::More };
    match std::str::from_utf8(those).ok().and_then(|text| text.chars().next()) {
        Some(character) => Found::Key(Some(Key::Char(character)), length),
        None => Found::Key(None, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys = decoder.push(bytes);
        keys.extend(decoder.rest());
        keys
    }

    #[test]
    fn what_terminals_send_for_keys_is_understood() {
        let sent: &[(&[u8], Key)] = &[
            (b"q", Key::Char('q')),
            ("ü".as_bytes(), Key::Char('ü')),
            (b"\r", Key::Enter),
            (b"\x03", Key::Ctrl('c')),
            (b"\x7f", Key::Backspace),
            (b"\x1b", Key::Esc),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::Right),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6~", Key::PageDown),
            (b"\x1b[H", Key::Home),
            (b"\x1b[4~", Key::End),
            (b"\t", Key::Tab),
            (b"\x1b[Z", Key::BackTab),
        ];
        for (bytes, key) in sent {
            assert_eq!(keys(bytes), [*key], "{bytes:?}");
        }
    }

    #[test]
    fn sequences_that_come_in_pieces_are_put_together() {
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"\x1b[").is_empty());
        assert!(decoder.waits());
        assert_eq!(decoder.push(b"6~j\xc3"), [Key::PageDown, Key::Char('j')]);
        assert_eq!(decoder.push(b"\xbc"), [Key::Char('ü')]);
    }

    #[test]
    fn unknown_sequences_are_passed_over() {
        assert_eq!(keys(b"\x1b[200~x\x1b[201~"), [Key::Char('x')]);
        assert_eq!(keys(b"\x1bxq"), [Key::Esc, Key::Char('x'), Key::Char('q')]);
        assert_eq!(keys(b"\xff\x00k"), [Key::Char('k')]);
    }

    proptest! {
        #[test]
        fn any_bytes_leave_little_behind(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut decoder = Decoder::default();
            for piece in pieces {
                decoder.push(&piece);
                prop_assert!(decoder.pending.len() <= MAX_SEQUENCE);
            }
        }
    }
}
