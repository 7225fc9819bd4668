//! `landfall policy` and `landfall diff`.

use super::confine_quietly;
use crate::{FAILURE, print_error};
use landfall::cli::{Diff, Format, Output, PolicyCommand};
use landfall::pipeline::policies;
use landfall::report;
use std::error::Error;
use std::path::PathBuf;

pub(crate) fn policy(command: &PolicyCommand) -> Result<u8, Box<dyn Error>> {
    confine_quietly(&reads(command));
    let text = match command {
        PolicyCommand::Check(options) => {
            let checked = policies::check_policies(&options.files, &options.services)?;
            Output::open(None)?.write(checked.text.as_bytes())?;
            checked.messages.iter().for_each(|message| print_error(message));
            return Ok(if checked.failed { FAILURE } else { 0 });
        }
        PolicyCommand::Show(options) => policies::show(&options.file, &options.services)?,
        PolicyCommand::List => policies::list(),
        PolicyCommand::Groups(options) => match options.format {
            Format::Table => report::list_groups(landfall::policy::groups()),
            Format::Json => report::groups_json(landfall::policy::groups()),
        },
        PolicyCommand::Explain(options) => {
            policies::explain(&options.file, &options.services, &options.home, &options.report)?
        }
        PolicyCommand::Schema => landfall::policy::schema(),
    };
    Output::open(None)?.write(text.as_bytes())?;
    Ok(0)
}

/// The files that `command` names. A policy that landfall carries is none.
fn reads(command: &PolicyCommand) -> Vec<PathBuf> {
    match command {
        PolicyCommand::Check(options) => {
            options.files.iter().map(PathBuf::from).chain(options.services.iter().cloned()).collect()
        }
        PolicyCommand::Show(options) => [&[PathBuf::from(&options.file)], &options.services[..]].concat(),
        PolicyCommand::Explain(options) => {
            [&[PathBuf::from(&options.file), options.report.clone()], &options.services[..]].concat()
        }
        PolicyCommand::List | PolicyCommand::Groups(_) | PolicyCommand::Schema => Vec::new(),
    }
}

pub(crate) fn diff(options: &Diff) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    confine_quietly(&[options.old.clone(), options.new.clone()]);
    let (old, new) = (report::PastReport::open(&options.old)?, report::PastReport::open(&options.new)?);
    let diff = report::compare(&old, &new);
    let text = match options.format {
        Format::Table => diff.table(),
        Format::Json => diff.json(),
    };
    output.write(text.as_bytes())?;
    Ok(u8::from(!diff.same))
}
