//! The words of a filter expression: which of them libpcap would look up as names of hosts.

use std::net::{IpAddr, Ipv6Addr};

use super::super::CaptureError;

/// What the words of an expression ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Whether the length of a packet is compared.
    pub(super) asks_length: bool,
}

/// Words of the language after which names are of ports, protocols or kinds of frame: found in tables on this machine.
const BEFORE_NAMES: &[&str] =
    &["dir", "direction", "port", "portrange", "proto", "protochain", "subtype", "type"];

/// Words that join expressions: what stands before them still says what a name after them is.
const BETWEEN_NAMES: &[&str] = &["and", "not", "or"];

/// Words that compare the length of a packet.
const LENGTHS: &[&str] = &["greater", "len", "length", "less"];

/// The other words of the language, as `pcap-filter(7)` has them.
const KEYWORDS: &[&str] = &[
    "aarp",
    "addr1",
    "addr2",
    "addr3",
    "addr4",
    "address1",
    "address2",
    "address3",
    "address4",
    "ah",
    "arp",
    "atalk",
    "bcc",
    "broadcast",
    "byte",
    "carp",
    "clnp",
    "connectmsg",
    "csnp",
    "decnet",
    "dst",
    "es-is",
    "esis",
    "esp",
    "ether",
    "fddi",
    "gateway",
    "geneve",
    "host",
    "icmp",
    "icmp6",
    "icmp6code",
    "icmp6type",
    "icmpcode",
    "icmptype",
    "igmp",
    "igrp",
    "iih",
    "ilmic",
    "inbound",
    "ip",
    "ip6",
    "ipx",
    "is-is",
    "isis",
    "iso",
    "l1",
    "l2",
    "lane",
    "lat",
    "link",
    "llc",
    "lsp",
    "mask",
    "metac",
    "metaconnect",
    "mopdl",
    "moprc",
    "mpls",
    "multicast",
    "net",
    "netbeui",
    "oam",
    "oamf4",
    "oamf4ec",
    "oamf4sc",
    "outbound",
    "pim",
    "ppp",
    "pppoed",
    "pppoes",
    "psnp",
    "ra",
    "radio",
    "rarp",
    "sc",
    "sca",
    "sctp",
    "slip",
    "snp",
    "src",
    "stp",
    "ta",
    "tcp",
    "tcpflags",
    "tr",
    "udp",
    "vci",
    "vlan",
    "vpi",
    "vrrp",
    "vxlan",
    "wlan",
];

/// Prefixes of the names that stand for numbers in headers, such as `icmp-echo` and `tcp-syn`.
const CONSTANTS: &[&str] = &["icmp-", "icmp6-", "tcp-"];

impl Words {
    /// Refuses `expression` if it has a word that may be the name of a host or a network.
    pub(super) fn check(expression: &str) -> Result<Self, CaptureError> {
        let mut words = Self { asks_length: false };
        let mut names_allowed = false;
        for word in words_of(expression) {
            if LENGTHS.contains(&word) {
                words.asks_length = true;
                names_allowed = false;
            } else if BEFORE_NAMES.contains(&word) {
                names_allowed = true;
            } else if KEYWORDS.contains(&word) {
                names_allowed = false;
            } else if !(BETWEEN_NAMES.contains(&word) || is_number_or_address(word) || names_allowed) {
                return Err(CaptureError::FilterName { name: word.to_owned() });
            }
        }
        Ok(words)
    }
}

