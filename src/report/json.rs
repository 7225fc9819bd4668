//! The report as one JSON object.

use super::Report;

/// The report, indented, with a line feed at the end.
pub(super) fn render(report: &Report) -> Vec<u8> {
    // Every value of the model has a JSON form and every key is a string, so that writing cannot fail.
    let mut bytes = serde_json::to_vec_pretty(report).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
