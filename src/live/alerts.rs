//! `--on-finding`: a command for each finding, run by a helper, for which nothing waits.

use super::helper::Helper;
use crate::pipeline::live::{Observer, Snapshot, Told};
use crate::report::json_line;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Findings that wait for the command.
const WAITING: usize = 64;

/// How long the command may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Between two looks whether the command has ended.
const INTERVAL: Duration = Duration::from_millis(20);

/// What became of alerts.
#[derive(Debug, Default)]
pub struct AlertCounts {
    /// The command ended well.
    pub done: AtomicU64,
    /// It failed, or took too long.
    pub failed: AtomicU64,
    /// It was not run because too many findings waited.
    pub left_out: AtomicU64,
}

/// Hands findings to the helper that runs the command.
#[derive(Debug)]
pub struct Alerts {
    helper: Helper,
    counts: Arc<AlertCounts>,
}

/// Takes findings from the capture.
struct Sender {
    queue: SyncSender<String>,
    counts: Arc<AlertCounts>,
}

impl AlertCounts {
    /// What the user should know of what went wrong.
    pub fn lack(&self) -> Option<String> {
        let (failed, left_out) = (self.failed.load(Ordering::Relaxed), self.left_out.load(Ordering::Relaxed));
        let text = format!(
            "the command for findings failed {failed} times, and was not run for {left_out} findings"
        );
        (failed + left_out > 0).then_some(text)
    }
}

impl Alerts {
    /// Starts the helper that runs `command`.
    pub fn start(command: &str) -> io::Result<Self> {
        Ok(Self { helper: Helper::start(&["run", command])?, counts: Arc::default() })
    }

    /// What became of alerts, up to now.
    pub fn counts(&self) -> Arc<AlertCounts> {
        Arc::clone(&self.counts)
    }

    /// Begins to wait for findings, which the observer takes. The thread ends, when the observer has, with the last.
    pub fn watch(self) -> io::Result<(Box<dyn Observer>, JoinHandle<()>)> {
        let (queue, findings) = sync_channel(WAITING);
        let sender = Sender { queue, counts: Arc::clone(&self.counts) };
        let thread =
            std::thread::Builder::new().name("alerts".to_owned()).spawn(move || self.run(&findings))?;
        Ok((Box::new(sender), thread))
    }

    fn run(mut self, findings: &Receiver<String>) {
        while let Ok(finding) = findings.recv() {
            let well =
                self.helper.ask(&[finding]).is_ok_and(|answers| answers.first().is_some_and(|a| a == "0"));
            let count = if well { &self.counts.done } else { &self.counts.failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Observer for Sender {
    fn told(&mut self, told: &Told) {
        if let Told::Finding(finding) = told
            && !finding.again
            && self.queue.try_send(json_line(told)).is_err()
        {
            self.counts.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn snapshot(&mut self, _snapshot: &Snapshot) {}
}

/// The helper: runs `command` for each line of standard input, and answers with its exit status.
pub fn run(command: &str) -> io::Result<()> {
    for line in io::stdin().lines() {
        let status = run_once(command, &line?).unwrap_or_else(|_| "failed".to_owned());
        let mut output = io::stdout();
        output.write_all(format!("{status}\n").as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

fn run_once(command: &str, finding: &str) -> io::Result<String> {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    shell.args([if cfg!(windows) { "/C" } else { "-c" }, command]);
    // What it starts belongs to it, and ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    // Standard output belongs to whoever reads what the capture tells.
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::from(io::stderr())).spawn()?;
    let input = child.stdin.take();
    let finding = format!("{finding}\n");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A command that does not read it need not.
            let _ = input.map(|mut input| input.write_all(finding.as_bytes()));
        });
        wait(&mut child)
    })
}

/// Waits for the command, and ends it where it takes too long.
fn wait(child: &mut Child) -> io::Result<String> {
    let end = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string()));
        }
        if Instant::now() >= end {
            end_all(child)?;
            return Ok("timeout".to_owned());
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Ends the command and what it has started: a shell waits for its commands, and they do not end with it.
fn end_all(child: &mut Child) -> io::Result<()> {
    #[cfg(all(feature = "live", unix))]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        kill_process_group(Pid::from_child(child), Signal::KILL)?;
    }
    child.kill()?;
    child.wait().map(drop)
}

#[cfg(all(test, unix, feature = "live"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_has_started_ends_with_it() {
        let begun = Instant::now();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 60 & echo; sleep 60"]).stdout(Stdio::piped());
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut child = shell.spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        io::Read::read_exact(&mut output, &mut [0]).unwrap();
        end_all(&mut child).unwrap();
        // Both sleepers have it open as long as they are there.
        io::Read::read_to_end(&mut output, &mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
}
