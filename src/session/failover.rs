//! Failover: one place stood in for another that could not be reached.
//!
//! It is claimed only where an attempt at one place failed, a later attempt for the same purpose at another place
//! carried data, and nothing else explains it. Clients race servers (RFC 8305, Zoom's zone controllers,
//! `WhatsApp`'s relays, latency tests, ICE): of a race, the losers are no failures and the winner no stand-in.

use super::{Failure, Leg, Material, Session, failure};
use crate::capture::Timestamp;
use crate::flow::PacketRef;
use crate::identify::infer::Subject;
use crate::identify::{Contact, Identity, Role};
use crate::locate::CountryCode;
use std::net::IpAddr;
use std::time::Duration;

/// Attempts that start so close together are a race. RFC 8305 staggers by 250 ms, Zoom's client by some 35 ms.
const RACE: Duration = Duration::from_millis(900);

/// Failed attempts named in one failover.
const MAX_FAILED: usize = 16;

/// One place stood in for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// What the places were wanted for.
    pub role: Role,
    /// What failed before, in order.
    pub failed: Vec<FailedAttempt>,
    /// Where the client got through.
    pub reached: IpAddr,
    /// The flow that got through.
    pub flow: u32,
    /// When that attempt began.
    pub time: Timestamp,
    /// Its first packet.
    pub packet: PacketRef,
    /// From the first failed attempt to that.
    pub gap: Duration,
    /// Country of the first place that failed.
    pub country_before: Option<CountryCode>,
    /// Country of the place that stood in.
    pub country_after: Option<CountryCode>,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Whom it was for.
    pub address: IpAddr,
    /// Where that is.
    pub country: Option<CountryCode>,
    /// How it failed.
    pub failure: Failure,
    /// How often the client tried: repeated SYNs count.
    pub tries: u64,
    /// When it began.
    pub time: Timestamp,
    /// Its first packet.
    pub packet: PacketRef,
}

/// An attempt: a flow with what the search for failovers asks of it.
struct Attempt<'a> {
    leg: &'a Leg,
    subject: &'a Subject<'a>,
    role: Role,
    failure: Option<Failure>,
    carried: bool,
    place: Place,
}

/// Where a server stands, as coarsely as clients choose among them: addresses of one network are one place, and
/// so are those whose names carry the same data-centre token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    network: IpAddr,
    token: Option<String>,
}

impl Place {
    fn is_same(&self, other: &Self) -> bool {
        self.network == other.network || (self.token.is_some() && self.token == other.token)
    }
}

/// The failovers of a session, in order.
pub(super) fn find(material: &Material<'_>, session: &Session) -> Vec<Failover> {
    // Of most calls every attempt gets through.
    if !session.legs.iter().any(|leg| has_failed(material, leg)) {
        return Vec::new();
    }
    let mut attempts: Vec<Attempt<'_>> =
        session.legs.iter().filter_map(|leg| attempt(material, leg)).collect();
    attempts.sort_by_key(|attempt| (attempt.subject.start, attempt.leg.flow));
    let mut found: Vec<Failover> = Vec::new();
    for reached in attempts.iter().filter(|attempt| attempt.carried) {
        let known = found
            .iter()
            .any(|failover| failover.role == reached.role && failover.reached == reached.leg.far.ip());
        if known {
            continue;
        }
        let failed: Vec<&Attempt<'_>> =
            attempts.iter().filter(|attempt| stands_in(reached, attempt, &attempts)).collect();
        if let Some(failover) = failover(material, reached, &failed) {
            found.push(failover);
        }
    }
    found
}

fn has_failed(material: &Material<'_>, leg: &Leg) -> bool {
    let place = leg.flow as usize;
    let flow = material.subjects.get(place).zip(material.identities.get(place));
    flow.is_some_and(|(subject, identity)| {
        purpose(identity.role).is_some() && failure(subject, identity).is_some()
    })
}

/// What an attempt is for, where another place may serve as well.
const fn purpose(role: Role) -> Option<Role> {
    match role {
        Role::Relay => Some(Role::Media),
        Role::Signaling | Role::Media => Some(role),
        _ => None,
    }
}

fn attempt<'a>(material: &Material<'a>, leg: &'a Leg) -> Option<Attempt<'a>> {
    let subject = material.subjects.get(leg.flow as usize)?;
    let identity = material.identities.get(leg.flow as usize)?;
    let role = purpose(identity.role)?;
    if leg.opened_by_far {
        return None;
    }
    let failure = failure(subject, identity);
    let carried = failure.is_none() && identity.contact >= Contact::Control;
    Some(Attempt { leg, subject, role, failure, carried, place: place(leg.far.ip(), identity) })
}

/// Whether `reached` stood in for `failed`.
fn stands_in(reached: &Attempt<'_>, failed: &Attempt<'_>, all: &[Attempt<'_>]) -> bool {
    if failed.failure.is_none() || failed.role != reached.role || failed.place.is_same(&reached.place) {
        return false;
    }
    let later = reached.subject.start.since(failed.subject.start) >= RACE;
    // The same place answered in the end, or another won the race in which this attempt was started.
    let explained = |other: &Attempt<'_>| {
        let same_place = other.place.is_same(&failed.place) && other.subject.start <= reached.subject.start;
        other.role == failed.role && other.carried && (same_place || starts_with(other, failed))
    };
    later && !all.iter().any(explained)
}

/// Whether two attempts were started together.
fn starts_with(a: &Attempt<'_>, b: &Attempt<'_>) -> bool {
    a.subject.start.since(b.subject.start) < RACE && b.subject.start.since(a.subject.start) < RACE
}

fn failover(material: &Material<'_>, reached: &Attempt<'_>, failed: &[&Attempt<'_>]) -> Option<Failover> {
    let first = failed.first()?;
    let attempts = failed.iter().take(MAX_FAILED).filter_map(|attempt| {
        Some(FailedAttempt {
            address: attempt.leg.far.ip(),
            country: (material.country)(attempt.leg.far.ip()),
            failure: attempt.failure?,
            tries: attempt.leg.sent.packets,
            time: attempt.subject.start,
            packet: attempt.subject.first_packet,
        })
    });
    Some(Failover {
        role: reached.role,
        failed: attempts.collect(),
        reached: reached.leg.far.ip(),
        flow: reached.leg.flow,
        time: reached.subject.start,
        packet: reached.subject.first_packet,
        gap: reached.subject.start.since(first.subject.start),
        country_before: (material.country)(first.leg.far.ip()),
        country_after: (material.country)(reached.leg.far.ip()),
    })
}

fn place(address: IpAddr, identity: &Identity) -> Place {
    let network = match address {
        IpAddr::V4(v4) => IpAddr::V4(std::net::Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(std::net::Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 48))),
    };
    let token = identity.names.iter().find_map(|name| zoom_token(name.name));
    Place { network, token }
}

/// The data-centre token in the name of a Zoom host: `sjc` in `zoomsjccv154mmr.sjc.zoom.us`, where it has a label
/// of its own, else the letters between `zoom` and the first digit: `fr` in `zoomfr84zc.zoom.us`.
fn zoom_token(name: &str) -> Option<String> {
    let (host, domain) = name.split_once('.')?;
    let letters = host.strip_prefix("zoom")?;
    if domain != "zoom.us" {
        return domain.strip_suffix(".zoom.us").map(str::to_owned);
    }
    let token = letters.trim_start_matches(|c: char| c.is_ascii_lowercase());
    letters.strip_suffix(token).filter(|token| !token.is_empty() && *token != letters).map(str::to_owned)
}
