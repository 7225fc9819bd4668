//! The view as a person meets it: what keys do, and what the picture shows at sizes and on terminals of all kinds.

use super::app::{App, Effect, Origin, Tab};
use super::draw::draw;
use super::keyboard::Key;
use super::style::Look;
use crate::capture::{Progress, Timestamp};
use crate::pipeline::live::{FindingTold, Snapshot, Told};
use crate::pipeline::{self, Request};
use crate::policy::Verdict;
use crate::report::{NameReport, ProcessReport, Report, SessionReport, Time};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const PLAIN: Look = Look { colour: false, unicode: true };
const COLOUR: Look = Look { colour: true, unicode: true };
const ASCII: Look = Look { colour: false, unicode: false };

const TABS: [char; 6] = ['1', '2', '3', '4', '5', '6'];

/// The report on a sample: a Zoom call that touches CN.
fn report() -> Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    let make = || {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-captures/zoom-beijing-keys.pcapng");
        let request = Request { paths: vec![path], deny: vec!["CN".to_owned()], ..Request::default() };
        let mut report = pipeline::inspect(&request, &Progress::default().into()).unwrap().report;
        report.for_each_input_path(|path| "zoom.pcapng".clone_into(path));
        report
    };
    REPORT.get_or_init(make).clone()
}

/// A report with more calls: `change` is given each and its number, from 0.
fn report_of(calls: usize, change: impl Fn(&mut SessionReport, usize)) -> Report {
    let mut report = report();
    let first = report.sessions.remove(0);
    for number in 0..calls {
        let mut call = first.clone();
        call.id = format!("s{}", number + 1);
        call.client = IpAddr::V4(Ipv4Addr::from(0xc000_0200 + u32::try_from(number).unwrap()));
        let shift = i64::try_from(number).unwrap() * 1_000_000_000;
        call.start.at = Timestamp::from_nanoseconds(1_585_922_531_000_000_000 + shift);
        if number > 0 {
            call.verdict = Verdict::Allow;
            call.findings.clear();
        }
        change(&mut call, number);
        report.sessions.push(call);
    }
    report
}

fn snapshot(report: Report) -> Arc<Snapshot> {
    Arc::new(Snapshot::of_report(report).unwrap())
}

fn origin(live: bool) -> Origin {
    let title = if live { "eth0" } else { "zoom.pcapng" };
    Origin { title: title.to_owned(), live, idle_gap: Duration::from_secs(90), notes: Vec::new() }
}

fn app_of(report: Report, live: bool) -> App {
    let mut app = App::new(origin(live), PLAIN, (80, 24));
    app.snapshot(snapshot(report));
    app
}

fn type_in(app: &mut App, text: &str) {
    text.chars().for_each(|character| {
        app.key(Key::Char(character));
    });
}

fn picture(app: &App, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect()
}

fn text(app: &mut App, columns: u16, rows: u16) -> String {
    app.resize((columns, rows));
    lines(&picture(app, columns, rows)).join("\n")
}

fn line_with(text: &str, part: &str) -> String {
    text.lines()
        .find(|line| line.contains(part))
        .unwrap_or_else(|| panic!("no {part:?} in\n{text}"))
        .to_owned()
}

fn ids(app: &App) -> Vec<String> {
    let sessions = &app.snapshot_shown().unwrap().report.sessions;
    app.rows.calls.iter().map(|place| sessions[*place].id.clone()).collect()
}

fn selected(app: &App) -> String {
    app.call().unwrap().id.clone()
}

// --- what is seen ---

#[test]
fn eighty_columns_show_the_call_its_servers_and_the_finding() {
    let text = text(&mut app_of(report(), false), 80, 24);
    assert!(text.starts_with("landfall  DENIED  zoom.pcapng  735 packets  0 dropped\n"), "{text}");
    assert!(line_with(&text, "192.0.2.10 ").starts_with("▶ DENY Zoom "), "{text}");
    let server = line_with(&text, "52.81.151.250:443");
    assert_eq!(
        server.split_whitespace().collect::<Vec<_>>(),
        ["DENY", "signaling", "52.81.151.250:443", "CN", "confirmed", "control", "238", "ms", "46", "kB"]
    );
    assert!(line_with(&text, "144.195.27.24").contains("US likely"), "{text}");
    assert!(text.contains("deny-1: TLS control connection of the Zoom call"), "{text}");
    assert!(text.contains("What it\n  carried is not visible in the capture."), "{text}");
    assert!(text.ends_with("Enter details  Tab next"), "{text}");
}

