//! How an attempt to reach a server failed.

use crate::flow::PacketRef;
use crate::flow::{Outcome, Transport};
use crate::identify::facts::Direction;
use crate::identify::infer::Subject;
use crate::identify::quic::QuicClose;
use crate::identify::{Contact, Identity};
use std::time::Duration;

/// A server that has accepted a connection and then says nothing to a `ClientHello` for so long has stalled.
const STALL: Duration = Duration::from_secs(5);

/// STUN's "try another server" (RFC 8489), "allocation quota reached" and "insufficient capacity" (RFC 8656).
/// Other refusals ask for credentials, and are part of every success.
const STUN_FAILURES: [u16; 3] = [300, 486, 508];

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// An ICMP error said that the server cannot be reached.
    Icmp,
    /// QUIC: a `CONNECTION_CLOSE` ended the handshake.
    QuicClose,
    /// STUN or TURN: the server sent the client elsewhere, or had no room.
    StunError,
    /// SYNs that nothing answers.
    TcpNoAnswer,
    /// RST instead of SYN/ACK.
    TcpRefused,
    /// The connection was reset before any data came.
    TcpReset,
    /// A TLS alert ended the handshake.
    TlsAlert,
    /// The server accepted the connection and did not answer the `ClientHello`.
    TlsNoServerHello,
    /// Datagrams that nothing answers.
    UdpNoAnswer,
}

impl Failure {
    /// The code for it in reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::QuicClose => "quic_close",
            Self::StunError => "stun_error",
            Self::TcpNoAnswer => "tcp_no_answer",
            Self::TcpRefused => "tcp_refused",
            Self::TcpReset => "tcp_reset",
            Self::TlsAlert => "tls_alert",
            Self::TlsNoServerHello => "tls_no_serverhello",
            Self::UdpNoAnswer => "udp_no_answer",
        }
    }

    /// What a person would say.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Icmp => "unreachable (ICMP)",
            Self::QuicClose => "closed (QUIC)",
            Self::StunError => "sent away (STUN error)",
            Self::TcpNoAnswer | Self::UdpNoAnswer => "no answer",
            Self::TcpRefused => "refused",
            Self::TcpReset => "reset",
            Self::TlsAlert => "TLS alert",
            Self::TlsNoServerHello => "no answer to the TLS hello",
        }
    }
}

/// How the attempt that `subject` is failed; `None` if it did not, or if the capture does not show it.
pub fn failure(subject: &Subject<'_>, identity: &Identity) -> Option<Failure> {
    match subject.outcome {
        Outcome::Unreachable => return Some(Failure::Icmp),
        Outcome::Refused => return Some(Failure::TcpRefused),
        Outcome::Unanswered => return unanswered(subject),
        _ => {}
    }
    let facts = subject.facts?;
    if let Some(handshake) = facts.handshake.as_deref().filter(|handshake| handshake.client_hello) {
        if !handshake.completed && handshake.close.as_ref().is_some_and(is_refusal) {
            return Some(Failure::QuicClose);
        }
        if !handshake.server_hello
            && subject.end.since(subject.start) >= STALL
            && identity.contact < Contact::Control
        {
            return Some(Failure::TlsNoServerHello);
        }
        if !handshake.completed && !handshake.alerts.is_empty() {
            return Some(Failure::TlsAlert);
        }
        if subject.outcome == Outcome::Reset && !handshake.server_hello {
            return Some(Failure::TcpReset);
        }
    }
    let stun = facts.stun.as_deref()?;
    let sent_away = stun.errors.iter().any(|(code, _)| STUN_FAILURES.contains(code));
    (sent_away && !stun.allocated).then_some(Failure::StunError)
}

/// Whether the end of a QUIC connection is the server's refusal, or the client's of what the server said. A client that
/// merely has no more use for the connection ends it, too.
fn is_refusal((from, close, _): &(Direction, QuicClose, PacketRef)) -> bool {
    *from == Direction::FromServer || close.alert().is_some()
}

/// A client that says more than SYN was answered, if not where the capture was taken; and segments without a SYN
/// are what is left of a connection, no attempt at one.
fn unanswered(subject: &Subject<'_>) -> Option<Failure> {
    if subject.transport != Transport::Tcp {
        return Some(Failure::UdpNoAnswer);
    }
    let said_hello = subject.facts.and_then(|facts| facts.handshake.as_deref()).is_some();
    (subject.opened_by_client == Some(true) && !said_hello).then_some(Failure::TcpNoAnswer)
}
