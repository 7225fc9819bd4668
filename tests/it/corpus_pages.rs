//! The page of a corpus: what is in the file, of small corpora and of those that are as great as they get.

use landfall::corpus::summary::{Call, End, Failover, Found, Sighting, Tally, html, sheets};
use landfall::corpus::{Settings, Status};
use std::collections::BTreeMap;

/// A string that would do something, or show as something else, wherever it is not escaped.
const MARK: &str = "\"'><script>owned()</script><img src=x onerror=owned()>\u{202e}\u{1b}[31m{{7*7}}=cmd()";

const SERVICES: [&str; 7] = ["zoom", "meet", "teams", "webex", "whatsapp", "discord", "unknown-media"];
const REGIONS: [Option<&str>; 9] = [
    Some("IT"),
    Some("NO"),
    Some("US"),
    Some("BR"),
    Some("JP"),
    Some("campus north"),
    Some("ZA"),
    Some("IN"),
    None,
];
const ROLES: [&str; 5] = ["media", "signaling", "relay", "probe", "web"];

/// Numbers that look like chance and are the same every time (Numerical Recipes, 7.1).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[usize::try_from(self.below(values.len() as u64)).unwrap()].clone()
    }
}

fn day(number: u64) -> String {
    let first: jiff::civil::Date = "2018-03-01".parse().unwrap();
    (first + jiff::Span::new().days(i64::try_from(number).unwrap())).to_string()
}

fn settings() -> Settings {
    Settings {
        schema_version: Settings::VERSION.to_owned(),
        tool: "0.1.0".to_owned(),
        policy: serde_json::json!({"name": "no-mainland-china", "rules": [{"text": "deny CN"}]}),
        databases: serde_json::json!([{"id": "dbip-country-lite", "built": "2026-06-01T20:32:58Z"}]),
        options: BTreeMap::from([("idle_gap".to_owned(), "90".to_owned())]),
    }
}

fn found(tally: Tally) -> Found {
    Found {
        tally,
        campaigns: 12,
        settings: Some(settings()),
        statuses: BTreeMap::from([(Status::Done, 12)]),
        ..Found::default()
    }
}

/// Calls over so many days to so many countries, most of them to a few.
fn corpus(days: u64, countries: usize, calls: u64) -> Found {
    let mut chance = Chance(7);
    let mut codes: Vec<String> = ["US", "NL", "DE", "CN", "HK"].map(ToOwned::to_owned).to_vec();
    codes.extend(landfall::locate::countries().iter().map(|country| country.code.to_string()));
    codes.truncate(countries);
    let mut tally = Tally::default();
    for number in 0..calls {
        // Services come and go, and there is a gap.
        let at = number * days / calls;
        if days > 100 && (at / 30) % 11 == 5 {
            continue;
        }
        let country = |chance: &mut Chance| {
            let among = if chance.below(4) == 0 { codes.len() } else { 5.min(codes.len()) };
            Some(chance.of(&codes[..among])).filter(|_| chance.below(12) > 0)
        };
        let ends = (0..chance.below(4)).map(|_| End {
            role: chance.of(&ROLES).to_owned(),
            answered: chance.below(9) > 0,
            country: country(&mut chance),
        });
        let ends = ends.collect();
        let has_failed = chance.below(5) == 0;
        let failover = Failover {
            before: country(&mut chance),
            after: country(&mut chance),
            leaves_home: chance.of(&[Some(true), Some(false), None]),
        };
        let among = chance.below(SERVICES.len() as u64) + 1;
        tally.call(&Call {
            service: SERVICES[usize::try_from(chance.below(among)).unwrap()].to_owned(),
            day: day(at),
            region: chance.of(&REGIONS).map(ToOwned::to_owned),
            verdict: chance.of(&["allow", "allow", "allow", "deny", "indeterminate"]).to_owned(),
            ends,
            failovers: if has_failed { vec![failover] } else { Vec::new() },
        });
    }
    for server in 0..calls.min(60) {
        for part in 0..=chance.below(3) {
            tally.server(Sighting {
                address: format!("192.0.2.{server}"),
                services: vec!["zoom".to_owned()],
                country: chance.of(&codes),
                first: day(days * part / 4),
                last: day(days * (part + 1) / 4),
            });
        }
    }
    found(tally)
}

