//! `landfall policy` and `landfall diff`.

use crate::{FAILURE, print_error};
use landfall::cli::{Diff, Format, Output, PolicyCommand};
use landfall::pipeline::policies;
use landfall::report;
use std::error::Error;

pub(crate) fn policy(command: &PolicyCommand) -> Result<u8, Box<dyn Error>> {
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

pub(crate) fn diff(options: &Diff) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let (old, new) = (report::PastReport::open(&options.old)?, report::PastReport::open(&options.new)?);
    let diff = report::compare(&old, &new);
    let text = match options.format {
        Format::Table => diff.table(),
        Format::Json => diff.json(),
    };
    output.write(text.as_bytes())?;
    Ok(u8::from(!diff.same))
}
