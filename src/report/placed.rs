//! What is known of the place of an address, for people, and as the endpoint object of the JSON report.

use super::model::EndpointReport;
use super::text::escape;
use crate::locate::{Claim, Placement, Scope};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Writes placements one after the other. It remembers dates: sources have few, and to format one takes as long as a
/// look-up.
#[derive(Debug, Default)]
pub struct Placed {
    dates: Vec<(Timestamp, String)>,
}

impl Placed {
    /// Adds the lines of one address.
    pub fn table(&mut self, out: &mut String, address: IpAddr, placement: &Placement) {
        let location = &placement.location;
        let _ = write!(out, "{address}");
        if let Some(embedded) = placement.embedded_ipv4 {
            let _ = write!(out, " ({} {})", embedded.via.name(), embedded.address);
        }
        if placement.scope != Scope::Global {
            let _ = writeln!(out, "  {}: in no country", placement.scope.name());
            return;
        }
        match location.country {
            Some(country) => {
                let _ = writeln!(out, "  {country} {}  {}", country.name(), location.confidence.name());
            }
            None => {
                let _ = writeln!(out, "  {}", location.confidence.name());
            }
        }
        if let Some(operator) = &placement.operator {
            let name = operator.organization.as_deref().map(escape).unwrap_or_default();
            let _ = writeln!(out, "  operator  {} {name}", operator.asn);
        }
        for claim in &location.claims {
            self.claim(out, claim.kind.name(), claim);
        }
        for contradiction in &location.contradictions {
            let _ = writeln!(out, "  against   {}", escape(&contradiction.reason));
        }
        for claim in &location.history {
            self.claim(out, "build", claim);
        }
        let _ = writeln!(out, "  because   {}", location.explanation());
    }

    fn claim(&mut self, out: &mut String, label: &str, claim: &Claim) {
        let country = claim.country.map_or("--".to_owned(), |country| country.to_string());
        let _ = write!(out, "  {label:9} {country} {}", escape(&claim.source));
        if let Some(built) = claim.built {
            out.push(' ');
            out.push_str(self.date(built));
        }
        if claim.far_in_time {
            let _ = write!(out, " ({} days off)", claim.days_off.unwrap_or_default());
        }
        if let Some(network) = claim.network {
            let _ = write!(out, " {network}");
        }
        if let Some(region) = &claim.region {
            let _ = write!(out, " {}", escape(region));
        }
        if let Some(registered) =
            claim.registered_country.filter(|_| claim.country != claim.registered_country)
        {
            let _ = write!(out, " (registered in {registered})");
        }
        out.push('\n');
    }

    fn date(&mut self, time: Timestamp) -> &str {
        let place = self.dates.iter().position(|(known, _)| *known == time).unwrap_or_else(|| {
            let date = time.to_string();
            self.dates.push((time, date.split('T').next().unwrap_or_default().to_owned()));
            self.dates.len() - 1
        });
        self.dates.get(place).map_or("", |(_, date)| date)
    }
}

impl EndpointReport {
    /// The object of an address of which no packet is known.
    pub fn of_placement(address: IpAddr, placement: Placement) -> Self {
        Self {
            address,
            scope: placement.scope,
            packets: 0,
            bytes: 0,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            first_seen: None,
            last_seen: None,
            names: Vec::new(),
            operator: placement.operator,
            services: Vec::new(),
            roles: Vec::new(),
            contact: None,
            location: placement.location,
            rtt: None,
            mentioned: Vec::new(),
        }
    }
}
