//! What the README shows of the library.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use landfall::{capture::Progress, pipeline};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths = vec!["sample-captures/zoom-beijing-keys.pcapng".into()];
    let request = pipeline::Request { paths, deny: vec!["CN".to_owned()], ..pipeline::Request::default() };
    let inspected = pipeline::inspect(&request, &Progress::default().into())?;
    for finding in &inspected.report.findings {
        println!("{}: {:?}", finding.endpoint, finding.verdict);
    }
    Ok(())
}
