//! Oddities of frames, counted by kind.

use std::collections::BTreeMap;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $name:literal),* $(,)?) => {
        /// What can be odd about a frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Anomaly { $($(#[$doc])* $kind),* }

        /// Names of the kinds, in the order of the type.
        const NAMES: &[&str] = &[$($name),*];
        /// How many kinds there are.
        const KINDS: usize = NAMES.len();
    };
}

kinds! {
    /// A chain of protocols that is longer than is decoded.
    TooManyLayers => "too_many_layers",
    /// The link type of the frame is not decoded.
    LinkType => "link_type_not_decoded",
    /// The capture ends within a header below IP.
    LinkTruncated => "link_header_truncated",
    /// A header below IP contradicts itself.
    LinkMalformed => "link_header_malformed",
    /// A frame whose payload is encrypted at the link layer (802.11, `MACsec`).
    Encrypted => "link_payload_encrypted",
    /// A fragment of an 802.11 frame: these are not put together.
    WlanFragment => "wlan_fragment",
    /// The version of an IP header is neither 4 nor 6, or not the one announced.
    IpVersion => "ip_version_wrong",
    /// The capture ends within an IP header.
    IpTruncated => "ip_header_truncated",
    /// An IPv4 header that says it is shorter than 20 bytes.
    Ipv4HeaderLength => "ipv4_header_length_wrong",
    /// An IPv4 total length that is shorter than the header.
    Ipv4TotalLength => "ipv4_total_length_wrong",
    /// An IPv6 extension header is malformed.
    Ipv6Extension => "ipv6_extension_malformed",
    /// The capture ends within a TCP, UDP or ICMP header.
    TransportTruncated => "transport_header_truncated",
    /// A TCP, UDP or ICMP header contradicts itself.
    TransportMalformed => "transport_header_malformed",
    /// The header of a tunnel is cut or contradicts itself.
    TunnelMalformed => "tunnel_header_malformed",
    /// A fragment of a PPP multilink packet: these are not put together.
    PppFragment => "ppp_multilink_fragment",
    /// A fragment of a CAPWAP message: these are not put together.
    CapwapFragment => "capwap_fragment",
    /// A fragment that is cut short by the capture and cannot be put together.
    FragmentTruncated => "fragment_truncated",
    /// A fragment that overlaps an earlier one.
    FragmentOverlap => "fragment_overlap",
    /// A fragment that reaches past the end of its packet.
    FragmentTooLong => "fragment_too_long",
    /// A packet whose other fragments did not come in time.
    FragmentTimeout => "fragments_timed_out",
    /// A packet whose fragments were given up to bound memory.
    FragmentDropped => "fragments_given_up",
}

/// Oddities of frames, counted by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    counts: [u64; KINDS],
}

impl Anomalies {
    /// Counts one more of `kind`.
    #[cold]
    pub(super) fn count(&mut self, kind: Anomaly) {
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The kinds that occurred, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        NAMES.iter().copied().zip(self.counts).filter(|&(_, count)| count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_occurred_is_listed_and_merging_adds() {
        let mut first = Anomalies::default();
        assert!(first.counts().is_empty());
        first.count(Anomaly::IpVersion);
        let mut second = first.clone();
        second.count(Anomaly::FragmentDropped);
        first.merge(&second);
        assert_eq!(first.counts(), BTreeMap::from([("ip_version_wrong", 2), ("fragments_given_up", 1)]));
    }
}
