//! Calls, their timelines and failovers: what real captures have to show, and what must not depend on how a
//! call came to be in its files.

use crate::frames::{self, Frame};
use crate::hostile::Seeded;
use crate::program::{run, run_in, sample_names, samples, shared};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The fall-back to Beijing.
const SAMPLE: &str = "zoom-beijing-keys.pcapng";

/// A real capture, where there is one.
fn real(name: &str) -> Option<PathBuf> {
    shared().map(|folder| folder.join("captures").join(name).canonicalize().unwrap())
}

/// The report of a real capture, where there is one.
fn report(name: &str) -> Option<Value> {
    let path = real(name)?;
    Some(run(&["inspect", "--deny", "CN", "--format", "json", path.to_str().unwrap()]).json())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

/// Seconds of a time of day.
fn seconds(time: &str) -> f64 {
    let clock = time[11..].trim_end_matches('Z');
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

fn roles_of(session: &Value, country: &str) -> Vec<String> {
    let of_country = list(session, "countries").iter().filter(|entry| entry["country"] == country);
    of_country.flat_map(|entry| list(entry, "roles")).map(|role| role.as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_calls_years_apart_in_one_file_are_two() {
    let Some(report) = report("ndpi/zoom.pcap") else { return };
    let years: Vec<&str> =
        list(&report, "sessions").iter().map(|session| &text(session, "start")[..4]).collect();
    assert_eq!(years, ["2019", "2023"]);
    for session in list(&report, "sessions") {
        assert_eq!(session["service"], "zoom");
        assert!(list(session, "failovers").is_empty(), "{session}");
    }
    assert_eq!(report["verdict"], "allow");
}

#[test]
fn stalls_of_tls_are_told_and_latency_tests_are_no_failover() {
    let Some(report) = report("ndpi42/webex.pcap") else { return };
    let [session] = &list(&report, "sessions")[..] else { panic!("one call: {}", report["sessions"]) };
    assert_eq!(session["service"], "webex");
    assert!(list(session, "failovers").is_empty(), "{}", session["failovers"]);
    let start = seconds(text(&report["inputs"][0], "first_packet"));
    let told: Vec<(f64, &str, Option<&str>)> = list(session, "timeline")
        .iter()
        .filter(|event| event["endpoint"] == "62.109.229.158" && event["port"] == 443)
        .map(|event| (seconds(text(event, "time")) - start, text(event, "event"), event["code"].as_str()))
        .collect();
    let at = |wanted: &str, code: Option<&str>| -> Vec<i64> {
        let events = told.iter().filter(|(_, event, of)| *event == wanted && *of == code);
        events.map(|(time, ..)| time.round() as i64).collect()
    };
    assert_eq!(at("attempt", None)[..3], [51, 70, 92], "{told:?}");
    assert_eq!(at("failed", Some("tls_no_serverhello")), [66, 85], "{told:?}");
    assert_eq!(at("handshake", None), [92], "{told:?}");
}

#[test]
fn a_country_that_only_signals_carries_no_media() {
    let Some(report) = report("ndpi42/teams.pcap") else { return };
    let [session] = &list(&report, "sessions")[..] else { panic!("one call: {}", report["sessions"]) };
    assert_eq!(session["service"], "teams");
    assert_eq!(roles_of(session, "SG"), ["signaling"]);
    assert!(list(session, "failovers").is_empty(), "{}", session["failovers"]);
}

#[test]
fn an_address_that_never_answers_is_not_denied() {
    let Some(report) = report("ndpi42/wa_video.pcap") else { return };
    assert_eq!(report["verdict"], "allow");
    assert!(list(&report, "findings").is_empty());
    let [session] = &list(&report, "sessions")[..] else { panic!("one call: {}", report["sessions"]) };
    let tried = list(session, "endpoints").iter().find(|endpoint| endpoint["address"] == "1.60.78.64");
    assert_eq!(tried.unwrap()["contact"], "attempted");
    assert!(roles_of(session, "CN").is_empty());
}

#[test]
fn a_finding_claims_what_its_packets_show() {
    let Some(report) = report("derived/zoom_key-server-beijing.pcap") else { return };
    assert_eq!(report["verdict"], "deny");
    let [finding] = &list(&report, "findings")[..] else { panic!("one finding: {}", report["findings"]) };
    assert_eq!(finding["endpoint"], "52.81.151.250");
    assert!(["signaling", "web"].contains(&text(finding, "role")), "{finding}");
    assert_eq!(finding["contact"], "control");
    let reason = text(finding, "reason");
    assert!(reason.contains("What it carried is not visible"), "{reason}");
    assert!(!reason.contains("key") && !reason.contains("media was exchanged"), "{reason}");
    let session = list(&report, "sessions").iter().find(|session| session["id"] == finding["session"]);
    assert!(list(session.unwrap(), "failovers").is_empty());
}

#[test]
fn traffic_of_other_kinds_is_no_call() {
    let Some(shared) = shared() else { return };
    let index = std::fs::read_to_string(shared.join("captures/INDEX.tsv")).unwrap();
    let names = index.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        let (name, kind) = (columns.next()?, columns.next()?);
        (kind == "noncall").then_some(name)
    });
    let mut read = 0;
    for name in names {
        let report = report(name).unwrap();
        assert!(list(&report, "sessions").is_empty(), "{name}: {}", report["sessions"]);
        read += 1;
    }
    assert!(read >= 10, "{read} captures");
}

#[test]
fn the_fall_back_is_told_with_its_failures() {
    let report = run(&["inspect", "--format", "json", SAMPLE]).json();
    let [failover] = &list(&report["sessions"][0], "failovers")[..] else { panic!("one failover") };
    let how: Vec<&str> = list(failover, "failed").iter().map(|failed| text(failed, "code")).collect();
    assert_eq!(how, ["tcp_no_answer", "tcp_no_answer", "tcp_no_answer", "tcp_refused"]);
    assert_eq!((text(failover, "country_before"), text(failover, "country_after")), ("US", "CN"));
    assert_eq!((text(failover, "role"), text(failover, "reached")), ("signaling", "52.81.151.250"));
    assert_eq!(failover["leaves_home"], true);
}

#[test]
fn no_other_sample_has_a_failover() {
    for name in sample_names().iter().filter(|name| *name != SAMPLE) {
        for session in list(&run(&["inspect", "--format", "json", name]).json(), "sessions") {
            assert!(list(session, "failovers").is_empty(), "{name}: {}", session["failovers"]);
        }
    }
}

#[test]
fn a_participant_is_reported_as_one() {
    let report = run(&["inspect", "--deny", "CN", "--format", "json", "zoom-peer-denied.pcapng"]).json();
    let [finding] = &list(&report, "findings")[..] else { panic!("one finding: {}", report["findings"]) };
    assert_eq!((text(finding, "role"), text(finding, "contact")), ("peer", "media"));
    assert!(text(finding, "reason").contains("a participant's, not a server's"), "{finding}");
}

/// The report of those frames of the fall-back that a filter lets through.
#[cfg(feature = "bpf")]
fn one_way(folder: &Path, filter: &str) -> Value {
    run_in(folder, &["inspect", "--deny", "CN", "--format", "json", "--filter", filter, SAMPLE]).json()
}

#[cfg(feature = "bpf")]
#[test]
fn one_direction_of_a_call_is_never_simply_allowed() {
    let folder = samples();
    let sent = one_way(&folder, "src host 192.0.2.10");
    assert_eq!(sent["verdict"], "indeterminate");
    let [call] = &list(&sent, "sessions")[..] else { panic!("one call") };
    assert_eq!((&call["one_direction"], &call["media_seen"]), (&json!(true), &json!(true)));
    assert!(list(call, "failovers").is_empty(), "what failed cannot be told: {call}");
    assert!(list(call, "timeline").iter().all(|event| event["event"] != "failed"), "{call}");
    let [finding] = &list(&sent, "findings")[..] else { panic!("one finding: {}", sent["findings"]) };
    assert!(text(finding, "reason").contains("whether it answered is not known"), "{finding}");

    let received = one_way(&folder, "dst host 192.0.2.10");
    assert_eq!(received["verdict"], "deny");
    assert_eq!(received["sessions"][0]["one_direction"], true);
}

/// Captures that the laws below are tried on, each as the frames of one file.
fn captures() -> Vec<(String, Vec<Frame>)> {
    const REAL: [&str; 7] = [
        "ndpi/discord.pcap",
        "ndpi/stun_wa_call.pcapng",
        "ndpi/telegram_videocall.pcapng",
        "ndpi/zoom.pcap",
        "ndpi42/teams.pcap",
        "ndpi42/wa_video.pcap",
        "ndpi42/webex.pcap",
    ];
    let made = sample_names().into_iter().map(|name| (samples().join(&name), name));
    let real = REAL.into_iter().filter_map(|name| Some((real(name)?, name.to_owned())));
    let all = made.chain(real).map(|(path, name)| (name, frames::read(&path)));
    all.filter(|(_, frames)| frames::fit(frames)).collect()
}

/// Writes each list of frames into a file of its own and inspects them all.
fn inspect(folder: &Path, files: &[&[Frame]]) -> Value {
    let mut arguments: Vec<String> =
        ["inspect", "--deny", "CN,US", "--format", "json"].map(str::to_owned).to_vec();
    for (number, frames) in files.iter().enumerate() {
        let name = format!("{number}.pcap");
        frames::write(&folder.join(&name), frames);
        arguments.push(name);
    }
    run_in(folder, &arguments).json()
}

/// A report's calls and findings, without the numbers that packets have in their files.
fn judged(report: &Value) -> Value {
    let mut judged = json!({
        "verdict": report["verdict"],
        "sessions": report["sessions"],
        "findings": report["findings"],
        "outside": report["outside"],
    });
    forget(&mut judged);
    judged
}

fn forget(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(forget),
        Value::Object(fields) => {
            let numbers = fields.get("packets").is_some_and(Value::is_array);
            fields.retain(|key, _| {
                !(key == "packets" && numbers || matches!(key.as_str(), "input" | "number" | "packet"))
            });
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}

#[test]
fn a_capture_in_two_files_is_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    for (name, frames) in captures() {
        let whole = judged(&inspect(folder.path(), &[&frames]));
        for part in [3, 2] {
            let (first, second) = frames.split_at(frames.len() / part);
            assert_same(&whole, &judged(&inspect(folder.path(), &[second, first])), &name);
        }
    }
}

fn assert_same(expected: &Value, found: &Value, name: &str) {
    let (expected, found) =
        (serde_json::to_string_pretty(expected).unwrap(), serde_json::to_string_pretty(found).unwrap());
    let line = expected.lines().zip(found.lines()).take_while(|(expected, found)| expected == found).count();
    let at = |text: &str| text.lines().skip(line.saturating_sub(12)).take(16).collect::<Vec<_>>().join("\n");
    assert!(expected == found, "{name}, line {line}:\n{}\nis now:\n{}", at(&expected), at(&found));
}

/// The calls of a report, each without what depends on the rest of the capture.
fn calls(report: &Value) -> Vec<Value> {
    let mut calls = list(&judged(report), "sessions").clone();
    for call in &mut calls {
        let fields = call.as_object_mut().unwrap();
        for key in ["id", "findings", "began_before_capture", "continues_after_capture"] {
            fields.remove(key);
        }
    }
    calls.sort_by_key(Value::to_string);
    calls
}

#[test]
fn calls_of_two_clients_merged_in_one_file_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| frames::read(&samples().join(name));
    for (one, other) in [
        ("zoom-beijing-keys.pcapng", "zoom-home-region.pcapng"),
        ("zoom-healthy-primary.pcapng", "zoom-peer-denied.pcapng"),
        ("teams-region.pcapng", "denied-probe-unanswered.pcap"),
        ("webex-region.pcapng", "ipv6-call.pcap"),
        ("meet-region.pcap", "zoom-controller-race.pcapng"),
    ] {
        let (one_frames, mut other_frames) = (read(one), read(other));
        // The other call begins three seconds into the first.
        let shift = one_frames[0].time - other_frames[0].time + 3_000_000_000;
        other_frames.iter_mut().for_each(|frame| frame.time += shift);
        let reports = [&one_frames, &other_frames].map(|frames| inspect(folder.path(), &[frames]));
        let mut apart: Vec<Value> = reports.iter().flat_map(calls).collect();
        apart.sort_by_key(Value::to_string);

        let mut merged = [one_frames, other_frames].concat();
        merged.sort_by_key(|frame| frame.time);
        let together = calls(&inspect(folder.path(), &[&merged]));
        assert_same(&Value::Array(apart), &Value::Array(together), &format!("{one} with {other}"));
    }
}

/// What has to stay when frames change places: the verdict, the calls with their failovers, and of each finding what
/// it is about. How far a contact went and what for may read otherwise: a segment that overtakes its SYN is a flow of
/// its own.
fn essence(report: &Value) -> Value {
    let kept = |value: &Value, keys: &[&str]| -> Vec<String> {
        keys.iter().map(|key| value[*key].to_string()).collect()
    };
    let mut findings: Vec<_> = list(report, "findings")
        .iter()
        .map(|finding| kept(finding, &["session", "endpoint", "rule", "verdict", "country"]))
        .collect();
    findings.sort();
    let calls: Vec<_> = list(report, "sessions")
        .iter()
        .map(|call| {
            let failovers = list(call, "failovers").iter();
            let failovers: Vec<_> = failovers.map(|failover| kept(failover, &["role", "reached"])).collect();
            json!([kept(call, &["service", "client", "verdict"]), failovers])
        })
        .collect();
    json!([report["verdict"], findings, calls])
}

#[test]
fn frames_out_of_order_change_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (name, frames) in captures() {
        let whole = essence(&inspect(folder.path(), &[&frames]));
        let mut seeded = Seeded(frames.len() as u64 + 1);
        for _ in 0..3 {
            let late = |frame: &Frame, seeded: &mut Seeded| {
                frame.time + i64::try_from(seeded.below(50_000_000)).unwrap()
            };
            let mut places: Vec<(i64, &Frame)> =
                frames.iter().map(|frame| (late(frame, &mut seeded), frame)).collect();
            // Only neighbours change places: a capture that is out of order already stays so.
            places.sort_by_key(|(place, _)| *place);
            let shuffled: Vec<Frame> = places.into_iter().map(|(_, frame)| frame.clone()).collect();
            assert_same(&whole, &essence(&inspect(folder.path(), &[&shuffled])), &name);
        }
    }
}

#[test]
fn the_same_capture_gives_the_same_bytes() {
    let mut paths: Vec<PathBuf> = sample_names().iter().map(|name| samples().join(name)).collect();
    paths.extend(["ndpi/zoom.pcap", "ndpi42/teams.pcap", "ndpi42/webex.pcap"].into_iter().filter_map(real));
    for path in paths {
        let path = path.to_str().unwrap();
        for format in ["table", "json"] {
            let arguments =
                ["inspect", "--deny", "CN", "--scope", "all", "--flows", "--format", format, path];
            let (once, again) = (run(&arguments), run(&arguments));
            assert!(once.stdout == again.stdout && once.stderr == again.stderr, "{path} as {format}");
        }
    }
}
