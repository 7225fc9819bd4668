//! How far the reading is, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::capture::Progress;

/// Work that takes no longer shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two lines of a log.
const LOGGED: Duration = Duration::from_secs(60);

/// Time between two looks at the progress.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar on standard error that lasts as long as this value, if standard error is a terminal.
#[derive(Debug)]
pub struct Bar {
    thread: Option<(Arc<Stop>, JoinHandle<()>)>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Bar {
    /// Watches `progress`.
    pub fn watch(progress: &Arc<Progress>) -> Self {
        let progress = Arc::clone(progress);
        Self::drawn(move |stop| draw(stop, &progress))
    }

    /// Watches a run over a corpus. Where nobody looks at a terminal, a line tells every minute how far it is.
    #[cfg(feature = "parquet")]
    pub fn of_corpus(watch: &Arc<crate::corpus::Watch>) -> Self {
        let watch = Arc::clone(watch);
        if std::io::stderr().is_terminal() {
            return Self::drawn(move |stop| draw_corpus(stop, &watch));
        }
        Self::on_a_thread(move |stop| log_corpus(stop, &watch))
    }

    fn drawn(draw: impl FnOnce(&Stop) + Send + 'static) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { thread: None };
        }
        Self::on_a_thread(draw)
    }

    fn on_a_thread(draw: impl FnOnce(&Stop) + Send + 'static) -> Self {
        let stop = Arc::new(Stop::default());
        let theirs = Arc::clone(&stop);
        let draw = move || {
            // It is there before the sandbox is entered, and would stay outside.
            crate::sandbox::close_files();
            draw(&theirs);
        };
        Self { thread: Some((stop, std::thread::spawn(draw))) }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            *stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
            stop.changed.notify_all();
            // A bar that could not be drawn is no reason to fail.
            let _ = thread.join();
        }
    }
}

fn draw(stop: &Stop, progress: &Progress) {
    if stop.comes_within(PATIENCE) {
        return;
    }
    let bar = ProgressBar::with_draw_target(Some(progress.total()), ProgressDrawTarget::stderr());
    let template = if progress.total() == 0 {
        "reading {bytes} {bytes_per_sec}"
    } else {
        "reading {wide_bar} {bytes} of {total_bytes} {eta}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    while !stop.comes_within(INTERVAL) {
        bar.set_position(progress.read());
    }
    bar.finish_and_clear();
}

#[cfg(feature = "parquet")]
fn draw_corpus(stop: &Stop, watch: &crate::corpus::Watch) {
    let begin = Instant::now();
    if stop.comes_within(PATIENCE) {
        return;
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
        bar.set_style(style);
    }
    while !stop.comes_within(INTERVAL) {
        let at = watch.look();
        bar.set_length(at.total);
        bar.set_position(at.read);
        bar.set_message(at.line(begin.elapsed()).to_string());
    }
    bar.finish_and_clear();
}

#[cfg(feature = "parquet")]
fn log_corpus(stop: &Stop, watch: &crate::corpus::Watch) {
    let begin = Instant::now();
    while !stop.comes_within(LOGGED) {
        // Who closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "landfall: {}", watch.look().line(begin.elapsed()));
    }
}

impl Stop {
    fn comes_within(&self, span: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(asked, span, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
