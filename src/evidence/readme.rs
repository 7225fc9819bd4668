//! `README.txt`: the bundle in plain words, for whoever has to judge it.

use super::manifest::{GivenAs, KeyEntry, Manifest, PACKETS, REPORT};
use crate::policy::Verdict;
use crate::report::{Report, SessionReport, Time, text};
use std::fmt::Write as _;

/// Columns of a line.
const WIDTH: usize = 80;
/// Calls listed; the report has them all.
const MAX_CALLS: usize = 20;

/// The text; `packets` has the numbers of each finding's packets in the capture of the bundle.
pub(super) fn render(report: &Report, manifest: &Manifest, packets: &[Vec<u64>]) -> String {
    let mut out = Text::default();
    out.line("EVIDENCE BUNDLE");
    out.blank();
    out.paragraph(
        "",
        &format!(
            "{} {} looked in captures of network traffic for video calls, worked out in which countries the servers \
             are, and held that against rules. This folder has what it concluded and the packets behind its findings.",
            manifest.tool.name, manifest.tool.version
        ),
    );
    sources(&mut out, report, manifest);
    seen(&mut out, report, packets);
    shows(&mut out, manifest);
    shows_not(&mut out, report, manifest);
    check(&mut out);
    again(&mut out, manifest);
    out.0
}

/// The command that made the bundle, with names of files without folders.
pub(super) fn command(manifest: &Manifest) -> String {
    let mut words = vec!["landfall".to_owned(), "inspect".to_owned()];
    words.extend(manifest.settings.arguments());
    for database in &manifest.databases {
        let flag = match database.given_as {
            GivenAs::Anycast => "--anycast",
            GivenAs::Db => "--db",
            GivenAs::Ranges => "--ranges",
            GivenAs::Embedded => continue,
        };
        words.extend([flag.to_owned(), database.name.clone().unwrap_or_default()]);
    }
    for file in &manifest.services {
        words.extend(["--services".to_owned(), file.name.clone()]);
    }
    match manifest.pseudonyms {
        Some(KeyEntry::Given) => words.extend(["--pseudonymize", "--key-file", "KEY"].map(str::to_owned)),
        Some(KeyEntry::Random) => words.push("--pseudonymize".to_owned()),
        None => {}
    }
    words.extend(["--evidence", "DIR", "--"].map(str::to_owned));
    words.extend(manifest.inputs.iter().map(|input| input.name.clone()));
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    quoted.join(" ")
}

