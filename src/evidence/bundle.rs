//! Puts a bundle together: report, packets, manifest, a text for people, and the hashes.

use super::collect::{Collection, Render, collect};
use super::manifest::{
    self, DatabaseEntry, FileEntry, GivenAs, KeyEntry, Manifest, PacketsEntry, PolicyEntry, ToolEntry,
};
use super::names::{EMBEDDED, FileNames};
use super::pcapng::{Interface, Packet, Writer};
use super::pseudonyms::Pseudonyms;
use super::select::{Fact, Plan};
use super::{EvidenceError, Settings, readme, rebuild};
use crate::capture::{Filter, Frame, Input, LinkType, Precision};
use crate::decode;
use crate::pipeline::{Inspected, Request};
use crate::report::{Finding, Format, Report};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Bytes of a file that adds to the catalogue.
const MAX_SERVICES: u64 = 64 << 20;

/// The files of a bundle, by name.
#[derive(Debug)]
pub struct Bundle {
    /// Name and contents.
    pub files: BTreeMap<&'static str, Vec<u8>>,
    /// The manifest, which is one of the files.
    pub manifest: Manifest,
}

/// What a bundle is made of.
pub(super) struct Ingredients<'a> {
    pub(super) request: &'a Request,
    /// Packets of each flow after its handshake.
    pub(super) each: usize,
    pub(super) pseudonyms: Option<&'a Pseudonyms>,
    /// What files are called in the bundle.
    pub(super) names: &'a FileNames,
}

impl Bundle {
    /// The bundle of `inspected`, whose report has the names and addresses that the bundle is to have.
    ///
    /// `plan` was made before addresses were replaced.
    pub(super) fn new(
        ingredients: &Ingredients<'_>,
        inspected: &Inspected,
        plan: &Plan,
    ) -> Result<Self, EvidenceError> {
        let collection = packets(ingredients, inspected, plan)?;
        let report = &inspected.report;
        let capture = write_packets(ingredients, &inspected.analysis.inputs, &collection, report);
        let settings = Settings::of(ingredients.request, ingredients.each);
        let kept = PacketsEntry { kept: collection.packets.len() as u64, left_out: collection.left_out };
        let mut manifest = Manifest {
            schema_version: Manifest::version(),
            tool: ToolEntry { name: report.tool.name.to_owned(), version: report.tool.version.to_owned() },
            command: String::new(),
            settings,
            inputs: inputs(report, ingredients.names),
            databases: databases(report, ingredients.request),
            services: services(ingredients.request, ingredients.names)?,
            policy: policy(report),
            pseudonyms: ingredients.pseudonyms.map(|pseudonyms| {
                if pseudonyms.key().is_given() { KeyEntry::Given } else { KeyEntry::Random }
            }),
            packets: kept,
            outputs: Vec::new(),
        };
        manifest.command = readme::command(&manifest);
        let numbers: Vec<Vec<u64>> = numbers_by_finding(&collection, report.findings.len());
        let text = readme::render(report, &manifest, &numbers);
        let mut files = BTreeMap::from([
            (manifest::REPORT, report.render(Format::Json)),
            (manifest::PACKETS, capture),
            (manifest::README, text.into_bytes()),
        ]);
        manifest.outputs = files.iter().map(|(name, bytes)| FileEntry::of(name, bytes)).collect();
        let rendered = manifest.render();
        let sums = manifest::sums(&manifest::hash(&rendered), &manifest.outputs);
        files.insert(manifest::MANIFEST, rendered);
        files.insert(manifest::SUMS, sums.into_bytes());
        Ok(Self { files, manifest })
    }
}

fn packets(
    ingredients: &Ingredients<'_>,
    inspected: &Inspected,
    plan: &Plan,
) -> Result<Collection, EvidenceError> {
    if plan.is_empty() {
        return Ok(Collection::default());
    }
    let request = ingredients.request;
    let filter = request.filter.as_deref().map(Filter::new).transpose()?;
    let mut as_captured =
        |frame: &Frame<'_>, _: &[decode::Packet<'_>]| Some((frame.link_type, frame.bytes.to_vec()));
    let mut safe = |frame: &Frame<'_>, packets: &[decode::Packet<'_>]| {
        ingredients.pseudonyms.and_then(|pseudonyms| rebuild::rebuild(frame, packets, pseudonyms))
    };
    let render: &mut Render<'_> = if ingredients.pseudonyms.is_some() { &mut safe } else { &mut as_captured };
    collect(&request.paths, &inspected.analysis.inputs, filter, plan, ingredients.each, render)
}

