//! What is known of the place of an address, for people, and as the endpoint object of the JSON report.

use super::model::EndpointReport;
use super::text::escape;
use crate::locate::{Claim, CountryCode, Placement, Scope};
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
        push_address(out, address);
        if let Some(embedded) = placement.embedded_ipv4 {
            let _ = write!(out, " ({} {})", embedded.via.name(), embedded.address);
        }
        if placement.scope != Scope::Global {
            let _ = writeln!(out, "  {}: in no country", placement.scope.name());
            return;
        }
        if let Some(country) = location.country {
            push_all(out, &["  ", country.as_str(), " ", country.name()]);
        }
        push_all(out, &["  ", location.confidence.name(), "\n"]);
        if let Some(operator) = &placement.operator {
            out.push_str("  operator  AS");
            push_number(out, operator.asn.number());
            out.push(' ');
            push_escaped(out, operator.organization.as_deref().unwrap_or_default());
            out.push('\n');
        }
        for claim in &location.claims {
            self.claim(out, claim.kind.name(), claim);
        }
        for contradiction in &location.contradictions {
            push_all(out, &["  against   ", &escape(&contradiction.reason), "\n"]);
        }
        for claim in &location.history {
            self.claim(out, "build", claim);
        }
        push_all(out, &["  because   ", &location.explanation(), "\n"]);
    }

    fn claim(&mut self, out: &mut String, label: &str, claim: &Claim) {
        const LABEL_COLUMNS: &str = "          ";
        push_all(out, &["  ", label, LABEL_COLUMNS.get(label.len()..).unwrap_or(" ")]);
        push_all(out, &[claim.country.as_ref().map_or("--", CountryCode::as_str), " ", &claim.source]);
        if let Some(built) = claim.built {
            push_all(out, &[" ", self.date(built)]);
        }
        if claim.far_in_time {
            let _ = write!(out, " ({} days off)", claim.days_off.unwrap_or_default());
        }
        if let Some(network) = claim.network {
            out.push(' ');
            push_address(out, network.addr());
            out.push('/');
            push_number(out, u32::from(network.prefix_len()));
        }
        if let Some(region) = &claim.region {
            out.push(' ');
            push_escaped(out, region);
        }
        if let Some(registered) =
            claim.registered_country.filter(|_| claim.country != claim.registered_country)
        {
            push_all(out, &[" (registered in ", registered.as_str(), ")"]);
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

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// A text of a database, made harmless; most are plain.
fn push_escaped(out: &mut String, text: &str) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        out.push_str(text);
    } else {
        out.push_str(&escape(text));
    }
}

/// An address as it is written anyway, without the formatting machinery, which takes as long as a look-up.
fn push_address(out: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(out, "{address}");
        return;
    };
    let [a, b, c, d] = address.octets();
    push_number(out, u32::from(a));
    for octet in [b, c, d] {
        out.push('.');
        push_number(out, u32::from(octet));
    }
}

fn push_number(out: &mut String, number: u32) {
    let mut digits = [b'0'; 10];
    let mut rest = number;
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = u8::try_from(rest % 10).map_or(b'0', |value| b'0' + value);
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    let text = digits.get(digits.len() - count..).and_then(|digits| str::from_utf8(digits).ok());
    out.push_str(text.unwrap_or_default());
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
