//! Files that are no captures, or captures of a kind that is not read: what to call them and what to do.

/// How a file that is not read is told by its bytes.
struct Kind {
    /// Where the mark stands.
    at: usize,
    mark: &'static [u8],
    name: &'static str,
    advice: Advice,
}

/// What a person can do about a file that is not read.
#[derive(Clone, Copy)]
enum Advice {
    /// Wireshark's `editcap` reads it.
    Convert,
    /// There may be captures in it.
    Unpack,
    /// It is of no use here.
    Nothing,
}

const fn kind(mark: &'static [u8], name: &'static str, advice: Advice) -> Kind {
    Kind { at: 0, mark, name, advice }
}

/// Marks as in Wireshark's readers (wiretap) and in the formats' own documents.
const KINDS: &[Kind] = &[
    kind(b"snoop\0\0\0", "a snoop capture", Advice::Convert),
    kind(b"RTSS", "a capture of Microsoft Network Monitor 1", Advice::Convert),
    kind(b"GMBU", "a capture of Microsoft Network Monitor 2", Advice::Convert),
    kind(b"TRSNIFF data    \x1a", "a Sniffer capture", Advice::Convert),
    kind(b"XCP\0", "a capture of Sniffer for Windows", Advice::Convert),
    kind(b"iptrace ", "an AIX iptrace capture", Advice::Convert),
    kind(b"ObserverPktBufferVersion=", "a Network Instruments Observer capture", Advice::Convert),
    kind(b"\0\0\x02\0\x12\x05\0\x10", "a Tektronix K12 capture", Advice::Convert),
    kind(b"+---------+---------------+", "a Tektronix K12 text capture", Advice::Convert),
    kind(b"btsnoop\0", "a btsnoop capture, of Bluetooth", Advice::Convert),
    kind(b"TR\0d\0", "an HP-UX nettl capture", Advice::Convert),
    kind(b"\xaa\xaa\xaa\xaa", "a 5View capture", Advice::Convert),
    kind(b"\x05VNF", "a Visual Networks capture", Advice::Convert),
    kind(b"\x01\x10\x4c\0\x01\x05", "a LANalyzer capture", Advice::Convert),
    kind(b"\x7fver", "an OmniPeek capture", Advice::Convert),
    kind(b"EyeSDN", "an EyeSDN capture", Advice::Convert),
    kind(b"\x42\xd2\0\x34\x12\x66\x22\x88", "a RADCOM capture", Advice::Convert),
    kind(b"Session Transcript", "a Catapult DCT2000 capture", Advice::Convert),
    kind(b"LOGG", "a Vector binary log", Advice::Convert),
    kind(b"PK\x03\x04", "a ZIP archive", Advice::Unpack),
    kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", Advice::Unpack),
    kind(b"Rar!\x1a\x07", "a RAR archive", Advice::Unpack),
    kind(b"MSCF", "a cabinet archive", Advice::Unpack),
    kind(b"LZIP", "compressed with lzip", Advice::Unpack),
    kind(b"\x1f\x9d", "compressed with compress", Advice::Unpack),
    kind(b"\x5d\0\0", "compressed with lzma", Advice::Unpack),
    kind(b"\xff\x06\0\0sNaPpY", "compressed with snappy", Advice::Unpack),
    kind(b"\x02\x21\x4c\x18", "compressed with lz4 -l, the legacy format", Advice::Unpack),
    Kind { at: 257, mark: b"ustar", name: "a tar archive", advice: Advice::Unpack },
    kind(b"\x7fELF", "a program (ELF)", Advice::Nothing),
    kind(b"MZ", "a program for Windows", Advice::Nothing),
    kind(b"\x89PNG\r\n\x1a\n", "a PNG image", Advice::Nothing),
    kind(b"%PDF-", "a PDF document", Advice::Nothing),
    kind(b"SQLite format 3\0", "an SQLite database", Advice::Nothing),
];

/// Says what a file that starts with `bytes` is and what to do, so that it goes on from the file's name.
pub(super) fn describe(bytes: &[u8]) -> String {
    let marked = |kind: &&Kind| bytes.get(kind.at..).is_some_and(|rest| rest.starts_with(kind.mark));
    if let Some(Kind { name, advice, .. }) = KINDS.iter().find(marked) {
        return match advice {
            Advice::Convert => {
                format!("is {name}: convert it first with `editcap -F pcapng FILE NEW.pcapng`")
            }
            Advice::Unpack => format!("is {name}: unpack it first and give what is in it"),
            Advice::Nothing => format!("is {name}, not a capture"),
        };
    }
    if is_erf(bytes) {
        return "is an Endace ERF capture: convert it first with `editcap -F pcapng FILE NEW.pcapng`"
            .to_owned();
    }
    if let Some(name) = text(bytes) {
        return match name {
            Text::HexDump => {
                "is a hex dump: turn it into a capture first with `text2pcap FILE NEW.pcapng`".to_owned()
            }
            Text::Other(name) => format!("is {name}, not a capture"),
        };
    }
    "is not a pcap or pcapng capture; if Wireshark can open it, `editcap -F pcapng FILE NEW.pcapng` converts it"
        .to_owned()
}

