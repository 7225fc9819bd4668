//! The sandbox: a program that looks into hostile packets needs to read what it was given, and nothing else.
//!
//! Two layers on Linux, and neither needs a privilege. Landlock refuses every file but those that are named, and every
//! TCP connection; seccomp refuses the system calls that open sockets, start programs, or change what the process may
//! do. Capabilities are dropped before. Elsewhere there is no sandbox, and whoever enters it is told.

#[cfg(all(feature = "sandbox", target_os = "linux"))]
mod calls;
#[cfg(all(feature = "sandbox", target_os = "linux"))]
mod linux;

use std::path::PathBuf;

/// Whether this build has a sandbox for this system. Where there is none, there is none to miss.
pub const AVAILABLE: bool = cfg!(all(feature = "sandbox", target_os = "linux"));

/// What may still be opened.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Files and folders that may be read.
    pub read: Vec<PathBuf>,
    /// Folders in which files and folders may be made, written, renamed and removed.
    pub write: Vec<PathBuf>,
    /// Whether they may be of other users, where the user is root.
    pub of_anybody: bool,
    /// Sockets by which nothing may be sent: what captures frames could also put them on the network.
    pub receive_only: Vec<i32>,
}

/// Where the system looks up the names of ports and protocols, as in the filter `port https`.
pub const NAMES_OF_PORTS: [&str; 3] = ["/etc/nsswitch.conf", "/etc/protocols", "/etc/services"];

/// Entries of folders that are looked at for links.
const MAX_ENTRIES: usize = 1 << 18;

impl Allowed {
    /// The reading of `paths`, of what is in them where they are folders, and of the files that links there lead to.
    pub fn reading(paths: &[PathBuf]) -> Self {
        let mut read = paths.to_vec();
        let mut folders: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
        let mut left = MAX_ENTRIES;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(left) {
                left -= 1;
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_symlink() && entry.path().is_file() => read.push(entry.path()),
                    _ => {}
                }
            }
        }
        Self { read, of_anybody: true, ..Self::default() }
    }
}

/// Gives up everything but what is `allowed`, for this thread and all that it starts. To be called before any other
/// thread is started. Says what this system lacks for it; empty where all is in force.
pub fn enter(allowed: &Allowed) -> Vec<String> {
    #[cfg(all(feature = "sandbox", target_os = "linux"))]
    return linux::enter(allowed);
    #[cfg(not(all(feature = "sandbox", target_os = "linux")))]
    {
        let _ = allowed;
        vec!["this build has no sandbox for this system".to_owned()]
    }
}

/// Takes all files from this thread, which is started before the sandbox is entered and needs none.
pub fn close_files() {
    #[cfg(all(feature = "sandbox", target_os = "linux"))]
    linux::close_files();
}

/// Takes from this thread, and those that it will start, the reading and writing of files too: it looks into packets.
pub fn confine_thread() {
    #[cfg(all(feature = "sandbox", target_os = "linux"))]
    linux::confine_thread();
    prove();
}

/// For tests, in builds that are not optimised: where `LANDFALL_PROVE_SANDBOX` names a file, does what a dissector that
/// is taken over would, and says on standard error how far it came.
pub fn prove() {
    #[cfg(debug_assertions)]
    if let Some(path) = std::env::var_os("LANDFALL_PROVE_SANDBOX") {
        use std::io::Write;
        let thread = std::thread::current().name().unwrap_or("worker").to_owned();
        let tries = [
            ("file", std::fs::File::open(path).map(drop)),
            ("folder", std::fs::read_dir("/").map(drop)),
            ("new file", std::fs::write(std::env::temp_dir().join("landfall-escaped"), "")),
            ("tcp", std::net::TcpStream::connect(("127.0.0.1", 9)).map(drop)),
            ("udp", std::net::UdpSocket::bind(("127.0.0.1", 0)).map(drop)),
            ("program", std::process::Command::new("true").status().map(drop)),
        ];
        for (what, result) in tries {
            let outcome = result.map_or_else(|error| format!("{:?}", error.kind()), |()| "done".to_owned());
            let _ = writeln!(std::io::stderr(), "prove {thread}: {what}: {outcome}");
        }
    }
}

/// For tests, as [`prove`]: tries to send by a socket that is open already.
pub fn prove_sending(send: impl FnOnce() -> Result<(), String>) {
    #[cfg(debug_assertions)]
    if std::env::var_os("LANDFALL_PROVE_SANDBOX").is_some() {
        use std::io::Write;
        let outcome = match send() {
            Ok(()) => "done",
            Err(error) if error.contains("not permitted") => "PermissionDenied",
            Err(_) => "Other",
        };
        let _ = writeln!(std::io::stderr(), "prove capture: frame: {outcome}");
    }
    #[cfg(not(debug_assertions))]
    drop(send);
}
