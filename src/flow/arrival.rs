//! A packet on its way to its flow.

use super::{FlowKey, Side, Transport};
use crate::capture::{Frame, Timestamp};
use crate::decode::{Content, Control, Packet, Plain};

/// What a flow needs of a packet, the payload included; not what lies around it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The flow.
    pub key: FlowKey,
    /// The end that sent it.
    pub side: Side,
    /// Place of the frame in its batch.
    pub index: u32,
    /// When the frame was captured.
    pub time: Timestamp,
    /// Bytes of the whole frame on the wire.
    pub wire_length: u32,
    /// What a TCP segment says of its connection; `None` of another transport.
    pub control: Option<Control>,
    /// What of the payload of a TCP segment or UDP datagram the capture holds; empty of another transport.
    pub payload: &'a [u8],
    /// Bytes of the payload on the wire.
    pub payload_length: u32,
    /// There is more to the packet than its flow needs. It says so here, where that takes no room.
    pub has_rest: bool,
}

impl<'a> Arrival<'a> {
    /// Of a packet that is all there is in `frame`, which lies at `index` in its batch.
    #[inline]
    pub fn of_plain(plain: &Plain<'a>, frame: &Frame<'_>, index: u32) -> Self {
        let transport = if plain.control.is_some() { Transport::Tcp } else { Transport::Udp };
        let (key, side) = FlowKey::of_ipv4(
            plain.source,
            plain.destination,
            plain.source_port,
            plain.destination_port,
            transport,
        );
        Self {
            key,
            side,
            index,
            time: frame.time,
            wire_length: frame.wire_length,
            control: plain.control,
            payload: plain.payload,
            payload_length: plain.payload_length,
            has_rest: false,
        }
    }

    /// Of a packet that belongs to a flow. `None` of fragments and of what cannot be read.
    pub fn of(packet: &Packet<'a>) -> Option<Self> {
        let (transport, ports) = match &packet.content {
            Content::Tcp(segment) => (Transport::Tcp, (segment.source_port, segment.destination_port)),
            Content::Udp(datagram) => (Transport::Udp, (datagram.source_port, datagram.destination_port)),
            Content::Icmp(_) => {
                (Transport::Other(if packet.addresses.source.is_ipv4() { 1 } else { 58 }), (0, 0))
            }
            Content::Other(protocol) => (Transport::Other(*protocol), (0, 0)),
            Content::Fragment(_) | Content::Unreadable => return None,
        };
        let (key, side) = FlowKey::new(packet.addresses, ports.0, ports.1, transport);
        let arrival = Self::without_content(packet, key, side);
        Some(match &packet.content {
            Content::Tcp(segment) => Self {
                control: Some(Control { sequence: segment.sequence, flags: segment.flags }),
                payload: segment.payload,
                payload_length: segment.payload_length,
                ..arrival
            },
            Content::Udp(datagram) => {
                Self { payload: datagram.payload, payload_length: datagram.payload_length, ..arrival }
            }
            _ => arrival,
        })
    }

    /// Of a packet that `side` of the flow `key` sent, whatever it carries.
    pub const fn without_content(packet: &Packet<'_>, key: FlowKey, side: Side) -> Self {
        Self {
            key,
            side,
            index: packet.index,
            time: packet.time,
            wire_length: packet.wire_length,
            control: None,
            payload: &[],
            payload_length: 0,
            has_rest: false,
        }
    }
}
