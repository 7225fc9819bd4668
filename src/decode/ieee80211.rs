//! Data frames of IEEE 802.11 that are not encrypted, with quality of service, aggregation and mesh control.

use super::anomaly::Anomaly;
use super::layers::Layers;
use super::view::View;

/// Frame control, IEEE 802.11-2016 clause 9.2.4.1: the first octet's version, type and subtype.
const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const DATA: u8 = 0x08;
/// Bits of the subtype of a data frame: no data; quality of service.
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;
/// The second octet's flags.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const HT_CONTROL: u8 = 0x80;
/// The aggregation bit of the first octet of the quality of service field.
const AGGREGATE: u8 = 0x80;
/// Octets of addresses and length before each frame of an aggregate.
const SUBFRAME_HEADER: usize = 14;
/// What 802.2 with SNAP begins with.
const SNAP: u16 = 0xaaaa;

/// How a frame differs from the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Not at all.
    Standard,
    /// The header is padded to a multiple of four, as Atheros drivers do.
    PaddedHeader,
    /// The octets of the frame control field are swapped, as Cisco's access points do.
    SwappedControl,
}

/// The header of a data frame.
struct Header {
    flags: u8,
    sequence: u16,
    /// Where the quality of service field is.
    qos: Option<usize>,
    length: usize,
    /// Where source and destination of the frame are.
    source: usize,
    destination: usize,
}

impl<'a> Layers<'a, '_> {
    /// An 802.11 frame.
    pub(super) fn wlan(&mut self, view: View<'a>) {
        self.wlan_variant(view, Variant::Standard);
    }

    /// An 802.11 frame that may differ from the standard.
    pub(super) fn wlan_variant(&mut self, view: View<'a>, variant: Variant) {
        let Some((control, flags)) = view.u8(0).zip(view.u8(1)) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let swapped = variant == Variant::SwappedControl;
        let (control, flags) = if swapped { (flags, control) } else { (control, flags) };
        if control & (TYPE | VERSION) != DATA || control & NO_DATA != 0 {
            return;
        }
        let Some(header) = Header::read(control, flags, view) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        let Some(body) = header.body(view, variant) else {
            return self.odd(Anomaly::LinkTruncated);
        };
        if flags & PROTECTED != 0 {
            return self.odd(Anomaly::Encrypted);
        }
        // The last fragment is no different from a frame that a driver put together, which keeps its number.
        if flags & MORE_FRAGMENTS != 0 {
            return self.odd(Anomaly::WlanFragment);
        }
        self.descend(|layers| {
            if header.is_aggregate(view) { layers.aggregate(body) } else { layers.msdu(&header, view, body) }
        });
    }

    /// An aggregate, clause 9.3.2.2: frames with their addresses and length, each padded to four octets.
    fn aggregate(&mut self, body: View<'a>) {
        let mut at: usize = 0;
        while let Some(subframe) = body.skip(at).filter(|rest| rest.bytes.len() > SUBFRAME_HEADER) {
            let Some((length, msdu)) = subframe.u16(12).zip(subframe.skip(SUBFRAME_HEADER)) else { return };
            self.llc(msdu.resize(u32::from(length)));
            let end = at.saturating_add(SUBFRAME_HEADER).saturating_add(usize::from(length));
            at = end.next_multiple_of(4);
        }
    }

    /// A frame's body: 802.2, but some drivers leave something else.
    fn msdu(&mut self, header: &Header, view: View<'a>, body: View<'a>) {
        let first = body.u16(0).unwrap_or(0);
        let [source, destination] = [header.source, header.destination].map(|at| view.array::<6>(at));
        let is = |at, address: Option<[u8; 6]>| address.is_some() && body.array(at) == address;
        if first == SNAP {
            self.llc(body);
        } else if is(6, source) || is(0, destination) {
            self.ethernet(body);
        } else if first == 0 && is(6, destination) && is(12, source) {
            self.ethernet(body.skip(6).unwrap_or(body));
        } else if first == 0 || first.swap_bytes() == header.sequence {
            self.llc(body.skip(2).unwrap_or(body));
        } else if Self::knows_ether_type(first) {
            self.ether_type(first, body.skip(2).unwrap_or(body));
        } else if first != 0xffff {
            self.llc(body);
        }
    }
}

impl Header {
    fn read(control: u8, flags: u8, view: View<'_>) -> Option<Self> {
        let (source, destination, addresses_end) = match flags & (TO_DS | FROM_DS) {
            0 => (10, 4, 24),
            FROM_DS => (16, 4, 24),
            TO_DS => (10, 16, 24),
            _ => (24, 16, 30),
        };
        let mut length: usize = addresses_end;
        let mut qos = None;
        if control & QOS != 0 {
            qos = Some(length);
            length = length.saturating_add(if flags & HT_CONTROL == 0 { 2 } else { 6 });
        }
        let sequence = u16::from_le_bytes(view.array(22)?);
        Some(Self { flags, sequence, qos, length, source, destination })
    }

