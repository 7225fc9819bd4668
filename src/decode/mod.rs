//! Decode: a frame becomes [`Packet`]s: link layer, tunnels, IP, and the innermost TCP, UDP or ICMP.
//!
//! A frame that is odd is counted by kind in [`Anomalies`] and gives what could be read of it.

mod anomaly;
mod bsd;
mod capwap;
mod cooked;
mod ethernet;
mod extension;
mod fragment;
mod frame_relay;
mod gre;
mod gtp;
mod icmp;
mod ieee80211;
mod ip;
mod juniper;
mod layers;
mod link;
mod llc;
mod mpls;
mod old_lan;
mod plain;
mod ppp;
mod radio;
mod transport;
mod udp_tunnel;
mod view;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod sample;

pub use anomaly::Anomalies;
pub use fragment::{Datagram, Reassembler};
pub use plain::{Plain, plain};

use crate::capture::{Frame, Timestamp};
use layers::{Layers, Origin};
use std::net::IpAddr;
use view::View;

/// Source and destination of one IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressPair {
    /// Who sent the packet.
    pub source: IpAddr,
    /// Who it is for.
    pub destination: IpAddr,
}

/// The decoded view of a frame: the innermost IP packet and the addresses of the layers around it.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Place of the frame in its batch.
    pub index: u32,
    /// When the frame was captured; of a packet put together from fragments, when the last one was.
    pub time: Timestamp,
    /// Bytes of the whole frame on the wire.
    pub wire_length: u32,
    /// IP headers around the innermost, outermost first; empty where there is no tunnel.
    pub outer: Vec<AddressPair>,
    /// The innermost IP header.
    pub addresses: AddressPair,
    /// What the innermost IP packet carries.
    pub content: Content<'a>,
    /// Set where IP fragments were put together to make this packet.
    pub reassembled: Option<Box<Reassembled>>,
}

/// The mobility header of RFC 6275.
const MOBILITY: u8 = 135;

impl Packet<'_> {
    /// The addresses of each IP header that counts with this packet's frame.
    ///
    /// A header that the fragments of the packet had does not count again.
    pub fn counted(&self) -> impl Iterator<Item = AddressPair> + '_ {
        let own = self.own_header_counts().then_some(self.addresses);
        self.outer.iter().copied().skip(self.counted_before()).chain(own)
    }

    /// Whether the innermost header counts with this packet's frame.
    ///
    /// As Wireshark has it, an IPv6 header counts where its chain of extension headers comes to an end: of a
    /// packet in fragments that is the frame that completes it, and a mobility header never does.
    pub fn own_header_counts(&self) -> bool {
        let is_incomplete = matches!(self.content, Content::Fragment(_) | Content::Other(MOBILITY));
        (self.addresses.source.is_ipv4() || !is_incomplete) && self.counted_before() <= self.outer.len()
    }

    /// How many headers, from the outermost, counted with the fragments of this packet.
    fn counted_before(&self) -> usize {
        self.reassembled.as_ref().map_or(0, |whole| whole.headers)
    }
}

/// How a packet was put together from IP fragments.
///
/// Every fragment is a [`Packet`] of its own when it arrives and counts there, so the headers that the
/// fragments had must not be counted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reassembled {
    /// Frames that brought the fragments.
    pub frames: u32,
    /// Bytes of those frames on the wire.
    pub bytes: u64,
    /// How many of the packet's IP headers, from the outermost, the fragments had.
    pub headers: usize,
}

/// What the innermost IP packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// RFC 9293.
    Tcp(TcpSegment<'a>),
    /// RFC 768.
    Udp(UdpDatagram<'a>),
    /// RFC 792 and RFC 4443.
    Icmp(IcmpMessage),
    /// A piece of an IP packet that is not whole yet.
    Fragment(Fragment<'a>),
    /// Another protocol, by its IP protocol number.
    Other(u8),
    /// A header whose content is cut away or malformed.
    Unreadable,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Sequence number of the first byte of the payload (of the SYN, where that is set).
    pub sequence: u32,
    /// The next byte expected from the other side.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// The bytes of the payload that the capture holds.
    pub payload: &'a [u8],
    /// Bytes of the payload on the wire.
    pub payload_length: u32,
}

/// The control bits of a TCP header, RFC 9293 section 3.1, as they lie in byte 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;

    /// Whether every one of `bits` is set.
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// What a TCP segment says of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Sequence number of the first byte of the payload (of the SYN, where that is set).
    pub sequence: u32,
    /// Control bits.
    pub flags: TcpFlags,
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// The bytes of the payload that the capture holds.
    pub payload: &'a [u8],
    /// Bytes of the payload on the wire.
    pub payload_length: u32,
}

/// An ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpMessage {
    /// `type` of the header.
    pub kind: u8,
    /// `code` of the header.
    pub code: u8,
    /// Of an error: what it says of the packet that caused it.
    pub quoted: Option<Quoted>,
}

/// The five-tuple of the packet that an ICMP error quotes: a fact about that flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Addresses of the quoted header.
    pub addresses: AddressPair,
    /// IP protocol number of the quoted header (the last one of an IPv6 chain).
    pub protocol: u8,
    /// Source and destination port, where the quote reaches so far.
    pub ports: Option<(u16, u16)>,
}

/// A piece of an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Tells the fragments of one packet from those of others between the same two addresses.
    pub identification: u32,
    /// IP protocol number of what is fragmented.
    pub protocol: u8,
    /// Where the piece belongs, in bytes.
    pub offset: u32,
    /// Whether more pieces follow.
    pub more: bool,
    /// The bytes of the piece that the capture holds.
    pub payload: &'a [u8],
    /// Bytes of the piece on the wire.
    pub payload_length: u32,
}

/// Decodes one frame; `index` is its place in the batch. What comes out is appended to `packets`.
#[inline]
pub fn decode<'a>(frame: &Frame<'a>, index: u32, anomalies: &mut Anomalies, packets: &mut Vec<Packet<'a>>) {
    let origin = Origin { time: frame.time, wire_length: frame.wire_length, reassembled: None };
    let view = View::new(frame.bytes, frame.wire_length);
    Layers::new(index, origin, Vec::new(), anomalies, packets).frame(frame.link_type, view);
}
