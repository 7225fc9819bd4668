//! Server ports of services.

use crate::flow::Transport;

/// A port of a transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The transport protocol.
    pub transport: Transport,
    /// The port.
    pub number: u16,
}

/// Ports of one transport protocol, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    transport: Transport,
    first: u16,
    last: u16,
}

impl Port {
    /// Reads `udp/8801-8810` or `tcp/443`. `None` if it is neither.
    pub(super) fn parse_range(text: &str) -> Option<Ports> {
        let (transport, range) = text.split_once('/')?;
        let transport = match transport {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return None,
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first != 0 && first <= last).then_some(Ports { transport, first, last })
    }
}

impl Ports {
    /// Whether `port` is among them.
    pub fn contains(&self, port: Port) -> bool {
        self.transport == port.transport && (self.first..=self.last).contains(&port.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_both_ends() {
        let ports = Port::parse_range("udp/8801-8810").unwrap();
        let udp = |number| Port { transport: Transport::Udp, number };
        assert!(ports.contains(udp(8801)) && ports.contains(udp(8810)));
        assert!(!ports.contains(udp(8800)) && !ports.contains(udp(8811)));
        assert!(!ports.contains(Port { transport: Transport::Tcp, number: 8801 }));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "443", "sctp/5", "udp/", "udp/0", "udp/5-4", "udp/1-65536", "udp/*"] {
            assert_eq!(Port::parse_range(text), None, "{text:?}");
        }
    }
}