    fn is_aggregate(&self, view: View<'_>) -> bool {
        self.qos.and_then(|at| view.u8(at)).is_some_and(|qos| qos & AGGREGATE != 0)
    }

    /// What follows the header, its padding and the mesh control field.
    fn body<'a>(&self, view: View<'a>, variant: Variant) -> Option<View<'a>> {
        let length = match variant {
            Variant::PaddedHeader => self.length.next_multiple_of(4),
            Variant::Standard | Variant::SwappedControl => self.length,
        };
        let body = view.skip(length)?;
        match self.mesh_control(body) {
            Some(length) => body.skip(length),
            None => Some(body),
        }
    }

    /// Octets of the mesh control field, clause 9.2.4.7.3. The bit that announces it is not to be relied on:
    /// it is there if it makes sense and SNAP follows it.
    fn mesh_control(&self, body: View<'_>) -> Option<usize> {
        if self.flags & FROM_DS == 0 {
            return None;
        }
        let length = match body.u8(0)? {
            0 => 6,
            1 => 12,
            2 => 18,
            _ => return None,
        };
        (body.u16(length)? == SNAP).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::sample::{INNER4, INNER6, below, ethernet, join, odd, read, snap, udp4, udp6};

    const WLAN: u16 = 105;

    /// A data frame with the first two octets `control`, and `more` behind the three addresses.
    fn frame(control: [u8; 2], more: &[u8], body: &[u8]) -> Vec<u8> {
        let addresses = join(&[&[1; 6], &[2; 6], &[3; 6]]);
        join(&[&control, &[0, 0], &addresses, &[0x10, 0], more, body])
    }

    #[test]
    fn headers_of_every_length_are_passed() {
        let body = snap(0x0800, &udp4());
        for (control, more) in [
            ([0x08, 0], &[][..]),
            ([0x08, 1], &[]),
            ([0x08, 3], &[4; 6]),
            ([0x88, 2], &[5, 0]),
            ([0x88, 0x82], &[5, 0, 1, 2, 3, 4]),
            ([0x88, 3], &[4, 4, 4, 4, 4, 4, 0, 1, 0, 0x1f, 1, 0, 0, 0]),
        ] {
            assert_eq!(read(WLAN, &frame(control, more, &body)), below("", INNER4), "{control:x?}");
        }
    }

    #[test]
    fn every_frame_of_an_aggregate_is_read() {
        let subframe = |packet: &[u8]| {
            let body = snap(if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, packet);
            let length = u16::try_from(body.len()).unwrap();
            let mut subframe = join(&[&[1; 12], &length.to_be_bytes(), &body]);
            subframe.resize(subframe.len().next_multiple_of(4), 0);
            subframe
        };
        let aggregate = join(&[&subframe(&udp4()), &subframe(&udp6())]);
        let expected = format!("{} | {}", below("", INNER4), below("", INNER6));
        assert_eq!(read(WLAN, &frame([0x88, 2], &[0x80, 0], &aggregate)), expected);
    }

    #[test]
    fn bodies_that_are_not_802_2_are_told_apart() {
        let inner = join(&[&[1; 6], &[2; 6], &ethernet(0x0800, &udp4())[12..]]);
        assert_eq!(read(WLAN, &frame([8, 0], &[], &inner)), below("", INNER4));
        assert_eq!(read(WLAN, &frame([8, 0], &[], &join(&[&[0x86, 0xdd], &udp6()]))), below("", INNER6));
        assert_eq!(
            read(WLAN, &frame([8, 0], &[], &join(&[&[0, 0], &snap(0x0800, &udp4())]))),
            below("", INNER4)
        );
    }

    #[test]
    fn what_cannot_be_read_is_counted_and_what_has_no_data_is_not() {
        let body = snap(0x0800, &udp4());
        assert_eq!(odd(WLAN, &frame([8, 0x42], &[], &body)), ["link_payload_encrypted"]);
        assert_eq!(odd(WLAN, &frame([8, 4], &[], &body)), ["wlan_fragment"]);
        for control in [[0x48, 1], [0xc8, 1], [0x80, 0], [0xb4, 0]] {
            assert_eq!(read(WLAN, &frame(control, &[], &body)), "");
            assert!(odd(WLAN, &frame(control, &[], &body)).is_empty());
        }
    }
}
