//! `landfall evidence`.

use super::confine;
use landfall::capture::Progress;
use landfall::cli::{Bar, Output, VerifyOptions};
use landfall::evidence::{self, Key, VerifyRequest};
use std::error::Error;
use std::sync::Arc;

pub(crate) fn verify(options: VerifyOptions) -> Result<u8, Box<dyn Error>> {
    let request = VerifyRequest {
        folder: options.folder,
        captures: options.capture,
        with: options.with,
        key: options.key_file.as_deref().map(Key::read).transpose()?,
        // How many there are cannot be seen in the sandbox.
        threads: options.threads.or_else(|| std::thread::available_parallelism().ok()),
    };
    confine(&request.allowed(), options.no_sandbox);
    let progress = Arc::new(Progress::default());
    let bar = Bar::watch(&progress);
    let found = evidence::verify(&request, &progress);
    drop(bar);
    let found = found?;
    Output::open(None)?.write(found.render().as_bytes())?;
    Ok(found.exit_status())
}
