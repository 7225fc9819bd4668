//! What can keep a capture from being read at all.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why captures cannot be read. Damage within a capture is no error: see [`Damage`](super::Damage).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// An input does not exist or may not be read.
    #[error("cannot open {}", named(path))]
    Open {
        /// The input.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Reading failed before the kind of capture was known.
    #[error("cannot read {}", named(path))]
    Read {
        /// The input.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An input has no bytes.
    #[error("{} is empty: not even the header of a capture is there", named(path))]
    Empty {
        /// The input.
        path: PathBuf,
    },
    /// An input is not a capture that can be read.
    #[error("{} {reason}", named(path))]
    NotACapture {
        /// The input.
        path: PathBuf,
        /// What it is instead, and what to do.
        reason: String,
    },
    /// A folder has no capture in it, however deep.
    #[error("no capture in the folder {}", named(path))]
    NoCapture {
        /// The folder.
        path: PathBuf,
    },
    /// More inputs than frames can name.
    #[error("{count} captures are more than the {limit} that can be read at once: give them in parts")]
    TooMany {
        /// Captures found.
        count: usize,
        /// Captures that can be read at once.
        limit: usize,
    },
    /// Standard input is a terminal.
    #[error("standard input is a terminal: pipe a capture in, or give the name of a file")]
    Terminal,
    /// A filter expression is not valid.
    #[error("the filter '{expression}' is not valid")]
    Filter {
        /// The expression, as given.
        expression: String,
        /// What libpcap says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A filter expression has a name in it.
    #[error(
        "'{name}' in the filter is a name: looking it up would tell a name server what is being looked for, \
         so give the address"
    )]
    FilterName {
        /// The name.
        name: String,
    },
    /// An interface cannot be captured from.
    #[error("cannot capture from '{name}'")]
    Interface {
        /// Its name.
        name: String,
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The user may not capture.
    #[error(
        "cannot capture from '{name}': it needs the capability CAP_NET_RAW (sudo setcap cap_net_raw+ep PROGRAM), or root"
    )]
    NotPermitted {
        /// The interface.
        name: String,
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The interfaces of the machine cannot be listed.
    #[error("cannot list the interfaces of this machine")]
    Interfaces {
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The program cannot capture.
    #[error(
        "this program was built without live capture: build it with the feature `live`, on Linux, macOS or BSD"
    )]
    NoLive,
    /// The program cannot filter.
    #[error("this program was built without libpcap and cannot filter: build it with the feature `bpf`")]
    NoFilter,
}

impl CaptureError {
    /// The input or folder that cannot be read, where it is one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Open { path, .. }
            | Self::Read { path, .. }
            | Self::Empty { path }
            | Self::NotACapture { path, .. }
            | Self::NoCapture { path } => Some(path),
            _ => None,
        }
    }
}

/// An input as a message names it.
fn named(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { format!("'{}'", path.display()) }
}