/// A corpus in which every string that comes from captures, manifests or the user is [`MARK`].
fn hostile() -> Found {
    let mut tally = Tally::default();
    let mark = || MARK.to_owned();
    let end = |role: &str| End { role: role.to_owned(), answered: true, country: Some(mark()) };
    tally.call(&Call {
        service: mark(),
        day: "2020-04-03".to_owned(),
        region: Some(mark()),
        verdict: mark(),
        ends: vec![end("media"), end(MARK)],
        failovers: vec![Failover { before: Some(mark()), after: Some(mark()), leaves_home: None }],
    });
    tally.call(&Call { service: mark(), day: mark(), ..Call::default() });
    for country in [mark(), "CN".to_owned()] {
        let (first, last) = (mark(), mark());
        tally.server(Sighting { address: mark(), services: vec![mark()], country, first, last });
    }
    let policy = serde_json::json!({"name": MARK, "rules": [{"text": MARK}]});
    let databases = serde_json::json!([{"id": MARK, "built": MARK}]);
    let options = BTreeMap::from([(mark(), mark())]);
    Found {
        settings: Some(Settings { tool: mark(), policy, databases, options, ..settings() }),
        notes: vec![mark()],
        missing: 1,
        damaged: vec![mark()],
        twice: vec![mark()],
        statuses: BTreeMap::from([(Status::Failed, 1), (Status::Damaged, 1), (Status::LeftOut, 2)]),
        ..found(tally)
    }
}

fn page(found: &Found) -> String {
    String::from_utf8(html(found, &sheets(&found.tally)).unwrap()).unwrap()
}

/// Pages by what is in them. They are left in the folder of the tests, to be looked at.
pub fn pages() -> Vec<(&'static str, String)> {
    let pages = vec![
        ("empty", page(&found(Tally::default()))),
        ("one", page(&corpus(1, 2, 1))),
        ("day", page(&corpus(1, 4, 300))),
        ("month", page(&corpus(40, 12, 4_000))),
        ("years", page(&corpus(3 * 365, 200, 40_000))),
        ("hostile", page(&hostile())),
    ];
    for (name, page) in &pages {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("corpus-{name}.html"));
        std::fs::write(path, page).unwrap();
    }
    pages
}

#[test]
fn a_page_needs_nothing_and_is_no_greater_than_a_browser_opens_at_once() {
    for (name, page) in pages() {
        for wanting in ["http:", "https:", "<script", "@import", "url(h", "<img", "style=\""] {
            assert!(!page.contains(wanting), "{name}: {wanting}");
        }
        assert!(page.contains("script-src 'none'"), "{name}");
        assert!(page.len() < 8_000_000, "{name}: {} bytes", page.len());
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{name}");
    }
}

#[test]
fn what_a_manifest_says_does_nothing_on_the_page() {
    let page = page(&hostile());
    for wrong in ["<script", "<img", "\u{202e}", "\u{1b}", "onerror=owned()>"] {
        assert!(!page.contains(wrong), "{wrong:?}");
    }
    assert!(page.matches("&lt;script&gt;owned()").count() > 20);
}

#[test]
fn a_page_says_what_is_not_in_it() {
    let page = page(&Found {
        notes: vec!["a.pcap: not in the tables: 'a.pcap' is empty".to_owned()],
        missing: 1,
        statuses: BTreeMap::from([(Status::Done, 1), (Status::Failed, 1), (Status::LeftOut, 3)]),
        ..found(Tally::default())
    });
    for words in [
        "No call was found.",
        "1 more could not be read",
        "3 files left out that are no captures",
        "a.pcap: not in the tables",
        "no-mainland-china: deny CN",
        "dbip-country-lite of 2026-06-01",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
