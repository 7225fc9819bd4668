//! What sources say of an address, and what is concluded from it.

use super::CountryCode;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One source's statement of where an address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// Id of the source, as in [`super::Database::id`].
    #[serde(serialize_with = "text")]
    pub source: Arc<str>,
    /// What kind of statement it is.
    pub kind: ClaimKind,
    /// Who made the data, where that is known: two claims of one origin are one witness.
    pub origin: Option<&'static str>,
    /// The country that the source names for the address.
    pub country: Option<CountryCode>,
    /// The country in which the network is registered. That is not where the address is.
    pub registered_country: Option<CountryCode>,
    /// The network of which the source says so.
    pub network: IpNet,
    /// When the source was made.
    #[serde(serialize_with = "time")]
    pub built: Option<Timestamp>,
}

/// The kind of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A record of a location database.
    Database,
}

/// How sure a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// No source names a country.
    Unknown,
    /// Sources name different countries.
    Disputed,
    /// One witness, and none against it.
    Likely,
    /// Two or more independent witnesses agree, and none is against it.
    Confirmed,
}

impl Confidence {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Disputed => "disputed",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Claims that cannot all be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// Ids of the sources, in the order of their claims.
    #[serde(serialize_with = "texts")]
    pub sources: Vec<Arc<str>>,
    /// What they disagree on, in words.
    pub reason: String,
}

/// Where an address is, with the claims that it is concluded from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The country, where the confidence is [`Confidence::Likely`] or better.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: Confidence,
    /// What the sources say, in the order in which they were given.
    pub claims: Vec<Claim>,
    /// Which claims do not fit each other.
    pub contradictions: Vec<Contradiction>,
}

impl Location {
    /// The location of an address of which no source says anything.
    pub const fn unknown() -> Self {
        Self {
            country: None,
            confidence: Confidence::Unknown,
            claims: Vec::new(),
            contradictions: Vec::new(),
        }
    }

    /// The countries that the sources name, sorted.
    pub fn claimed_countries(&self) -> BTreeSet<CountryCode> {
        self.claims.iter().filter_map(|claim| claim.country).collect()
    }
}

/// The organisation that announces an address to the Internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Number of the autonomous system.
    pub asn: Asn,
    /// Its name.
    #[serde(serialize_with = "optional_text")]
    pub organization: Option<Arc<str>>,
}

/// Number of an autonomous system; 0 is none (RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Asn(std::num::NonZeroU32);

impl Asn {
    /// The autonomous system `number`.
    pub const fn new(number: u32) -> Option<Self> {
        match std::num::NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// What serde's derive passes to `serialize_with`.
pub(super) fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn optional_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

fn texts<S: Serializer>(texts: &[Arc<str>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(texts.iter().map(AsRef::<str>::as_ref))
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}
