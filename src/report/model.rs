//! The report: its parts and their names in JSON.
//!
//! Unknown is `null` or an empty list. Lists are sorted, times are RFC 3339 in UTC with the capture's
//! precision, and the same input gives the same bytes.

use crate::capture::{Precision, Timestamp};
use crate::identify::{Contact, Role, Service};
use crate::locate::{Confidence, CountryCode, Database, Location, Operator, Scope};
use crate::policy::{Policy, Severity, Verdict};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// What was found in one or more captures.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Version of this structure; a number that rises when a name or meaning changes.
    #[cfg_attr(test, schemars(extend("const" = "1")))]
    pub schema_version: &'static str,
    /// The program.
    pub tool: Tool,
    /// The worst verdict of all sessions and endpoints.
    pub verdict: Verdict,
    /// Why nothing can be called allowed, however clean what was seen: damage, loss, bounds that were reached.
    pub lacks: Vec<String>,
    /// What was read.
    pub inputs: Vec<InputReport>,
    /// What was asked where addresses are.
    pub databases: Vec<Database>,
    /// What was allowed.
    pub policy: Policy,
    /// How much of the input was read and understood.
    pub coverage: CoverageReport,
    /// Every address, sorted.
    pub endpoints: Vec<EndpointReport>,
    /// Every flow, in the order of their first packets; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Vec<FlowReport>"))]
    pub flows: Option<Vec<FlowReport>>,
    /// The calls, in the order of their first packets.
    pub sessions: Vec<SessionReport>,
    /// Further calls, all of them allowed: there are such only in a report for a table, which does not show them.
    #[serde(skip)]
    pub sessions_left_out: usize,
    /// What belongs to no call.
    pub outside: OutsideReport,
    /// Why something is not simply allowed.
    pub findings: Vec<Finding>,
    /// Whether addresses and names that tell who took part were replaced; left out where they were not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pseudonymized: bool,
}

impl Report {
    /// Shows `visit` the path of an input wherever it stands, to be written in another way.
    pub fn for_each_input_path(&mut self, mut visit: impl FnMut(&mut String)) {
        self.inputs.iter_mut().for_each(|input| visit(&mut input.path));
        let mentions = self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.mentioned);
        mentions.for_each(|mention| visit(&mut mention.input));
        let ends = self.sessions.iter_mut().flat_map(|session| &mut session.endpoints);
        let of_ends = ends.filter_map(|endpoint| endpoint.first_packet.as_mut());
        let of_findings = self.findings.iter_mut().filter_map(|finding| finding.first_packet.as_mut());
        of_ends.chain(of_findings).for_each(|packet| visit(&mut packet.input));
    }
}

/// What belongs to no call.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutsideReport {
    /// Whether it was judged too (`--scope all`).
    pub judged: bool,
    /// Servers of flows outside of calls.
    pub endpoints: u64,
    /// Frames of those flows.
    pub packets: u64,
    /// Bytes of those flows.
    pub bytes: u64,
}

/// The program that made a report.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `landfall`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One input.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InputReport {
    /// As given.
    pub path: String,
    /// Of the file as it lies on disk, in hexadecimal. `null` where the format of the report has no use for it.
    pub sha256: Option<String>,
    /// Bytes on disk.
    pub size: Option<u64>,
    /// `pcap`, `pcapng` or `live`.
    #[cfg_attr(test, schemars(extend("enum" = ["pcap", "pcapng", "live"])))]
    pub format: &'static str,
    /// `gzip`, `zstd`, `xz`, `bzip2`, `lz4` or `null`.
    #[cfg_attr(test, schemars(extend("enum" = ["gzip", "zstd", "xz", "bzip2", "lz4", null])))]
    pub compression: Option<&'static str>,
    /// Names of the link types, in order of appearance.
    pub link_types: Vec<String>,
    /// Frames.
    pub packets: u64,
    /// Bytes of the frames on the wire.
    pub bytes: u64,
    /// Time of the earliest frame.
    pub first_packet: Option<Time>,
    /// Time of the latest frame.
    pub last_packet: Option<Time>,
    /// Frames that the capture holds in part.
    pub truncated_packets: u64,
    /// Frames that the capturing machine dropped, where the file says.
    pub dropped_packets: Option<u64>,
    /// Oddities by kind, counted.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// Where the file stops making sense.
    pub damage: Option<DamageReport>,
}

