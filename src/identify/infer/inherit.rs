//! What a flow has from other flows of its client: always an inference, and one that says so.

use super::{Draft, Subject};
use crate::capture::Timestamp;
use crate::flow::Transport;
use crate::identify::evidence::{Detail, Kind};
use crate::identify::facts::MentionKind;
use crate::identify::{Evidence, Role, Service};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How far apart in time flows of one socket may be. Zoom goes over to the direct path within seconds; NAT
/// bindings live at least two minutes (RFC 4787, REQ-5).
const SOCKET_WINDOW: Duration = Duration::from_mins(5);
/// How far apart in time flows of one client may be to belong together.
const CLIENT_WINDOW: Duration = Duration::from_mins(15);
/// Flows that are looked at for one that is near in time, so that the work grows with the number of flows and
/// not with its square.
const MAX_CANDIDATES: usize = 64;
/// Ports of STUN servers: the registered ones (RFC 8489 section 8.1) and those of Microsoft's and Google's.
const STUN_PORTS: [u16; 13] =
    [3478, 3479, 3480, 3481, 5349, 19302, 19303, 19304, 19305, 19306, 19307, 19308, 19309];
/// Services whose media another service uses: whose it is, and who else has it. Slack's huddles run on Amazon Chime,
/// and Skype has the relays of Teams.
const TENANTS: [(Service, Service); 2] = [(Service::CHIME, Service::SLACK), (Service::TEAMS, Service::SKYPE)];

/// Flows by what some of them have in common: sorted, so that the flows with one value stand together, in the order of
/// their first packets.
struct Groups<K> {
    flows: Vec<(K, usize)>,
    /// For each value the bit that its hash gives is set. Most values that are asked for are not among those here, and
    /// to find that out by a search takes many times as long.
    bits: Vec<u64>,
    hasher: foldhash::fast::FixedState,
}

/// Bits for each value: of those that are not there, one in so many is sought all the same.
const BITS_EACH: usize = 16;

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self { flows: Vec::new(), bits: Vec::new(), hasher: foldhash::fast::FixedState::default() }
    }
}

impl<K: Ord + Hash> Groups<K> {
    fn clear(&mut self) {
        self.flows.clear();
    }

    fn push(&mut self, value: K, flow: usize) {
        self.flows.push((value, flow));
    }

