//! Why something could not be done with the store.

use crate::locate::LocateError;
use std::io;
use std::path::PathBuf;

/// Something could not be done with the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What came is not what was expected.
    #[error("what '{url}' gave is no use; what was there before is kept")]
    Bad {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection ended before the file did.
    #[error("'{url}' broke off; what was there before is kept")]
    BrokeOff {
        /// What was to be fetched.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file is nothing that is understood.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// There is no server, no way to it, or no answer.
    #[error("cannot reach '{url}': is there a network? Behind a proxy, set HTTPS_PROXY")]
    NoNetwork {
        /// What was to be fetched.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What came is much smaller than what came before: most likely a part of it.
    #[error(
        "what '{url}' gave has {bytes} bytes, less than half of the {before} of '{}', which is kept; if that is right, \
         remove that file and try again",
        path.display()
    )]
    Shrunk {
        /// Where it came from.
        url: String,
        /// Bytes that came.
        bytes: u64,
        /// What came before.
        path: PathBuf,
        /// Its bytes.
        before: u64,
    },
    /// There is no place for the store.
    #[error("neither XDG_DATA_HOME nor HOME says where the store is")]
    NoHome,
    /// A path ends in nothing that is a name.
    #[error("'{}' has no file name", path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// The list of sources has no such name.
    #[error("there is no source {name:?}; there are {known}")]
    NoSource {
        /// The name.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// The program was built without what fetches.
    #[error("this landfall was built without the feature \"update\" and cannot fetch anything")]
    NotBuilt,
    /// Anybody on the way could change what comes.
    #[error("'{url}' is no https URL")]
    NotSecure {
        /// What was to be fetched.
        url: String,
    },
    /// The server cannot show that it is the one.
    #[error(
        "the certificate of '{url}' is not trusted; if a proxy opens TLS here, set SSL_CERT_FILE to a file with its \
         certificate and the others to be trusted (PEM)"
    )]
    NotTrusted {
        /// What was to be fetched.
        url: String,
        /// What is wrong with the certificate.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file or folder cannot be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server refuses.
    #[error("'{url}' is answered with HTTP status {status}")]
    Refused {
        /// What was to be fetched.
        url: String,
        /// The status.
        status: u16,
    },
    /// The file is larger than any that is offered.
    #[error("'{url}' has more than {limit} bytes")]
    TooLarge {
        /// What was to be fetched.
        url: String,
        /// How many are accepted.
        limit: u64,
    },
    /// A list of sources or an index is not understood.
    #[error("'{}' is not understood", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<toml::de::Error>,
    },
    /// A file cannot be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
