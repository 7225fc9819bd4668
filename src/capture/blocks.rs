//! The rare blocks of a pcapng section: options, names and statistics.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::Order;
use super::tally::Tally;

/// Option `opt_endofopt`.
const END_OF_OPTIONS: u16 = 0;
/// Option `isb_ifdrop`: packets the interface lost.
const ISB_IFDROP: u16 = 5;
/// Option `isb_osdrop`: packets the operating system lost.
const ISB_OSDROP: u16 = 7;

/// Record `nrb_record_end` of a name resolution block.
const NRB_END: u16 = 0;
/// Record `nrb_record_ipv4`.
const NRB_IPV4: u16 = 1;
/// Record `nrb_record_ipv6`.
const NRB_IPV6: u16 = 2;

/// Code, length and value, padded to 32 bits: the form of options and of name records.
struct Entries<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16(self.rest, 0)?;
        let length = usize::from(self.order.u16(self.rest, 2)?);
        if (code, length) == (END_OF_OPTIONS, 0) {
            return None;
        }
        let value = self.rest.get(4..4 + length)?;
        self.rest = self.rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// The options in `bytes`, up to the end mark or to the first that is not whole.
pub(super) fn options(order: Order, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    Entries { order, rest: bytes }
}

/// Keeps the names in the body of a name resolution block.
pub(super) fn read_names(order: Order, body: &[u8], tally: &mut Tally) {
    for (kind, value) in (Entries { order, rest: body }).take_while(|(kind, _)| *kind != NRB_END) {
        let (address, names) = match kind {
            NRB_IPV4 => match value.split_first_chunk::<4>() {
                Some((address, names)) => (IpAddr::from(Ipv4Addr::from(*address)), names),
                None => continue,
            },
            NRB_IPV6 => match value.split_first_chunk::<16>() {
                Some((address, names)) => (IpAddr::from(Ipv6Addr::from(*address)), names),
                None => continue,
            },
            _ => continue,
        };
        for name in names.split(|byte| *byte == 0) {
            tally.name(address, name);
        }
    }
}

/// Interface number and lost packets in the body of an interface statistics block; `None` if it is too short.
/// A block that does not tell of losses gives no number of them.
pub(super) fn read_statistics(order: Order, body: &[u8]) -> Option<(u32, Option<u64>)> {
    let interface = order.u32(body, 0)?;
    let dropped = options(order, body.get(12..)?)
        .filter(|(code, _)| matches!(*code, ISB_IFDROP | ISB_OSDROP))
        .filter_map(|(_, value)| order.u64(value))
        .reduce(u64::saturating_add);
    Some((interface, dropped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_at_the_mark_or_where_they_are_cut() {
        let bytes = [0, 1, 0, 2, 7, 8, 0, 0, 0, 3, 0, 0, 0, 9, 0, 4, 1, 2];
        let read = |bytes| options(Order::Big, bytes).collect::<Vec<_>>();
        assert_eq!(read(&bytes[..]), [(1, &[7, 8][..]), (3, &[][..])]);
        assert_eq!(read(&[0, 0, 0, 0, 0, 1, 0, 0]), []);
    }

    #[test]
    fn an_address_may_have_several_names() {
        let mut tally = Tally::new();
        let mut body = vec![1, 0, 8, 0, 192, 0, 2, 1, b'a', 0, b'b', 0];
        body.extend([2, 0, 18, 0]);
        body.extend(Ipv6Addr::LOCALHOST.octets());
        body.extend([b'c', 0, 0, 0, 0, 0, 0, 0]);
        read_names(Order::Little, &body, &mut tally);
        let names: Vec<_> = tally.names.iter().map(|name| (name.address.to_string(), &*name.name)).collect();
        let expected = [("192.0.2.1", "a"), ("192.0.2.1", "b"), ("::1", "c")];
        assert_eq!(names, expected.map(|(address, name)| (address.to_owned(), name)));
    }

    #[test]
    fn losses_of_interface_and_system_are_added() {
        let mut body = vec![0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read_statistics(Order::Big, &body), Some((3, None)));
        for (code, drops) in [(ISB_IFDROP, 2_u64), (4, 100), (ISB_OSDROP, 5)] {
            body.extend(code.to_be_bytes());
            body.extend([0, 8]);
            body.extend(drops.to_be_bytes());
        }
        assert_eq!(read_statistics(Order::Big, &body), Some((3, Some(7))));
        assert_eq!(read_statistics(Order::Big, &body[..11]), None);
    }
}
