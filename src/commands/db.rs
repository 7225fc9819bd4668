//! `landfall db`.

use crate::{FAILURE, say};
use landfall::cli::{DbCommand, Format, Output};
use landfall::store::{Store, run};
use std::error::Error;

pub(crate) fn db(command: &DbCommand) -> Result<u8, Box<dyn Error>> {
    let store = Store::of_user()?;
    let outcome = match command {
        DbCommand::List(options) => run::list(&store, options.format == Format::Json),
        DbCommand::Add(options) => run::add(&store, &options.files),
        DbCommand::Update(options) => {
            let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            run::update(&store, &options.names, options.sources.as_deref(), today)
        }
        DbCommand::Verify(options) => run::verify(&store, options.format == Format::Json),
    }?;
    Output::open(None)?.write(outcome.text.as_bytes())?;
    for failure in &outcome.failures {
        say(failure);
    }
    Ok(if outcome.failures.is_empty() { 0 } else { FAILURE })
}