/// Where a file stops making sense.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DamageReport {
    /// Offset of the first byte that could not be used, in the decompressed capture.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

/// How much was read and understood.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CoverageReport {
    /// Frames (that passed the filter).
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames with an IP packet in them.
    pub ip_packets: u64,
    /// Packets and bytes of flows by contact.
    pub contacts: BTreeMap<Contact, Share>,
    /// Packets and bytes of flows by role.
    pub roles: BTreeMap<Role, Share>,
    /// Flows whose service is not known.
    pub unidentified: Share,
    /// Flows whose server has a global address and no known country.
    pub unlocated: Share,
    /// Packets that could not be followed because a bound was reached.
    pub unfollowed_packets: u64,
    /// TCP segments whose bytes were not looked at because a bound was reached.
    pub unread_segments: u64,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Share {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// One address.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndpointReport {
    /// The address.
    pub address: IpAddr,
    /// What kind of address it is.
    pub scope: Scope,
    /// Frames with it as source or destination of an IP header.
    pub packets: u64,
    /// Bytes of those frames.
    pub bytes: u64,
    /// Frames from it.
    pub packets_sent: u64,
    /// Bytes from it.
    pub bytes_sent: u64,
    /// Frames to it.
    pub packets_received: u64,
    /// Bytes to it.
    pub bytes_received: u64,
    /// Time of the first of them.
    pub first_seen: Option<Time>,
    /// Time of the last of them.
    pub last_seen: Option<Time>,
    /// Its names and where each was read.
    pub names: Vec<NameReport>,
    /// Who announces it.
    pub operator: Option<Operator>,
    /// Services it was used for.
    pub services: Vec<Service>,
    /// What it did.
    pub roles: Vec<Role>,
    /// How far contact went; `null` for an address that only was a client.
    pub contact: Option<Contact>,
    /// Where it is.
    pub location: Location,
    /// The smallest round-trip time to it.
    pub rtt: Option<RttReport>,
    /// Packets that name it without going there, the first few.
    pub mentioned: Vec<MentionReport>,
}

/// A packet that names an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MentionReport {
    /// What named it: `dns`, or what a STUN, SDP or application message calls it (`mapped`, `relayed`, `peer`, ...).
    #[cfg_attr(test, schemars(extend("enum" = ["dns", "alternate-server", "candidate", "mapped", "media-address", "other-server", "peer", "proxy-target", "relayed"])))]
    pub by: &'static str,
    /// The client whose flow it was.
    pub client: IpAddr,
    /// The server of that flow; `null` for DNS.
    pub server: Option<IpAddr>,
    /// Path of the input.
    pub input: String,
    /// Number of the packet.
    pub packet: u64,
}

/// A name of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NameReport {
    /// The name.
    pub name: String,
    /// Where it was read: `dns`, `tls`, `quic`, `dtls`, `certificate`, `http`, `sip` or `capture`.
    #[cfg_attr(test, schemars(extend("enum" = ["capture", "certificate", "dns", "dtls", "http", "quic", "sip", "tls"])))]
    pub via: &'static str,
}

/// A round-trip time.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RttReport {
    /// The smallest, in seconds.
    #[serde(serialize_with = "seconds")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub min_s: Duration,
    /// Of how many.
    pub samples: u64,
    /// What was timed.
    #[cfg_attr(test, schemars(extend("enum" = ["discord", "dtls", "quic", "rtcp", "stun", "tcp", "telegram", "tls", "viber", "whatsapp", "zoom"])))]
    pub via: &'static str,
}

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SocketReport {
    /// The address.
    pub address: IpAddr,
    /// The port, where the transport has one.
    pub port: Option<u16>,
}

