//! What sources say of an address, and what is concluded from it.

use super::{CountryCode, LatencyBound};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One source's statement of where an address is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Claim {
    /// Id of the source, as in [`super::Database::id`].
    #[serde(serialize_with = "text")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub source: Arc<str>,
    /// What kind of statement it is.
    pub kind: ClaimKind,
    /// Who made the data, where that is known: two claims of one origin are one witness.
    pub origin: Option<&'static str>,
    /// The country that the source names for the address.
    pub country: Option<CountryCode>,
    /// The country in which the network is registered. That is not where the address is.
    pub registered_country: Option<CountryCode>,
    /// What the source calls the place: a provider's region, a city, or the part of a host name that is the hint.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub region: Option<Arc<str>>,
    /// The network of which the source says so; a hint is about a name and has none.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub network: Option<IpNet>,
    /// When the source was made.
    #[serde(serialize_with = "time")]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub built: Option<Timestamp>,
    /// Whole days from the packets to the making of the source, negative where it is older than they are.
    pub days_off: Option<i64>,
    /// Whether that is more than [`FAR_DAYS`] either way: addresses move.
    pub far_in_time: bool,
    /// What the round-trip time makes of the country.
    pub latency: Option<Reach>,
}

/// Days between packets and source past which a claim is marked.
pub const FAR_DAYS: i64 = 180;

impl Claim {
    /// A claim of `source` that names nothing yet.
    pub const fn new(source: Arc<str>, kind: ClaimKind) -> Self {
        Self {
            source,
            kind,
            origin: None,
            country: None,
            registered_country: None,
            region: None,
            network: None,
            built: None,
            days_off: None,
            far_in_time: false,
            latency: None,
        }
    }

    /// Notes how far the making of the source lies from the packets, which were captured at `at`.
    pub(super) fn compare_time(&mut self, at: Timestamp) {
        const SECONDS_A_DAY: i64 = 86_400;
        let days = self.built.map(|built| (built.as_second() - at.as_second()) / SECONDS_A_DAY);
        self.days_off = days;
        self.far_in_time = days.is_some_and(|days| days.abs() > FAR_DAYS);
    }

    /// Whether no signal can have gone to the country and back in the time that was measured.
    pub fn is_refuted(&self) -> bool {
        self.latency.is_some_and(|reach| reach.verdict == Plausibility::Impossible)
    }
}

/// The kind of a claim, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A part of a host name.
    Hint,
    /// A record of a database made of the registries' records of who holds a network.
    Registry,
    /// A record of a location database.
    Database,
    /// The operator's list for location services, RFC 8805, or a list of prefixes that the user gives.
    Geofeed,
    /// The cloud provider's own list of its regions.
    Provider,
}

impl ClaimKind {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Registry => "registry",
            Self::Database => "database",
            Self::Geofeed => "geofeed",
            Self::Provider => "provider",
        }
    }
}

/// What a round-trip time makes of a country: how far away its nearest point is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reach {
    /// Kilometres on the sphere from the vantage to the nearest point of the country.
    pub distance_km: f64,
    /// Whether a signal can have gone there and back.
    pub verdict: Plausibility,
}

/// Whether a signal can have gone to a country and back in the time that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Plausibility {
    /// Not even light in a vacuum.
    Impossible,
    /// No light in a fibre.
    Unlikely,
    /// Nothing speaks against it. That is no evidence for it either.
    Possible,
}

impl Plausibility {
    /// The word for it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Impossible => "impossible",
            Self::Unlikely => "unlikely",
            Self::Possible => "possible",
        }
    }
}

/// How sure a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// No source names a country, or none that can be true.
    Unknown,
    /// Sources name different countries and none of them settles it.
    Disputed,
    /// One witness, or the one that should know best.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Contradiction {
    /// Ids of the sources, in the order of their claims.
    #[serde(serialize_with = "texts")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub sources: Vec<Arc<str>>,
    /// What they disagree on, in words.
    pub reason: String,
}

/// Where an address is, with the claims that it is concluded from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Location {
    /// The country; of a disputed location the one that the best source names, if there is one.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why the country is not known.
    pub reason: Option<Gap>,
    /// What the sources say, in the order in which they were given.
    pub claims: Vec<Claim>,
    /// Which claims do not fit each other, or the round-trip time.
    pub contradictions: Vec<Contradiction>,
    /// How far away the address can be at most.
    pub latency: Option<LatencyBound>,
    /// Claims of other builds of the same databases, where asked for: how the answer moved over time.
    pub history: Vec<Claim>,
}

/// Why the country of an address is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The address is served from many places: a list says so, or the round-trip time refutes every source.
    Anycast,
    /// No source names a country.
    NoClaim,
    /// The round-trip time refutes the only source.
    Refuted,
}

impl Gap {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anycast => "anycast: the address is served from many places",
            Self::NoClaim => "no source names a country",
            Self::Refuted => "the round-trip time refutes the country that is claimed",
        }
    }
}

impl Location {
    /// The location of an address of which no source says anything.
    pub const fn unknown() -> Self {
        Self {
            country: None,
            confidence: Confidence::Unknown,
            reason: Some(Gap::NoClaim),
            claims: Vec::new(),
            contradictions: Vec::new(),
            latency: None,
            history: Vec::new(),
        }
    }

    /// The countries that the sources name and that can be true, sorted.
    pub fn claimed_countries(&self) -> BTreeSet<CountryCode> {
        self.claims.iter().filter(|claim| !claim.is_refuted()).filter_map(|claim| claim.country).collect()
    }
}

/// The organisation that announces an address to the Internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Operator {
    /// Number of the autonomous system.
    pub asn: Asn,
    /// Its name.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub organization: Option<Arc<str>>,
}

/// Number of an autonomous system; 0 is none (RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
