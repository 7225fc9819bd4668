//! The extension headers of IPv6 (RFC 8200 section 4), one of which may stand in IPv4 too (RFC 4302).

use super::Fragment;
use super::ip::{AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, SHIM6};
use super::view::View;

/// Extension headers in one packet. A chain of the recommended order (RFC 8200 section 4.1) has seven.
const MAX_EXTENSIONS: usize = 24;
/// Options without a length and with nothing in them.
const PAD1: u8 = 0;
/// Types of routing headers whose content is held against their length: mobile IPv6 (RFC 6275 section 6.4),
/// segment routing (RFC 8754 section 2).
const MOBILE: u8 = 2;
const SEGMENTS: u8 = 4;
/// Octets of an IPv6 address.
const ADDRESS: usize = 16;

/// Whether `protocol` is an extension header that another header follows.
#[inline]
pub(super) const fn is_extension(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | SHIM6)
}

/// Where a chain of extension headers leads.
#[derive(Debug)]
pub(super) enum Walk<'a> {
    /// To the upper layer.
    Upper {
        /// Its protocol.
        protocol: u8,
        /// What it carries.
        payload: View<'a>,
    },
    /// To a piece of it.
    Fragment(Fragment<'a>),
    /// Past the end of what was captured.
    Truncated,
    /// Into nonsense.
    Malformed,
}

/// Goes along a chain of extension headers that begins with one of type `protocol`.
pub(super) fn walk(protocol: u8, rest: View<'_>) -> Walk<'_> {
    let (mut protocol, mut rest) = (protocol, rest);
    for _ in 0..MAX_EXTENSIONS {
        if !is_extension(protocol) {
            return Walk::Upper { protocol, payload: rest };
        }
        let Some((length, after)) = after_header(protocol, rest) else { return Walk::Truncated };
        if !is_sound(protocol, length, rest) {
            return Walk::Malformed;
        }
        let Some(next) = rest.u8(0) else { return Walk::Truncated };
        if protocol == FRAGMENT
            && let Some(fragment) = fragment(next, rest, after)
        {
            return Walk::Fragment(fragment);
        }
        (protocol, rest) = (next, after);
    }
    Walk::Malformed
}

/// The length of a header of type `protocol`, and what follows it.
fn after_header(protocol: u8, view: View<'_>) -> Option<(usize, View<'_>)> {
    let units = usize::from(view.u8(1)?);
    let length = match protocol {
        FRAGMENT => 8,
        AUTHENTICATION => units.saturating_add(2).saturating_mul(4),
        _ => units.saturating_add(1).saturating_mul(8),
    };
    Some((length, view.skip(length)?))
}

/// Whether what a header says of itself fits the packet.
fn is_sound(protocol: u8, length: usize, view: View<'_>) -> bool {
    match protocol {
        HOP_BY_HOP | DESTINATION => options_fit(length, view),
        ROUTING => match view.u8(2) {
            Some(MOBILE) => length >= ADDRESS.saturating_add(8),
            Some(SEGMENTS) => {
                let last = usize::from(view.u8(4).unwrap_or(0));
                length >= last.saturating_add(1).saturating_mul(ADDRESS).saturating_add(8)
            }
            _ => true,
        },
        _ => true,
    }
}

/// Whether every option of a header of `length` octets ends within the packet.
fn options_fit(length: usize, view: View<'_>) -> bool {
    let mut at: usize = 2;
    while at < length {
        let Some((kind, size)) = view.u8(at).zip(view.u8(at.saturating_add(1))) else { return false };
        at = match kind {
            PAD1 => at.saturating_add(1),
            _ => at.saturating_add(2).saturating_add(size.into()),
        };
    }
    at <= view.bytes.len()
}

/// The piece behind a fragment header; `None` for a whole packet (RFC 6946), or where there is nothing.
fn fragment<'a>(next: u8, header: View<'_>, rest: View<'a>) -> Option<Fragment<'a>> {
    let (bits, identification) = (header.u16(2)?, header.u32(4)?);
    let (offset, more) = (u32::from(bits & 0xfff8), bits & 1 == 1);
    if (offset == 0 && !more) || rest.length == 0 {
        return None;
    }
    Some(Fragment {
        identification,
        protocol: next,
        offset,
        more,
        payload: rest.bytes,
        payload_length: rest.length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::sample::{OUTER4, OUTER6, RAW, in4, in6, join, odd, read, udp6};

    const PADDING: [u8; 6] = [1, 4, 0, 0, 0, 0];

    fn udp() -> Vec<u8> {
        udp6()[40..].to_vec()
    }

    #[test]
    fn a_chain_leads_to_the_upper_layer() {
        let upper = format!("{OUTER6} / udp 40000>40001 12");
        for first in [HOP_BY_HOP, DESTINATION, ROUTING, SHIM6] {
            assert_eq!(read(RAW, &in6(first, &join(&[&[17, 0], &PADDING, &udp()]))), upper, "{first}");
        }
        let chain = join(&[
            &[60, 0],
            &PADDING,
            &[43, 0],
            &PADDING,
            &[51, 0, 9, 0, 0, 0, 0, 0],
            &[17, 1],
            &[0; 10],
            &udp(),
        ]);
        assert_eq!(read(RAW, &in6(0, &chain)), upper);
        assert_eq!(read(RAW, &in6(59, b"")), format!("{OUTER6} / protocol 59"));
        let in_ipv4 = join(&[&[17, 1], &[0; 10], &udp()]);
        assert_eq!(read(RAW, &in4(51, &in_ipv4)), format!("{OUTER4} / udp 40000>40001 12"));
    }

    #[test]
    fn a_piece_and_a_whole_packet_behind_a_fragment_header() {
        let piece = |bits: [u8; 2]| in6(44, &join(&[&[17, 0], &bits, &[0, 0, 0, 9], &udp()]));
        assert_eq!(read(RAW, &piece([0, 0x11])), format!("{OUTER6} / piece 16+20"));
        assert_eq!(read(RAW, &piece([0, 0])), format!("{OUTER6} / udp 40000>40001 12"));
    }

    #[test]
    fn headers_that_do_not_fit_the_packet_are_counted() {
        assert_eq!(odd(RAW, &in6(0, &[17, 9, 0, 0])), ["ip_header_truncated"]);
        assert_eq!(odd(RAW, &in6(0, &[17, 0, 30, 40, 0, 0, 0, 0, 1])), ["ipv6_extension_malformed"]);
        assert_eq!(
            odd(RAW, &in6(43, &join(&[&[17, 2, 4, 1, 9, 0, 0, 0], &[0; 16]]))),
            ["ipv6_extension_malformed"]
        );
        assert_eq!(odd(RAW, &in6(43, &join(&[&[17, 0, 2, 1, 0, 0, 0, 0]]))), ["ipv6_extension_malformed"]);
        let endless = [60, 0, 1, 4, 0, 0, 0, 0].repeat(100);
        assert_eq!(odd(RAW, &in6(60, &endless)), ["ipv6_extension_malformed"]);
    }
}
