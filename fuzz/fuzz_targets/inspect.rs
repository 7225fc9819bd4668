//! A whole capture from its bytes to a report in both formats. The first byte chooses the rules.

#![no_main]

use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::LazyLock;

use landfall::capture::{Options, Reader};
use landfall::pipeline::{Inspector, Request};
use landfall::report::Format;
use libfuzzer_sys::fuzz_target;

static REQUESTS: LazyLock<[Request; 2]> = LazyLock::new(|| {
    let request = |deny: &[&str]| Request {
        deny: deny.iter().map(|list| (*list).to_owned()).collect(),
        vantage: "52.5,13.4".parse().ok(),
        threads: NonZeroUsize::new(1),
        with_flows: true,
        judge_all: !deny.is_empty(),
        ..Request::default()
    };
    [request(&[]), request(&["CN,@eu"])]
});
thread_local! {
    static INSPECTORS: Vec<Inspector<'static>> =
        REQUESTS.iter().map(|request| Inspector::new(request).unwrap()).collect();
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, capture)) = data.split_first() else { return };
    let source = Box::new(Cursor::new(capture.to_vec()));
    let Ok(reader) = Reader::from_source("fuzz", source, Options::default()) else { return };
    let inspected = INSPECTORS.with(|inspectors| inspectors[usize::from(choice & 1)].inspect(reader));
    let report = inspected.unwrap().report;
    assert!(report.exit_status() <= 3);
    assert!(report.coverage.packets >= report.coverage.ip_packets);
    for format in [Format::Json, Format::Table { colour: false }] {
        let text = String::from_utf8(report.render(format)).unwrap();
        let unsafe_for_terminals =
            |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(unsafe_for_terminals), "{text:?}");
    }
});