/// One flow.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowReport {
    /// `tcp`, `udp` or another protocol.
    pub transport: String,
    /// Who opened it.
    pub client: SocketReport,
    /// The other side.
    pub server: SocketReport,
    /// `true` where the capture shows that the client opened it, `null` where that is a guess.
    pub opened_by_client: Option<bool>,
    /// Time of the first packet.
    pub start: Time,
    /// Time of the last packet.
    pub end: Time,
    /// Frames from the client.
    pub packets_sent: u64,
    /// Bytes from the client.
    pub bytes_sent: u64,
    /// Frames from the server.
    pub packets_received: u64,
    /// Bytes from the server.
    pub bytes_received: u64,
    /// What became of it.
    #[cfg_attr(test, schemars(extend("enum" = ["answered", "closed", "open", "refused", "reset", "server-only", "unanswered", "unreachable"])))]
    pub outcome: &'static str,
    /// First request to first answer, in seconds.
    #[serde(serialize_with = "optional_seconds")]
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    pub handshake_rtt_s: Option<Duration>,
    /// Names of the server read in it.
    pub names: Vec<NameReport>,
    /// The service.
    pub service: Option<Service>,
    /// What the server did.
    pub role: Role,
    /// How far contact went.
    pub contact: Contact,
    /// What the client asks the server for, where that is a proxy; `names` are then those of the server behind it.
    pub proxy: Option<ProxyReport>,
    /// Protocols that were recognised.
    pub protocols: Vec<&'static str>,
    /// Of TLS, DTLS or QUIC.
    pub handshake: Option<HandshakeReport>,
    /// Checks of the path by ICE (RFC 8445).
    pub ice: Option<IceReport>,
    /// Media streams.
    pub media: Vec<StreamReport>,
    /// What service and role rest on, strongest first.
    pub evidence: Vec<EvidenceReport>,
    /// The call that it is a part of.
    pub session: Option<String>,
    /// The verdict on its far end: in the call, else where all traffic was judged. `null` where it was not judged.
    pub verdict: Option<Verdict>,
    /// The program of this machine that has the client's socket, or where the client is another machine the server's, where
    /// a live capture could see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessReport>,
}

/// What the checks of a path by ICE show: the pair of candidates are the two ends of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IceReport {
    /// Whether a check was answered, by either side.
    pub answered: bool,
    /// Whether the pair was nominated: a check with USE-CANDIDATE was sent, and one was answered. Clients that nominate
    /// aggressively (RFC 5245) nominate several pairs and use one.
    pub nominated: bool,
}

/// What a client asks a proxy for.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProxyReport {
    /// How: `http-connect`, `http-forward`, `socks4`, `socks5`.
    #[cfg_attr(test, schemars(extend("enum" = ["http-connect", "http-forward", "socks4", "socks5"])))]
    pub kind: &'static str,
    /// The host that it shall connect to, as the client says it.
    pub host: String,
    /// The port there.
    pub port: Option<u16>,
    /// Whether something went through.
    pub used: bool,
}

/// A program that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessReport {
    /// The name that the system has for it: at most 15 bytes on Linux, chosen by the program itself.
    pub name: String,
    /// Number of the process.
    pub pid: u32,
}

/// What a handshake of TLS, DTLS or QUIC shows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HandshakeReport {
    /// The version agreed on, else the highest offered.
    pub version: Option<String>,
    /// Application protocols, the one taken last.
    pub alpn: Vec<String>,
    /// JA3 of the client's first hello, as an MD5 in hexadecimal digits; `null` where the hello is not whole.
    pub ja3: Option<String>,
    /// JA3 of the client's further hellos, in order, where they differ: a client that is asked to retry (TLS 1.3) says
    /// another hello.
    pub further_ja3: Vec<String>,
    /// Whether the client's hello has an encrypted part, which may hold the true name.
    pub encrypted_client_hello: bool,
    /// Whether both sides are seen to use the keys.
    pub completed: bool,
    /// Alerts in clear.
    pub alerts: Vec<String>,
    /// Who ended a QUIC connection and why, where an Initial packet says it. Such packets are not hidden from anyone,
    /// and nothing proves who wrote them.
    pub close: Option<String>,
}

/// A media stream.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StreamReport {
    /// `from-client` or `from-server`.
    #[cfg_attr(test, schemars(extend("enum" = ["from-client", "from-server"])))]
    pub direction: &'static str,
    /// RTP synchronisation source.
    pub ssrc: u32,
    /// RTP payload type.
    pub payload_type: u8,
    /// `audio`, `video`, `screen`, where the packets tell.
    #[cfg_attr(test, schemars(extend("enum" = ["audio", "video", "screen", null])))]
    pub kind: Option<&'static str>,
    /// Packets.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Time of the first packet.
    pub start: Time,
    /// Time of the last packet.
    pub end: Time,
}

/// What an inference rests on.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EvidenceReport {
    /// `signature`, `certificate`, `name`, `prefix`, `inherited`, `port`.
    #[cfg_attr(test, schemars(extend("enum" = ["certificate", "inherited", "name", "port", "prefix", "signature"])))]
    pub kind: &'static str,
    /// The rule that fired.
    pub rule: &'static str,
    /// The service it speaks for.
    pub service: Option<Service>,
    /// Number of the packet that shows it.
    pub packet: Option<u64>,
    /// What was seen.
    pub detail: String,
}

