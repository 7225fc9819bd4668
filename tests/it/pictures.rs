//! The map and the timeline of the sample captures as a terminal shows them, kept in `tests/golden/view/`.

use crate::golden::compare;
use crate::program::samples;
use landfall::capture::Progress;
use landfall::pipeline::{Request, inspect};
use landfall::view::{Look, Map, Timeline};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use std::fmt::Write as _;

fn draw(out: &mut String, name: &str, widget: impl Widget, area: Rect) {
    let mut buffer = Buffer::empty(area);
    widget.render(area, &mut buffer);
    let _ = writeln!(out, "{name}, {} columns, {} rows", area.width, area.height);
    for y in 0..area.height {
        let row: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let _ = writeln!(out, "{}", row.trim_end());
    }
}

#[test]
fn maps_and_timelines_of_samples_are_as_kept() {
    for (name, vantage) in [
        ("zoom-beijing-keys.pcapng", Some("US")),
        ("zoom-peer-denied.pcapng", None),
        ("denied-probe-unanswered.pcap", None),
        ("teams-region.pcapng", None),
        ("empty.pcap", None),
    ] {
        let paths = vec![samples().join(name)];
        let vantage = vantage.map(|place| place.parse().unwrap());
        let request = Request { paths, vantage, deny: vec!["CN".to_owned()], ..Request::default() };
        let report = inspect(&request, &Progress::default().into()).unwrap().report;
        for (set, unicode) in [("unicode", true), ("ascii", false)] {
            let look = Look { colour: false, unicode };
            let mut out = String::new();
            for area in [Rect::new(0, 0, 80, 20), Rect::new(0, 0, 120, 30)] {
                draw(&mut out, "map", Map::new(&report, look), area);
                for call in &report.sessions {
                    draw(&mut out, "timeline", Timeline::new(&report, &call.id, look), area);
                }
            }
            compare(&format!("view/{name}.{set}.txt"), out.as_bytes());
        }
    }
}
