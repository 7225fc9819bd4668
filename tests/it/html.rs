//! The page: what is in the file, without a browser.

use crate::made::strange;
use crate::program::{command, run, run_in, sample_names, samples};
use landfall::capture::Progress;
use landfall::pipeline::{self, Request};
use landfall::report::{Format, NameReport, Report};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// The page of a sample capture.
pub fn page(name: &str) -> String {
    run(&["inspect", "--deny", "CN", "--format", "html", name]).text()
}

fn report(path: &Path) -> Report {
    let request = Request { paths: vec![path.to_owned()], deny: vec!["CN".to_owned()], ..Request::default() };
    pipeline::inspect(&request, &Arc::new(Progress::default())).unwrap().report
}

/// A string that would do something, or show as something else, wherever it is not escaped.
const MARK: &str = "\"'><script>owned()</script><img src=x onerror=owned()>\u{202e}\u{1b}[31m{{7*7}}=cmd()";

/// A report in which every string that comes from packets, files or the user is [`MARK`].
fn hostile_report() -> Report {
    let mut report = report(&samples());
    let mark = || MARK.to_owned();
    let names = |names: &mut Vec<NameReport>| names.iter_mut().for_each(|name| name.name = mark());
    report.lacks.push(mark());
    report.policy.name = Some(mark());
    report.policy.rules.iter_mut().for_each(|rule| (rule.id, rule.text) = (mark(), mark()));
    for input in &mut report.inputs {
        input.path = mark();
        input.link_types.push(mark());
    }
    for database in &mut report.databases {
        (database.id, database.path) = (Arc::from(MARK), mark());
        (database.database_type, database.description) = (mark(), Some(mark()));
    }
    for endpoint in &mut report.endpoints {
        names(&mut endpoint.names);
        endpoint.mentioned.iter_mut().for_each(|mention| mention.input = mark());
        if let Some(operator) = &mut endpoint.operator {
            operator.organization = Some(Arc::from(MARK));
        }
        for claim in &mut endpoint.location.claims {
            (claim.source, claim.region) = (Arc::from(MARK), Some(Arc::from(MARK)));
        }
        endpoint.location.history = endpoint.location.claims.clone();
    }
    for call in &mut report.sessions {
        call.service_name = mark();
        for end in &mut call.endpoints {
            names(&mut end.names);
            end.untouched = Some(mark());
            end.evidence.iter_mut().for_each(|one| one.detail = mark());
            end.first_packet.iter_mut().for_each(|packet| packet.input = mark());
        }
        call.timeline.iter_mut().for_each(|event| event.detail = Some(mark()));
        for failover in &mut call.failovers {
            failover.reached_name = Some(mark());
            failover.failed.iter_mut().for_each(|failed| failed.name = Some(mark()));
        }
    }
    for finding in &mut report.findings {
        (finding.reason, finding.rule) = (mark(), Some(mark()));
        finding.first_packet.iter_mut().for_each(|packet| packet.input = mark());
    }
    report
}

/// Pages whose strings would do something, by name: of a report that is full of them, and of packets that are.
pub fn hostile_pages() -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("<img src=x onerror=owned()>.pcapng");
    std::fs::write(&capture, strange::names()).unwrap();
    let read =
        run_in(folder.path(), &["inspect", "--deny", "CN", "--format", "html", capture.to_str().unwrap()]);
    let rendered = String::from_utf8(hostile_report().render(Format::Html)).unwrap();
    vec![("report", rendered), ("capture", read.text())]
}

/// The text between the only two tags of a kind.
fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = page.split_once(open).unwrap();
    assert!(!rest.contains(open), "{open} twice");
    rest.split_once(close).unwrap().0
}

#[test]
fn the_policy_allows_the_inline_parts_and_nothing_else() {
    let page = page("zoom-beijing-keys.pcapng");
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let digest = |text: &str| {
        let bytes = Sha256::digest(text);
        let sextets = bytes.chunks(3).flat_map(|chunk| {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |place| (bits >> (18 - 6 * place) & 0x3f) as usize).collect::<Vec<_>>()
        });
        let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
        format!("'sha256-{}='", sextets.map(|sextet| letters[sextet]).collect::<String>())
    };
    let style = digest(between(&page, "<style>", "</style>"));
    let script = digest(between(&page, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
        )
    );
}