/// One call.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, by its name in JSON")]
pub struct SessionReport {
    /// Its name in findings.
    pub id: String,
    /// The service.
    pub service: Service,
    /// The service's name, for people.
    #[serde(skip)]
    pub service_name: String,
    /// Whose call it is.
    pub client: IpAddr,
    /// Countries in which the client may be; none where nothing tells.
    pub client_countries: Vec<CountryCode>,
    /// What tells: `address` (its own, or what servers say it is), `vantage` or `home`, which the user gives.
    pub client_country_via: Option<&'static str>,
    /// Time of the first packet.
    pub start: Time,
    /// Time of the last packet.
    pub end: Time,
    /// Whether media was seen.
    pub media_seen: bool,
    /// It was under way when the capture began.
    pub began_before_capture: bool,
    /// It was under way when the capture ended.
    pub continues_after_capture: bool,
    /// Only packets of one direction were captured.
    pub one_direction: bool,
    /// Countries of the far ends that answered.
    pub countries: Vec<CountryReport>,
    /// The far ends.
    pub endpoints: Vec<SessionEndpoint>,
    /// What happened, in order; empty where that was not asked for.
    pub timeline: Vec<EventReport>,
    /// Events left out of the timeline because there were too many.
    pub events_left_out: u64,
    /// Places that stood in for others.
    pub failovers: Vec<FailoverReport>,
    /// The worst verdict of its far ends.
    pub verdict: Verdict,
    /// Programs of this machine that have sockets of its flows, where a live capture could see them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessReport>,
    /// Places of its findings in [`Report::findings`].
    pub findings: Vec<usize>,
}

/// A country that a session touched.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CountryReport {
    /// The country.
    pub country: CountryCode,
    /// What its far ends did.
    pub roles: Vec<Role>,
    /// Bytes both ways.
    pub bytes: u64,
}

/// A far end of a session: a server, or a participant reached directly.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionEndpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its ports, sorted.
    pub ports: Vec<u16>,
    /// Transports, sorted.
    pub transports: Vec<String>,
    /// Its names.
    pub names: Vec<NameReport>,
    /// Where it is a proxy: the hosts that the client asked it for. What it did to them is not in the capture, and `roles`
    /// say what the connections through it were for.
    pub proxy_for: Vec<String>,
    /// What it did, the most telling first.
    pub roles: Vec<Role>,
    /// How far contact went.
    pub contact: Contact,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: Confidence,
    /// What kind of address it has.
    #[serde(skip)]
    pub scope: Scope,
    /// Frames to it.
    pub packets_sent: u64,
    /// Bytes to it.
    pub bytes_sent: u64,
    /// Frames from it.
    pub packets_received: u64,
    /// Bytes from it.
    pub bytes_received: u64,
    /// Time of the first packet to or from it.
    pub first_seen: Option<Time>,
    /// Time of the last packet to or from it.
    pub last_seen: Option<Time>,
    /// The smallest round-trip time to it in this session.
    pub rtt: Option<RttReport>,
    /// Media that went to or came from it: `audio`, `video`, `screen`, or `media` of unknown kind.
    pub media: Vec<&'static str>,
    /// From when to when each kind of media was seen.
    pub media_spans: Vec<MediaSpanReport>,
    /// The first packet to or from it in this session.
    pub first_packet: Option<PacketReport>,
    /// What service and role rest on, strongest first; packets are numbered in the input of the first packet.
    pub evidence: Vec<EvidenceReport>,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Where contact went too short a way for a rule to apply: what the rule would have said.
    pub untouched: Option<String>,
}

impl SessionEndpoint {
    /// By which the far ends of a call are sorted: what matters most stands first.
    pub fn order(&self) -> impl Ord + use<> {
        let role = self.roles.first().copied().unwrap_or(Role::Unknown);
        (std::cmp::Reverse(self.verdict), role, std::cmp::Reverse(self.contact), self.address)
    }
}

