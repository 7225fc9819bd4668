//! Why a bundle was not written or cannot be checked.

use std::io;
use std::path::PathBuf;

/// Why a bundle was not written, or cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The folder for the bundle has something in it.
    #[error("'{}' is not empty: name a folder that does not exist yet", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// What is to become the bundle is no folder.
    #[error("'{}' is not a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// An input can be read once only.
    #[error(
        "'{}' can be read only once, and an evidence bundle takes two readings: save it to a file first",
        path.display()
    )]
    ReadOnce {
        /// The input.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A capture is not what it was at the first reading.
    #[error("'{input}' changed while it was read: try again with a file that nothing writes to")]
    Changed {
        /// The capture.
        input: String,
    },
    /// A file is larger than such a file can be.
    #[error("'{}' is larger than {limit} bytes, which no {what} is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A manifest is not understood.
    #[error("manifest.json is not understood: {reason}")]
    Manifest {
        /// What is wrong, and where.
        reason: String,
    },
    /// A key file holds no key.
    #[error("'{}' holds no key: 64 hexadecimal digits are wanted, as `openssl rand -hex 32` writes", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// The two halves of a key are the same.
    #[error("the two halves of the key in '{}' are the same: make another with `openssl rand -hex 32`", path.display())]
    WeakKey {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key; name one with --key-file")]
    NoRandomness,
    /// There are more addresses than pseudonyms for them.
    #[error("too many addresses of one network: there are not enough pseudonyms for them")]
    TooManyAddresses,
    /// The filter names what is to be replaced.
    #[error(
        "the filter names an address or a host that is to be replaced, and a bundle names the filter: cut the capture \
         with `tcpdump -r FILE -w PART FILTER` and inspect the part"
    )]
    FilterNames,
    /// The folder for the bundle has no name of its own.
    #[error("'{}' cannot be made at once: name a folder that does not exist yet", path.display())]
    NoName {
        /// What was given.
        path: PathBuf,
    },
    /// Something that was to be replaced is left in an output.
    #[error(
        "nothing was written: {what} that was to be replaced is left in {file} at byte {offset}; if it does not stand in \
         the name of a file or in a rule, this is a defect of the program"
    )]
    Left {
        /// `an address`, `a MAC address`, `a name`.
        what: &'static str,
        /// The output.
        file: String,
        /// Where it begins.
        offset: usize,
    },
    /// A capture could not be read again.
    #[error(transparent)]
    Capture(#[from] crate::capture::CaptureError),
    /// The analysis could not be made again.
    #[error(transparent)]
    Inspect(#[from] crate::pipeline::InspectError),
}