/// The words of an expression, without operators, and without what stands in brackets: there, numbers are counted with,
/// and no name of a host can stand.
fn words_of(expression: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    expression
        .split_inclusive(['[', ']'])
        .flat_map(move |part| {
            let inside = depth > 0;
            match part.chars().last() {
                Some('[') => depth = depth.saturating_add(1),
                Some(']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            let outside = if inside { "" } else { part };
            outside.split(|c: char| c.is_whitespace() || "[]()!&|=<>+*^%,\"'".contains(c))
        })
        .filter(|word| !word.is_empty() && *word != "-" && *word != "/")
}

/// Whether libpcap needs no name service for `word`: a number or a range of them, an address, with or without a prefix
/// length, of IPv4, IPv6 or Ethernet.
fn is_number_or_address(word: &str) -> bool {
    if CONSTANTS.iter().any(|prefix| word.starts_with(prefix)) {
        return true;
    }
    let (address, prefix) = word.split_once('/').unwrap_or((word, "0"));
    if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    // Digits with dots are numbers and addresses, whole or in part (10.1); hyphens make ranges (80-90) and stand in
    // some forms of Ethernet addresses, which always have two digits to the part.
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let hex_number = |part: &str| {
        part.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    address.parse::<IpAddr>().is_ok()
        || address.parse::<Ipv6Addr>().is_ok()
        || address.split(['.', '-']).all(|part| digits(part) || hex_number(part))
        || is_ethernet_address(address)
}

/// The forms of an Ethernet address that libpcap reads: `a:b:c:d:e:f`, `aa-bb-..`, `aa.bb...`, `aabb.ccdd.eeff`.
fn is_ethernet_address(word: &str) -> bool {
    let hex = |length: std::ops::RangeInclusive<usize>| {
        move |part: &str| length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    [':', '-', '.'].into_iter().any(|separator| {
        let parts = || word.split(separator);
        (parts().count() == 6 && parts().all(hex(1..=2))) || (parts().count() == 3 && parts().all(hex(4..=4)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The word that is refused.
    fn refused(expression: &str) -> Option<String> {
        match Words::check(expression) {
            Ok(_) => None,
            Err(CaptureError::FilterName { name }) => Some(name),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn names_of_hosts_are_refused() {
        let cases = [
            ("host zoom.us", "zoom.us"),
            ("zoom", "zoom"),
            ("not host 1.2.3.4 and(zoom.us)", "zoom.us"),
            ("src zoom.us or dst 1.2.3.4", "zoom.us"),
            ("net example", "example"),
            ("port http and host cafe", "cafe"),
            ("port http and src cafe", "cafe"),
            ("tcp port 80||ether host printer", "printer"),
            ("host 1.2.3.4/24x", "1.2.3.4/24x"),
            ("gateway gw", "gw"),
            ("tcp[0]=1&&dead.beef", "dead.beef"),
            ("host \\zoom", "\\zoom"),
            ("ip6 host beef", "beef"),
            ("host 0x7f.example", "0x7f.example"),
            ("host face-b00c.example", "face-b00c.example"),
            ("port 1 or tcp and zoom", "zoom"),
            ("host \"zoom.us\"", "zoom.us"),
        ];
        for (expression, name) in cases {
            assert_eq!(refused(expression).as_deref(), Some(name), "{expression}");
        }
    }

    #[test]
    fn addresses_ports_and_the_words_of_the_language_are_not() {
        let fine = [
            "",
            "tcp and not (src host 192.0.2.1 or dst net 10.0.0.0/8)",
            "net 10.1 or net 172.16 mask 255.240.0.0",
            "ip6 host 2001:db8::1 or net 2001:db8::/32 or host ::ffff:192.0.2.1",
            "ether host 02:00:5e:10:00:01 or ether src 02-00-5e-10-00-01 or ether dst 0200.5e10.0001",
            "port http or https and portrange 8000-9000 or tcp port ms-wbt-server",
            "ip proto \\tcp or ip6 protochain udp",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not tcp[13]==0x12",
            "icmp[icmptype] = icmp-echo and ip[2:2] - 20 > 100",
            "udp[8:4]=0x2112a442&&len>=100",
            "vlan 100 and mpls 0x10 or pppoes 3",
            "wlan type mgt subtype beacon and wlan addr1 02:00:5e:10:00:01",
            "udp and greater 100",
        ];
        for expression in fine {
            assert_eq!(refused(expression), None, "{expression}");
        }
    }

    #[test]
    fn it_is_known_whether_the_length_is_asked_for() {
        assert!(Words::check("udp and less 100").unwrap().asks_length);
        assert!(Words::check("len > 3").unwrap().asks_length);
        assert!(!Words::check("udp").unwrap().asks_length);
    }
}
