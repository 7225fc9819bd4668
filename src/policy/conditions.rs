//! What must hold beyond the country for a rule to match. Every condition that is given must hold; of a list, one item.

use super::window::Window;
use super::{CountrySet, Evidence, Places};
use crate::identify::{Contact, Role, Service};
use crate::locate::{Asn, Confidence, CountryCode};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::IpAddr;

/// What must hold for a rule to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Conditions {
    /// The call is of one of these services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// The endpoint did one of these things in the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Contact went at least so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_contact: Option<Contact>,
    /// The country is at least so sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_confidence: Option<Confidence>,
    /// The call's client is in one of these countries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<CountrySet>"))]
    pub client: Option<ClientCountries>,
    /// At least so many bytes went both ways together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_bytes: Option<u64>,
    /// At least so many bytes went to the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_bytes_sent: Option<u64>,
    /// At least so many bytes came from the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_bytes_received: Option<u64>,
    /// A packet of the contact was captured at such a time.
    #[serde(flatten)]
    pub window: Window,
    /// Its address lies in one of these networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub prefixes: Vec<IpNet>,
    /// One of these announces its address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asns: Vec<Asn>,
    /// Packets give it one of these names, or one under them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// Countries of a call's client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCountries {
    /// As they are written.
    pub(super) places: Places,
    /// What that comes to.
    pub countries: CountrySet,
}

impl<'de> Deserialize<'de> for ClientCountries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { places: Places::default(), countries: CountrySet::deserialize(deserializer)? })
    }
}

impl Serialize for ClientCountries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.countries.serialize(serializer)
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// What would tell is not known.
    Unknown(Doubt),
}

/// What is not known, so that it cannot be said whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    Client,
    Confidence,
    Contact,
    Place,
    Role,
    Service,
    Time,
}

impl Doubt {
    /// Whether it is about the place, of which the policy itself says what to make.
    pub(super) const fn is_of_place(self) -> bool {
        matches!(self, Self::Confidence | Self::Place)
    }

    /// As a clause of a sentence.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Client => "the country of the call's client is not known for certain",
            Self::Confidence => "how sure its country is cannot be said",
            Self::Contact => "how far contact went is not known, as only one direction was captured",
            Self::Place => "its country is not known",
            Self::Role => "what it did is not known",
            Self::Service => "the application is not known",
            Self::Time => "whether a packet was captured at that time is not recorded",
        }
    }
}

/// How sure the place is that a rule is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assumed {
    /// So sure.
    As(Confidence),
    /// It is one of several that may be true.
    Perhaps,
}

impl Conditions {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all hold. One that does not makes the others idle, and so the doubt about them.
    pub(super) fn hold(&self, evidence: &Evidence<'_>, assumed: Assumed) -> Truth {
        let all = [
            self.prefix(evidence.address),
            self.asn(evidence.asn),
            self.host(evidence.names),
            self.bytes(evidence),
            self.contact(evidence),
            self.time(evidence),
            self.service(evidence.services),
            self.role(evidence.roles),
            self.client(evidence.client),
            // Last: of two doubts, the one that is not of the place is told.
            self.confidence(assumed),
        ];
        if all.contains(&Truth::No) {
            return Truth::No;
        }
        all.into_iter().find(|truth| *truth != Truth::Yes).unwrap_or(Truth::Yes)
    }

