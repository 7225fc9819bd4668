//! The terminal: how it is taken over, and that it is given back on every way out.

use super::app::App;
use super::draw::draw;
use super::keyboard::{Decoder, Key};
use super::style::Look;
use anstream::{AutoStream, ColorChoice};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::style::{Attribute, SetAttribute};
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{Command, QueueableCommand};
use ratatui::layout::{Position, Rect};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGSTOP, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::flag;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

/// Whether the terminal is ours. Held while it is written to, so that nothing is drawn on a terminal that was given back.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// The hook for panics is set once.
static HOOK: Once = Once::new();

/// Bytes that are read from the keyboard at once.
const READ_BYTES: usize = 256;

/// There can be no view.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Nobody would see it, or could type.
    #[error("the view needs a terminal: standard {stream} is none")]
    NoTerminal {
        /// `input` or `output`.
        stream: &'static str,
    },
    /// The terminal cannot move the cursor.
    #[error("the view needs a terminal that can move its cursor, and TERM is {}", found.as_deref().unwrap_or("not set"))]
    Dumb {
        /// The value of `TERM`.
        found: Option<String>,
    },
    /// The system does not let it be set up.
    #[error("cannot set the terminal up")]
    Setup(#[source] io::Error),
    /// It cannot be drawn.
    #[error("cannot draw on the terminal")]
    Draw(#[source] io::Error),
}

/// What is sent to the terminal: gathered, then written at once.
#[derive(Debug, Default)]
struct Out(Vec<u8>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.0);
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !*taken || bytes.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    }
}

/// What signals ask for.
#[derive(Debug, Default)]
struct Signals {
    leave: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
}

/// What happened on the terminal.
#[derive(Debug, Default)]
pub(super) struct Happened {
    pub(super) keys: Vec<Key>,
    /// It was resized, or something else has drawn on it.
    pub(super) repaint: bool,
    /// A signal asks for the end, or nobody can type any more.
    pub(super) leave: bool,
    /// A signal asks to stop until it goes on.
    pub(super) suspend: bool,
}

/// A terminal on which a view may be drawn. When the value ends, the terminal is as it was.
pub struct Screen {
    terminal: Option<Terminal<CrosstermBackend<Out>>>,
    signals: Signals,
    decoder: Decoder,
    /// What it can show.
    pub look: Look,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Screen").field("look", &self.look).finish_non_exhaustive()
    }
}

/// Whether standard input and output are terminals.
pub(super) fn are_terminals() -> Result<(), ViewError> {
    let streams = [("output", io::stdout().is_terminal()), ("input", io::stdin().is_terminal())];
    match streams.into_iter().find(|(_, is_terminal)| !is_terminal) {
        Some((stream, _)) => Err(ViewError::NoTerminal { stream }),
        None => Ok(()),
    }
}