/// The tags of a page: what stands between `<` and `>`.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split("<style>").flat_map(|part| part.split("</style>")).enumerate();
    let markup = body.filter(|(place, _)| place % 2 == 0).map(|(_, part)| part);
    let markup =
        markup.flat_map(|part| part.split("<script>")).map(|part| part.split("</script>").last().unwrap());
    markup.flat_map(|part| part.split('<').skip(1)).map(|tag| tag.split('>').next().unwrap()).collect()
}

#[test]
fn no_page_refers_to_anything_outside_of_it() {
    for name in sample_names() {
        let page = page(&name);
        for tag in tags(&page) {
            for attribute in [" src=", " srcset=", " style=", " action=", " data=", " poster=", " on"] {
                assert!(!tag.contains(attribute), "{name}: {tag}");
            }
            for link in tag.split("href=\"").skip(1) {
                assert!(link.starts_with('#'), "{name}: {tag}");
            }
            let element = tag.split([' ', '/']).next().unwrap();
            assert!(
                !["iframe", "object", "embed", "img", "link", "base", "form"].contains(&element),
                "{name}: {tag}"
            );
        }
        let style = between(&page, "<style>", "</style>");
        assert!(!style.contains("@import") && !style.contains("@font-face"), "{name}");
        assert!(style.split("url(").skip(1).all(|url| url.starts_with('#')), "{name}");
    }
}

#[test]
fn strings_that_would_do_something_are_text() {
    for (which, page) in hostile_pages() {
        let elements: Vec<&str> = tags(&page).into_iter().map(|tag| tag.split(' ').next().unwrap()).collect();
        assert!(!elements.contains(&"img") && !elements.contains(&"%="), "{which}");
        assert!(tags(&page).iter().all(|tag| !tag.contains("onerror") && !tag.contains("owned")), "{which}");
        let forbidden = ['\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{7}'];
        assert!(!page.contains(forbidden), "{which}");
    }
    let (_, page) = &hostile_pages()[0];
    assert!(page.matches("&lt;script&gt;owned()").count() > 100, "the marks are shown");
    assert!(page.contains("\\u{202e}\\u{1b}[31m{{7*7}}=cmd()"));
}

#[test]
fn it_is_written_beside_another_format() {
    let folder = tempfile::tempdir().unwrap();
    let capture = samples().join("zoom-beijing-keys.pcapng");
    let arguments = ["inspect", "--deny", "CN", "--format", "json", capture.to_str().unwrap()];
    let plain = run_in(folder.path(), &arguments);
    let both = run_in(folder.path(), &[&arguments[..], &["--html", "page.html"]].concat());
    assert_eq!((both.status, both.text()), (1, plain.text()));
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>")
            && page.ends_with("</html>\n")
            && page.contains("<title>Denied: ")
    );
    let bad = command(folder.path(), &[&arguments[..], &["--html", "no/such/page.html"]].concat())
        .output()
        .unwrap();
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn a_page_says_no_more_than_the_packets() {
    let silent = page("denied-probe-unanswered.pcap");
    assert!(silent.contains("<h1>") && silent.contains("no answer") && silent.contains("Not touched:"));
    assert!(!silent.contains("mark deny\">DENY"), "what did not answer is not denied");
    for name in sample_names() {
        assert_eq!(page(&name), page(&name), "the same capture gives the same bytes");
    }
    let beijing = page("zoom-beijing-keys.pcapng");
    for expected in
        ["DENY CN", "client 192.0.2.10, place not known", "failover, +13 s", "not for a city", "packet 142"]
    {
        assert!(beijing.contains(expected), "{expected}");
    }
}

#[test]
fn the_script_is_small() {
    let lines = include_str!("../../src/report/html/script.js").lines().count();
    assert!(lines < 300, "{lines}");
}