/// A word as a shell takes it; what would steer a terminal is written out.
fn quote(word: &str) -> String {
    let word = text::escape(word);
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn sources(out: &mut Text, report: &Report, manifest: &Manifest) {
    out.heading("WHAT IT WAS MADE FROM");
    for (input, entry) in report.inputs.iter().zip(&manifest.inputs) {
        let span = match (input.first_packet, input.last_packet) {
            (Some(first), Some(last)) => format!(", {} to {} UTC", clock(first), clock(last)),
            _ => String::new(),
        };
        let packets = text::counted(usize::try_from(input.packets).unwrap_or(usize::MAX), "packet");
        out.paragraph("  ", &format!("capture {}: {packets}{span}", text::escape(&entry.name)));
        out.line(&format!("    sha256 {}", entry.sha256));
    }
    for database in &manifest.databases {
        let built = database.built.as_deref().and_then(|built| built.get(..10)).unwrap_or("unknown date");
        let name = database.name.as_deref().unwrap_or("carried by the program");
        out.paragraph(
            "  ",
            &format!("database {} of {built} ({})", text::escape(&database.id), text::escape(name)),
        );
        out.line(&format!("    sha256 {}", database.sha256));
    }
    for file in &manifest.services {
        out.paragraph("  ", &format!("catalogue of services {}", text::escape(&file.name)));
        out.line(&format!("    sha256 {}", file.sha256));
    }
    if manifest.policy.text.is_empty() {
        out.paragraph("  ", "rules: none, so everything is allowed");
    }
    for rule in manifest.policy.text.lines() {
        out.paragraph("  ", &format!("rule: {}", text::escape(rule)));
    }
}

fn seen(out: &mut Text, report: &Report, packets: &[Vec<u64>]) {
    out.heading("WHAT WAS SEEN");
    out.paragraph("", &format!("The verdict on all of it is {}.", report.verdict.name().to_uppercase()));
    for lack in &report.lacks {
        out.paragraph("", &format!("Not everything could be read: {}", text::escape(lack)));
    }
    out.blank();
    if report.sessions.is_empty() {
        out.paragraph("", "No calls were found.");
    }
    for session in report.sessions.iter().take(MAX_CALLS) {
        out.paragraph("  ", &call(session));
    }
    if let Some(more) = report.sessions.len().checked_sub(MAX_CALLS).filter(|more| *more > 0) {
        out.paragraph("  ", &format!("and {} in {REPORT}", text::counted(more, "further call")));
    }
    if report.findings.is_empty() {
        out.blank();
        out.paragraph("", &format!("There are no findings, so {PACKETS} has no packets."));
    }
    for (finding, (place, numbers)) in report.findings.iter().zip(packets.iter().enumerate()) {
        out.blank();
        let rule = finding.rule.as_deref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
        let numbers = match (numbers.len(), ranges(numbers)) {
            (0, _) => format!("no packets of {PACKETS}"),
            (1, list) => format!("packet {list} of {PACKETS}"),
            (_, list) => format!("packets {list} of {PACKETS}"),
        };
        let verdict = finding.verdict.name();
        out.paragraph("", &format!("Finding {} ({verdict}{}), {numbers}:", place + 1, text::escape(&rule)));
        out.paragraph("  ", &text::escape(&finding.reason));
    }
}

fn call(session: &SessionReport) -> String {
    let countries: Vec<String> =
        session.countries.iter().map(|country| country.country.to_string()).collect();
    let countries = if countries.is_empty() { "no known country".to_owned() } else { countries.join(", ") };
    format!(
        "{}: {} call of {}, {} to {} UTC: {}; it touched {countries}",
        session.id,
        text::escape(&session.service_name),
        session.client,
        clock(session.start),
        clock(session.end),
        session.verdict,
    )
}

fn shows(out: &mut Text, manifest: &Manifest) {
    out.heading("WHAT IT SHOWS");
    out.item(&format!(
        "{PACKETS} has the packets behind the findings, with their times and lengths: of each flow the whole opening \
         and {} packets more, the answers that gave the server its name, and the attempts that failed before. The \
         comment on each packet says which finding it belongs to and what it shows, after its number in the capture \
         that it was taken from.",
        manifest.settings.evidence_packets
    ));
    out.item(&format!(
        "{REPORT} has every claim about where an address is, by whom and of what date, also those that disagree."
    ));
    if manifest.packets.left_out > 0 {
        out.item(&format!(
            "{} were left out of {PACKETS}, because there are too many or because they could not be made safe to share.",
            text::counted(usize::try_from(manifest.packets.left_out).unwrap_or(usize::MAX), "packet")
        ));
    }
    if manifest.pseudonyms.is_some() {
        out.item(
            "Addresses of clients and participants, MAC addresses, names of the local network and user names are \
             pseudonyms: the same thing has the same pseudonym everywhere, and addresses of one network stay in one. \
             Public addresses became addresses in 240.0.0.0/4 and 2001:db8::/32, which are in no country; countries \
             in the report were worked out before. Servers, countries, times and sizes are as they were.",
        );
        out.item(&format!(
            "In {PACKETS} each packet was made again from what was decoded of it: tunnels are shown as IP in IP, \
             other link layers than Ethernet are left out, and of payloads only hellos of TLS, answers of DNS, STUN \
             and headers of RTP are kept, with random bytes, identifiers and keys set to zero. Lengths on the wire are \
             the original ones."
        ));
    }
}

fn shows_not(out: &mut Text, report: &Report, manifest: &Manifest) {
    out.heading("WHAT IT DOES NOT SHOW");
    out.item(
        "What encrypted connections carried: no key, no picture and no word of a call was seen. A finding says which \
         server was contacted and how far that went.",
    );
    out.item(
        "Where an address is, beyond doubt: that is what the named sources say of it, and what the round-trip time \
         allows.",
    );
    if report.verdict != Verdict::Deny || report.findings.is_empty() {
        out.item("That nothing else happened: only what is in the captures could be seen.");
    }
    out.item(&format!(
        "What else is in the captures: {PACKETS} has only packets of findings. What {REPORT} says of the rest can be \
         checked with the captures."
    ));
    out.item(
        "Who made this folder: the hashes tell whether a file changed since, not who wrote them. Whoever needs that \
         signs SHA256SUMS.",
    );
    if manifest.pseudonyms.is_some() {
        out.item("Who took part: that was replaced.");
    }
}

fn check(out: &mut Text) {
    out.heading("HOW TO CHECK IT");
    out.paragraph("", "With tools that have nothing to do with the program:");
    out.line("  sha256sum -c SHA256SUMS");
    out.line(&format!("  capinfos -H {PACKETS}"));
    out.line(&format!("  tshark -r {PACKETS} -T fields -e frame.number -e frame.comment"));
    out.paragraph(
        "",
        &format!("The SHA256 of capinfos has to be the one that manifest.json has for {PACKETS}."),
    );
    out.paragraph("", "With the program, in this folder:");
    out.line("  landfall evidence verify .");
}

fn again(out: &mut Text, manifest: &Manifest) {
    out.heading("HOW TO MAKE IT AGAIN");
    let version = text::escape(&manifest.tool.version);
    out.paragraph(
        "",
        &format!(
            "With the captures, and version {version} of the program, the same command gives the same bytes:"
        ),
    );
    out.command(&manifest.command);
    if manifest.pseudonyms == Some(KeyEntry::Random) {
        out.paragraph(
            "",
            "The key of the pseudonyms was random and is gone, so the pseudonyms will be others. Everything else will \
             be the same.",
        );
        return;
    }
    out.paragraph("", "Or have the program do that and compare, here:");
    let captures = manifest.inputs.iter().map(|input| format!(" --capture {}", quote(&input.name)));
    let files = manifest.databases.iter().filter_map(|database| database.name.as_deref());
    let files = files.chain(manifest.services.iter().map(|file| file.name.as_str()));
    let files = files.chain(manifest.settings.policy_file());
    let files = files.map(|name| format!(" --with {}", quote(name)));
    let key = manifest.pseudonyms.map(|_| " --key-file KEY".to_owned());
    let flags: String = captures.chain(files).chain(key).collect();
    out.command(&format!("landfall evidence verify .{flags}"));
}

/// `2020-04-03 14:02:11`.
fn clock(time: Time) -> String {
    let text = time.at.rfc3339(crate::capture::Precision::new(0));
    text.trim_end_matches('Z').replace('T', " ")
}

/// `1-4, 9`.
fn ranges(numbers: &[u64]) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let shown = parts.iter().map(
        |(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        },
    );
    shown.collect::<Vec<_>>().join(", ")
}

