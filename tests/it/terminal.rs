//! The terminal view in a terminal that tmux plays.

use crate::live::{inside, sh, wire};
use crate::program::{run, samples};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at the screen.
const INTERVAL: Duration = Duration::from_millis(50);

/// A shell in a terminal of its own; both end with this value.
pub struct Pane {
    folder: tempfile::TempDir,
}

impl Pane {
    /// A terminal of so many columns and rows in a locale; `None` where there is no tmux, which is said.
    pub fn start(columns: u16, rows: u16, locale: &str) -> Option<Self> {
        let has_tmux = Command::new("tmux").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !has_tmux.is_ok_and(|status| status.success()) {
            eprintln!(
                "left out: a test of the terminal view: tmux is not installed (ci/setup test installs it)"
            );
            return None;
        }
        let pane = Self { folder: tempfile::tempdir().unwrap() };
        let size = [&columns.to_string(), "-y", &rows.to_string()].map(ToString::to_string);
        let shell = format!("env -u NO_COLOR PS1='$ ' ENV= LC_ALL={locale} sh");
        let arguments = ["-f", "/dev/null", "new-session", "-d", "-x", &size[0], &size[1], &size[2], &shell];
        let started = pane.tmux(&arguments);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let raw = pane.path("raw");
        pane.tmux(&["pipe-pane", "-o", &format!("cat > {}", raw.display())]);
        pane.line("stty -a > stty-before");
        pane.until("the shell", |_| pane.path("stty-before").exists());
        Some(pane)
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .arg("-S")
            .arg(self.path("socket"))
            .args(arguments)
            .env_remove("TMUX")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// A file beside the terminal.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Presses keys, by the names that tmux has for them.
    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.press(&["Enter"]);
    }

    /// Starts the program, whose process number is kept, and says its status when it has ended.
    pub fn landfall(&self, arguments: &str) {
        let program = env!("CARGO_BIN_EXE_landfall");
        // What was there before is not taken for what it says.
        self.line("clear");
        self.until("a clear screen", |screen| !screen.contains("status ") && !screen.contains("looked"));
        self.line(&format!("sh -c 'echo $$ > pid; exec {program} {arguments}'; echo status $?"));
    }

    /// Sends the program a signal.
    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.path("pid")).unwrap();
        assert!(Command::new("kill").args(["-s", name, pid.trim()]).status().unwrap().success());
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).trim_end().to_owned()
    }

    /// Waits until the screen is as `wanted`.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "never seen: {what}; the screen:\n{screen}");
            std::thread::sleep(INTERVAL);
        }
    }

    /// All that was written on the terminal.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path("raw")).unwrap()).into_owned()
    }

    /// Waits until the program has ended with `status`, and sees that the terminal is as it was.
    pub fn is_restored(&self, status: i32) -> String {
        let screen = self.until("the end", |screen| screen.contains(&format!("status {status}")));
        let alternate = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(String::from_utf8_lossy(&alternate.stdout).trim(), "0 1", "{screen}");
        self.line("stty -a > stty-after; echo looked");
        self.until("the shell", |screen| screen.contains("\nlooked"));
        let read = |name| std::fs::read_to_string(self.path(name)).unwrap();
        assert_eq!(read("stty-before"), read("stty-after"));
        screen
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn sample() -> String {
    format!("inspect --tui --deny CN {}", samples().join("zoom-beijing-keys.pcapng").display())
}

/// Whether the call is drawn.
fn is_drawn(screen: &str) -> bool {
    screen.contains("[1 Calls]") && screen.contains("52.81.151.250:443") && screen.contains("q quit")
}

#[test]
fn a_saved_capture_is_looked_around_in() {
    let Some(pane) = Pane::start(80, 24, "C.UTF-8") else { return };
    pane.landfall(&sample());
    let first = pane.until("the call", is_drawn);
    assert!(first.contains("▶ DENY Zoom"), "{first}");
    pane.press(&["2"]);
    pane.until("the servers", |screen| {
        screen.contains("[2 Servers]") && screen.contains("zoombj12mmr.zoom.us")
    });
    pane.press(&["Enter"]);
    pane.until("the details", |screen| screen.contains("SNI zoombj12mmr.zoom.us"));
    pane.press(&["Escape"]);
    pane.until("the list again", |screen| screen.contains("[2 Servers]") && !screen.contains("SNI"));
    pane.press(&["/", "C", "N", "Enter"]);
    pane.until("the filter", |screen| screen.contains("1 of 9") && screen.contains("filter \"CN\""));
    for (key, name) in
        [("3", "Map of s1"), ("4", "Timeline of s1"), ("5", "Findings: 1"), ("6", "COVERAGE"), ("?", "KEYS")]
    {
        pane.press(&[key]);
        pane.until(name, |screen| screen.contains(name));
    }
    pane.press(&["1"]);
    pane.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    pane.until("the large picture", |screen| {
        screen.contains("Map of s1") && screen.contains("Timeline of s1")
    });
    pane.tmux(&["resize-window", "-x", "30", "-y", "8"]);
    pane.until("that it is too small", |screen| screen.contains("too small"));
    pane.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    pane.until("the call again", |screen| screen.contains("▶ DENY Zoom"));
    pane.press(&["q"]);
    pane.is_restored(1);
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let Some(pane) = Pane::start(80, 24, "C.UTF-8") else { return };
    for signal in ["TERM", "HUP", "INT"] {
        pane.landfall(&sample());
        pane.until("the call", is_drawn);
        pane.signal(signal);
        pane.is_restored(1);
    }
    pane.landfall(&sample());
    pane.until("the call", is_drawn);
    pane.press(&["C-c"]);
    pane.is_restored(1);
}

#[test]
fn it_is_stopped_and_goes_on_as_other_programs_are() {
    let Some(pane) = Pane::start(80, 24, "C.UTF-8") else { return };
    pane.landfall(&sample());
    pane.until("the call", is_drawn);
    pane.press(&["C-z"]);
    pane.until("the shell", |screen| !is_drawn(screen) && screen.contains("$ "));
    pane.line("fg");
    pane.until("the call again", is_drawn);
    pane.press(&["q"]);
    pane.until("the end", |screen| screen.contains("status "));
}

#[test]
fn a_terminal_that_shows_ascii_without_colour_gets_that() {
    let Some(pane) = Pane::start(80, 24, "C") else { return };
    pane.line("export NO_COLOR=1");
    pane.landfall(&sample());
    let screen = pane.until("the call", is_drawn);
    assert!(screen.contains("> DENY Zoom") && screen.is_ascii(), "{screen}");
    pane.press(&["q"]);
    pane.is_restored(1);
    // Foreground and background colours (ECMA-48, 8.3.117).
    let colours = ["\u{1b}[31", "\u{1b}[32", "\u{1b}[33", "\u{1b}[38", "\u{1b}[48"];
    assert!(colours.iter().all(|colour| !pane.raw().contains(colour)), "{:?}", pane.raw());
}

#[test]
fn a_dumb_terminal_is_refused_with_the_reason() {
    let Some(pane) = Pane::start(80, 24, "C.UTF-8") else { return };
    pane.line("export TERM=dumb");
    pane.landfall(&sample());
    let screen = pane.is_restored(2);
    assert!(
        screen.contains("the view needs a terminal that can move its cursor, and TERM is dumb"),
        "{screen}"
    );
}

#[test]
fn without_a_terminal_there_is_no_view_and_a_format_is_another_wish() {
    let sample = samples().join("zoom-beijing-keys.pcapng");
    let refused = run(&["inspect", "--tui", sample.to_str().unwrap()]);
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("the view needs a terminal: standard output is none"),
        "{}",
        refused.stderr
    );
    assert!(refused.stdout.is_empty());
    let both = run(&["inspect", "--tui", "--format", "json", sample.to_str().unwrap()]);
    assert_eq!(both.status, 2);
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}

