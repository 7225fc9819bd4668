//! Networks in the order of their addresses, so that one search finds the most specific one around an address.
//!
//! Nesting is resolved when the table is made: it becomes flat ranges, each with the narrowest network that covers it.
//! That is as fast as a tree of prefixes and a tenth of its code.

use ipnet::IpNet;
use std::net::IpAddr;

/// Networks with a value each.
#[derive(Debug)]
pub(super) struct Table<V> {
    ipv4: Ranges<u32>,
    ipv6: Ranges<u128>,
    entries: Vec<(IpNet, V)>,
}

impl<V> Table<V> {
    /// Makes a table. Of a network that is there several times each value is kept, in the order given.
    pub(super) fn new(mut entries: Vec<(IpNet, V)>) -> Self {
        for (network, _) in &mut entries {
            *network = network.trunc();
        }
        // The wider of two networks that begin together comes first; the sort keeps the order of equal ones.
        entries.sort_by_key(|(network, _)| (network.network(), network.prefix_len()));
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for (place, (network, _)) in (0..).zip(&entries) {
            match network {
                IpNet::V4(network) => {
                    ipv4.push((network.network().to_bits(), network.broadcast().to_bits(), place));
                }
                IpNet::V6(network) => {
                    ipv6.push((network.network().to_bits(), network.broadcast().to_bits(), place));
                }
            }
        }
        Self { ipv4: Ranges::new(&ipv4), ipv6: Ranges::new(&ipv6), entries }
    }

    /// The entries of the most specific network that holds `address`.
    pub(super) fn look_up(&self, address: IpAddr) -> &[(IpNet, V)] {
        let found = match address {
            IpAddr::V4(address) => self.ipv4.look_up(address.to_bits()),
            IpAddr::V6(address) => self.ipv6.look_up(address.to_bits()),
        };
        let entries = found.and_then(|place| self.entries.get(place as usize..)).unwrap_or_default();
        let Some((network, _)) = entries.first() else { return entries };
        let count = entries.iter().take_while(|(other, _)| other == network).count();
        entries.get(..count).unwrap_or_default()
    }
}

/// A number that an address is.
trait Number: Copy + Ord {
    /// The next one, if there is one.
    fn next(self) -> Option<Self>;
}

impl Number for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Number for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Where each range begins, and what covers it; it ends where the next one begins.
#[derive(Debug)]
struct Ranges<N> {
    starts: Vec<N>,
    covers: Vec<Option<u32>>,
}

impl<N: Number> Ranges<N> {
    /// Of networks (first and last address, place), sorted so that one comes before those that it holds.
    fn new(networks: &[(N, N, u32)]) -> Self {
        let mut ranges = Self { starts: Vec::new(), covers: Vec::new() };
        let mut open: Vec<(N, u32)> = Vec::new();
        let mut before = None;
        for (first, last, place) in networks {
            if before.replace((first, last)) == Some((first, last)) {
                continue;
            }
            ranges.close(&mut open, Some(*first));
            ranges.begin(*first, Some(*place));
            open.push((*last, *place));
        }
        ranges.close(&mut open, None);
        ranges
    }

    /// Ends the open networks that lie before `next`.
    fn close(&mut self, open: &mut Vec<(N, u32)>, next: Option<N>) {
        while let Some((last, _)) = open.last().copied() {
            if next.is_some_and(|next| last >= next) {
                return;
            }
            open.pop();
            if let Some(after) = last.next() {
                self.begin(after, open.last().map(|(_, place)| *place));
            }
        }
    }

    fn begin(&mut self, start: N, cover: Option<u32>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.covers.pop();
        }
        self.starts.push(start);
        self.covers.push(cover);
    }

    fn look_up(&self, number: N) -> Option<u32> {
        let after = self.starts.partition_point(|start| *start <= number);
        self.covers.get(after.checked_sub(1)?).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(networks: &[&str]) -> Table<usize> {
        Table::new(networks.iter().enumerate().map(|(n, network)| (network.parse().unwrap(), n)).collect())
    }

    fn found(table: &Table<usize>, address: &str) -> Vec<usize> {
        table.look_up(address.parse().unwrap()).iter().map(|(_, value)| *value).collect()
    }

    #[test]
    fn the_most_specific_network_is_found() {
        let table =
            table(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.0/25", "11.0.0.0/8", "2600::/12"]);
        for (address, value) in [
            ("10.0.0.0", 0),
            ("10.1.1.255", 1),
            ("10.1.2.127", 3),
            ("10.1.2.128", 2),
            ("10.1.3.0", 1),
            ("10.255.255.255", 0),
            ("11.0.0.0", 4),
            ("2600::1", 5),
        ] {
            assert_eq!(found(&table, address), [value], "{address}");
        }
        for address in ["9.255.255.255", "12.0.0.0", "2700::", "25ff::"] {
            assert!(found(&table, address).is_empty(), "{address}");
        }
    }

    #[test]
    fn every_value_of_a_network_is_kept() {
        let table =
            table(&["10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9", "10.200.0.0/16", "10.200.0.0/16", "0.0.0.0/0"]);
        assert_eq!(found(&table, "10.0.0.1"), [2]);
        assert_eq!(found(&table, "10.128.0.1"), [0, 1]);
        assert_eq!(found(&table, "10.200.0.1"), [3, 4]);
        assert_eq!(found(&table, "255.255.255.255"), [5]);
        assert_eq!(found(&table, "::"), [0_usize; 0]);
    }

    proptest! {
        #[test]
        fn a_search_through_all_networks_finds_the_same(
            networks in proptest::collection::vec((0_u32..64, 24_u8..=32), 0..24),
            asked in 0_u32..64,
        ) {
            let networks: Vec<IpNet> = networks
                .iter()
                .map(|(low, length)| IpNet::new(IpAddr::from((0xc000_0000 | low << 2).to_be_bytes()), *length).unwrap())
                .collect();
            let table = Table::new(networks.iter().copied().zip(0..).collect());
            let asked = IpAddr::from((0xc000_0000 | asked << 2).to_be_bytes());
            let holding = || networks.iter().zip(0..).filter(|(network, _)| network.contains(&asked));
            let longest = holding().map(|(network, _)| network.prefix_len()).max();
            let expected: Vec<i32> = holding()
                .filter(|(network, _)| Some(network.prefix_len()) == longest)
                .map(|(_, value)| value)
                .collect();
            let found: Vec<i32> = table.look_up(asked).iter().map(|(_, value)| *value).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
