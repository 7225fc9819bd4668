//! Reports read back: the parts of the JSON report that are explained and compared. What is read is untrusted.

use crate::capture::Timestamp;
use crate::identify::{Contact, Role, Service};
use crate::locate::{
    Asn, Claim, ClaimKind, Confidence, Contradiction, CountryCode, Gap, Location, Reach, Scope,
};
use crate::policy::{CountrySet, Evidence, Policy, Reason, Verdict};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the report that is read.
const SCHEMA_VERSION: &str = "1";

/// Bytes that a report may have: it is read at once, and that of a capture with half a million addresses has fewer.
pub const MAX_REPORT_BYTES: u64 = 1 << 29;

/// A report cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// Its file cannot be read.
    #[error("cannot read the report '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is larger than any report.
    #[error("'{}' has more than {MAX_REPORT_BYTES} bytes, which is more than any report", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is none.
    #[error("'{}' is no report of landfall inspect --format json", path.display())]
    NoReport {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is of another version.
    #[error(
        "'{}' has schema_version {found:?}, and this landfall reads {SCHEMA_VERSION:?}; use the landfall that wrote it",
        path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
}

#[derive(Deserialize)]
struct Header {
    schema_version: String,
}

/// What is read of a report.
#[derive(Debug, Deserialize)]
pub struct PastReport {
    pub(super) tool: PastTool,
    pub(super) verdict: Verdict,
    pub(super) lacks: Vec<String>,
    pub(super) inputs: Vec<PastInput>,
    pub(super) databases: Vec<PastDatabase>,
    pub(super) policy: Policy,
    #[serde(deserialize_with = "by_address")]
    pub(super) endpoints: BTreeMap<IpAddr, PastEndpoint>,
    pub(super) sessions: Vec<PastSession>,
    pub(super) findings: Vec<PastFinding>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastFinding {
    pub(super) rule: Option<String>,
    pub(super) session: Option<String>,
    pub(super) endpoint: IpAddr,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastTool {
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastInput {
    pub(super) path: String,
    pub(super) sha256: Option<String>,
    pub(super) packets: u64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct PastDatabase {
    pub(super) id: String,
    pub(super) built: Option<String>,
    pub(super) sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastEndpoint {
    pub(super) address: IpAddr,
    pub(super) scope: String,
    pub(super) operator: Option<PastOperator>,
    pub(super) location: PastLocation,
    pub(super) contact: Option<Contact>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastOperator {
    pub(super) asn: Asn,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct PastLocation {
    pub(super) country: Option<CountryCode>,
    pub(super) confidence: Confidence,
    pub(super) reason: Option<Gap>,
    pub(super) claims: Vec<PastClaim>,
    pub(super) contradictions: Vec<PastContradiction>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct PastClaim {
    pub(super) source: String,
    pub(super) country: Option<CountryCode>,
    pub(super) built: Option<String>,
    pub(super) latency: Option<Reach>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct PastContradiction {
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastSession {
    pub(super) id: String,
    pub(super) service: Service,
    pub(super) client: IpAddr,
    pub(super) client_countries: CountrySet,
    pub(super) start: PastTime,
    pub(super) end: PastTime,
    pub(super) one_direction: bool,
    pub(super) verdict: Verdict,
    pub(super) endpoints: Vec<PastSessionEndpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastSessionEndpoint {
    pub(super) address: IpAddr,
    pub(super) names: Vec<PastName>,
    #[serde(default)]
    pub(super) proxy_for: Vec<String>,
    pub(super) roles: Vec<Role>,
    pub(super) contact: Contact,
    pub(super) country: Option<CountryCode>,
    pub(super) confidence: Confidence,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) packets_received: u64,
    pub(super) first_seen: Option<PastTime>,
    pub(super) last_seen: Option<PastTime>,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Deserialize)]
pub(super) struct PastName {
    pub(super) name: String,
}

/// A time of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PastTime(pub(super) Timestamp);

impl<'de> Deserialize<'de> for PastTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let nanoseconds = i64::try_from(time.as_nanosecond()).map_err(serde::de::Error::custom)?;
        Ok(Self(Timestamp::from_nanoseconds(nanoseconds)))
    }
}

impl PastTime {
    /// `2020-04-03 14:02:11`.
    pub(super) fn shown(self) -> String {
        self.0.rfc3339(crate::capture::Precision::new(0)).replace('T', " ").trim_end_matches('Z').to_owned()
    }
}

fn by_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<IpAddr, PastEndpoint>, D::Error> {
    let list = Vec::<PastEndpoint>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|endpoint| (endpoint.address, endpoint)).collect())
}

impl PastReport {
    /// Reads the report in a file.
    pub fn open(path: &Path) -> Result<Self, PastError> {
        let unreadable = |source| PastError::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_REPORT_BYTES {
            return Err(PastError::TooLarge { path: path.to_owned() });
        }
        Self::parse(path, &bytes)
    }

    /// Reads a report. `path` is how errors call it.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, PastError> {
        let no_report = |source| PastError::NoReport { path: path.to_owned(), source };
        let Header { schema_version } = serde_json::from_slice(bytes).map_err(no_report)?;
        if schema_version != SCHEMA_VERSION {
            return Err(PastError::OtherVersion { path: path.to_owned(), found: schema_version });
        }
        serde_json::from_slice(bytes).map_err(no_report)
    }
}

/// What a report says of a place, as the judge wants it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) asn: Option<Asn>,
    pub(super) location: Location,
}

impl PastReport {
    /// Where an endpoint of a call is.
    pub(super) fn place(&self, endpoint: &PastSessionEndpoint) -> Place {
        let Some(known) = self.endpoints.get(&endpoint.address) else {
            let location = Location {
                country: endpoint.country,
                confidence: endpoint.confidence,
                ..Location::unknown()
            };
            return Place { scope: Scope::Global, asn: None, location };
        };
        let PastLocation { country, confidence, reason, claims, contradictions } = &known.location;
        let claim = |claim: &PastClaim| Claim {
            country: claim.country,
            latency: claim.latency,
            ..Claim::new(Arc::from(claim.source.as_str()), ClaimKind::Database)
        };
        let contradiction =
            |found: &PastContradiction| Contradiction { sources: Vec::new(), reason: found.reason.clone() };
        Place {
            // Of all kinds of addresses only those of the Internet are judged.
            scope: if known.scope == Scope::Global.name() { Scope::Global } else { Scope::Private },
            asn: known.operator.as_ref().map(|operator| operator.asn),
            location: Location {
                country: *country,
                confidence: *confidence,
                reason: *reason,
                claims: claims.iter().map(claim).collect(),
                contradictions: contradictions.iter().map(contradiction).collect(),
                ..Location::unknown()
            },
        }
    }
}

impl PastSession {
    /// Whether what the far ends sent was not captured.
    pub(super) fn lacks_answers(&self) -> bool {
        self.one_direction && self.endpoints.iter().all(|endpoint| endpoint.packets_received == 0)
    }

    /// The verdict of a policy on evidence from the call. Where answers were not captured, an endpoint without one may
    /// have given one.
    pub(super) fn verdict(&self, policy: &Policy, evidence: &Evidence<'_>) -> Verdict {
        let judgement = policy.judge(evidence);
        let unheard =
            judgement.kind == Reason::NotTouched && judgement.rule.is_some() && self.lacks_answers();
        if unheard { Verdict::Indeterminate } else { judgement.verdict }
    }

    /// An endpoint of the call in its place, as evidence. `names` are its names.
    pub(super) fn evidence<'a>(
        &'a self,
        endpoint: &'a PastSessionEndpoint,
        names: &'a [&'a str],
        place: &'a Place,
    ) -> Evidence<'a> {
        Evidence {
            lacks_answers: self.lacks_answers(),
            is_proxy: !endpoint.proxy_for.is_empty(),
            services: std::slice::from_ref(&self.service),
            roles: &endpoint.roles,
            names,
            asn: place.asn,
            bytes_sent: endpoint.bytes_sent,
            bytes_received: endpoint.bytes_received,
            seen: endpoint.first_seen.zip(endpoint.last_seen).map(|(first, last)| (first.0, last.0)),
            client: &self.client_countries,
            ..Evidence::new(endpoint.address, place.scope, &place.location, endpoint.contact)
        }
    }
}

impl PastSessionEndpoint {
    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(|name| name.name.as_str()).collect()
    }
}
