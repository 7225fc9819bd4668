//! The client hello of Google's versions before the IETF's, as Chromium had them until 2021: a table of tags, in clear
//! up to `Q046`.

use super::version::QuicVersion;
use crate::identify::cursor::Cursor;
use crate::identify::tls::ServerName;

/// How the hello begins.
pub(super) const HELLO: &[u8; 4] = b"CHLO";
/// The tag of the server's name.
const SERVER_NAME: &[u8; 4] = b"SNI\0";
/// Tags of a hello; Chrome sends 30.
const MAX_TAGS: u16 = 128;

/// Public header: a version follows the connection id.
const HAS_VERSION: u8 = 0x01;
/// Public header: the connection id has eight bytes.
const HAS_CONNECTION_ID: u8 = 0x08;

/// The version of a packet of the client whose handshake is in clear.
pub(super) fn version(packet: &[u8]) -> Option<QuicVersion> {
    let mut cursor = Cursor::new(packet);
    let first = cursor.u8()?;
    if first & super::packet::LONG == 0 {
        if first & HAS_VERSION == 0 || first & HAS_CONNECTION_ID == 0 {
            return None;
        }
        cursor.take(8)?;
    }
    let version = QuicVersion(cursor.u32()?);
    version.is_google_clear().then_some(version)
}

/// The hello in a packet of the client, if it is there.
pub(super) fn find_hello(packet: &[u8]) -> Option<&[u8]> {
    let start = packet.windows(HELLO.len()).position(|window| window == HELLO)?;
    packet.get(start..)
}

/// The server's name in a hello.
pub(super) fn server_name(hello: &[u8]) -> Option<ServerName> {
    let mut cursor = Cursor::new(hello);
    cursor.take(HELLO.len())?;
    let tags = u16::from_le_bytes(cursor.array()?).min(MAX_TAGS);
    cursor.take(2)?;
    let table = cursor.take(usize::from(tags).checked_mul(8)?)?;
    let mut start = 0;
    for entry in table.chunks_exact(8) {
        let (tag, end) = entry.split_first_chunk::<4>()?;
        let end = usize::try_from(u32::from_le_bytes(end.try_into().ok()?)).ok()?;
        if tag == SERVER_NAME {
            return ServerName::from_wire(cursor.rest().get(start..end)?);
        }
        start = end;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A packet of the client, up to `Q043`.
    pub(in crate::identify::quic) fn packet(name: &[u8]) -> Vec<u8> {
        let mut packet = b"\x0d\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01".to_vec();
        packet.extend([0xaa; 12]); // hash
        packet.extend([0xa0, 0x01, 0x00, 0x04]); // stream 1
        packet.extend(b"CHLO\x02\x00\x00\x00PAD\0\x05\x00\x00\x00SNI\0");
        packet.extend(u32::try_from(5 + name.len()).unwrap().to_le_bytes());
        packet.extend(b"-----");
        packet.extend(name);
        packet
    }

    #[test]
    fn the_name_is_found_and_no_cut_invents_another() {
        let packet = packet(b"www.example.com");
        assert_eq!(version(&packet), Some(QuicVersion(u32::from_be_bytes(*b"Q043"))));
        assert_eq!(server_name(find_hello(&packet).unwrap()).unwrap().as_str(), "www.example.com");
        for cut in 0..packet.len() {
            assert_eq!(find_hello(&packet[..cut]).and_then(server_name), None);
        }
    }
}
