//! What the far end of a flow does.

use super::{Draft, Subject};
use crate::flow::Transport;
use crate::identify::evidence::Kind;
use crate::identify::signature::Signature;
use crate::identify::{Catalogue, Role, Service};

/// The role of the server of a flow whose service is known, or known not to be.
///
/// What the packets do comes before what the name promises: a host called a relay that carries media by a relay's
/// protocol is one, whatever else it is called. Over TCP, where the content is hidden, the name comes before the
/// port; over UDP the port comes first, because one host name often serves both.
pub(super) fn role(
    subject: &Subject<'_>,
    draft: &Draft,
    service: Option<&Service>,
    catalogue: &Catalogue,
) -> Role {
    let named = service.and_then(|service| draft.named_role(service));
    if let Some(role) = by_signature(subject, draft, named) {
        return role;
    }
    if draft.is_peer {
        return Role::Peer;
    }
    let port = service.and_then(|service| catalogue.port(service, subject.port()));
    let datagrams = subject.transport == Transport::Udp && !draft.carries_name;
    let by_catalogue = if datagrams { port.or(named) } else { named.or(port) };
    by_catalogue.or_else(|| by_stun(subject)).unwrap_or(Role::Unknown)
}

fn by_signature(subject: &Subject<'_>, draft: &Draft, named: Option<Role>) -> Option<Role> {
    let facts = subject.facts?;
    if facts.has_signature(Signature::ZoomPeerMedia) || facts.has_signature(Signature::ZoomPeerConnect) {
        return Some(Role::Peer);
    }
    let stun = facts.stun.as_deref();
    let turn = stun.is_some_and(|stun| stun.allocate || stun.relayed)
        || facts.has_signature(Signature::WhatsAppRelay);
    if turn || facts.has_signature(Signature::MsMultiplex) {
        // WhatsApp asks several relays at once and stays with one: the others were merely tried.
        let tried = facts.has_signature(Signature::WhatsAppRelay) && !subject.has_media();
        return Some(if tried { Role::Probe } else { Role::Relay });
    }
    let says_role = facts.signatures.iter().any(|(signature, _)| signature.role().is_some());
    if subject.has_media() {
        return Some(match named {
            Some(Role::Relay) => Role::Relay,
            _ if draft.is_peer && !says_role => Role::Peer,
            _ => Role::Media,
        });
    }
    // An exchange that opens media says more than an echo.
    let roles = facts.signatures.iter().filter_map(|(signature, _)| signature.role());
    roles.min()
}

/// STUN alone: a question to a server what one's address is, or the check of a path to a participant.
fn by_stun(subject: &Subject<'_>) -> Option<Role> {
    let stun = subject.facts?.stun.as_deref()?;
    Some(if stun.connectivity_check { Role::Peer } else { Role::Probe })
}

impl Draft {
    /// The role that the strongest name of `service` promises.
    fn named_role(&self, service: &Service) -> Option<Role> {
        let of_service = self.promised.iter().filter(|(of, ..)| of == service);
        of_service.max_by_key(|(_, kind, specific, _)| (*specific, *kind)).map(|(.., role)| *role)
    }
}

/// A role that a name promises: of which service, how the name was learnt, whether a pattern for just such hosts
/// says so (and not the default of a whole domain), and the role.
pub(super) type Promise = (Service, Kind, bool, Role);
