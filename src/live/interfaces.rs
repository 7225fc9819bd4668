//! `landfall interfaces`.

use crate::capture::CaptureError;
use crate::capture::live::{self, InterfaceInfo};
use crate::report::{json_line, text};

/// The interfaces of this machine, as a table or as JSON.
pub fn interfaces(json: bool) -> Result<String, CaptureError> {
    let interfaces = live::interfaces()?;
    if json {
        return Ok(json_line(&interfaces) + "\n");
    }
    if interfaces.is_empty() {
        return Ok("no interfaces that this user may capture from\n".to_owned());
    }
    let width = interfaces.iter().map(|interface| text::escape(&interface.name).len()).max().unwrap_or(0);
    Ok(interfaces.iter().map(|interface| line(interface, width)).collect())
}

fn line(interface: &InterfaceInfo, width: usize) -> String {
    let kinds = [
        (interface.loopback, "loopback"),
        (interface.wireless, "wireless"),
        (!interface.running, "not running"),
    ];
    let kinds = kinds.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    let addresses = interface.addresses.iter().map(ToString::to_string);
    let description = interface.description.iter().map(|text| text::escape(text));
    let parts: Vec<String> = addresses.chain(kinds).chain(description).collect();
    format!("{:width$}  {}\n", text::escape(&interface.name), parts.join(", ")).trim_end().to_owned() + "\n"
}