/// Lines of at most 80 columns, where words allow.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.0, "{line}");
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        self.blank();
        self.line(heading);
        self.blank();
    }

    fn item(&mut self, text: &str) {
        self.wrapped("- ", "  ", text, "");
    }

    fn paragraph(&mut self, indent: &str, text: &str) {
        let hang = if indent.is_empty() { "" } else { "    " };
        self.wrapped(indent, hang, text, "");
    }

    /// A command, cut between words where the shell goes on with the next line.
    fn command(&mut self, command: &str) {
        self.wrapped("  ", "      ", command, " \\");
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str, end: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            let length = line.chars().count() + word.chars().count() + end.len();
            if !is_empty && length >= WIDTH {
                line.push_str(end);
                self.line(&line);
                rest.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::example;
    use super::*;

    #[test]
    fn a_command_can_be_typed() {
        let mut manifest = example();
        manifest.settings.filter = Some("udp port 8801".to_owned());
        manifest.settings.idle_gap = 90;
        manifest.settings.evidence_packets = 16;
        manifest.inputs[0].name = "it's.pcap".to_owned();
        assert_eq!(
            command(&manifest),
            "landfall inspect --filter 'udp port 8801' --db x.mmdb --pseudonymize --evidence DIR -- 'it'\\''s.pcap'"
        );
    }

    #[test]
    fn numbers_are_listed_as_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn lines_are_cut_between_words() {
        let mut out = Text::default();
        out.item(&"word ".repeat(40));
        assert!(out.0.lines().all(|line| line.len() <= WIDTH && !line.ends_with('\\')), "{}", out.0);
        let mut out = Text::default();
        out.command(&"word ".repeat(40));
        assert!(out.0.lines().take(2).all(|line| line.len() <= WIDTH && line.ends_with(" \\")), "{}", out.0);
    }
}
