//! Where the client of a call is: its own address tells, or what servers see it at; else what the user says.

use super::Builder;
use crate::identify::facts::MentionKind;
use crate::locate::CountryCode;
use crate::policy::CountrySet;
use crate::session::Session;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Where a client is.
pub(super) struct Client {
    /// The countries that it may be in; none where nothing is known of that.
    pub(super) countries: CountrySet,
    /// What says so.
    pub(super) via: Option<&'static str>,
}

impl Builder<'_> {
    /// Where a client is that was seen at addresses in these countries; where there are none, where the user says that
    /// the capture was taken, else at home.
    pub(super) fn client_of(&self, seen: BTreeSet<CountryCode>) -> Client {
        if !seen.is_empty() {
            return Client { countries: seen.into_iter().collect(), via: Some("address") };
        }
        if let Some(country) = self.material.vantage {
            return Client { countries: [country].into_iter().collect(), via: Some("vantage") };
        }
        let home = self.material.home;
        Client { countries: home.clone(), via: (!home.is_empty()).then_some("home") }
    }

    /// Countries of the client's address, and of those that servers see it at.
    pub(super) fn countries_seen(&self, session: &Session) -> BTreeSet<CountryCode> {
        let mapped = session
            .legs
            .iter()
            .filter(|leg| !leg.opened_by_far)
            .filter_map(|leg| self.flow(leg.flow))
            .flat_map(|(subject, _)| subject.facts.map_or(&[][..], |facts| &facts.mentions));
        let public =
            mapped.filter(|mention| mention.kind == MentionKind::Mapped).map(|mention| mention.address.ip());
        let candidates: BTreeSet<IpAddr> = public.chain([session.client]).collect();
        candidates.into_iter().filter_map(|address| self.country(address)).collect()
    }
}
