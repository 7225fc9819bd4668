//! A minimal writer of MaxMind DB files, <https://maxmind.github.io/MaxMind-DB/>, so that tests can have databases of
//! any schema. It writes no pointers and no records larger than 284 bytes a string.

use ipnet::IpNet;
use std::net::IpAddr;

/// A value of a record.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Map(Vec<(&'static str, Self)>),
    Number(u32),
    Text(String),
}

/// `{key: value, ...}`
pub(crate) fn map<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::Map(entries.into())
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What a file says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) database_type: &'static str,
    pub(crate) description: &'static str,
    pub(crate) ip_version: u16,
    pub(crate) record_size: u16,
    pub(crate) build_epoch: u32,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            database_type: "Test",
            description: "",
            ip_version: 6,
            record_size: 24,
            build_epoch: 1_600_000_000,
        }
    }
}

/// A file with one record for each network; a later network takes its part of an earlier, wider one.
pub(crate) fn database(header: Header, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut tree = vec![[Child::Empty; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let (bits, length) = path(network.parse().unwrap(), header.ip_version);
        insert(&mut tree, bits, length, data.len());
        write_value(&mut data, value);
    }
    let mut file = Vec::new();
    for node in &tree {
        let records = node.map(|child| match child {
            Child::Empty => tree.len(),
            Child::Node(node) => node,
            Child::Record(offset) => tree.len() + SEPARATOR.len() + offset,
        });
        let [left, right] = records.map(|record| u32::try_from(record).unwrap().to_be_bytes());
        match header.record_size {
            24 => file.extend([&left[1..], &right[1..]].concat()),
            28 => file.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
            _ => file.extend([left, right].concat()),
        }
    }
    file.extend(SEPARATOR);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    write_metadata(&mut file, header, tree.len());
    file
}

/// A file of one network.
pub(crate) fn small() -> Vec<u8> {
    database(Header::default(), &[("192.0.2.0/24", map([("country_code", text("DE"))]))])
}

/// Between the search tree and the data.
const SEPARATOR: [u8; 16] = [0; 16];

#[derive(Clone, Copy)]
enum Child {
    Empty,
    Node(usize),
    Record(usize),
}

/// The bits of a network from the top of a `u128`, and how many there are; IPv4 lies at `::/96` of an IPv6 tree.
fn path(network: IpNet, ip_version: u16) -> (u128, u8) {
    match (network.network(), ip_version) {
        (IpAddr::V4(address), 4) => (u128::from(address.to_bits()) << 96, network.prefix_len()),
        (IpAddr::V4(address), _) => (u128::from(address.to_bits()), network.prefix_len() + 96),
        (IpAddr::V6(address), _) => (address.to_bits(), network.prefix_len()),
    }
}

fn insert(tree: &mut Vec<[Child; 2]>, bits: u128, length: u8, offset: usize) {
    let mut node = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (127 - depth) & 1 == 1);
        if depth + 1 == length {
            tree[node][side] = Child::Record(offset);
            return;
        }
        node = match tree[node][side] {
            Child::Node(next) => next,
            wider => {
                tree.push([wider; 2]);
                tree[node][side] = Child::Node(tree.len() - 1);
                tree.len() - 1
            }
        };
    }
}

/// Numbers of the format's data types.
const TEXT: u8 = 2;
const U16: u8 = 5;
const U32: u8 = 6;
const MAP: u8 = 7;
const U64: u8 = 9;
const ARRAY: u8 = 11;

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Map(entries) => {
            write_control(out, MAP, entries.len());
            for (key, value) in entries {
                write_text(out, key);
                write_value(out, value);
            }
        }
        Value::Number(number) => write_number(out, U32, &number.to_be_bytes()),
        Value::Text(text) => write_text(out, text),
    }
}

fn write_metadata(out: &mut Vec<u8>, header: Header, nodes: usize) {
    write_control(out, MAP, 9);
    for (key, value) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", header.ip_version),
        ("record_size", header.record_size),
    ] {
        write_text(out, key);
        write_number(out, U16, &value.to_be_bytes());
    }
    write_text(out, "build_epoch");
    write_number(out, U64, &u64::from(header.build_epoch).to_be_bytes());
    write_text(out, "database_type");
    write_text(out, header.database_type);
    write_text(out, "description");
    write_control(out, MAP, 1);
    write_text(out, "en");
    write_text(out, header.description);
    write_text(out, "languages");
    write_control(out, ARRAY, 0);
    write_text(out, "node_count");
    write_number(out, U32, &u32::try_from(nodes).unwrap().to_be_bytes());
}

fn write_number(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    write_control(out, kind, bytes.len());
    out.extend(bytes);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_control(out, TEXT, text.len());
    out.extend(text.as_bytes());
}

/// The control byte; types above 7 have a second byte, sizes of 29 and more a further one.
fn write_control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let short = u8::try_from(size.min(29)).unwrap();
    if kind > 7 {
        out.extend([short, kind - 7]);
    } else {
        out.push(kind << 5 | short);
    }
    if size >= 29 {
        out.push(u8::try_from(size - 29).unwrap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maxminddb::Reader;
    use std::collections::BTreeMap;

    #[test]
    fn the_reader_finds_what_was_written() {
        let networks = [
            ("198.51.0.0/16", map([("a", text("wide")), ("n", Value::Number(7))])),
            ("198.51.100.0/24", map([("a", text(&"long ".repeat(40)))])),
            ("2001:db8::/32", map([("a", text("six"))])),
        ];
        let header =
            Header { database_type: "T", description: "D", ip_version: 6, record_size: 24, build_epoch: 5 };
        let reader = Reader::from_source(database(header, &networks)).unwrap();
        reader.verify().unwrap();
        assert_eq!((reader.metadata().database_type.as_str(), reader.metadata().build_epoch), ("T", 5));
        let look_up = |address: &str| {
            let found = reader.lookup(address.parse().unwrap()).unwrap();
            let a = found.decode_path::<String>(&[maxminddb::PathElement::Key("a")]).unwrap();
            (found.network().unwrap().to_string(), a)
        };
        assert_eq!(look_up("198.51.100.9"), ("198.51.100.0/24".to_owned(), Some("long ".repeat(40))));
        assert_eq!(look_up("198.51.200.9").1.as_deref(), Some("wide"));
        assert_eq!(look_up("2001:db8::1"), ("2001:db8::/32".to_owned(), Some("six".to_owned())));
        assert_eq!(look_up("192.0.2.1").1, None);
        let four = Header { ip_version: 4, ..header };
        let reader = Reader::from_source(database(four, &networks[..2])).unwrap();
        reader.verify().unwrap();
        let found = reader.lookup("198.51.200.9".parse().unwrap()).unwrap();
        assert!(found.decode::<BTreeMap<String, serde_json::Value>>().unwrap().unwrap().contains_key("n"));
    }
}
