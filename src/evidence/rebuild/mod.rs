//! Makes a packet that can be shared: not the frame with things struck out, but a frame made again from what was
//! decoded, so that nothing is in it that was not put there on purpose.
//!
//! Every IP header that the decoder found is there, outermost first, with the addresses replaced; what lay between
//! them (tunnels, other link layers than Ethernet) is left out, so that one stands in the other as RFC 2003 has it.
//! Lengths in the innermost header are the original ones. The payload ends where [`payload`] has nothing more to keep.

mod checksum;
mod dns;
mod headers;
mod payload;
mod stun;
mod tls;
mod transport;

use super::check::find_ipv4;
use super::pseudonyms::Pseudonyms;
use crate::capture::{Frame, LinkType};
use crate::decode::{AddressPair, Packet};
use headers::Header;

const ETHERNET: LinkType = LinkType(1);
/// `LINKTYPE_RAW`: the frame begins with an IP header of either version.
const RAW: LinkType = LinkType(101);

/// VLAN tags in one frame; `QinQ` has two.
const MAX_TAGS: usize = 4;
/// Bytes of two MAC addresses.
const MACS: usize = 12;

/// `frame` as it can be shared; `packets` is what the decoder made of it. `None` if there is no IP packet in it.
pub(super) fn rebuild(
    frame: &Frame<'_>,
    packets: &[Packet<'_>],
    pseudonyms: &Pseudonyms,
) -> Option<(LinkType, Vec<u8>)> {
    let packet = packets.first()?;
    let mut pairs: Vec<AddressPair> = packet.outer.clone();
    pairs.push(packet.addresses);
    let mut found = Vec::with_capacity(pairs.len());
    let mut from = 0;
    for pair in &pairs {
        let header = Header::find(frame.bytes, from, *pair);
        from = header.as_ref().map_or(from, Header::minimum_end);
        found.push(header);
    }
    let replaced = |pair: &AddressPair| AddressPair {
        source: pseudonyms.address(pair.source),
        destination: pseudonyms.address(pair.destination),
    };
    let inner = found.pop().flatten();
    let mut kept = payload::keep(&packet.content, pseudonyms);
    // What looks like an address may be one: then better less.
    if let Some(end) = find_ipv4(&kept, |address| pseudonyms.is_original(address)) {
        kept.truncate(end);
    }
    let mut bytes =
        transport::packet(&packet.content, inner.as_ref(), replaced(&packet.addresses), &kept, pseudonyms);
    for (pair, header) in packet.outer.iter().zip(&found).rev() {
        let next = if bytes.bytes.first().is_some_and(|byte| byte >> 4 == 6) { 41 } else { 4 };
        bytes = headers::around(replaced(pair), header.as_ref(), next, &bytes);
    }
    let (link_type, mut whole) = match link_header(frame, &bytes.bytes, pseudonyms) {
        Some(header) => (ETHERNET, header),
        None => (RAW, Vec::new()),
    };
    whole.append(&mut bytes.bytes);
    whole.truncate(usize::try_from(frame.wire_length).unwrap_or(usize::MAX));
    Some((link_type, whole))
}

/// An Ethernet header with other MAC addresses and the VLANs of the original; `None` of other link types.
fn link_header(frame: &Frame<'_>, packet: &[u8], pseudonyms: &Pseudonyms) -> Option<Vec<u8>> {
    if frame.link_type != ETHERNET {
        return None;
    }
    let destination: [u8; 6] = frame.bytes.first_chunk().copied()?;
    let source: [u8; 6] = frame.bytes.get(6..MACS)?.first_chunk().copied()?;
    let mut header = [pseudonyms.mac(destination), pseudonyms.mac(source)].concat();
    let mut rest = frame.bytes.get(MACS..)?;
    for _ in 0..MAX_TAGS {
        // IEEE 802.1Q and 802.1ad, and what was used before that.
        let Some((tag @ ([0x81 | 0x91, 0, ..] | [0x88, 0xa8, ..]), after)) = rest.split_first_chunk::<4>()
        else {
            break;
        };
        header.extend(tag);
        rest = after;
    }
    let is_ipv6 = packet.first().is_some_and(|byte| byte >> 4 == 6);
    header.extend(if is_ipv6 { [0x86, 0xdd] } else { [0x08, 0x00] });
    Some(header)
}

/// Bytes of an IP packet, and how many it has on the wire by its own header.
struct Built {
    bytes: Vec<u8>,
    length: u32,
}

#[cfg(test)]
mod tests;