#[test]
fn the_view_shows_a_call_as_it_happens_and_then_the_report() {
    if !inside("terminal::the_view_shows_a_call_as_it_happens_and_then_the_report", &["tcpreplay", "tmux"]) {
        return;
    }
    wire();
    let Some(pane) = Pane::start(80, 40, "C.UTF-8") else { return };
    pane.landfall("live -i v1 --deny CN --on-finding \"touch told; echo noise\"");
    pane.until("the view", |screen| screen.contains("[1 Calls]"));
    let replay = |name| sh(&format!("tcpreplay -q -K -i v0 --pps=300 {}", samples().join(name).display()));
    replay("zoom-beijing-keys.pcapng");
    let screen = pane.until("the finding", |screen| {
        screen.contains("5 Findings: 1 NEW") && screen.contains("52.81.151.250:443")
    });
    assert!(screen.contains("CN confirmed") && screen.contains("Zoom *"), "{screen}");
    pane.press(&["p"]);
    pane.until("the pause", |screen| screen.contains("PAUSED"));
    replay("teams-region.pcapng");
    let paused = pane.until("packets that come meanwhile", |screen| {
        screen.contains("packets behind") && !screen.contains(" 0 packets behind")
    });
    assert!(!paused.contains("Teams"), "{paused}");
    pane.press(&["p"]);
    pane.until("the other call", |screen| screen.contains("Teams"));
    pane.until("the command", |_| pane.path("told").exists());
    pane.press(&["q"]);
    let end = pane.is_restored(1);
    assert!(end.contains("DENY: 2 calls, 1 denied"), "{end}");
    assert!(!pane.raw().contains("noise\r\n") || !end.contains("noise"), "{end}");
    let bells = pane.raw().matches('\u{7}').count();
    assert_eq!(bells, 1, "one finding, one bell");
    // A signal ends it with the report too; lines are for pipes, and for whoever asks.
    pane.landfall("live -i v1 --deny CN");
    pane.until("the view", |screen| screen.contains("[1 Calls]"));
    pane.signal("TERM");
    pane.is_restored(0);
    pane.landfall("live -i v1 --duration 1");
    pane.is_restored(0);
    pane.landfall("live -i v1 --duration 1 --plain");
    assert!(pane.is_restored(0).contains("\"type\":\"capture-started\""));
}
