//! A flat table of address ranges, for finding every prefix that holds an address in one binary search.

use ipnet::IpNet;
use std::net::IpAddr;

/// Disjoint ranges of addresses, each with the indices of the prefixes that hold it. IPv4 addresses stand among
/// the IPv6 ones as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), so one table serves both.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// First address of a range; it ends before the next one's first.
    starts: Vec<u128>,
    /// For each range: the indices of its prefixes, from the widest to the narrowest. Empty for a gap.
    members: Vec<Box<[u16]>>,
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Ranges {
    /// A table of `prefixes`, which are known by their index.
    pub(super) fn new(prefixes: &[IpNet]) -> Self {
        let mut sorted: Vec<(u128, u128, u16)> = prefixes
            .iter()
            .zip(0u16..)
            .map(|(prefix, index)| (number(prefix.network()), number(prefix.broadcast()), index))
            .collect();
        // Prefixes nest or are disjoint: by start, then the wider first, an open prefix holds those after it.
        sorted.sort_by_key(|(first, last, index)| (*first, std::cmp::Reverse(*last), *index));
        let mut ranges = Self::default();
        let mut open: Vec<(u128, u16)> = Vec::new();
        for (first, last, index) in sorted {
            ranges.close(&mut open, Some(first));
            open.push((last, index));
            ranges.cut(first, &open);
        }
        ranges.close(&mut open, None);
        ranges
    }

    /// Ends the open prefixes that end before `next`, or all.
    fn close(&mut self, open: &mut Vec<(u128, u16)>, next: Option<u128>) {
        while let Some((last, _)) =
            open.last().copied().filter(|(last, _)| next.is_none_or(|next| *last < next))
        {
            open.pop();
            if let Some(after) = last.checked_add(1) {
                self.cut(after, open);
            }
        }
    }

    /// From `start` on, the prefixes in `open` hold.
    fn cut(&mut self, start: u128, open: &[(u128, u16)]) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.members.pop();
        }
        self.starts.push(start);
        self.members.push(open.iter().map(|(_, index)| *index).collect());
    }

    /// Indices of the prefixes that hold `address`, from the widest to the narrowest.
    pub(super) fn lookup(&self, address: IpAddr) -> &[u16] {
        let address = number(address);
        let after = self.starts.partition_point(|start| *start <= address);
        after.checked_sub(1).and_then(|at| self.members.get(at)).map_or(&[], |members| members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nested_prefixes_come_widest_first() {
        let prefixes: Vec<IpNet> = ["99.77.128.0/18", "99.77.150.0/24", "99.77.150.7/32", "2001:db8::/32"]
            .map(|p| p.parse().unwrap())
            .into();
        let ranges = Ranges::new(&prefixes);
        for (address, expected) in [
            ("99.77.127.255", &[][..]),
            ("99.77.128.0", &[0]),
            ("99.77.150.7", &[0, 1, 2]),
            ("99.77.150.8", &[0, 1]),
            ("99.77.151.0", &[0]),
            ("99.77.192.0", &[]),
            ("2001:db8::1", &[3]),
            ("2001:db9::", &[]),
        ] {
            assert_eq!(ranges.lookup(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_last_address_ends_no_range() {
        let prefixes: Vec<IpNet> = vec!["ffff::/16".parse().unwrap(), "0.0.0.0/0".parse().unwrap()];
        let ranges = Ranges::new(&prefixes);
        assert_eq!(ranges.lookup("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap()), [0]);
        assert_eq!(ranges.lookup("255.255.255.255".parse().unwrap()), [1]);
        assert!(ranges.lookup("::1".parse().unwrap()).is_empty());
    }

    proptest! {
        #[test]
        fn the_table_says_what_asking_each_prefix_says(
            list in prop::collection::vec((0u32..64, 26u8..=32), 0..40),
            address in 0u32..64,
        ) {
            let prefixes: Vec<IpNet> = list
                .iter()
                .map(|(base, length)| IpNet::new(IpAddr::V4((*base).into()), *length).unwrap().trunc())
                .collect();
            let address = IpAddr::V4(address.into());
            let mut found = Ranges::new(&prefixes).lookup(address).to_vec();
            found.sort_unstable();
            let expected: Vec<u16> =
                (0..).zip(&prefixes).filter(|(_, prefix)| prefix.contains(&address)).map(|(i, _)| i).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