    fn prefix(&self, address: IpAddr) -> Truth {
        Truth::of(self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| prefix.contains(&address)))
    }

    fn asn(&self, asn: Option<Asn>) -> Truth {
        Truth::of(self.asns.is_empty() || asn.is_some_and(|asn| self.asns.contains(&asn)))
    }

    /// A name is a fact: where packets give none, the endpoint was not met under it.
    fn host(&self, names: &[&str]) -> Truth {
        let fits = |host: &String| names.iter().any(|name| is_under(name, host));
        Truth::of(self.hosts.is_empty() || self.hosts.iter().any(fits))
    }

    const fn bytes(&self, evidence: &Evidence<'_>) -> Truth {
        let (sent, received) = (evidence.bytes_sent, evidence.bytes_received);
        Truth::of(
            reaches(sent.saturating_add(received), self.minimum_bytes)
                && reaches(sent, self.minimum_bytes_sent)
                && reaches(received, self.minimum_bytes_received),
        )
    }

    fn contact(&self, evidence: &Evidence<'_>) -> Truth {
        match self.minimum_contact {
            Some(minimum) if evidence.contact >= minimum => Truth::Yes,
            Some(_) if evidence.lacks_answers => Truth::Unknown(Doubt::Contact),
            Some(_) => Truth::No,
            None => Truth::Yes,
        }
    }

    /// Packets between the first and the last may or may not have been captured at hours that lie between.
    fn time(&self, evidence: &Evidence<'_>) -> Truth {
        if self.window.is_always() {
            return Truth::Yes;
        }
        let Some((first, last)) = evidence.seen else { return Truth::Unknown(Doubt::Time) };
        if self.window.holds(first) || self.window.holds(last) {
            return Truth::Yes;
        }
        if self.window.touches(first, last) { Truth::Unknown(Doubt::Time) } else { Truth::No }
    }

    /// A technique (`webrtc`) may be that of any application.
    fn service(&self, services: &[Service]) -> Truth {
        if self.services.is_empty() || services.iter().any(|service| self.services.contains(service)) {
            return Truth::Yes;
        }
        if services.iter().all(Service::is_generic) { Truth::Unknown(Doubt::Service) } else { Truth::No }
    }

    fn role(&self, roles: &[Role]) -> Truth {
        if self.roles.is_empty() || roles.iter().any(|role| self.roles.contains(role)) {
            return Truth::Yes;
        }
        if roles.iter().all(|role| *role == Role::Unknown) { Truth::Unknown(Doubt::Role) } else { Truth::No }
    }

    /// Whether the country is so sure as is asked for.
    pub(super) fn confidence(&self, assumed: Assumed) -> Truth {
        match (self.minimum_confidence, assumed) {
            (None, _) => Truth::Yes,
            (Some(minimum), Assumed::As(confidence)) => Truth::of(confidence >= minimum),
            (Some(_), Assumed::Perhaps) => Truth::Unknown(Doubt::Confidence),
        }
    }

    /// `client` has every country that the client may be in; none where nothing is known.
    fn client(&self, client: &CountrySet) -> Truth {
        let Some(wanted) = &self.client else { return Truth::Yes };
        let among = |country: CountryCode| wanted.countries.contains(country);
        match (client.iter().any(among), client.iter().all(among)) {
            (true, true) => Truth::Yes,
            (false, false) => Truth::No,
            (_, _) => Truth::Unknown(Doubt::Client),
        }
    }

    /// Whether these hold whenever `other` do.
    pub(super) fn cover(&self, other: &Self) -> bool {
        covers(&self.services, &other.services, PartialEq::eq)
            && covers(&self.roles, &other.roles, PartialEq::eq)
            && self
                .minimum_contact
                .is_none_or(|least| least <= other.minimum_contact.unwrap_or(Contact::Answered))
            && self
                .minimum_confidence
                .is_none_or(|least| least <= other.minimum_confidence.unwrap_or(Confidence::Likely))
            && match (&self.client, &other.client) {
                (None, _) => true,
                (Some(own), Some(other)) => {
                    own.places.covers(&own.countries, &other.places, &other.countries)
                }
                (Some(_), None) => false,
            }
            && at_most(self.minimum_bytes, other.minimum_bytes)
            && at_most(self.minimum_bytes_sent, other.minimum_bytes_sent)
            && at_most(self.minimum_bytes_received, other.minimum_bytes_received)
            && self.window.covers(&other.window)
            && covers(&self.prefixes, &other.prefixes, |own, other| own.contains(other))
            && covers(&self.asns, &other.asns, PartialEq::eq)
            && covers(&self.hosts, &other.hosts, |own, other| is_under(other, own))
    }
}

impl Truth {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

const fn reaches(bytes: u64, minimum: Option<u64>) -> bool {
    match minimum {
        Some(minimum) => bytes >= minimum,
        None => true,
    }
}

fn at_most(own: Option<u64>, other: Option<u64>) -> bool {
    own.is_none_or(|own| other.is_some_and(|other| own <= other))
}

/// Comparisons that two lists are worth: beyond it they cover each other only if they are equal, which at worst costs a
/// warning.
const MAX_COMPARISONS: usize = 1 << 12;

/// Whether a list lets through whatever the other does; an empty one lets everything through.
fn covers<T: PartialEq>(own: &[T], other: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    if own.len().saturating_mul(other.len()) > MAX_COMPARISONS {
        return own == other;
    }
    own.is_empty() || !other.is_empty() && other.iter().all(|other| own.iter().any(|own| covers(own, other)))
}

/// Whether `name` is `host` or a name under it: labels are compared whole, capitals or not.
pub(super) fn is_under(name: &str, host: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some(start) = name.len().checked_sub(host.len()) else { return false };
    let Some((before, end)) = name.split_at_checked(start) else { return false };
    end.eq_ignore_ascii_case(host) && (before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_whole_labels() {
        for (name, host, fits) in [
            ("zoom.us", "zoom.us", true),
            ("ZoomBJ12mmr.Zoom.US.", "zoom.us", true),
            ("*.zoom.us", "zoom.us", true),
            ("evilzoom.us", "zoom.us", false),
            ("zoom.us.example", "zoom.us", false),
            ("us", "zoom.us", false),
            ("zoom.us", "a.zoom.us", false),
            ("\u{fc}zoom.us", "zoom.us", false),
            ("", "zoom.us", false),
        ] {
            assert_eq!(is_under(name, host), fits, "{name} {host}");
        }
    }

    #[test]
    fn a_list_covers_what_lets_less_through() {
        let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect::<Vec<IpNet>>();
        let under = |own: &IpNet, other: &IpNet| own.contains(other);
        assert!(covers(&nets(&[]), &nets(&["10.0.0.0/8"]), under));
        assert!(covers(&nets(&["10.0.0.0/8"]), &nets(&["10.1.0.0/16"]), under));
        assert!(!covers(&nets(&["10.1.0.0/16"]), &nets(&["10.0.0.0/8"]), under));
        assert!(!covers(&nets(&["10.1.0.0/16"]), &nets(&[]), under));
    }

    #[test]
    fn conditions_cover_themselves_and_what_asks_for_more() {
        let zoom = Conditions { services: vec![Service::ZOOM], ..Conditions::default() };
        let media = Conditions { minimum_contact: Some(Contact::Media), ..zoom.clone() };
        assert!(Conditions::default().cover(&zoom) && zoom.cover(&media) && media.cover(&media));
        assert!(!media.cover(&zoom) && !zoom.cover(&Conditions::default()));
    }
}
