//! The stages of a live capture, without an interface and without a clock.

use super::engine::Engine;
use super::told::Told;
use super::watcher::{Looked, Now, Processes, Watcher};
use crate::capture::{Batch, Format, Input, Options, Reader, Record, Timestamp};
use crate::flow::PacketRef;
use crate::pipeline::{Inspector, Request};
use crate::policy::Verdict;
use crate::report::{ProcessReport, Report};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-captures").join(name)
}

fn request() -> Request {
    Request { deny: vec!["CN".to_owned()], with_flows: true, judge_all: true, ..Request::default() }
}

/// Bytes that come at once, as from an interface.
const READ: u32 = 256 << 10;

/// Feeds captures to the stages as if they came from an interface.
struct Wire {
    engine: Engine,
    watcher: Watcher,
    processes: Processes,
    frames: u64,
    last: i64,
    told: Vec<Told>,
}

impl Wire {
    fn new(request: Request) -> Self {
        let input = Input {
            path: "eth0".to_owned(),
            sha256: None,
            size: None,
            format: Format::Live,
            compression: None,
            link_types: Vec::new(),
            interfaces: Vec::new(),
            packets: 0,
            bytes: 0,
            first_packet: None,
            last_packet: None,
            precision: crate::capture::Precision::NANOSECONDS,
            truncated_packets: 0,
            dropped_packets: Some(0),
            anomalies: std::collections::BTreeMap::new(),
            recorded_names: Vec::new(),
            damage: None,
        };
        let inspector = Inspector::owned(request).unwrap();
        Self {
            engine: Engine::new(vec![input]),
            watcher: Watcher::new(inspector, Duration::from_secs(90), 1),
            processes: Processes::default(),
            frames: 0,
            last: 0,
            told: Vec::new(),
        }
    }

    /// Gives the frames of `path`, so much later, in batches of `size`; `then` is run after each.
    fn feed(&mut self, path: &Path, later: i64, size: usize, mut then: impl FnMut(&mut Self)) {
        let mut reader = Reader::open(&[path.to_owned()], Options::default()).unwrap();
        let mut batch = Batch::default();
        while reader.next_batch(&mut batch).unwrap() {
            let reads = batch.records.chunk_by(|a, b| a.offset / READ == b.offset / READ);
            for records in reads.flat_map(|read| read.chunks(size)) {
                let moved = |record: &Record| {
                    let time = Timestamp::from_nanoseconds(record.time.nanoseconds() + later);
                    Record { time, ..*record }
                };
                let records: Vec<Record> = records.iter().map(moved).collect();
                self.last =
                    records.iter().map(|record| record.time.nanoseconds()).max().unwrap().max(self.last);
                let first_number = self.frames + 1;
                self.frames += records.len() as u64;
                self.engine.batch(&Batch { input: 0, first_number, buffer: batch.buffer.clone(), records });
                then(self);
            }
        }
    }

    /// Looks so long after the last packet, and lets leave what may.
    fn look(&mut self, seconds: i64) -> Looked {
        let time = Timestamp::from_nanoseconds(self.last + seconds * SECOND);
        let looked = self.watcher.look(self.engine.copy(), &self.processes, Now { time, last: false });
        self.engine.retire(&looked.groups);
        self.told.extend(looked.told.iter().cloned());
        looked
    }

    fn end(&mut self) -> Report {
        let time = Timestamp::from_nanoseconds(self.last);
        let looked = self.watcher.look(self.engine.copy(), &self.processes, Now { time, last: true });
        self.told.extend(looked.told);
        looked.snapshot.report
    }

    fn told(&self, kind: &str) -> usize {
        let kinds = self.told.iter().map(|told| serde_json::to_value(told).unwrap()["type"].clone());
        kinds.filter(|told| told == kind).count()
    }
}

/// What must not depend on how frames came: all but the inputs and what names them, in the precision of the file.
fn essence(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    value.as_object_mut().unwrap().remove("inputs");
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("input");
            members.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        Value::String(text) => {
            if let Ok(time) = text.parse::<jiff::Timestamp>() {
                *text = time.to_string();
            }
        }
        _ => {}
    }
}