    fn sort(&mut self) {
        self.flows.sort_unstable();
        let words = (self.flows.len() * BITS_EACH).div_ceil(64).next_power_of_two();
        self.bits.clear();
        self.bits.resize(words, 0);
        for (value, _) in &self.flows {
            let (word, bit) = place(self.hasher.hash_one(value), words);
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// The flows with `value`.
    fn of(&self, value: &K) -> &[(K, usize)] {
        let (word, bit) = place(self.hasher.hash_one(value), self.bits.len());
        if self.bits.get(word).is_none_or(|word| word & bit == 0) {
            return &[];
        }
        let before = self.flows.partition_point(|(other, _)| other < value);
        let rest = self.flows.get(before..).unwrap_or_default();
        let count = rest.partition_point(|(other, _)| other <= value);
        rest.get(..count).unwrap_or_default()
    }
}

/// Where among so many words, which are a power of two, the bit for a hash is.
const fn place(hash: u64, words: usize) -> (usize, u64) {
    ((hash >> 6) as usize & words.saturating_sub(1), 1 << (hash % 64))
}

/// An address as a number that differs from those of all others: flows are sought by addresses again and again, and two
/// numbers are compared in a step.
type Number = (bool, u128);

fn number(address: IpAddr) -> Number {
    match address {
        IpAddr::V4(address) => (false, address.to_bits().into()),
        IpAddr::V6(address) => (true, address.to_bits()),
    }
}

/// A socket in the same way.
fn socket(address: SocketAddr) -> (Number, u16) {
    (number(address.ip()), address.port())
}

/// Flows of one client that name their service themselves, by what others may share with them.
#[derive(Default)]
pub(super) struct Known {
    /// What each flow is by itself.
    own: Vec<(Option<Service>, Role)>,
    by_server: Groups<Number>,
    by_socket: Groups<(Number, u16)>,
    /// By the place of the service among all.
    by_service: Groups<usize>,
    /// By the addresses that they name: where in `mentions`.
    by_mention: Groups<(Number, u16)>,
    /// Which flow named an address, and as what.
    mentions: Vec<(usize, MentionKind)>,
}

impl Known {
    /// Looks through all flows of a client, and forgets those of another.
    pub(super) fn look_through(&mut self, subjects: &[&Subject<'_>], drafts: &[Draft]) {
        self.own.clear();
        self.by_server.clear();
        self.by_socket.clear();
        self.by_service.clear();
        self.by_mention.clear();
        self.mentions.clear();
        for (place, (subject, draft)) in subjects.iter().copied().zip(drafts).enumerate() {
            let service = service_of(draft);
            self.own
                .push((service.map(|(service, _)| service.clone()), draft.own_role.unwrap_or(Role::Unknown)));
            if let Some((service, kind)) = service {
                self.mentions(place, subject);
                if !service.is_generic() {
                    self.named(place, subject, draft, (service, *kind));
                }
            }
        }
        self.by_server.sort();
        self.by_socket.sort();
        self.by_service.sort();
        self.by_mention.sort();
    }

    fn mentions(&mut self, place: usize, subject: &Subject<'_>) {
        let mentions = subject.facts.map_or(&[][..], |facts| &facts.mentions);
        for mention in mentions.iter().filter(|mention| mention.kind != MentionKind::Mapped) {
            self.by_mention.push(socket(mention.address), self.mentions.len());
            self.mentions.push((place, mention.kind));
        }
    }

    /// Notes a flow that names an application itself.
    fn named(&mut self, place: usize, subject: &Subject<'_>, draft: &Draft, own: (&Service, Kind)) {
        let (service, kind) = own;
        self.by_service.push(service.place(), place);
        // What is only carried over names no further flow by its address or socket.
        if kind <= Kind::Inherited {
            return;
        }
        // What goes through a proxy says nothing of what else does.
        let serves_calls = !matches!(draft.own_role, Some(Role::Web | Role::Telemetry | Role::Peer));
        if serves_calls && !draft.through_proxy {
            self.by_server.push(number(subject.server.ip()), place);
        }
        if subject.transport == Transport::Udp {
            self.by_socket.push(socket(subject.client), place);
        }
    }
}

/// The flows of one client, and what is known of them by themselves.
#[derive(Clone, Copy)]
pub(super) struct Others<'a> {
    pub(super) subjects: &'a [&'a Subject<'a>],
    pub(super) known: &'a Known,
}

impl Others<'_> {
    /// Adds to `draft` what other flows lend it.
    pub(super) fn lend(&self, place: usize, subject: &Subject<'_>, draft: &mut Draft) {
        self.confirm_shared(place, subject, draft);
        draft.is_peer = self.is_peer(subject, draft);
        let named = draft.service().is_some_and(|service| !service.is_generic());
        if named || !draft.may_inherit(subject) {
            return;
        }
        let lent = self
            .of_mention(subject)
            .or_else(|| self.of_socket(subject))
            .or_else(|| self.of_pair(subject, draft));
        draft.evidence.extend(lent);
    }

    /// Names and prefixes that several services share count where the client uses the service otherwise.
    fn confirm_shared(&self, own: usize, subject: &Subject<'_>, draft: &mut Draft) {
        for mut evidence in draft.shared.drain(..) {
            let Some(service) = &evidence.service else { continue };
            let says_more =
                |own: &Evidence| own.kind > Kind::Inherited && own.service.as_ref() == Some(service);
            if draft.evidence.iter().any(says_more) {
                continue;
            }
            let other = self.other_use(subject, service, |place| place != own);
            if let Some(other) = other.and_then(|other| self.subjects.get(other)) {
                evidence.detail = Detail::Confirmed(Box::new((evidence.detail, other.server)));
                evidence.kind = Kind::Inherited;
                draft.evidence.push(evidence);
            }
        }
    }

    /// Another flow that belongs to `service`.
    fn other_use(
        &self,
        subject: &Subject<'_>,
        service: &Service,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        self.nearest(self.known.by_service.of(&service.place()), subject, CLIENT_WINDOW, fits)
    }

    /// Whether the far end is a participant: another flow names it as that, or it is reached from a socket that a
    /// call already uses, at an address that no list or name knows.
    fn is_peer(&self, subject: &Subject<'_>, draft: &Draft) -> bool {
        if let Some((_, kind)) = self.mention(subject) {
            return matches!(kind, MentionKind::Peer | MentionKind::Candidate);
        }
        let to_stun_server = STUN_PORTS.contains(&subject.server.port()) && !subject.has_media();
        !draft.numbered
            && !draft.has_address_evidence()
            && !to_stun_server
            && self.on_socket(subject).is_some()
    }

    fn mention(&self, subject: &Subject<'_>) -> Option<(usize, MentionKind)> {
        let (_, first) = self.known.by_mention.of(&socket(subject.server)).first()?;
        let found = *self.known.mentions.get(*first)?;
        self.is_near(found.0, subject, CLIENT_WINDOW).then_some(found)
    }

    fn of_mention(&self, subject: &Subject<'_>) -> Option<Evidence> {
        let (place, kind) = self.mention(subject)?;
        self.evidence(place, "mentioned-address", |server| Detail::Mentioned(kind, server.into()))
    }

    /// A flow to another server from the same socket.
    fn on_socket(&self, subject: &Subject<'_>) -> Option<usize> {
        if subject.transport != Transport::Udp {
            return None;
        }
        let other =
            |place: usize| self.subjects.get(place).is_some_and(|other| other.server != subject.server);
        self.nearest(self.known.by_socket.of(&socket(subject.client)), subject, SOCKET_WINDOW, other)
    }

    fn of_socket(&self, subject: &Subject<'_>) -> Option<Evidence> {
        let place = self.on_socket(subject)?;
        let words = "same socket of the client as the flow with";
        self.evidence(place, "same-socket", |server| Detail::OtherFlow(words, server.into()))
    }

    fn of_pair(&self, subject: &Subject<'_>, draft: &mut Draft) -> Option<Evidence> {
        let places = self.known.by_server.of(&number(subject.server.ip()));
        let place = self.nearest(places, subject, CLIENT_WINDOW, |_| true)?;
        let same_port = self.subjects.get(place).is_some_and(|other| other.port() == subject.port());
        if let (true, Some((Some(service), role))) = (same_port, self.known.own.get(place)) {
            draft.promised.push((service.clone(), Kind::Inherited, false, *role));
        }
        let words = "same client and server as the flow with";
        self.evidence(place, "same-server", |server| Detail::OtherFlow(words, server.into()))
    }

    /// Evidence that media of a provider is another product's: the client talks to that product, and not to the
    /// provider's own.
    pub(super) fn tenant(&self, subject: &Subject<'_>, service: &Service) -> Option<Evidence> {
        let tenant = TENANTS.iter().find(|(landlord, _)| landlord == service).map(|(_, tenant)| tenant)?;
        let over_tcp =
            |place: usize| self.subjects.get(place).is_some_and(|other| other.transport == Transport::Tcp);
        if self.other_use(subject, service, over_tcp).is_some() {
            return None;
        }
        let place = self.other_use(subject, tenant, over_tcp)?;
        let words = "of services with such media, the client talks to this one only, in the flow with";
        self.evidence(place, "tenant", |server| Detail::OtherFlow(words, server.into()))
    }

    fn evidence(
        &self,
        place: usize,
        rule: &'static str,
        detail: impl FnOnce(SocketAddr) -> Detail,
    ) -> Option<Evidence> {
        let other = self.subjects.get(place)?;
        let service = self.known.own.get(place)?.0.clone()?;
        Some(Evidence {
            kind: Kind::Inherited,
            rule,
            service: Some(service),
            packet: Some(other.first_packet),
            detail: detail(other.server),
        })
    }

    /// The latest of `places`, which are in the order of their first packets, that is near in time.
    fn nearest<K>(
        &self,
        places: &[(K, usize)],
        subject: &Subject<'_>,
        window: Duration,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let not_after = |(_, place): &(K, usize)| {
            self.subjects.get(*place).is_some_and(|other| other.start.since(subject.end) <= window)
        };
        let (candidates, _) = places.split_at_checked(places.partition_point(not_after))?;
        let near = |place: &usize| fits(*place) && self.is_near(*place, subject, window);
        candidates.iter().rev().take(MAX_CANDIDATES).map(|(_, place)| *place).find(near)
    }

    fn is_near(&self, place: usize, subject: &Subject<'_>, window: Duration) -> bool {
        self.subjects.get(place).is_some_and(|other| gap(other, subject) <= window)
    }
}

/// The service that a flow names itself, if it is one that others may share.
fn service_of(draft: &Draft) -> Option<&(Service, Kind)> {
    draft.own_service.as_ref().filter(|(service, _)| *service != Service::UNKNOWN_MEDIA)
}

/// Time between two flows; zero where they overlap.
fn gap(a: &Subject<'_>, b: &Subject<'_>) -> Duration {
    let between = |end: Timestamp, start: Timestamp| start.since(end);
    between(a.end, b.start).max(between(b.end, a.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn flows_are_found_by_what_they_have_in_common(
            values in prop::collection::vec(0u64..60, 0..80),
            asked in 0u64..80,
        ) {
            let mut groups = Groups::default();
            for of_another in [true, false] {
                groups.clear();
                let values = values.iter().map(|value| value + u64::from(of_another));
                values.zip(0..).for_each(|(value, flow)| groups.push(value, flow));
                groups.sort();
            }
            let expected: Vec<(u64, usize)> =
                values.iter().copied().zip(0..).filter(|(value, _)| *value == asked).collect();
            prop_assert_eq!(groups.of(&asked), expected);
        }
    }

    #[test]
    fn an_address_and_its_form_in_the_other_family_are_not_one() {
        let [v4, mapped] = ["192.0.2.1", "::ffff:192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_ne!(number(v4), number(mapped));
        assert_ne!(number("0.0.0.1".parse().unwrap()), number("::1".parse().unwrap()));
    }
}