/// When one kind of media went to or came from a far end.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MediaSpanReport {
    /// `audio`, `video`, `screen`, where the packets tell.
    pub kind: Option<&'static str>,
    /// Time of the first packet.
    pub start: Time,
    /// Time of the last packet. There may be pauses between.
    pub end: Time,
    /// Packets.
    pub packets: u64,
    /// Bytes of the RTP packets on the wire.
    pub bytes: u64,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EventReport {
    /// When.
    pub time: Time,
    /// `lookup`, `attempt`, `answer`, `handshake`, `failed`, `media-start`, `server-change`, `failover`, `reset`,
    /// `media-end`.
    #[cfg_attr(test, schemars(extend("enum" = ["lookup", "attempt", "answer", "handshake", "failed", "media-start", "server-change", "failover", "reset", "media-end"])))]
    pub event: &'static str,
    /// How an attempt failed.
    #[cfg_attr(test, schemars(extend("enum" = ["icmp", "quic_close", "stun_error", "tcp_no_answer", "tcp_refused", "tcp_reset", "tls_alert", "tls_no_serverhello", "udp_no_answer", null])))]
    pub code: Option<&'static str>,
    /// The same in words.
    #[serde(skip)]
    pub words: Option<&'static str>,
    /// With whom.
    pub endpoint: IpAddr,
    /// At which port.
    pub port: Option<u16>,
    /// Where that is.
    pub country: Option<CountryCode>,
    /// What it does.
    pub role: Role,
    /// Packets that show it.
    pub packets: Vec<u64>,
    /// More in words.
    pub detail: Option<String>,
}

/// One place stood in for another.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailoverReport {
    /// What the places were wanted for.
    pub role: Role,
    /// What failed before.
    pub failed: Vec<FailedReport>,
    /// When the attempt that got through began.
    pub time: Time,
    /// Where the client got through.
    pub reached: IpAddr,
    /// Its name, where known.
    pub reached_name: Option<String>,
    /// From the first failed attempt to that, in seconds.
    #[serde(serialize_with = "seconds")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub gap_s: Duration,
    /// Country of the first place that failed.
    pub country_before: Option<CountryCode>,
    /// Country of the place that stood in.
    pub country_after: Option<CountryCode>,
    /// The countries that the call should stay in.
    pub home: Vec<CountryCode>,
    /// Whether the place that stood in is outside of them; `null` where that cannot be said.
    pub leaves_home: Option<bool>,
}

/// An attempt that failed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailedReport {
    /// Whom it was for.
    pub endpoint: IpAddr,
    /// Its name, where known.
    pub name: Option<String>,
    /// Where that is.
    pub country: Option<CountryCode>,
    /// How it failed.
    #[cfg_attr(test, schemars(extend("enum" = ["icmp", "quic_close", "stun_error", "tcp_no_answer", "tcp_refused", "tcp_reset", "tls_alert", "tls_no_serverhello", "udp_no_answer"])))]
    pub code: &'static str,
    /// The same in words.
    #[serde(skip)]
    pub words: &'static str,
    /// Packets sent to it in the attempt.
    pub tries: u64,
    /// When it began.
    pub time: Time,
}

/// Why something is not simply allowed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The rule that decided; `default` where none allows the country and that is what it takes.
    pub rule: Option<String>,
    /// How grave that rule is: `low`, `medium`, `high` or `critical`.
    pub severity: Option<Severity>,
    /// Why there is such a rule, in the words of the policy.
    pub rule_reason: Option<String>,
    /// `deny` or `indeterminate`.
    pub verdict: Verdict,
    /// The session, if the endpoint belongs to one.
    pub session: Option<String>,
    /// The address.
    pub endpoint: IpAddr,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it did.
    pub role: Role,
    /// How far contact went.
    pub contact: Contact,
    /// Bytes to it.
    pub bytes_sent: u64,
    /// Bytes from it.
    pub bytes_received: u64,
    /// One sentence that says no more than packets show.
    pub reason: String,
    /// The first packet of the contact.
    pub first_packet: Option<PacketReport>,
    /// Numbers of packets that show the contact, in the input of the first.
    pub packets: Vec<u64>,
}

/// Where a packet stands.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PacketReport {
    /// Path of the input.
    pub input: String,
    /// Number in it, from 1.
    pub number: u64,
    /// When it was captured.
    pub time: Time,
}

/// A time and the precision to print it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// The time.
    pub at: Timestamp,
    /// Decimal places of the capture's clock.
    pub precision: Precision,
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.at.rfc3339(self.precision))
    }
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Nanoseconds of less than 104 days fit the 53 bits of a double exactly.
    serializer.serialize_f64(span.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn optional_seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => seconds(span, serializer),
        None => serializer.serialize_none(),
    }
}