/// Of two times in one list of a report the earlier stands first, so that lists tell nothing of when it was looked.
#[test]
fn frames_that_are_looked_at_all_the_time_give_the_report_of_the_file() {
    for name in ["zoom-beijing-keys.pcapng", "teams-region.pcapng", "ipv6-call.pcap", "webex-region.pcapng"] {
        let path = sample(name);
        let request = request();
        let inspector = Inspector::new(&request).unwrap();
        let whole = inspector
            .inspect(Reader::open(std::slice::from_ref(&path), Options::default()).unwrap())
            .unwrap()
            .report;
        let mut wire = Wire::new(request.clone());
        let mut looks = 0;
        wire.feed(&path, 0, 25, |wire| {
            wire.look(0);
            looks += 1;
        });
        let live = wire.end();
        assert!(looks > 10, "{name}");
        assert_eq!(essence(&live), essence(&whole), "{name}");
    }
}

/// Real captures beside the repository; what is beyond so many bytes would take long.
fn real_captures(limit: u64) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(index) = std::fs::read_to_string(folder.join("INDEX.tsv")) else {
        eprintln!("left out: there are no captures in ../shared");
        return Vec::new();
    };
    let paths =
        index.lines().skip(1).filter_map(|line| line.split('\t').next()).map(|path| folder.join(path));
    paths.filter(|path| path.metadata().is_ok_and(|data| data.len() <= limit)).collect()
}

#[test]
fn real_captures_too() {
    let request = request();
    let inspector = Inspector::new(&request).unwrap();
    for path in real_captures(2_000_000) {
        let Ok(reader) = Reader::open(std::slice::from_ref(&path), Options::default()) else { continue };
        let whole = inspector.inspect(reader).unwrap().report;
        let input = &whole.inputs[0];
        let named =
            whole.endpoints.iter().flat_map(|endpoint| &endpoint.names).any(|name| name.via == "capture");
        if named || input.damage.is_some() || input.dropped_packets > Some(0) || input.packets == 0 {
            continue;
        }
        let mut wire = Wire::new(request.clone());
        let mut batches = 0;
        wire.feed(&path, 0, 100, |wire| {
            batches += 1;
            if batches % 16 == 0 {
                wire.look(0);
            }
        });
        let live = wire.end();
        let (live, whole) = (essence(&live), essence(&whole));
        for part in ["sessions", "findings", "endpoints", "flows", "outside", "coverage", "lacks"] {
            assert_eq!(live[part], whole[part], "{}: {part}", path.display());
        }
    }
}

#[test]
fn a_call_is_told_from_its_beginning_to_its_end_and_each_only_once() {
    let mut wire = Wire::new(request());
    wire.feed(&sample("zoom-beijing-keys.pcapng"), 0, 25, |wire| {
        wire.look(0);
    });
    assert_eq!((wire.told("session-started"), wire.told("session-ended")), (1, 0));
    let denied = |told: &&Told| matches!(told, Told::Finding(told) if !told.again && told.finding.verdict == Verdict::Deny);
    assert_eq!(wire.told.iter().filter(denied).count(), 1);
    for seconds in [30, 80, 95, 200, 1000, 1001] {
        wire.look(seconds);
    }
    assert_eq!((wire.told("session-started"), wire.told("session-ended")), (1, 1));
    assert_eq!((wire.told("session-withdrawn"), wire.told("finding-withdrawn")), (0, 0));
    wire.end();
    assert_eq!(wire.told("session-ended"), 1);
}

#[test]
fn what_is_over_leaves_the_tables_and_stays_in_the_report() {
    let path = sample("zoom-beijing-keys.pcapng");
    let mut wire = Wire::new(request());
    wire.feed(&path, 0, 1000, |_| {});
    let before = wire.look(0).snapshot;
    assert!(before.flows > 10);
    wire.look(1000);
    let after = wire.look(1001).snapshot;
    assert_eq!((after.flows, after.calls), (0, 0));
    let (mut before, mut after) = (essence(&before.report), essence(&after.report));
    for report in [&mut before, &mut after] {
        // Flows leave in groups; and only what is still there may go on after the capture.
        let flows = report["flows"].as_array_mut().unwrap();
        flows.sort_by_key(ToString::to_string);
        for session in report["sessions"].as_array_mut().unwrap() {
            session.as_object_mut().unwrap().remove("continues_after_capture");
        }
        for finding in report["findings"].as_array_mut().unwrap() {
            let reason =
                finding["reason"].as_str().unwrap().replace(" It was under way when the capture ended.", "");
            finding["reason"] = reason.into();
        }
    }
    assert_eq!(before, after);
}

