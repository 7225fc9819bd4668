//! The report: its parts and their names in JSON.
//!
//! Unknown is `null` or an empty list. Lists are sorted, times are RFC 3339 in UTC with the capture's
//! precision, and the same input gives the same bytes.

use crate::capture::{Precision, Timestamp};
use crate::identify::{Contact, Role};
use crate::locate::{CountryCode, Database, Location, Operator, Scope};
use crate::policy::{Policy, Verdict};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// What was found in one or more captures.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this structure; a number that rises when a name or meaning changes.
    pub schema_version: &'static str,
    /// The program.
    pub tool: Tool,
    /// The worst verdict of all sessions and endpoints.
    pub verdict: Verdict,
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
    pub flows: Option<Vec<FlowReport>>,
    /// What each client had to do with each server.
    pub sessions: Vec<SessionReport>,
    /// Why something is not simply allowed.
    pub findings: Vec<Finding>,
}

/// The program that made a report.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// `landfall`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One input.
#[derive(Debug, Serialize)]
pub struct InputReport {
    /// As given.
    pub path: String,
    /// Of the file as it lies on disk, in hexadecimal. `null` where the format of the report has no use for it.
    pub sha256: Option<String>,
    /// Bytes on disk.
    pub size: Option<u64>,
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// `gzip`, `zstd`, `xz`, `bzip2`, `lz4` or `null`.
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
#[derive(Debug, Serialize)]
pub struct DamageReport {
    /// Offset of the first byte that could not be used, in the decompressed capture.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

/// How much was read and understood.
#[derive(Debug, Default, Serialize)]
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
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// One address.
#[derive(Debug, Serialize)]
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
    pub services: Vec<String>,
    /// What it did.
    pub roles: Vec<Role>,
    /// How far contact went; `null` for an address that only was a client.
    pub contact: Option<Contact>,
    /// Where it is.
    pub location: Location,
    /// The smallest round-trip time to it.
    pub rtt: Option<RttReport>,
}

/// A name of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NameReport {
    /// The name.
    pub name: String,
    /// Where it was read: `dns`, `tls`, `quic`, `dtls`, `certificate`, `http`, `sip` or `capture`.
    pub via: &'static str,
}

/// A round-trip time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RttReport {
    /// The smallest, in seconds.
    #[serde(serialize_with = "seconds")]
    pub min_s: Duration,
    /// Of how many.
    pub samples: u64,
    /// What was timed.
    pub via: &'static str,
}

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SocketReport {
    /// The address.
    pub address: IpAddr,
    /// The port, where the transport has one.
    pub port: Option<u16>,
}

/// One flow.
#[derive(Debug, Serialize)]
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
    pub outcome: &'static str,
    /// First request to first answer, in seconds.
    #[serde(serialize_with = "optional_seconds")]
    pub handshake_rtt_s: Option<Duration>,
    /// Names of the server read in it.
    pub names: Vec<NameReport>,
    /// The service.
    pub service: Option<String>,
    /// What the server did.
    pub role: Role,
    /// How far contact went.
    pub contact: Contact,
    /// Media streams.
    pub media: Vec<String>,
    /// What service and role rest on.
    pub evidence: Vec<String>,
}

/// What one client had to do with one server.
#[derive(Debug, Serialize)]
pub struct SessionReport {
    /// Its name in findings.
    pub id: String,
    /// The service.
    pub service: Option<String>,
    /// Who opened the flows.
    pub client: IpAddr,
    /// Time of the first packet.
    pub start: Time,
    /// Time of the last packet.
    pub end: Time,
    /// Countries of the servers that answered.
    pub countries: Vec<CountryReport>,
    /// The servers.
    pub endpoints: Vec<SessionEndpoint>,
    /// What happened, in order.
    pub timeline: Vec<String>,
    /// The worst verdict of its servers.
    pub verdict: Verdict,
    /// Places of its findings in [`Report::findings`].
    pub findings: Vec<usize>,
}

/// A country that a session touched.
#[derive(Debug, Serialize)]
pub struct CountryReport {
    /// The country.
    pub country: CountryCode,
    /// What its servers did.
    pub roles: Vec<Role>,
    /// Bytes both ways.
    pub bytes: u64,
}

/// A server of a session.
#[derive(Debug, Serialize)]
pub struct SessionEndpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its ports, sorted.
    pub ports: Vec<u16>,
    /// Transports, sorted.
    pub transports: Vec<String>,
    /// What it did.
    pub roles: Vec<Role>,
    /// How far contact went.
    pub contact: Contact,
    /// Frames to it.
    pub packets_sent: u64,
    /// Bytes to it.
    pub bytes_sent: u64,
    /// Frames from it.
    pub packets_received: u64,
    /// Bytes from it.
    pub bytes_received: u64,
    /// Smallest TCP handshake time, in seconds.
    #[serde(serialize_with = "optional_seconds")]
    pub handshake_rtt_s: Option<Duration>,
    /// Where contact went too short a way for a rule to apply: what the rule would have said.
    pub untouched: Option<String>,
}

/// Why something is not simply allowed.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The rule that decided.
    pub rule: Option<String>,
    /// `deny` or `indeterminate`.
    pub verdict: Verdict,
    /// The session, if the endpoint belongs to one.
    pub session: Option<String>,
    /// The address.
    pub endpoint: IpAddr,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: crate::locate::Confidence,
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

fn optional_seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => seconds(span, serializer),
        None => serializer.serialize_none(),
    }
}
