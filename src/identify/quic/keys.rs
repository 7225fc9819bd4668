//! The keys of Initial packets (RFC 9001 section 5.2) and taking off the protection.

use super::version::Protection;
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

/// Bytes of the authentication tag, RFC 9001 section 5.3.
const TAG: usize = 16;
/// Bytes of ciphertext that header protection is sampled from, RFC 9001 section 5.4.2.
const SAMPLE: usize = 16;
/// Bytes from the start of the packet number to the sample, whatever the number's length.
const SAMPLE_OFFSET: usize = 4;
/// The keys of one direction.
#[derive(Clone)]
pub(super) struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    aead: Aes128Gcm,
    header: Aes128,
}

impl Keys {
    /// The keys for the packets of the client and of the server, out of the connection id that the client chose for
    /// the server.
    pub(super) fn pair(protection: &Protection, destination: &[u8]) -> Option<(Self, Self)> {
        let secret = Hkdf::<Sha256>::new(Some(&protection.salt), destination);
        let side = |label| {
            let mut secret_of_side = [0; 32];
            expand(&secret, label, &mut secret_of_side)?;
            Self::new(protection, &Hkdf::from_prk(&secret_of_side).ok()?)
        };
        Some((side("client in")?, side("server in")?))
    }

    fn new(protection: &Protection, secret: &Hkdf<Sha256>) -> Option<Self> {
        let [key_label, iv_label, header_label] = protection.labels;
        let (mut key, mut iv, mut header) = ([0; 16], [0; 12], [0; 16]);
        expand(secret, key_label, &mut key)?;
        expand(secret, iv_label, &mut iv)?;
        expand(secret, header_label, &mut header)?;
        Some(Self { key, iv, aead: Aes128Gcm::new(&key.into()), header: Aes128::new(&header.into()) })
    }

    /// Takes the protection off a packet that starts with `bytes` and has `end` bytes, of which the packet number
    /// starts at `number_offset`. Where bytes are missing, the content cannot be authenticated.
    pub(super) fn open(
        &self,
        bytes: &[u8],
        number_offset: usize,
        end: usize,
        largest: Option<u64>,
    ) -> Option<Opened> {
        let sample_start = number_offset.checked_add(SAMPLE_OFFSET)?;
        let sample = bytes.get(sample_start..sample_start.checked_add(SAMPLE)?)?;
        let mut mask = aes::Block::try_from(sample).ok()?;
        self.header.encrypt_block(&mut mask);
        let [first_mask, number_mask @ ..] = <[u8; 16]>::from(mask);

        let mut bytes = bytes.get(..end).unwrap_or(bytes).to_vec();
        let first = bytes.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number_length = usize::from(*first & 0x03).saturating_add(1);
        let content_start = number_offset.checked_add(number_length)?;
        let mut truncated = 0;
        for (byte, mask) in bytes.get_mut(number_offset..content_start)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = packet_number(largest, truncated, number_length)?;
        let tag_start = end.checked_sub(TAG)?;
        if bytes.len() < end {
            bytes.truncate(tag_start);
            self.decrypt_cut(number, bytes.get_mut(content_start..)?);
        } else {
            let (packet, tag) = bytes.split_at_mut_checked(tag_start)?;
            let (header, content) = packet.split_at_mut_checked(content_start)?;
            self.decrypt(number, header, content, tag)?;
            bytes.truncate(tag_start);
        }
        Some(Opened { number, bytes, content_start })
    }

    fn decrypt(&self, number: u64, header: &[u8], content: &mut [u8], tag: &[u8]) -> Option<()> {
        let tag = Tag::try_from(tag).ok()?;
        self.aead.decrypt_inout_detached(&Nonce::from(self.nonce(number)), header, content.into(), &tag).ok()
    }

    fn decrypt_cut(&self, number: u64, content: &mut [u8]) {
        // The counter block of the first block of content, NIST SP 800-38D section 7.2.
        let mut counter = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        counter.iter_mut().zip(self.nonce(number)).for_each(|(byte, nonce)| *byte = nonce);
        ctr::Ctr32BE::<Aes128>::new(&self.key.into(), &counter.into()).apply_keystream(content);
    }

    fn nonce(&self, number: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        let (_, low) = nonce.split_at_mut(4);
        low.iter_mut().zip(number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        nonce
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// A packet without protection.
pub(super) struct Opened {
    /// The packet number.
    pub(super) number: u64,
    bytes: Vec<u8>,
    content_start: usize,
}

impl Opened {
    /// The frames.
    pub(super) fn content(&self) -> &[u8] {
        self.bytes.get(self.content_start..).unwrap_or_default()
    }
}

/// HKDF-Expand-Label with an empty context, RFC 8446 section 7.1.
fn expand(secret: &Hkdf<Sha256>, label: &str, out: &mut [u8]) -> Option<()> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = u8::try_from(PREFIX.len().checked_add(label.len())?).ok()?;
    secret.expand_multi_info(&[&length, &[label_length], PREFIX, label.as_bytes(), &[0]], out).ok()
}

/// The packet number that `length` bytes of it stand for, RFC 9000 appendix A.3.
fn packet_number(largest: Option<u64>, truncated: u64, length: usize) -> Option<u64> {
    const MAX: u64 = 1 << 62;
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1_u64.checked_shl(u32::try_from(length.checked_mul(8)?).ok()?)?;
    let half = window / 2;
    let candidate = (expected & !window.checked_sub(1)?) | truncated;
    if candidate.saturating_add(half) <= expected && candidate < MAX.saturating_sub(window) {
        return candidate.checked_add(window);
    }
    if candidate > expected.saturating_add(half) && candidate >= window {
        return candidate.checked_sub(window);
    }
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_numbers_are_completed_as_in_the_example() {
        // RFC 9000 appendix A.3.
        assert_eq!(packet_number(Some(0xa82f_30ea), 0x9b32, 2), Some(0xa82f_9b32));
        assert_eq!(packet_number(None, 0xffff_ffff, 4), Some(0xffff_ffff));
        assert_eq!(packet_number(Some(255), 1, 1), Some(257));
        assert_eq!(packet_number(Some(256), 0xff, 1), Some(255));
    }
}
