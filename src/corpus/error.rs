//! Why something could not be done with a corpus.

use std::io;
use std::path::PathBuf;

/// Something could not be done with a corpus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A campaign of a manifest is not understood.
    #[error("'{}', campaign {campaign:?}: {what}", path.display())]
    Campaign {
        /// The manifest.
        path: PathBuf,
        /// The campaign.
        campaign: String,
        /// What is wrong with it.
        what: String,
    },
    /// There is nothing to inspect.
    #[error("'{}' has no captures in it", path.display())]
    Empty {
        /// The corpus.
        path: PathBuf,
    },
    /// A file of a manifest or list is not there.
    #[error("'{}', campaign {campaign:?}: no file is '{pattern}'", path.display())]
    NoFile {
        /// The manifest or list.
        path: PathBuf,
        /// The campaign.
        campaign: String,
        /// What was looked for.
        pattern: String,
    },
    /// A file is neither a list nor a manifest.
    #[error(
        "'{}' is no list of paths and no TOML manifest; to inspect a capture, type: landfall inspect '{}'",
        path.display(), path.display()
    )]
    NoManifest {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A manifest is not understood.
    #[error("'{}' is no manifest", path.display())]
    Toml {
        /// The manifest.
        path: PathBuf,
        /// What is wrong in it, and where.
        source: Box<toml::de::Error>,
    },
    /// There are more campaigns or files than can be meant.
    #[error("'{}' has more than {limit} captures; give it in parts", path.display())]
    TooMany {
        /// The corpus.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// Two campaigns of one name could not be told apart in the tables.
    #[error("'{}' has two campaigns named {name:?}", path.display())]
    TwoOfOneName {
        /// The corpus.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A result cannot be written.
    #[error("cannot write '{}'", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder has results that were made in another way.
    #[error(
        "'{}' has results made with another {what}, which do not belong in one table with these; \
         choose another --out", folder.display()
    )]
    OtherSettings {
        /// The folder of the results.
        folder: PathBuf,
        /// What is not the same.
        what: String,
    },
    /// Another run is at work in the folder.
    #[error("another run is at work in '{}': wait for its end, or choose another --out", folder.display())]
    InUse {
        /// The folder of the results.
        folder: PathBuf,
    },
    /// Files of two campaigns would have the same name.
    #[error("campaigns {one:?} and {other:?} would have the same files in the results: rename one")]
    SameFiles {
        /// A campaign.
        one: String,
        /// The other.
        other: String,
    },
    /// What is to be done cannot be done with any campaign.
    #[error(transparent)]
    Inspect(#[from] crate::pipeline::InspectError),
    /// A folder holds no results.
    #[error("'{}' has no results of a corpus: landfall corpus run makes them", folder.display())]
    NoResults {
        /// The folder.
        folder: PathBuf,
    },
}
