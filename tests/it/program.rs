//! Runs the program.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder of the sample captures.
pub fn samples() -> PathBuf {
    root().join("sample-captures")
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether what is kept of the program's output is to be written again rather than compared.
pub fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

/// Real captures beside the repository, where there are any.
pub fn shared() -> Option<PathBuf> {
    let folder = root().join("../shared");
    if folder.join("captures").is_dir() {
        return Some(folder);
    }
    eprintln!("left out: there are no captures in ../shared");
    None
}

/// Names of the sample captures, sorted.
pub fn sample_names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(samples())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".pcap"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// What came of running the program.
pub struct Run {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    fn new(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let status = output.status.code().unwrap_or_else(|| panic!("killed by a signal: {stderr}"));
        assert!(!stderr.contains("panicked"), "{stderr}");
        Self { status, stdout: output.stdout, stderr }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|problem| panic!("{problem}: {}", self.stderr))
    }
}

/// The program, to be run in `folder` with nothing of this environment that changes what it prints.
pub fn command<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program in `folder`.
pub fn run_in<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    Run::new(command(folder, arguments).output().unwrap())
}

/// Runs the program in the folder of the sample captures.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Run {
    run_in(&samples(), arguments)
}

/// Runs the program with `input` on standard input.
pub fn run_with_input<S: AsRef<OsStr>>(arguments: &[S], input: &[u8]) -> Run {
    let mut child = command(&samples(), arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The program may stop reading before the end.
            let _ = stdin.write_all(input);
        });
        Run::new(child.wait_with_output().unwrap())
    })
}
