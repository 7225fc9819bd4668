//! Captures that are cut or altered: no panic, no hang, an exit status that is documented, and never more
//! packets than there were.

use crate::program::{run_in, sample_names, samples};
use landfall::capture::Progress;
use landfall::pipeline::{self, Request};
use landfall::report::Format;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A cut at every so many bytes: a prime, so that cuts fall on all parts of blocks.
const STRIDE: usize = 97;

/// Cuts of one capture, so that the larger ones do not take minutes.
const MAX_CUTS: usize = 300;

/// How many altered copies of each capture.
const COPIES: u64 = 40;

/// No capture here takes a second: one that takes this long will never end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends the test program when nothing has been done for a long time. A thread cannot be ended from outside.
pub struct Watchdog(Arc<AtomicU64>);

impl Watchdog {
    pub fn start() -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let seen = Arc::downgrade(&done);
        std::thread::spawn(move || {
            let mut before = u64::MAX;
            while let Some(done) = seen.upgrade().map(|count| count.load(Ordering::Relaxed)) {
                if done == before {
                    eprintln!("hangs after {done} captures");
                    std::process::exit(1);
                }
                before = done;
                std::thread::sleep(PATIENCE);
            }
        });
        Self(done)
    }

    pub fn alive(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Packets of a capture, or `None` where it cannot be read at all.
pub fn inspect(path: &Path, watchdog: &Watchdog) -> Option<u64> {
    let request = Request {
        paths: vec![path.to_owned()],
        deny: vec!["CN".to_owned()],
        threads: std::num::NonZeroUsize::new(1),
        with_flows: true,
        ..Request::default()
    };
    let inspected = pipeline::inspect(&request, &Arc::new(Progress::default()));
    watchdog.alive();
    let report = inspected.ok()?.report;
    assert!((0..=3).contains(&report.exit_status()));

    assert!(!report.render(Format::Table { colour: false }).is_empty());
    assert!(!report.render(Format::Json).is_empty());
    // A page takes longer to write than all the rest.
    if report.coverage.packets.is_multiple_of(8) {
        assert!(!report.render(Format::Html).is_empty());
    }
    Some(report.coverage.packets)
}

/// A generator whose whole state is one number: xorshift64*.
pub struct Seeded(pub u64);

impl Seeded {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// `bytes` with a few of them changed.
pub fn altered(bytes: &[u8], seeded: &mut Seeded) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    for _ in 0..=seeded.below(1 + bytes.len() / 2000) {
        let at = seeded.below(copy.len());
        copy[at] ^= 1 << seeded.below(8);
    }
    copy
}

/// Runs `check` on every sample capture, shared out to as many threads as there are processors.
fn each_sample(check: impl Fn(&str, &[u8], &Path, &Watchdog) + Sync) {
    let names = sample_names();
    let next = AtomicU64::new(0);
    let watchdog = Watchdog::start();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let bytes = fs::read(samples().join(name)).unwrap();
                    check(name, &bytes, &folder.path().join("capture"), &watchdog);
                }
            });
        }
    });
}

#[test]
fn a_cut_capture_is_read_up_to_the_cut() {
    each_sample(|name, bytes, scratch, watchdog| {
        let whole = inspect(&samples().join(name), watchdog).unwrap();
        let mut before = whole;
        let stride = STRIDE.max((bytes.len() / MAX_CUTS) | 1);
        for end in (0..bytes.len()).rev().step_by(stride) {
            fs::write(scratch, &bytes[..end]).unwrap();
            let packets = inspect(scratch, watchdog).unwrap_or(0);
            assert!(packets <= before, "{name} cut at {end}: {packets} packets of {before}");
            before = packets;
        }
    });
}

#[test]
fn an_altered_capture_is_read_as_far_as_it_goes() {
    each_sample(|name, bytes, scratch, watchdog| {
        let mut seeded = Seeded(0x1a2d_fa11 + bytes.len() as u64);
        for copy in 0..COPIES {
            fs::write(scratch, altered(bytes, &mut seeded)).unwrap();
            // A length may change so that one packet holds bytes that look like several.
            let most = bytes.len() as u64 / 16;
            let packets = inspect(scratch, watchdog).unwrap_or(0);
            assert!(packets <= most, "{name}, copy {copy}: {packets} packets");
        }
    });
}

#[test]
fn the_program_ends_well_on_damaged_captures() {
    let folder = tempfile::tempdir().unwrap();
    let mut seeded = Seeded(7);
    for name in sample_names() {
        let bytes = fs::read(samples().join(&name)).unwrap();
        let cut = &bytes[..bytes.len() * 2 / 3];
        for (file, content) in [("cut", cut.to_vec()), ("altered", altered(&bytes, &mut seeded))] {
            let path: PathBuf = folder.path().join(file);
            fs::write(&path, content).unwrap();
            let run = run_in(folder.path(), &["inspect", "--deny", "CN", "--format", "json", file]);
            assert!((0..=3).contains(&run.status), "{name} {file}: {}", run.stderr);
            assert!(!run.stdout.is_empty() || run.status == 2, "{name} {file}: {}", run.stderr);
        }
    }
}
