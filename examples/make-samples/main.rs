//! Makes the captures of `sample-captures/`: `cargo run --example make-samples -- FOLDER`.
//!
//! The same bytes come out at every run; a test holds the folder against them.

mod samples;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "sample-captures".into()));
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in samples::all() {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