#[test]
fn a_capture_of_days_keeps_no_more_flows_than_one_of_minutes() {
    const CALLS: u32 = 48;
    let path = sample("zoom-beijing-keys.pcapng");
    let mut wire = Wire::new(request());
    let mut most = 0;
    for call in 0..CALLS {
        wire.feed(&path, i64::from(call) * 1800 * SECOND, 1000, |_| {});
        let once = wire.look(0).snapshot.flows;
        most = most.max(once);
        wire.look(1000);
    }
    let report = wire.end();
    let once = {
        let mut wire = Wire::new(request());
        wire.feed(&path, 0, 1000, |_| {});
        (wire.look(0).snapshot.flows, wire.end())
    };
    assert_eq!(most, once.0);
    assert_eq!(report.sessions.len(), CALLS as usize);
    assert_eq!(report.findings.len(), CALLS as usize * once.1.findings.len());
    assert_eq!(report.coverage.packets, u64::from(CALLS) * once.1.coverage.packets);
    for (all, one) in report.endpoints.iter().zip(&once.1.endpoints) {
        assert_eq!((all.address, all.packets), (one.address, u64::from(CALLS) * one.packets));
        assert_eq!((&all.names, &all.roles, all.contact), (&one.names, &one.roles, one.contact));
    }
    let shares = |report: &Report| {
        report.coverage.roles.values().map(|share| share.bytes).sum::<u64>() + report.outside.bytes
    };
    assert_eq!(shares(&report), u64::from(CALLS) * shares(&once.1));
    let places = report.sessions.iter().map(|session| &report.findings[session.findings[0]]);
    assert!(
        places.zip(&report.sessions).all(|(finding, session)| finding.session.as_ref() == Some(&session.id))
    );
}

#[test]
fn a_flow_that_goes_on_keeps_the_flows_of_its_call() {
    let path = sample("zoom-beijing-keys.pcapng");
    let mut wire = Wire::new(request());
    wire.feed(&path, 0, 1000, |_| {});
    let time = Timestamp::from_nanoseconds(wire.last + 1000 * SECOND);
    let looked = wire.watcher.look(wire.engine.copy(), &wire.processes, Now { time, last: false });
    let mut groups = looked.groups;
    let call = groups.iter().position(|group| group.len() > 5).unwrap();
    // As if another packet had come in between.
    let last = &mut groups[call][0].1;
    *last = PacketRef::new(last.input(), last.number() + 1);
    wire.engine.retire(&groups);
    let after = wire.look(1000).snapshot;
    assert!(after.flows > 5);
    assert_eq!(after.report.sessions.len(), 1);
}

#[test]
fn a_call_has_the_programs_of_its_flows() {
    let mut wire = Wire::new(request());
    let program = ProcessReport { name: "zoom".to_owned(), pid: 7 };
    wire.feed(&sample("zoom-beijing-keys.pcapng"), 0, 1000, |_| {});
    let new = wire.engine.new_flows();
    assert!(new.len() > 10 && wire.engine.new_flows().is_empty());
    wire.processes.extend(new.iter().filter(|flow| flow.tcp).map(|flow| (flow.id, program.clone())));
    let report = wire.end();
    assert_eq!(report.sessions[0].processes, std::slice::from_ref(&program));
    let flows = report.flows.unwrap();
    assert!(flows.iter().all(|flow| flow.process.is_some() == (flow.transport == "tcp")));
}

/// Memory of this process, in kB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().split(' ').next()?.parse().ok()
}

/// `LANDFALL_SOAK=FILE cargo test --release --lib -- --ignored --nocapture hours`
#[test]
#[ignore = "takes minutes, and a capture to repeat"]
fn hours_take_no_more_memory_than_the_first_of_them() {
    let path = PathBuf::from(std::env::var_os("LANDFALL_SOAK").unwrap());
    let mut wire = Wire::new(request());
    let mut most = [0, 0];
    // The capture once a minute, for three hours: the first of them fills the tables.
    for minute in 0..180_i64 {
        let begun = std::time::Instant::now();
        let first = wire.last;
        let start = if first == 0 { 0 } else { minute * 60 * SECOND };
        wire.feed(&path, start, 1000, |_| {});
        let fed = begun.elapsed();
        let looked = wire.look(0).snapshot;
        let half = usize::from(minute >= 90);
        most[half] = most[half].max(memory().unwrap());
        if minute % 15 == 0 {
            println!(
                "minute {minute}: {} flows, {} calls, {} kB, fed in {fed:?}, looked in {:?}",
                looked.flows,
                looked.report.sessions.len(),
                memory().unwrap(),
                begun.elapsed().saturating_sub(fed)
            );
        }
        wire.told.clear();
    }
    println!("most: {most:?} kB");
    assert!(most[1] < most[0] + most[0] / 2, "{most:?}");
}
