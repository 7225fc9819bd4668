//! Corpora: thousands of captures, inspected campaign by campaign into tables.
//!
//! ```text
//! DIR/settings.json            what decides what is found: version, policy, databases, options
//! DIR/campaigns/ID.json        what came of a campaign; written last, so a campaign with a record is done
//! DIR/sessions/ID.parquet      its calls; endpoints/, findings/ and flows/ likewise
//! ```

mod allowed;
mod campaign;
mod engine;
mod error;
mod lock;
mod parts;
mod record;
mod rows;
mod run;
mod settings;
pub mod summary;
mod verify;
mod watch;
mod whole;

pub use campaign::{Campaign, Capture, Corpus, Shard};
pub use error::CorpusError;
pub use record::{InputRecord, Part, Record, Settings, Status};
pub use rows::{list, rows, schema, settings};
pub use run::{Plan, Tally, prepare, run};
pub use verify::{Checked, Fault, verify};
pub use watch::{Progressed, Watch};