#[test]
fn a_large_terminal_shows_map_and_timeline_beside_the_lists() {
    let text = text(&mut app_of(report(), false), 120, 40);
    for part in ["Calls: 1", "zoombj12mmr.zoom.us", "Finding of s1", "Map of s1 Zoom", "Timeline of s1 Zoom"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn the_smallest_terminal_shows_what_matters_and_a_smaller_one_says_so() {
    let mut app = app_of(report(), false);
    let small = text(&mut app, 40, 10);
    assert!(small.contains("DENIED") && small.contains("[1 Calls]"), "{small}");
    assert!(line_with(&small, "192.0.2.10").starts_with("▶ DENY Zoom"), "{small}");
    app.key(Key::Char('2'));
    assert!(line_with(&text(&mut app, 40, 10), "52.81.151.250").contains("CN confi…"));
    assert_eq!(text(&mut app, 39, 9).lines().next().unwrap(), "39x9 is too small: 40x10 at least; q");
    text(&mut app, 1, 1);
    text(&mut app, 0, 0);
}

#[test]
fn every_picture_fits_and_has_nothing_beyond_ascii_where_that_is_all_there_is() {
    let mut hostile = hostile();
    hostile.look = ASCII;
    for (columns, rows) in [(40, 10), (80, 24), (120, 40), (300, 100)] {
        for tab in TABS {
            hostile.key(Key::Char(tab));
            for open in [Key::Enter, Key::Char('?')] {
                // Map and timeline are the business of their own tests.
                if tab == '3' || tab == '4' || columns > 100 {
                    text(&mut hostile, columns, rows);
                } else {
                    let text = text(&mut hostile, columns, rows);
                    assert!(text.is_ascii(), "{columns}x{rows} tab {tab}:\n{text}");
                }
                hostile.key(open);
            }
            hostile.key(Key::Esc);
            hostile.key(Key::Esc);
        }
    }
}

#[test]
fn colour_carries_nothing_that_words_do_not() {
    let mut app = app_of(report(), false);
    for tab in TABS.into_iter().filter(|tab| !"34".contains(*tab)) {
        app.key(Key::Char(tab));
        app.look = COLOUR;
        let coloured = picture(&app, 80, 24);
        app.look = PLAIN;
        let plain = picture(&app, 80, 24);
        assert_eq!(lines(&coloured), lines(&plain));
        assert!(plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        assert!(coloured.content.iter().any(|cell| cell.fg != Color::Reset));
    }
}

#[test]
fn nothing_to_show_is_said() {
    let mut app = App::new(origin(true), PLAIN, (80, 24));
    assert!(text(&mut app, 80, 24).contains("Waiting for the first look"));
    app.snapshot(snapshot(report_of(0, |_, _| {})));
    assert!(text(&mut app, 80, 24).contains("No call yet. The capture goes on"));
    for tab in TABS {
        app.key(Key::Char(tab));
        app.key(Key::Enter);
        app.key(Key::Down);
        text(&mut app, 80, 24);
    }
    let mut saved = app_of(report_of(0, |_, _| {}), false);
    assert!(text(&mut saved, 80, 24).contains("No call in what was read"));
}

/// Names, services and programs that would steer a terminal, overlap, or take two columns a character.
fn hostile() -> App {
    let mut report = report_of(3, |call, number| {
        call.service_name =
            ["\u{1b}[2JZoom", "視訊會議視訊會議視訊會議視訊", "a\u{202e}b\u{301}\u{301}"][number].to_owned();
        call.processes = vec![ProcessReport { name: "\u{7}\u{9b}31m\n".to_owned(), pid: 7 }];
        for far in &mut call.endpoints {
            far.names = vec![NameReport { name: "ü世\u{200b}\u{1b}]0;x\u{7}".repeat(30), via: "tls" }];
            far.address = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
        }
    });
    for finding in &mut report.findings {
        finding.reason = "\u{1b}c".repeat(400);
        finding.rule = Some("\r\n世".to_owned());
    }
    report.lacks = vec!["\u{1b}[31m".to_owned()];
    report.for_each_input_path(|path| "\u{1b}]2;世界\u{7}".clone_into(path));
    let mut app = app_of(report, true);
    app.origin.title = "\u{1b}[1meth0".to_owned();
    app
}

#[test]
fn what_came_off_the_wire_cannot_steer_the_terminal() {
    let mut app = hostile();
    for look in [PLAIN, COLOUR, ASCII] {
        app.look = look;
        for tab in TABS {
            app.key(Key::Char(tab));
            for key in [Key::Enter, Key::Esc, Key::Char('?'), Key::Esc] {
                let buffer = picture(&app, 80, 24);
                for cell in &buffer.content {
                    let harmless = |character: char| {
                        crate::report::text::escape(&character.to_string()).chars().eq([character])
                    };
                    assert!(cell.symbol().chars().all(harmless), "{:?}", cell.symbol());
                }
                app.key(key);
            }
        }
    }
}

#[test]
fn wide_characters_do_not_push_columns_out_of_line() {
    let mut app = hostile();
    let shown = text(&mut app, 80, 24);
    let buffer = picture(&app, 80, 24);
    let head = lines(&buffer).iter().position(|line| line.contains("service")).unwrap();
    let symbol = |x: u16, y: u16| buffer[(x, y)].symbol();
    let head = u16::try_from(head).unwrap();
    let is_client =
        |x: &u16| (*x..80).zip("client".chars()).all(|(x, letter)| symbol(x, head) == letter.to_string());
    let column = (0..80).find(is_client).unwrap();
    let rows: Vec<u16> = (1..4).map(|offset| head + offset).collect();
    assert!(rows.iter().all(|y| symbol(column, *y) == "1"), "{shown}");
}

#[test]
fn a_call_that_goes_on_and_its_program_are_marked() {
    let with_program = |call: &mut SessionReport, number: usize| {
        call.processes = vec![ProcessReport { name: "zoom".to_owned(), pid: 4123 }];
        if number == 1 {
            call.end.at = Timestamp::from_nanoseconds(1_585_900_000_000_000_000);
        }
    };
    let text = text(&mut app_of(report_of(2, with_program), true), 100, 24);
    assert!(line_with(&text, "192.0.2.0 ").contains("Zoom *"), "{text}");
    assert!(!line_with(&text, "192.0.2.1 ").contains('*'), "{text}");
    assert!(line_with(&text, "192.0.2.1 ").contains("zoom 4123"), "{text}");
}

#[test]
fn five_hundred_calls_can_be_walked_through() {
    let mut app = app_of(report_of(500, |_, _| {}), false);
    assert_eq!(selected(&app), "s1");
    app.key(Key::End);
    assert_eq!(app.call_at(), 499);
    assert!(line_with(&text(&mut app, 80, 24), "▶").contains(&app.call().unwrap().client.to_string()));
    app.key(Key::PageUp);
    assert_eq!(app.call_at(), 499 - 18);
    app.key(Key::Char('g'));
    app.key(Key::PageDown);
    app.key(Key::Char('k'));
    app.key(Key::Up);
    assert_eq!(app.call_at(), 16);
}

#[test]
fn losses_damage_and_what_a_person_should_know_are_shown() {
    let mut report = report();
    report.inputs[0].dropped_packets = Some(1234);
    report.lacks = vec!["1,234 packets were dropped while capturing".to_owned()];
    let mut app = app_of(report, true);
    app.origin.notes = vec!["metrics are at http://127.0.0.1:9184/metrics".to_owned()];
    assert!(text(&mut app, 80, 24).lines().next().unwrap().contains("1,234 DROPPED"));
    assert!(text(&mut app, 40, 10).lines().next().unwrap().contains("1,234 DROPPED"));
    app.key(Key::Char('6'));
    app.key(Key::End);
    let text = text(&mut app, 80, 24);
    assert!(text.contains("WHAT TO KNOW") && text.contains("http://127.0.0.1:9184/metrics"), "{text}");
}

// --- what keys do ---

#[test]
fn the_selection_stays_on_the_same_call_when_order_and_list_change() {
    let mut app = app_of(report_of(6, |_, _| {}), true);
    app.key(Key::Down);
    app.key(Key::Down);
    let chosen = selected(&app);
    for _ in 0..8 {
        app.key(Key::Char('s'));
        assert_eq!(selected(&app), chosen);
        app.key(Key::Char('r'));
        assert_eq!(selected(&app), chosen);
    }
    app.snapshot(snapshot(report_of(40, |_, _| {})));
    assert_eq!(selected(&app), chosen);
    // What has vanished leaves the selection where it stood.
    app.key(Key::End);
    let place = app.call_at();
    app.snapshot(snapshot(report_of(3, |_, _| {})));
    assert!(place > 2 && app.call_at() == 2);
}

#[test]
fn calls_are_sorted_by_what_is_asked_for_both_ways() {
    let mut app = app_of(report_of(3, |_, _| {}), false);
    assert_eq!(ids(&app), ["s1", "s3", "s2"], "the denied one first, then the newest");
    app.key(Key::Char('s'));
    assert_eq!(ids(&app), ["s3", "s2", "s1"], "newest first");
    app.key(Key::Char('r'));
    assert_eq!(ids(&app), ["s1", "s2", "s3"], "oldest first");
    app.key(Key::Char('s'));
    app.key(Key::Char('s'));
    assert_eq!(ids(&app), ["s1", "s2", "s3"], "by client");
    assert!(text(&mut app, 80, 24).contains("by client, upwards"));
}

#[test]
fn servers_are_sorted_by_what_is_asked_for() {
    let mut app = app_of(report(), false);
    app.key(Key::Char('2'));
    let first = |app: &App| app.server().unwrap().1.address.to_string();
    assert_eq!(first(&app), "52.81.151.250");
    type_in(&mut app, "s");
    app.key(Key::Home);
    assert_eq!(first(&app), "144.195.27.24", "media first");
    type_in(&mut app, "ss");
    app.key(Key::Home);
    assert_eq!(first(&app), "144.195.27.24", "21 ms is the shortest round trip");
    type_in(&mut app, "r");
    app.key(Key::Home);
    assert!(app.server().unwrap().1.rtt.is_none(), "what was not timed is not short");
}

#[test]
fn a_filter_finds_words_in_all_that_is_shown_and_capitals_are_a_country() {
    let mut app =
        app_of(report_of(3, |call, number| call.endpoints.truncate(if number == 0 { 99 } else { 0 })), false);
    for (filter, found) in [
        ("zoom", 3),
        ("ZOOM 192.0.2.1", 1),
        ("denied", 1),
        ("signaling", 1),
        ("zoombj12mmr", 1),
        ("china", 1),
        ("no such", 0),
    ] {
        app.key(Key::Char('/'));
        type_in(&mut app, filter);
        app.key(Key::Enter);
        assert_eq!(app.rows.calls.len(), found, "{filter}");
        app.key(Key::Esc);
        assert_eq!(app.rows.calls.len(), 3);
    }
    app.key(Key::Char('/'));
    type_in(&mut app, "CN");
    app.key(Key::Enter);
    assert_eq!(app.rows.servers.len(), 1);
    assert!(text(&mut app, 80, 24).contains("filter \"CN\""));
}

#[test]
fn what_is_typed_into_the_filter_is_no_command() {
    let mut app = app_of(report(), false);
    app.key(Key::Char('/'));
    type_in(&mut app, "q?p 2");
    assert_eq!(app.filter, "q?p 2");
    assert!(text(&mut app, 80, 24).ends_with("filter: q?p 2_  Enter keeps, Esc drops"));
    app.key(Key::Backspace);
    assert_eq!(app.filter, "q?p ");
    app.key(Key::Esc);
    assert!(app.filter.is_empty() && !app.typing);
    type_in(&mut app, "/");
    type_in(&mut app, &"x".repeat(1000));
    assert!(app.filter.len() < 200);
    assert_eq!(app.key(Key::Ctrl('c')), Effect::Leave);
}

#[test]
fn a_pause_keeps_the_picture_and_says_how_much_it_is_behind() {
    let mut app = app_of(report_of(2, |_, _| {}), true);
    app.key(Key::Char('p'));
    let mut later = report_of(5, |_, _| {});
    later.inputs[0].packets += 321;
    let last = later.inputs[0].last_packet.unwrap();
    let at = Timestamp::from_nanoseconds(last.at.nanoseconds() + 12_000_000_000);
    later.inputs[0].last_packet = Some(Time { at, ..last });
    app.snapshot(snapshot(later));
    assert_eq!(app.rows.calls.len(), 2);
    assert!(text(&mut app, 80, 24).contains("PAUSED, 12 s and 321 packets behind"));
    assert!(text(&mut app, 40, 10).contains("PAUSED"));
    app.key(Key::Char(' '));
    assert_eq!(app.rows.calls.len(), 5);
    let mut saved = app_of(report(), false);
    saved.key(Key::Char('p'));
    assert!(!saved.paused, "a saved capture does not go on");
}

fn told(verdict: Verdict, again: bool) -> Told {
    let report = report();
    let mut finding = report.findings[0].clone();
    finding.verdict = verdict;
    let time = report.sessions[0].start;
    Told::Finding(FindingTold { time, again, service_name: None, finding })
}

#[test]
fn the_bell_rings_once_for_each_new_denied_finding() {
    let mut app = app_of(report(), true);
    assert!(!app.take_bell(), "what was found before is not news");
    app.told(&told(Verdict::Indeterminate, false));
    app.told(&told(Verdict::Deny, true));
    assert!(!app.take_bell());
    app.told(&told(Verdict::Deny, false));
    app.key(Key::Char('p'));
    app.told(&told(Verdict::Deny, false));
    assert!(app.take_bell() && !app.take_bell());
    assert!(text(&mut app, 80, 24).contains("5 Findings: 2 NEW"));
    app.key(Key::Char('5'));
    assert!(!text(&mut app, 80, 24).contains("NEW"));
}

#[test]
fn enter_tells_all_about_what_is_selected_and_escape_goes_back() {
    let mut app = app_of(report(), false);
    app.key(Key::Enter);
    let call = text(&mut app, 80, 200);
    for part in [
        "failover   14:02:18 zoomsjc7mmr.zoom.us (US) no answer x3, refused",
        "WHERE ITS FAR ENDS ARE, AND WHO SAYS SO",
        "provider  CN cloud-regions 2026-08-22",
        "because   independent sources agree, and none names another country",
        "WHY, AND WHAT WOULD HAVE CHANGED IT",
        "- would be allowed if it had not answered",
    ] {
        assert!(call.contains(part), "{part}:\n{call}");
    }
    app.key(Key::Esc);
    assert!(app.detail.is_none());
    app.key(Key::Char('2'));
    app.key(Key::Enter);
    assert!(text(&mut app, 80, 200).contains("SNI zoombj12mmr.zoom.us fits *mmr*.zoom.us"));
    app.key(Key::Char('5'));
    assert!(app.detail.is_none(), "a number leads to its tab from anywhere");
    app.key(Key::Enter);
    assert!(
        text(&mut app, 80, 200).contains("First packet: number 142 of 'zoom.pcapng'."),
        "{}",
        text(&mut app, 80, 60)
    );
}

#[test]
fn tabs_follow_each_other_both_ways() {
    let mut app = app_of(report(), false);
    let seen: Vec<Tab> = (0..7)
        .map(|_| {
            app.key(Key::Tab);
            app.tab
        })
        .collect();
    assert_eq!(
        seen,
        [Tab::Servers, Tab::Map, Tab::Timeline, Tab::Findings, Tab::Capture, Tab::Calls, Tab::Servers]
    );
    app.key(Key::BackTab);
    app.key(Key::BackTab);
    assert_eq!(app.tab, Tab::Capture);
}

#[test]
fn left_and_right_choose_the_call_of_every_tab_and_a_takes_all() {
    let mut app = app_of(report_of(3, |_, _| {}), false);
    app.key(Key::Char('2'));
    assert_eq!(app.rows.servers.len(), 9);
    app.key(Key::Right);
    assert_eq!(selected(&app), "s3");
    app.key(Key::Left);
    assert_eq!(selected(&app), "s1");
    app.key(Key::Char('a'));
    assert_eq!(app.rows.servers.len(), 27);
    assert!(text(&mut app, 80, 24).contains("Far ends of all calls: 27"));
    app.key(Key::Char('3'));
    assert!(text(&mut app, 80, 24).contains("Map of all calls"));
}

#[test]
fn leaving_stopping_and_drawing_anew_are_asked_for() {
    let mut app = app_of(report(), false);
    assert_eq!(app.key(Key::Ctrl('z')), Effect::Suspend);
    assert_eq!(app.key(Key::Ctrl('l')), Effect::Repaint);
    app.key(Key::Char('?'));
    assert!(text(&mut app, 80, 24).contains("leave; a live capture then ends with its report"));
    assert_eq!(app.key(Key::Char('q')), Effect::Leave);
}

// --- laws ---

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        prop::sample::select(vec![
            Key::BackTab,
            Key::Backspace,
            Key::Down,
            Key::End,
            Key::Enter,
            Key::Esc,
            Key::Home,
            Key::Left,
            Key::PageDown,
            Key::PageUp,
            Key::Right,
            Key::Tab,
            Key::Up,
            Key::Ctrl('l'),
            Key::Ctrl('u'),
        ]),
        prop::sample::select("123456?pssrraa/hgGjk CN".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        any::<char>().prop_map(Key::Char),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Key(Key),
    Resize(u16, u16),
    Snapshot(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_key().prop_map(Step::Key),
        1 => (0_u16..140, 0_u16..50).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        1 => (0_usize..6).prop_map(Step::Snapshot),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_happens_is_drawn(steps in prop::collection::vec(any_step(), 0..40), live: bool) {
        let mut app = App::new(origin(live), PLAIN, (80, 24));
        let mut size = (80, 24);
        for step in steps {
            match step {
                Step::Key(key) => {
                    app.key(key);
                }
                Step::Resize(columns, rows) => {
                    size = (columns, rows);
                    app.resize(size);
                }
                Step::Snapshot(calls) => app.snapshot(snapshot(report_of(calls, |_, _| {}))),
            }
            picture(&app, size.0, size.1);
        }
    }
}