/// A kind of text.
enum Text {
    HexDump,
    Other(&'static str),
}

fn text(bytes: &[u8]) -> Option<Text> {
    let printable = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    if bytes.is_empty() || !bytes.iter().all(printable) {
        return None;
    }
    // A letter of several bytes may be cut off at the end of the sample.
    if std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    let start = bytes.trim_ascii_start();
    let start = start.get(..start.len().min(15)).unwrap_or_default().to_ascii_lowercase();
    Some(match &*start {
        [b'<', rest @ ..] if rest.starts_with(b"!doctype html") || rest.starts_with(b"html") => {
            Text::Other("an HTML page")
        }
        [b'<', ..] => Text::Other("XML"),
        [b'{' | b'[', ..] => Text::Other("JSON"),
        start if is_hex_dump(start) => Text::HexDump,
        _ => Text::Other("text"),
    })
}

/// An offset of zero, then two hexadecimal digits: what `tcpdump -x`, `xxd` and Wireshark print.
fn is_hex_dump(start: &[u8]) -> bool {
    let digits = start.strip_prefix(b"0x").unwrap_or(start);
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    let rest = digits.get(zeros..).unwrap_or_default();
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let data = rest.trim_ascii_start();
    let hex = data.first_chunk::<2>().is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    zeros >= 4 && data.len() < rest.len() && hex
}

/// ERF has no mark: two records in a row must have a type that exists, and fitting lengths and times.
fn is_erf(bytes: &[u8]) -> bool {
    const HEADER: usize = 16;
    const MAX_TYPE: u8 = 48;
    const DAY: u32 = 86_400;
    let record = |at: usize| {
        let header = bytes.get(at..)?.first_chunk::<HEADER>()?;
        let [_, _, _, _, s0, s1, s2, s3, kind, _, l0, l1, ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let sane = (1..=MAX_TYPE).contains(&(kind & 0x7f)) && length >= HEADER;
        sane.then_some((u32::from_le_bytes([s0, s1, s2, s3]), length))
    };
    let Some((first, length)) = record(0) else { return false };
    record(length).is_some_and(|(second, _)| first > DAY && first.abs_diff(second) < DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: &Kind) -> Vec<u8> {
        let mut bytes = vec![0; kind.at];
        bytes.extend(kind.mark);
        bytes.resize(600, 0xfe);
        bytes
    }

    #[test]
    fn every_known_kind_is_named() {
        for kind in KINDS {
            let description = describe(&sample(kind));
            assert!(description.contains(kind.name), "{description}");
        }
    }

    #[test]
    fn the_advice_fits_the_kind() {
        assert!(describe(b"snoop\0\0\0\0\0\0\x02").contains("editcap -F pcapng"));
        assert!(describe(b"PK\x03\x04....").contains("unpack it first"));
        assert!(describe(b"\x7fELF....").ends_with("not a capture"));
    }

    #[test]
    fn text_is_named_by_its_kind() {
        let cases: [(&[u8], &str); 9] = [
            (b"\n<!DOCTYPE HTML>\n", "an HTML page"),
            (b"<html><head>", "an HTML page"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b" {\"a\": 1}", "JSON"),
            (b"0000  00 1a 11 00", "a hex dump"),
            (b"\t0x0000:  4500 0054", "a hex dump"),
            (b"00000000: d4c3 b2a1 02", "a hex dump"),
            (b"12:00:01.1 IP 192.0.2.1 > 192.0.2.2", "text"),
            ("Grüße".as_bytes(), "text"),
        ];
        for (bytes, name) in cases {
            assert!(describe(bytes).contains(name), "{name}: {}", describe(bytes));
        }
        assert!(describe(b"\0\x01\x02\x03").contains("not a pcap or pcapng capture"));
    }

    #[test]
    fn erf_is_told_by_two_records() {
        let mut bytes = Vec::new();
        for seconds in [1_500_000_000_u32, 1_500_000_001] {
            bytes.extend([0, 0, 0, 0]);
            bytes.extend(seconds.to_le_bytes());
            bytes.extend([2, 4, 0, 64, 0, 0, 0, 60]);
            bytes.resize(bytes.len() + 48, 0xfe);
        }
        assert!(describe(&bytes).contains("ERF"));
        bytes[64 + 4] = 9;
        bytes[64 + 7] = 9;
        assert!(!describe(&bytes).contains("ERF"));
    }
}
