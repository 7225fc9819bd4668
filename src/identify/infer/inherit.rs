//! What a flow has from other flows of its client: always an inference, and one that says so.

use super::{Draft, Subject};
use crate::capture::Timestamp;
use crate::flow::Transport;
use crate::identify::evidence::{Kind, weigh};
use crate::identify::facts::MentionKind;
use crate::identify::{Evidence, Role, Service};
use hashbrown::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How far apart in time flows of one socket may be. Zoom goes over to the direct path within seconds; NAT
/// bindings live at least two minutes (RFC 4787, REQ-5).
const SOCKET_WINDOW: Duration = Duration::from_mins(5);
/// How far apart in time flows of one client may be to belong together.
const CLIENT_WINDOW: Duration = Duration::from_mins(15);

type Map<K> = HashMap<K, Vec<usize>, foldhash::fast::RandomState>;

/// Flows that name their service themselves, by what others may share with them.
pub(super) struct Known<'a> {
    subjects: &'a [Subject<'a>],
    services: Vec<Option<Service>>,
    roles: Vec<Role>,
    by_pair: Map<(IpAddr, IpAddr)>,
    by_socket: Map<SocketAddr>,
    by_client: Map<IpAddr>,
    by_mention: HashMap<(IpAddr, SocketAddr), (usize, MentionKind), foldhash::fast::RandomState>,
}