/// The packets as a capture: the interfaces that they were captured at, and on each packet what it shows.
fn write_packets(
    ingredients: &Ingredients<'_>,
    inputs: &[Input],
    collection: &Collection,
    report: &Report,
) -> Vec<u8> {
    let program = format!("{} {}", report.tool.name, report.tool.version);
    let mut writer = Writer::new(&program, "packets behind the findings of report.json; README.txt explains");
    let mut interfaces: BTreeMap<(u16, u16, LinkType), u32> = BTreeMap::new();
    for (at, picked) in &collection.packets {
        let place = usize::from(at.input());
        let key = (at.input(), picked.interface, picked.link_type);
        let interface = *interfaces.entry(key).or_insert_with(|| {
            let input = inputs.get(place);
            // The name of an interface can be that of a machine or its network.
            let named = input.filter(|_| ingredients.pseudonyms.is_none());
            let name = named.and_then(|input| input.interfaces.get(usize::from(picked.interface)));
            writer.interface(&Interface {
                name: name.map_or("", String::as_str),
                description: ingredients.names.inputs.get(place).map_or("", String::as_str),
                link_type: picked.link_type,
                precision: input.map_or(Precision::NANOSECONDS, |input| input.precision),
            })
        });
        let comment = comment(at.number(), picked.facts.iter(), &report.findings);
        let comment = match ingredients.pseudonyms {
            Some(pseudonyms) => pseudonyms.text(&comment),
            None => comment,
        };
        writer.packet(&Packet {
            interface,
            time: picked.time,
            wire_length: picked.wire_length,
            bytes: &picked.bytes,
            comment: &comment,
        });
    }
    writer.into_bytes()
}

/// `packet 142; finding 1 (deny, deny-1): signaling flow with 52.81.151.250:443 (tcp): SYN from the client`.
fn comment<'a>(number: u64, facts: impl Iterator<Item = &'a Fact>, findings: &[Finding]) -> String {
    let mut by_finding: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for fact in facts {
        by_finding.entry(fact.finding).or_default().push(&fact.shows);
    }
    let mut comment = format!("packet {number}");
    for (number, shows) in by_finding {
        let finding = number.checked_sub(1).and_then(|place| findings.get(place));
        let verdict = finding.map_or_else(String::new, |finding| match &finding.rule {
            Some(rule) => format!(" ({}, {rule})", finding.verdict),
            None => format!(" ({})", finding.verdict),
        });
        let _ = write!(comment, "; finding {number}{verdict}: {}", shows.join(" | "));
    }
    crate::report::text::escape(&comment)
}

/// The numbers of the bundle's packets, from 1, that each finding has.
fn numbers_by_finding(collection: &Collection, findings: usize) -> Vec<Vec<u64>> {
    let mut numbers = vec![Vec::new(); findings];
    for (picked, number) in collection.packets.values().zip(1..) {
        let of: std::collections::BTreeSet<usize> = picked.facts.iter().map(|fact| fact.finding).collect();
        for finding in of {
            if let Some(list) = finding.checked_sub(1).and_then(|place| numbers.get_mut(place)) {
                list.push(number);
            }
        }
    }
    numbers
}

fn inputs(report: &Report, names: &FileNames) -> Vec<FileEntry> {
    let entry = |(input, name): (&crate::report::InputReport, &String)| FileEntry {
        name: name.clone(),
        size: input.size.unwrap_or(0),
        sha256: input.sha256.clone().unwrap_or_default(),
    };
    report.inputs.iter().zip(&names.inputs).map(entry).collect()
}

/// The databases of `report`, which names them without folders.
fn databases(report: &Report, request: &Request) -> Vec<DatabaseEntry> {
    let given = report.databases.iter().filter(|database| database.path != EMBEDDED).count();
    let lists = request.ranges.len() + request.anycast.len();
    let mut place = 0;
    let mut entries = Vec::new();
    for database in &report.databases {
        let given_as = if database.path == EMBEDDED {
            GivenAs::Embedded
        } else {
            place += 1;
            if place <= given.saturating_sub(lists) {
                GivenAs::Db
            } else if place <= given.saturating_sub(request.anycast.len()) {
                GivenAs::Ranges
            } else {
                GivenAs::Anycast
            }
        };
        entries.push(DatabaseEntry {
            id: database.id.to_string(),
            given_as,
            name: (given_as != GivenAs::Embedded).then(|| database.path.clone()),
            built: database.built.map(|built| built.to_string()),
            sha256: database.sha256.map(|hash| manifest::hexadecimal(&hash)).unwrap_or_default(),
        });
    }
    entries
}

fn services(request: &Request, names: &FileNames) -> Result<Vec<FileEntry>, EvidenceError> {
    let entry = |(path, name): (&PathBuf, &String)| {
        let bytes = read(path, "catalogue of services", MAX_SERVICES)?;
        Ok(FileEntry::of(name, &bytes))
    };
    request.services.iter().zip(&names.services).map(entry).collect()
}

/// Reads a file that must not have more than `limit` bytes.
pub(super) fn read(path: &Path, what: &'static str, limit: u64) -> Result<Vec<u8>, EvidenceError> {
    use std::io::Read as _;
    let unreadable = |source| EvidenceError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(EvidenceError::TooLarge { path: path.to_owned(), what, limit });
    }
    Ok(bytes)
}

fn policy(report: &Report) -> PolicyEntry {
    let rules: Vec<&str> = report.policy.rules.iter().map(|rule| rule.text.as_str()).collect();
    let text = rules.join("\n");
    let sha256 = report.policy.sha256.clone().unwrap_or_else(|| manifest::hash(text.as_bytes()));
    PolicyEntry { name: report.policy.name.clone(), text, sha256 }
}

impl Plan {
    fn is_empty(&self) -> bool {
        self.flows.is_empty() && self.packets.is_empty() && self.loose.is_empty()
    }
}
