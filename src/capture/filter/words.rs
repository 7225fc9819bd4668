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

/// Words that compare the length of a packet.
const LENGTHS: &[&str] = &["greater", "len", "length", "less"];

/// The other words of the language, as `pcap-filter(7)` has them.
const KEYWORDS: &str = "aarp addr1 addr2 addr3 addr4 address1 address2 address3 address4 ah arp atalk bcc broadcast byte \
    carp clnp connectmsg csnp decnet dst es-is esis esp ether fddi gateway geneve host icmp icmp6 \
    icmp6code icmp6type icmpcode icmptype igmp igrp iih ilmic inbound ip ip6 ipx is-is isis iso l1 l2 \
    lane lat link llc lsp mask metac metaconnect mopdl moprc mpls multicast net netbeui oam oamf4 \
    oamf4ec oamf4sc outbound pim ppp pppoed pppoes psnp ra radio rarp sc sca sctp slip snp src stp ta \
    tcp tcpflags tr udp vci vlan vpi vrrp wlan";

/// Names that stand for numbers in headers: what follows `tcp-`, `icmp-` and `icmp6-`.
const CONSTANTS: [(&str, &str); 3] = [
    ("tcp-", "ack cwr ece fin push rst syn urg"),
    (
        "icmp-",
        "echo echoreply ireq ireqreply maskreply maskreq paramprob redirect routeradvert routersolicit \
     sourcequench timxceed tstamp tstampreply unreach",
    ),
    (
        "icmp6-",
        "destinationunreach echo echoreply multicastlistenerdone multicastlistenerquery \
     multicastlistenerreportv1 multicastlistenerreportv2 neighboradvert neighborsolicit packettoobig \
     parameterproblem redirect routeradvert routersolicit timeexceeded",
    ),
];

/// Characters between words.
const SEPARATORS: &str = "()[]!&|=<>+*^%,\"'";

impl Words {
    /// Refuses `expression` if it has a word that may be the name of a host or a network.
    pub(super) fn check(expression: &str) -> Result<Self, CaptureError> {
        let mut words = Self { asks_length: false };
        let mut names_allowed = false;
        // What is said before a parenthesis holds within and after it; what is said within ends with it.
        let mut outer = Vec::new();
        // In brackets, numbers are counted with; no name of a host can stand there.
        let mut brackets = 0_u32;
        let separates = |c: char| c.is_whitespace() || SEPARATORS.contains(c);
        for part in expression.split_inclusive(separates) {
            let word = part.trim_end_matches(separates);
            if brackets == 0 {
                names_allowed = words.word(word, names_allowed)?;
            }
            match part.chars().next_back() {
                Some('[') => brackets = brackets.saturating_add(1),
                Some(']') => brackets = brackets.saturating_sub(1),
                Some('(') => outer.push(names_allowed),
                Some(')') => names_allowed = outer.pop().unwrap_or(false),
                _ => {}
            }
        }
        Ok(words)
    }

    /// Takes in a word, and says whether a name after it is looked up in tables on this machine.
    fn word(&mut self, word: &str, names_allowed: bool) -> Result<bool, CaptureError> {
        self.asks_length |= LENGTHS.contains(&word);
        if BEFORE_NAMES.contains(&word) {
            return Ok(true);
        }
        if is_in(KEYWORDS, word) || LENGTHS.contains(&word) {
            return Ok(false);
        }
        let harmless = matches!(word, "" | "-" | "/" | "and" | "or" | "not")
            || is_constant(word)
            || is_number_or_address(word);
        if harmless || names_allowed {
            return Ok(names_allowed);
        }
        Err(CaptureError::FilterName { name: word.to_owned() })
    }
}

/// Whether `word` is one of `words`, which are parted by spaces.
fn is_in(words: &str, word: &str) -> bool {
    words.split(' ').any(|other| other == word)
}

fn is_constant(word: &str) -> bool {
    let rest = |prefix| word.strip_prefix(prefix);
    CONSTANTS.iter().any(|(prefix, names)| rest(*prefix).is_some_and(|name| is_in(names, name)))
}

/// Whether libpcap needs no name service for `word`: a number or a range of them, an address, with or without a prefix
/// length, of IPv4, IPv6 or Ethernet.
fn is_number_or_address(word: &str) -> bool {
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
            ("(port http) and zoom", "zoom"),
            ("host icmp-echo.example", "icmp-echo.example"),
            ("host tcp-x", "tcp-x"),
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
            "port (http or https) and not ssh",
            "port http and (tcp or (udp)) and ssh",
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

    /// A word that libpcap does not know would be looked up as the name of a host.
    #[test]
    fn libpcap_knows_all_words_that_are_let_pass() {
        let constants = CONSTANTS
            .iter()
            .flat_map(|(prefix, names)| names.split(' ').map(move |n| format!("{prefix}{n}")));
        let words =
            [BEFORE_NAMES, LENGTHS].concat().into_iter().chain(KEYWORDS.split(' ')).map(str::to_owned);
        for word in words.chain(constants) {
            let dead = pcap::Capture::dead(pcap::Linktype::ETHERNET).unwrap();
            let Err(error) = dead.compile(&format!("host {word}"), true) else { continue };
            assert!(!error.to_string().contains("unknown host"), "{word}: {error}");
        }
    }
}
