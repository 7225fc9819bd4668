//! `landfall lookup`.

use super::{confine_quietly, resolve};
use crate::{FAILURE, say};
use landfall::cli::{Format, Lookup, Output};
use landfall::locate::Sources;
use landfall::pipeline::{self, LookupError, LookupRequest};
use std::error::Error;
use std::io::{self, BufRead};

pub(crate) fn lookup(options: &Lookup) -> Result<u8, Box<dyn Error>> {
    let output = Output::open(options.output.as_deref())?;
    let request = LookupRequest {
        sources: Sources {
            databases: resolve(&options.location.db),
            without_embedded: options.location.no_default_db,
            ranges: resolve(&options.location.ranges),
            anycast: resolve(&options.location.anycast),
            all_dates: options.location.all_dates,
            hash: options.format == Format::Json,
            ..Sources::default()
        },
        at: options.at,
        json: options.format == Format::Json,
        // How many there are cannot be seen in the sandbox.
        threads: options.threads.or_else(|| std::thread::available_parallelism().ok()),
    };
    let sources = &request.sources;
    confine_quietly(&[&sources.databases[..], &sources.ranges, &sources.anycast].concat());
    let given = options.addresses.join("\n");
    let input: Box<dyn BufRead> = match options.addresses.as_slice() {
        [] => Box::new(io::stdin().lock()),
        [only] if only == "-" => Box::new(io::stdin().lock()),
        _ => Box::new(given.as_bytes()),
    };
    let closed = |error: &LookupError| matches!(error, LookupError::Write(cause) if cause.kind() == io::ErrorKind::BrokenPipe);
    let result = output.stream(|out| pipeline::lookup(&request, input, out), closed)?;
    let result = result.unwrap_or_default();
    for text in &result.named {
        say(&format!("{text:?} is no address"));
    }
    if result.not_understood > result.named.len() as u64 {
        say(&format!("{} lines are no addresses", result.not_understood));
    }
    Ok(if result.not_understood > 0 { FAILURE } else { 0 })
}
