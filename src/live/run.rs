//! `landfall live`: opens everything, gives up what is not needed, and tells what happens until the end.

use super::words;
use crate::pipeline::live::{Ended, Event, Running, Told};
use crate::report::json_line;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an event is waited for before it is seen whether the user wants the end.
const PATIENCE: Duration = Duration::from_millis(100);

/// How it is told what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// A JSON object a line.
    Json,
    /// A line for people.
    Words,
}

/// Tells `out` what happens until it ends, or until `stop` is set. `None` if whoever reads `out` has gone.
pub fn run(
    running: Running,
    stop: &AtomicBool,
    telling: Telling,
    with_report: bool,
    out: &mut dyn Write,
) -> io::Result<Option<Arc<Ended>>> {
    let ended = loop {
        if stop.load(Ordering::Relaxed) {
            running.stop();
        }
        match running.poll(PATIENCE) {
            Some(Event::Told(told)) => match tell(&told, telling, with_report, out) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break None,
                result => result?,
            },
            Some(Event::Ended(ended)) => break Some(ended),
            None if running.is_over() => break None,
            Some(Event::Snapshot(_)) | None => {}
        }
    };
    running.join();
    Ok(ended)
}

fn tell(told: &Told, telling: Telling, with_report: bool, out: &mut dyn Write) -> io::Result<()> {
    if matches!(told, Told::Report(_)) && !with_report {
        return Ok(());
    }
    let line = match telling {
        Telling::Json => Some(json_line(told)),
        Telling::Words => words::line(told),
    };
    if let Some(line) = line {
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    Ok(())
}
