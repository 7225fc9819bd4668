//! Where the first half of each IPv4 address leads in the search tree of a database.
//!
//! To make the index takes as long as some ten thousand look-ups, and spares each later one the upper half of its way
//! through the tree. Nothing is decided here: what is not plain is left to the reader of the database.

use maxminddb::Metadata;
use std::net::Ipv4Addr;

/// Bits that are looked up at once.
const BITS: u8 = 16;
/// Bits of an IPv4 address.
const IPV4_BITS: u8 = 32;
/// Bits before an IPv4 address in an IPv6 tree.
const BEFORE_IPV4: u8 = 96;
/// Bytes between the tree and the records.
const GAP: usize = 16;

/// An index over one tree.
#[derive(Debug)]
pub(super) struct Index {
    tree: Tree,
    /// By the first bits of an address: the node or leaf that they lead to, and how many of them.
    entries: Box<[(u32, u8)]>,
}

/// The form of the tree.
#[derive(Clone, Copy, Debug)]
struct Tree {
    node_bytes: usize,
    nodes: u32,
}

/// What the tree has for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Nothing.
    Empty,
    /// A record, by its place among the records, for a network of so many bits.
    Record(usize, u8),
}

impl Index {
    /// The index over the tree in `bytes`; `None` where it has no IPv4 part.
    pub(super) fn new(bytes: &[u8], metadata: &Metadata) -> Option<Self> {
        let tree = Tree { node_bytes: usize::from(metadata.record_size) / 4, nodes: metadata.node_count };
        let before = if metadata.ip_version == 6 { BEFORE_IPV4 } else { 0 };
        let mut root = 0;
        for _ in 0..before {
            root = tree.child(bytes, root, false).filter(|node| *node < tree.nodes)?;
        }
        let mut entries = Vec::with_capacity(1 << BITS);
        tree.fill(bytes, root, 0, &mut entries)?;
        Some(Self { tree, entries: entries.into() })
    }

    /// What the tree in `bytes` has for `address`; `None` if it is damaged there.
    pub(super) fn leaf(&self, bytes: &[u8], address: Ipv4Addr) -> Option<Leaf> {
        let bits = address.to_bits();
        let (mut node, mut length) =
            self.entries.get(usize::try_from(bits >> (IPV4_BITS - BITS)).ok()?).copied()?;
        while node < self.tree.nodes {
            let bit = bits.checked_shl(u32::from(length))? >> 31 == 1;
            node = self.tree.child(bytes, node, bit)?;
            length += 1;
        }
        let record = usize::try_from(node - self.tree.nodes).ok()?;
        Some(record.checked_sub(GAP).map_or(Leaf::Empty, |record| Leaf::Record(record, length)))
    }
}

impl Tree {
    /// Adds the entries of all addresses below `node`, which `length` bits lead to.
    fn fill(self, bytes: &[u8], node: u32, length: u8, entries: &mut Vec<(u32, u8)>) -> Option<()> {
        if length == BITS || node >= self.nodes {
            let count = 1_usize << (BITS - length);
            entries.extend(std::iter::repeat_n((node, length), count));
            return Some(());
        }
        for bit in [false, true] {
            self.fill(bytes, self.child(bytes, node, bit)?, length + 1, entries)?;
        }
        Some(())
    }

    /// The left or right record of `node`.
    fn child(self, bytes: &[u8], node: u32, right: bool) -> Option<u32> {
        let start = usize::try_from(node).ok()?.checked_mul(self.node_bytes)?;
        // Each record lies in a piece of four bytes within its node.
        let word = |at: usize| bytes.get(start + at..)?.first_chunk().copied().map(u32::from_be_bytes);
        match (self.node_bytes, right) {
            (6, false) => word(0).map(|word| word >> 8),
            (6, true) => word(2).map(|word| word & 0x00ff_ffff),
            // The byte in the middle has the highest bits of both.
            (7, false) => word(0).map(|word| word >> 8 | (word & 0xf0) << 20),
            (7, true) => word(3).map(|word| word & 0x0fff_ffff),
            (8, false) => word(0),
            (8, true) => word(4),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::embedded;
    use super::super::testing::{Header, database, map, text};
    use super::*;
    use maxminddb::Reader;
    use proptest::prelude::*;
    use std::net::IpAddr;

    /// What the reader of the database has for an address.
    fn read(reader: &Reader<&[u8]>, address: Ipv4Addr) -> Leaf {
        let found = reader.lookup(IpAddr::V4(address)).unwrap();
        let record = found.offset().map(|offset| Leaf::Record(offset, found.network().unwrap().prefix()));
        record.unwrap_or(Leaf::Empty)
    }

    #[test]
    fn the_index_leads_where_the_tree_does() {
        let reader = Reader::from_source(embedded::BYTES).unwrap();
        let index = Index::new(embedded::BYTES, reader.metadata()).unwrap();
        assert_eq!(index.entries.len(), 1 << BITS);
        for bits in (0..=u32::MAX).step_by(40_009) {
            let address = Ipv4Addr::from_bits(bits);
            assert_eq!(index.leaf(embedded::BYTES, address), Some(read(&reader, address)), "{address}");
        }
    }

    #[test]
    fn trees_of_every_form_are_indexed() {
        let german = || map([("country_code", text("DE"))]);
        let networks = [
            ("1.0.0.0/8", german()),
            ("1.2.3.0/24", map([("country_code", text("US"))])),
            ("9.9.9.9/32", german()),
        ];
        for (ip_version, record_size) in [(4, 24), (4, 28), (4, 32), (6, 24), (6, 28), (6, 32)] {
            let header = Header { ip_version, record_size, ..Header::default() };
            let bytes = database(header, &networks);
            let reader = Reader::from_source(bytes.as_slice()).unwrap();
            let index = Index::new(&bytes, reader.metadata()).unwrap();
            for address in
                ["0.0.0.0", "1.0.0.0", "1.2.3.4", "1.2.4.0", "9.9.9.9", "9.9.9.8", "255.255.255.255"]
            {
                let address = address.parse().unwrap();
                let expected = read(&reader, address);
                assert_eq!(
                    index.leaf(&bytes, address),
                    Some(expected),
                    "{address} {ip_version} {record_size}"
                );
            }
        }
        let bytes = database(Header::default(), &[("2600::/32", german())]);
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        assert!(Index::new(&bytes, reader.metadata()).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..64), nodes in 0..12_u32, bits: u32,
        ) {
            for node_bytes in [6, 7, 8] {
                let tree = Tree { node_bytes, nodes };
                let index = Index { tree, entries: vec![(0, 0); 1 << BITS].into() };
                let _ = index.leaf(&bytes, Ipv4Addr::from_bits(bits));
            }
        }
    }
}
