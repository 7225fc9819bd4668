//! What is known of the place of an address, for people, and as the endpoint object of the JSON report.

use super::model::EndpointReport;
use super::text::escape;
use crate::locate::{Claim, CountryCode, Placement, Scope};
use jiff::Timestamp;
use std::io::Write as _;
use std::net::IpAddr;

/// Writes placements one after the other. It remembers dates: sources have few, and to format one takes as long as a
/// look-up.
#[derive(Debug)]
pub struct Placed {
    dates: Vec<(Timestamp, String)>,
    /// The numbers of one octet with a dot behind them, and how many letters that are.
    octets: [([u8; 4], u8); 256],
}

impl Default for Placed {
    fn default() -> Self {
        let mut octets = [([b'.'; 4], 0); 256];
        for (number, (letters, count)) in octets.iter_mut().enumerate() {
            for (place, digit) in letters.iter_mut().zip(number.to_string().bytes()) {
                *place = digit;
                *count += 1;
            }
            *count += 1;
        }
        Self { dates: Vec::new(), octets }
    }
}

impl Placed {
    /// Adds the lines of one address.
    pub fn table(&mut self, out: &mut Vec<u8>, address: IpAddr, placement: &Placement) {
        let location = &placement.location;
        self.address(out, address);
        if let Some(embedded) = placement.embedded_ipv4 {
            let _ = write!(out, " ({} {})", embedded.via.name(), embedded.address);
        }
        if placement.scope != Scope::Global {
            let _ = writeln!(out, "  {}: in no country", placement.scope.name());
            return;
        }
        if let Some(country) = location.country {
            push_all(out, &[b"  ", &country.letters(), b" ", country.name().as_bytes()]);
        }
        push_all(out, &[b"  ", location.confidence.name().as_bytes(), b"\n"]);
        if let Some(operator) = &placement.operator {
            out.extend_from_slice(b"  operator  AS");
            push_number(out, operator.asn.number());
            out.push(b' ');
            push_escaped(out, operator.organization.as_deref().unwrap_or_default());
            out.push(b'\n');
        }
        for claim in &location.claims {
            self.claim(out, claim.kind.name(), claim);
        }
        for contradiction in &location.contradictions {
            push_all(out, &[b"  against   ", escape(&contradiction.reason).as_bytes(), b"\n"]);
        }
        for claim in &location.history {
            self.claim(out, "build", claim);
        }
        push_all(out, &[b"  because   ", location.explanation().as_bytes(), b"\n"]);
    }

    fn claim(&mut self, out: &mut Vec<u8>, label: &str, claim: &Claim) {
        const LABEL_COLUMNS: &[u8] = b"          ";
        push_all(out, &[b"  ", label.as_bytes(), LABEL_COLUMNS.get(label.len()..).unwrap_or(b" ")]);
        let country = claim.country.map_or(*b"--", CountryCode::letters);
        push_all(out, &[&country, b" ", claim.source.as_bytes()]);
        if let Some(built) = claim.built {
            push_all(out, &[b" ", self.date(built).as_bytes()]);
        }
        if claim.far_in_time {
            let _ = write!(out, " ({} days off)", claim.days_off.unwrap_or_default());
        }
        if let Some(network) = claim.network {
            out.push(b' ');
            self.address(out, network.addr());
            out.push(b'/');
            let (letters, count) = self.octet(network.prefix_len());
            out.extend_from_slice(letters.get(..count - 1).unwrap_or_default());
        }
        if let Some(region) = &claim.region {
            out.push(b' ');
            push_escaped(out, region);
        }
        if let Some(registered) =
            claim.registered_country.filter(|_| claim.country != claim.registered_country)
        {
            push_all(out, &[b" (registered in ", &registered.letters(), b")"]);
        }
        out.push(b'\n');
    }

    /// An address as it is written anyway, without the formatting machinery, which takes as long as a look-up.
    fn address(&self, out: &mut Vec<u8>, address: IpAddr) {
        let IpAddr::V4(address) = address else {
            let _ = write!(out, "{address}");
            return;
        };
        // Four numbers with a dot behind each have 16 letters at most.
        let mut text = [0; 16];
        let mut length = 0;
        for octet in address.octets() {
            let (letters, count) = self.octet(octet);
            if let Some(place) = text.get_mut(length..).and_then(<[u8]>::first_chunk_mut) {
                *place = letters;
            }
            length += count;
        }
        out.extend_from_slice(text.get(..length - 1).unwrap_or_default());
    }

    /// The letters of a number with a dot behind them, and how many that are.
    fn octet(&self, number: u8) -> ([u8; 4], usize) {
        let (letters, count) = self.octets.get(usize::from(number)).copied().unwrap_or_default();
        (letters, usize::from(count))
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

fn push_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A text of a database, made harmless; most are plain.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        out.extend_from_slice(text.as_bytes());
    } else {
        out.extend_from_slice(escape(text).as_bytes());
    }
}

fn push_number(out: &mut Vec<u8>, number: u32) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(u8::try_from(number % 10).map_or(b'0', |digit| b'0' + digit));
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
