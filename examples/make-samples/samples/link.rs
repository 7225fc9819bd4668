//! Link layers: what stands in front of an IP packet in a frame.

use etherparse::PacketBuilder;
use std::net::Ipv4Addr;

/// Locally administered addresses of the client and of its router.
const CLIENT: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_QINQ: u16 = 0x88a8;
const ETHERTYPE_VLAN: u16 = 0x8100;

/// A link layer, with what it carries around the IP packet.
#[derive(Clone, Copy)]
pub(crate) enum Link {
    /// IEEE 802.3.
    Ethernet,
    /// Linux "cooked" version 2, with GPRS tunnelling (GTP-U, 3GPP TS 29.281) between two nodes of a network.
    Sll2Gtp,
    /// IEEE 802.1ad: a service tag around a customer tag.
    QinQ,
    /// No link layer: the IP packet itself.
    Raw,
}

impl Link {
    /// The number of <https://www.tcpdump.org/linktypes.html>.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Ethernet | Self::QinQ => 1,
            Self::Raw => 101,
            Self::Sll2Gtp => 276,
        }
    }

    /// The frame around an IP packet.
    pub(crate) fn frame(self, outgoing: bool, ip: &[u8]) -> Vec<u8> {
        let ethertype = if ip[0] >> 4 == 4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 };
        match self {
            Self::Ethernet => [&ethernet(outgoing)[..], &ethertype.to_be_bytes(), ip].concat(),
            Self::QinQ => {
                let tags =
                    [ETHERTYPE_QINQ, 200, ETHERTYPE_VLAN, 31, ethertype].map(u16::to_be_bytes).concat();
                [&ethernet(outgoing)[..], &tags, ip].concat()
            }
            Self::Raw => ip.to_vec(),
            Self::Sll2Gtp => [sll2(outgoing), gtp(outgoing, ip)].concat(),
        }
    }
}

fn ethernet(outgoing: bool) -> Vec<u8> {
    if outgoing { [ROUTER, CLIENT].concat() } else { [CLIENT, ROUTER].concat() }
}

/// `LINKTYPE_LINUX_SLL2`: protocol, reserved, interface index, ARPHRD type, packet type, address.
fn sll2(outgoing: bool) -> Vec<u8> {
    let mut header = ETHERTYPE_IPV4.to_be_bytes().to_vec();
    header.extend_from_slice(&[0, 0, 0, 0, 0, 3, 0, 1]);
    header.extend_from_slice(&[if outgoing { 4 } else { 0 }, 6]);
    header.extend_from_slice(if outgoing { &CLIENT } else { &ROUTER });
    header.extend_from_slice(&[0, 0]);
    header
}

/// GTP-U version 1: a G-PDU from one node to the other in UDP port 2152.
fn gtp(outgoing: bool, ip: &[u8]) -> Vec<u8> {
    const VERSION_1: u8 = 0x30;
    const G_PDU: u8 = 0xff;
    const PORT: u16 = 2152;
    let (near, far) = (Ipv4Addr::new(10, 200, 0, 2), Ipv4Addr::new(10, 200, 0, 1));
    let (from, to, tunnel) = if outgoing { (near, far, 0x0001_5a10u32) } else { (far, near, 0x0001_5a11) };
    let mut payload = vec![VERSION_1, G_PDU];
    payload.extend_from_slice(&(ip.len() as u16).to_be_bytes());
    payload.extend_from_slice(&tunnel.to_be_bytes());
    payload.extend_from_slice(ip);
    let builder = PacketBuilder::ipv4(from.octets(), to.octets(), 64).udp(PORT, PORT);
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, &payload).expect("a packet of a length that fits");
    packet
}