impl<'a> Known<'a> {
    /// Looks through all flows; `roles` are those that they have by themselves.
    pub(super) fn new(subjects: &'a [Subject<'a>], drafts: &[Draft], roles: Vec<Role>) -> Self {
        let mut known = Self {
            subjects,
            services: Vec::with_capacity(subjects.len()),
            roles,
            by_pair: Map::default(),
            by_socket: Map::default(),
            by_client: Map::default(),
            by_mention: HashMap::default(),
        };
        for (place, (subject, draft)) in subjects.iter().zip(drafts).enumerate() {
            let service = weigh(&draft.evidence).filter(|(service, _)| !service.is_generic());
            known.services.push(service.map(|(service, _)| service.clone()));
            let Some((_, strongest)) = service else { continue };
            known.enter(place, subject, strongest.kind);
        }
        known
    }

    fn enter(&mut self, place: usize, subject: &Subject<'_>, kind: Kind) {
        let client = subject.client.ip();
        self.by_client.entry(client).or_default().push(place);
        let role = self.roles.get(place).copied().unwrap_or(Role::Unknown);
        if kind > Kind::Inherited && !matches!(role, Role::Web | Role::Telemetry | Role::Peer) {
            self.by_pair.entry((client, subject.server.ip())).or_default().push(place);
        }
        if subject.transport == Transport::Udp && kind == Kind::Signature {
            self.by_socket.entry(subject.client).or_default().push(place);
        }
        for mention in subject.facts.map_or(&[][..], |facts| &facts.mentions) {
            if mention.kind != MentionKind::Mapped {
                self.by_mention.entry((client, mention.address)).or_insert((place, mention.kind));
            }
        }
    }

    /// Adds to `draft` what other flows lend it.
    pub(super) fn lend(&self, place: usize, draft: &mut Draft) {
        let Some(subject) = self.subjects.get(place) else { return };
        self.confirm_shared(subject, draft);
        let named = weigh(&draft.evidence).is_some_and(|(service, _)| !service.is_generic());
        if named || !draft.may_inherit(subject) {
            return;
        }
        let lent = self
            .of_mention(subject, draft)
            .or_else(|| self.of_socket(subject, draft))
            .or_else(|| self.of_pair(subject, draft));
        draft.evidence.extend(lent);
    }

    /// Names and prefixes that several services share count where the client uses the service otherwise.
    fn confirm_shared(&self, subject: &Subject<'_>, draft: &mut Draft) {
        let places = self.by_client.get(&subject.client.ip()).map_or(&[][..], Vec::as_slice);
        for mut evidence in std::mem::take(&mut draft.shared) {
            let other = places.iter().copied().find(|place| {
                self.services.get(*place).is_some_and(|service| *service == evidence.service)
                    && self.near(*place, subject, CLIENT_WINDOW)
            });
            if let Some(other) = other.and_then(|other| self.subjects.get(other)) {
                evidence.detail.push_str("; the client also uses ");
                evidence.detail.push_str(&other.server.to_string());
                evidence.kind = Kind::Inherited;
                draft.evidence.push(evidence);
            }
        }
    }

    fn of_mention(&self, subject: &Subject<'_>, draft: &mut Draft) -> Option<Evidence> {
        let (place, kind) = *self.by_mention.get(&(subject.client.ip(), subject.server))?;
        if !self.near(place, subject, CLIENT_WINDOW) {
            return None;
        }
        draft.is_peer = matches!(kind, MentionKind::Peer | MentionKind::Candidate);
        self.evidence(place, "mentioned-address", &format!("named as {} in the flow with", kind.name()))
    }

    fn of_socket(&self, subject: &Subject<'_>, draft: &mut Draft) -> Option<Evidence> {
        if subject.transport != Transport::Udp {
            return None;
        }
        let places = self.by_socket.get(&subject.client)?;
        let place = places.iter().copied().find(|place| self.near(*place, subject, SOCKET_WINDOW))?;
        // From a socket that a call already uses, to an address that no list or name knows: a participant.
        draft.is_peer = !draft.has_address_evidence();
        self.evidence(place, "same-socket", "same socket of the client as the flow with")
    }

    fn of_pair(&self, subject: &Subject<'_>, draft: &mut Draft) -> Option<Evidence> {
        let places = self.by_pair.get(&(subject.client.ip(), subject.server.ip()))?;
        let place = places.iter().copied().find(|place| self.near(*place, subject, CLIENT_WINDOW))?;
        let same_port = self.subjects.get(place).is_some_and(|other| other.port() == subject.port());
        if let (true, Some(service), Some(role)) =
            (same_port, self.services.get(place).cloned().flatten(), self.roles.get(place))
        {
            draft.promised.push((service, Kind::Inherited, false, *role));
        }
        self.evidence(place, "same-server", "same client and server as the flow with")
    }

    fn evidence(&self, place: usize, rule: &'static str, words: &str) -> Option<Evidence> {
        let other = self.subjects.get(place)?;
        let service = self.services.get(place)?.clone()?;
        let detail = format!("{words} {}", other.server);
        Some(Evidence {
            kind: Kind::Inherited,
            rule,
            service: Some(service),
            packet: Some(other.first_packet),
            detail,
        })
    }

    fn near(&self, place: usize, subject: &Subject<'_>, window: Duration) -> bool {
        self.subjects.get(place).is_some_and(|other| gap(other, subject) <= window)
    }

    /// Media of a provider is another product's where the client talks to that product: Slack's huddles run on
    /// Amazon Chime, and Skype has the relays of Teams.
    pub(super) fn tenant(&self, subject: &Subject<'_>, service: &Service) -> Option<Evidence> {
        let tenant = TENANTS.iter().find(|(landlord, _)| landlord == service).map(|(_, tenant)| tenant)?;
        let places = self.by_client.get(&subject.client.ip())?;
        let near = |place: &&usize| self.near(**place, subject, CLIENT_WINDOW);
        let of = |wanted: &Service, place: &usize| {
            let named = self.services.get(*place).is_some_and(|service| service.as_ref() == Some(wanted));
            named && self.subjects.get(*place).is_some_and(|subject| subject.transport == Transport::Tcp)
        };
        let own = places.iter().filter(near).any(|place| of(service, place));
        let place = places.iter().filter(near).find(|place| of(tenant, place))?;
        if own {
            None
        } else {
            self.evidence(
                *place,
                "tenant",
                "the client talks to that service, and to no other that has such media:",
            )
        }
    }
}

/// Services whose media another service uses: whose it is, and who else has it.
const TENANTS: [(Service, Service); 2] = [(Service::CHIME, Service::SLACK), (Service::TEAMS, Service::SKYPE)];

/// Time between two flows; zero where they overlap.
fn gap(a: &Subject<'_>, b: &Subject<'_>) -> Duration {
    let between = |end: Timestamp, start: Timestamp| start.since(end);
    between(a.end, b.start).max(between(b.end, a.start))
}
