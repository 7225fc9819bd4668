//! Helpers: programs of our own that do what the sandbox forbids, started before it is entered.
//!
//! A helper reads lines and answers each with a line. It looks into no packet. It ends when its input does.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4096;

/// Lines that are asked with at once. Their answers have to fit the pipe (64 kB on Linux, at least 16 kB elsewhere), for
/// nobody reads them before all is asked.
const MAX_LINES: usize = 256;

/// A helper that runs.
#[derive(Debug)]
pub(super) struct Helper {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl Helper {
    /// Starts the helper `arguments` of this program. What it says of mistakes, and what a command that it runs prints,
    /// goes to `errors`.
    pub(super) fn start(arguments: &[&str], errors: Stdio) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("helper").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        // Ctrl-C is for us; a helper ends with its input.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { input: child.stdin.take(), output: BufReader::new(output), child })
    }

    /// Asks with lines, and gives the answers.
    pub(super) fn ask(&mut self, lines: &[String]) -> io::Result<Vec<String>> {
        let mut answers = Vec::with_capacity(lines.len());
        for lines in lines.chunks(MAX_LINES) {
            answers.append(&mut self.ask_at_once(lines)?);
        }
        Ok(answers)
    }

    fn ask_at_once(&mut self, lines: &[String]) -> io::Result<Vec<String>> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut text = lines.join("\n");
        text.push('\n');
        input.write_all(text.as_bytes())?;
        input.flush()?;
        lines.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        io::Read::take(&mut self.output, MAX_ANSWER).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends with its input; a command that it runs is given its time.
        let _ = self.child.wait();
    }
}
