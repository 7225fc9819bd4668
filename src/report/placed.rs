//! What is known of the place of an address, for people, and as the endpoint object of the JSON report.

use super::model::EndpointReport;
use super::text::escape;
use crate::locate::{Claim, ClaimKind, CountryCode, Placement, Scope};
use jiff::Timestamp;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

/// Writes placements one after the other. It remembers what comes again: to format a date takes as long as a look-up.
#[derive(Debug)]
pub struct Placed {
    sources: Vec<Known>,
    /// The words for kinds of claims.
    labels: [(ClaimKind, [u8; LABEL_COLUMNS]); 5],
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
        let kinds = [
            ClaimKind::Hint,
            ClaimKind::Registry,
            ClaimKind::Database,
            ClaimKind::Geofeed,
            ClaimKind::Provider,
        ];
        Self { sources: Vec::new(), labels: kinds.map(|kind| (kind, label(kind.name()))), octets }
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
            let found = self.labels.iter().find(|(kind, _)| *kind == claim.kind);
            self.claim(out, found.map_or([b' '; LABEL_COLUMNS], |(_, label)| *label), claim);
        }
        for contradiction in &location.contradictions {
            push_all(out, &[b"  against   ", escape(&contradiction.reason).as_bytes(), b"\n"]);
        }
        for claim in &location.history {
            self.claim(out, label("build"), claim);
        }
        push_all(out, &[b"  because   ", location.explanation().as_bytes(), b"\n"]);
    }

    fn claim(&mut self, out: &mut Vec<u8>, label: [u8; LABEL_COLUMNS], claim: &Claim) {
        out.extend_from_slice(&label);
        out.extend_from_slice(&claim.country.map_or(*b"--", CountryCode::letters));
        out.extend_from_slice(self.source(claim).as_bytes());
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

    /// The source of a claim and its date, with a space before each.
    fn source(&mut self, claim: &Claim) -> &str {
        let is_same = |known: &Known| Arc::ptr_eq(&known.source, &claim.source) && known.built == claim.built;
        let place = self.sources.iter().position(is_same).unwrap_or_else(|| {
            let date = claim.built.map(|built| built.strftime(" %Y-%m-%d").to_string());
            let text = format!(" {}{}", claim.source, date.unwrap_or_default());
            // Only names of files make sources, and lists have few dates: this stays small.
            self.sources.push(Known { source: Arc::clone(&claim.source), built: claim.built, text });
            self.sources.len() - 1
        });
        self.sources.get(place).map_or("", |known| &known.text)
    }
}

/// A source and its date as they are written.
#[derive(Debug)]
struct Known {
    source: Arc<str>,
    built: Option<Timestamp>,
    text: String,
}

/// Columns of the word before a claim, and of what is before that.
const LABEL_COLUMNS: usize = 12;

/// `  database  `.
fn label(word: &str) -> [u8; LABEL_COLUMNS] {
    let mut label = [b' '; LABEL_COLUMNS];
    for (place, letter) in label.iter_mut().skip(2).zip(word.bytes()) {
        *place = letter;
    }
    label
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