impl Screen {
    /// Whether standard input and output are terminals, and ours: of what a shell runs in the background, nothing may be
    /// drawn.
    pub fn is_possible() -> bool {
        let group = rustix::process::getpgrp();
        let is_ours = || rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|front| front == group);
        are_terminals().is_ok() && is_ours()
    }

    /// Looks what the terminal can do and begins to listen for signals. Nothing is drawn yet, and nothing has to be
    /// opened later.
    pub fn prepare() -> Result<Self, ViewError> {
        are_terminals()?;
        let found = std::env::var("TERM").ok().filter(|term| !term.is_empty());
        if found.as_deref().is_none_or(|term| term == "dumb") {
            return Err(ViewError::Dumb { found });
        }
        let colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let look = Look::new(colour, |name| std::env::var(name).ok());
        let signals = Signals::default();
        let wanted = [
            (SIGINT, &signals.leave),
            (SIGTERM, &signals.leave),
            (SIGHUP, &signals.leave),
            (SIGWINCH, &signals.resized),
            (SIGTSTP, &signals.stopped),
            (SIGCONT, &signals.resumed),
        ];
        for (signal, seen) in wanted {
            flag::register(signal, Arc::clone(seen)).map_err(ViewError::Setup)?;
        }
        Ok(Self { terminal: None, signals, decoder: Decoder::default(), look })
    }

    /// Takes the terminal over.
    pub(super) fn enter(&mut self) -> Result<(), ViewError> {
        HOOK.call_once(give_back_in_panics);
        take().map_err(ViewError::Setup)?;
        let terminal = Terminal::new(CrosstermBackend::new(Out::default())).map_err(ViewError::Setup)?;
        self.terminal = Some(terminal);
        Ok(())
    }

    /// Gives the terminal back.
    pub(super) fn leave(&mut self) {
        self.terminal = None;
        give_back();
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        self.terminal
            .as_ref()
            .and_then(|terminal| terminal.size().ok())
            .map_or((80, 24), |size| (size.width, size.height))
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, app: &App) -> Result<(), ViewError> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        terminal.draw(|frame| draw(frame, app)).map(drop).map_err(ViewError::Draw)
    }

    /// Forgets what is on the terminal, so that all of it is drawn anew.
    pub(super) fn forget(&mut self) -> Result<(), ViewError> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        // To clear it would ask the terminal where the cursor is, and wait for what comes from the keyboard.
        let size = terminal.size().map_err(ViewError::Draw)?;
        terminal.resize(Rect::from((Position::ORIGIN, size))).map_err(ViewError::Draw)
    }

    /// Rings the bell.
    pub(super) fn ring(&mut self) -> Result<(), ViewError> {
        let Some(terminal) = &mut self.terminal else { return Ok(()) };
        let out = terminal.backend_mut();
        out.write_all(b"\x07").and_then(|()| Write::flush(out)).map_err(ViewError::Draw)
    }

    /// Stops, as a shell's Ctrl-Z does, and takes the terminal over again when it goes on.
    pub(super) fn suspend(&mut self) -> Result<(), ViewError> {
        give_back();
        // The signal for Ctrl-Z is listened for; this one stops without asking.
        let _ = signal_hook::low_level::raise(SIGSTOP);
        self.signals.stopped.store(false, Ordering::Relaxed);
        self.signals.resumed.store(false, Ordering::Relaxed);
        take().map_err(ViewError::Setup)?;
        self.forget()
    }

    /// Waits up to `patience` for something to happen.
    pub(super) fn wait(&mut self, patience: Duration) -> Happened {
        let mut happened = Happened::default();
        match read(patience) {
            Read::Bytes(bytes) => happened.keys = self.decoder.push(&bytes),
            Read::Gone => happened.leave = true,
            Read::Nothing if self.decoder.waits() => happened.keys.extend(self.decoder.rest()),
            Read::Nothing => {}
        }
        let was = |flag: &Arc<AtomicBool>| flag.swap(false, Ordering::Relaxed);
        happened.leave |= self.signals.leave.load(Ordering::Relaxed) || !is_taken();
        happened.suspend = was(&self.signals.stopped);
        // Somebody else may have stopped us, and the shell have set its terminal as it wants it.
        let resumed = was(&self.signals.resumed);
        if resumed && is_taken() {
            let _ = disable_raw_mode().and_then(|()| take());
        }
        happened.repaint = was(&self.signals.resized) || resumed;
        happened
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What comes from the keyboard.
enum Read {
    Bytes(Vec<u8>),
    Nothing,
    /// Nobody can type any more.
    Gone,
}

fn read(patience: Duration) -> Read {
    let stdin = io::stdin();
    let mut waited = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec::try_from(patience).ok();
    match poll(&mut waited, patience.as_ref()) {
        Ok(0) | Err(Errno::INTR | Errno::AGAIN) => return Read::Nothing,
        Ok(_) => {}
        Err(_) => return Read::Gone,
    }
    let mut bytes = [0; READ_BYTES];
    match rustix::io::read(&stdin, &mut bytes) {
        Ok(0) => Read::Gone,
        Ok(count) => Read::Bytes(bytes.get(..count).unwrap_or_default().to_vec()),
        Err(Errno::INTR | Errno::AGAIN) => Read::Nothing,
        Err(_) => Read::Gone,
    }
}

fn is_taken() -> bool {
    *TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends commands to the terminal at once.
fn send(fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::new();
    fill(&mut bytes)?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&bytes)?;
    stdout.flush()
}

fn queue(bytes: &mut Vec<u8>, command: impl Command) -> io::Result<()> {
    bytes.queue(command).map(drop)
}

/// Takes the terminal: keys come one by one and are not shown, and what stood on the screen is kept aside.
fn take() -> io::Result<()> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    enable_raw_mode()?;
    *taken = true;
    send(|bytes| {
        queue(bytes, EnterAlternateScreen)?;
        queue(bytes, Hide)?;
        queue(bytes, Clear(ClearType::All))
    })
}

/// Gives the terminal back, if it is taken. What fails cannot be helped: it may be gone.
fn give_back() {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut *taken) {
        let _ = send(|bytes| {
            queue(bytes, SetAttribute(Attribute::Reset))?;
            queue(bytes, LeaveAlternateScreen)?;
            queue(bytes, Show)
        });
        let _ = disable_raw_mode();
    }
}

/// A panic in any thread gives the terminal back before it is told of, so that it can be read; the view sees that and
/// ends.
fn give_back_in_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        told(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command as Program, Stdio};

    /// Set where the test runs in a terminal of its own: the thread that is to panic.
    const INSIDE: &str = "LANDFALL_TEST_PANIC";

    #[test]
    fn a_panic_in_any_thread_gives_the_terminal_back_before_it_is_told_of() {
        if let Some(thread) = std::env::var_os(INSIDE) {
            let mut screen = Screen::prepare().unwrap();
            screen.enter().unwrap();
            let another = std::thread::spawn(|| panic!("boom"));
            assert!(another.join().is_err());
            assert!(screen.wait(Duration::ZERO).leave, "the view ends");
            assert!(thread != "own", "boom");
            return;
        }
        let found = Program::new("script").arg("--version").stdout(Stdio::null()).status();
        if !cfg!(target_os = "linux") || !found.is_ok_and(|status| status.success()) {
            eprintln!("left out: that a panic gives the terminal back: there is no script(1) of util-linux");
            return;
        }
        for thread in ["another", "own"] {
            let (raw, before, after) = in_terminal(thread);
            let place = |part: &str| raw.find(part).unwrap_or_else(|| panic!("no {part:?} in {raw:?}"));
            assert!(place("\u{1b}[?1049h") < place("\u{1b}[?1049l"), "{raw:?}");
            assert!(place("\u{1b}[?1049l") < place("boom"), "{raw:?}");
            assert!(place("\u{1b}[?25h") < place("boom"), "{raw:?}");
            assert_eq!(before, after);
        }
    }

    /// Runs this test in a terminal: what was written there, and how the terminal was set before and after.
    fn in_terminal(thread: &str) -> (String, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        let name = "view::screen::tests::a_panic_in_any_thread_gives_the_terminal_back_before_it_is_told_of";
        let line = format!("stty -a > before; {} --exact {name} --nocapture; stty -a > after", exe.display());
        let output = Program::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(folder.path())
            .env(INSIDE, thread)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .output()
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), read("before"), read("after"))
    }
}
