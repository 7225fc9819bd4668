//! The short way through a frame that is what most frames are: Ethernet, IPv4 without options and in one piece, then
//! TCP or UDP that is no tunnel's.
//!
//! All headers are read in one go, without the steps from layer to layer and what those must remember. A frame in
//! which anything is odd goes the general way; one that does not gives the same packet on both, as a law says.

use super::ethernet::IPV4;
use super::ip::{TCP, UDP};
use super::link::ETHERNET;
use super::udp_tunnel::UdpTunnel;
use super::{Control, TcpFlags};
use crate::capture::Frame;
use std::net::Ipv4Addr;

/// Bytes of an Ethernet header and of an IPv4 header without options.
const HEADERS: usize = 34;
/// Bytes of an IPv4 header without options, and of a TCP header without them.
const MIN_HEADER: u32 = 20;
/// Bytes of a UDP header.
const UDP_HEADER: u32 = 8;
/// Version 4 and a header of five words.
const WITHOUT_OPTIONS: u8 = 0x45;
/// Of flags and offset: whether more fragments follow, and where this one belongs.
const FRAGMENT: u16 = 0x3fff;

/// What a frame without anything odd carries: a TCP segment or a UDP datagram directly in IPv4.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// Who sent the packet.
    pub source: Ipv4Addr,
    /// Who it is for.
    pub destination: Ipv4Addr,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// What a TCP segment says of its connection; `None` of a UDP datagram.
    pub control: Option<Control>,
    /// The bytes of the payload that the capture holds.
    pub payload: &'a [u8],
    /// Bytes of the payload on the wire.
    pub payload_length: u32,
}

/// Reads a frame the short way; `None` if it must go the general one, [`super::decode`].
#[expect(
    clippy::inline_always,
    reason = "nearly every frame goes this way, and fields returned by a call go through memory"
)]
#[inline(always)]
pub fn plain<'a>(frame: &Frame<'a>) -> Option<Plain<'a>> {
    let (headers, rest) = frame.bytes.split_first_chunk::<HEADERS>()?;
    let is_plain = frame.link_type.0 == ETHERNET
        && u16::from_be_bytes([headers[12], headers[13]]) == IPV4
        && headers[14] == WITHOUT_OPTIONS
        && u16::from_be_bytes([headers[20], headers[21]]) & FRAGMENT == 0;
    let length = u32::from(u16::from_be_bytes([headers[16], headers[17]])).checked_sub(MIN_HEADER)?;
    let bytes = first(rest, length);
    let (ports, _) = bytes.split_first_chunk::<4>()?;
    let source_port = u16::from_be_bytes([ports[0], ports[1]]);
    let destination_port = u16::from_be_bytes([ports[2], ports[3]]);
    let (control, payload, payload_length) = match headers[23] {
        TCP if is_plain => {
            let header = bytes.first_chunk::<{ MIN_HEADER as usize }>()?;
            let header_length = u32::from(header[12] >> 4) * 4;
            let payload = bytes.get(header_length as usize..).filter(|_| header_length >= MIN_HEADER)?;
            let sequence = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
            (
                Some(Control { sequence, flags: TcpFlags(header[13]) }),
                payload,
                length.checked_sub(header_length)?,
            )
        }
        UDP if is_plain && UdpTunnel::between(source_port, destination_port).is_none() => {
            let (header, payload) = bytes.split_first_chunk::<{ UDP_HEADER as usize }>()?;
            let said = u32::from(u16::from_be_bytes([header[4], header[5]])).checked_sub(UDP_HEADER)?;
            let payload_length = said.min(length.checked_sub(UDP_HEADER)?);
            (None, first(payload, payload_length), payload_length)
        }
        _ => return None,
    };
    Some(Plain {
        source: Ipv4Addr::new(headers[26], headers[27], headers[28], headers[29]),
        destination: Ipv4Addr::new(headers[30], headers[31], headers[32], headers[33]),
        source_port,
        destination_port,
        control,
        payload,
        payload_length,
    })
}

/// What of the first `length` bytes is there.
#[inline]
fn first(bytes: &[u8], length: u32) -> &[u8] {
    bytes.get(..length as usize).unwrap_or(bytes)
}
