//! What happens, in one line for people.

use crate::pipeline::live::{ServerTold, SessionTold, Status, Told};
use crate::report::text::{bytes, counted, escape, number};
use crate::report::{NameReport, ProcessReport, Time};

/// The line for `told`; `None` where it is not worth one.
pub(super) fn line(told: &Told) -> Option<String> {
    let text = match told {
        Told::CaptureStarted(started) => {
            let filter = started.filter.as_ref().map_or_else(String::new, |text| format!(", filter {text}"));
            format!("{}  watching {}{filter}", clock(started.time), started.interfaces.join(", "))
        }
        Told::SessionStarted(session) => session_line("call", session),
        Told::SessionChanged(session) => session_line("is", session),
        Told::SessionResumed(session) => session_line("goes on:", session),
        Told::SessionEnded(over) => {
            let session = &over.session;
            let countries = session
                .countries
                .iter()
                .map(|touched| format!("{} {}", touched.country, bytes(touched.bytes)));
            let countries: Vec<String> = countries.collect();
            let touched =
                if countries.is_empty() { "no country known".to_owned() } else { countries.join(", ") };
            let service = &session.service_name;
            let verdict = format!("{:?}", session.verdict).to_lowercase();
            format!("{}  {} ended: {service}, {touched}: {verdict}", clock(over.time), session.id)
        }
        Told::SessionWithdrawn(gone) => {
            let why = gone
                .part_of
                .as_ref()
                .map_or_else(|| "no call".to_owned(), |other| format!("part of {other}"));
            format!("{}  {} is {why}", clock(gone.time), gone.session)
        }
        Told::Server(server) => server_line(server),
        Told::Finding(told) => {
            let verdict = format!("{:?}", told.finding.verdict).to_uppercase();
            let call = told.finding.session.as_ref().map_or_else(String::new, |id| format!("{id} "));
            let service = told.service_name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            format!("{}  {verdict}  {call}{service}{}", clock(told.time), told.finding.reason)
        }
        Told::FindingWithdrawn(told) => {
            format!("{}  withdrawn: {}", clock(told.time), told.finding.reason)
        }
        Told::Status(status) => status_line(status)?,
        Told::Report(_) => return None,
    };
    Some(escape(&text))
}

fn session_line(verb: &str, session: &SessionTold) -> String {
    let programs: Vec<String> = session.processes.iter().map(program).collect();
    let programs = if programs.is_empty() { String::new() } else { format!(" ({})", programs.join(", ")) };
    let SessionTold { session: id, service_name, client, time, .. } = session;
    format!("{}  {id} {verb} {service_name}, {client}{programs}", clock(*time))
}

fn program(process: &ProcessReport) -> String {
    format!("{} {}", process.name, process.pid)
}

fn server_line(server: &ServerTold) -> String {
    let roles: Vec<&str> = server.roles.iter().map(|role| role.name()).collect();
    let place = server.country.map_or_else(|| "--".to_owned(), |country| country.to_string());
    // The name that was asked for says more than those that a certificate may be used for.
    let rank = |name: &&NameReport| (name.name.starts_with('*'), name.via == "certificate");
    let name = server.names.iter().min_by_key(rank);
    let name = name.map_or_else(String::new, |name| format!("  {}", name.name));
    format!(
        "{}  {}   {}  {}  {place} {}  {}{name}",
        clock(server.time),
        server.session,
        roles.join(","),
        server.address,
        server.confidence,
        server.contact
    )
}

/// Only what should worry: frames that never came, interfaces that are gone, what could not be done.
fn status_line(status: &Status) -> Option<String> {
    let lost: u64 = status.interfaces.iter().map(|interface| interface.dropped).sum();
    let gone = status.interfaces.iter().filter(|interface| interface.failure.is_some()).count();
    if lost == 0 && gone == 0 && status.failures.is_empty() {
        return None;
    }
    let failures: String = status.failures.iter().map(|failure| format!("; {failure}")).collect();
    let gone = if gone == 0 { String::new() } else { format!(", {} gone", counted(gone, "interface")) };
    Some(format!(
        "{}  {} packets, {} dropped{gone}{failures}",
        clock(status.time),
        number(status.packets),
        number(lost)
    ))
}

/// The time of day, in UTC.
fn clock(time: Time) -> String {
    let text = time.at.rfc3339(crate::capture::Precision::new(0));
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Precision, Timestamp};
    use crate::identify::{Contact, Role, Service};
    use crate::locate::Confidence;
    use crate::pipeline::live::InterfaceStatus;
    use crate::pipeline::live::Rate;
    use crate::policy::Verdict;

    const NOON: Time = Time {
        at: Timestamp::from_nanoseconds(1_585_915_200_000_000_000),
        precision: Precision::NANOSECONDS,
    };

    #[test]
    fn a_server_has_the_name_that_was_asked_for() {
        let name = |name: &str, via| NameReport { name: name.to_owned(), via };
        let server = ServerTold {
            time: NOON,
            session: "s1".to_owned(),
            address: [192, 0, 2, 7].into(),
            ports: vec![443],
            names: vec![
                name("*.zoom.us", "certificate"),
                name("zoom.us", "certificate"),
                name("zoomny1.zoom.us", "tls"),
            ],
            roles: vec![Role::Signaling, Role::Web],
            contact: Contact::Control,
            country: None,
            confidence: Confidence::Unknown,
            verdict: Verdict::Allow,
        };
        let line = line(&Told::Server(server)).unwrap();
        assert_eq!(line, "12:00:00  s1   signaling,web  192.0.2.7  -- unknown  control  zoomny1.zoom.us");
    }

    #[test]
    fn a_program_may_call_itself_what_it_likes() {
        let session = SessionTold {
            time: NOON,
            session: "s2".to_owned(),
            service: Service::ZOOM,
            service_name: "Zoom".to_owned(),
            client: [192, 0, 2, 1].into(),
            processes: vec![ProcessReport { name: "a\u{1b}[2J".to_owned(), pid: 4 }],
        };
        let line = line(&Told::SessionStarted(session)).unwrap();
        assert_eq!(line, "12:00:00  s2 call Zoom, 192.0.2.1 (a\\u{1b}[2J 4)");
    }

    #[test]
    fn how_it_goes_is_told_where_it_goes_badly() {
        let status = |dropped, failures: &[&str]| {
            let interface = InterfaceStatus {
                name: "eth0".into(),
                packets: 7,
                rate: Rate::default(),
                dropped,
                failure: None,
            };
            Told::Status(Status {
                time: NOON,
                packets: 1234,
                bytes: 0,
                sessions: 0,
                flows: 0,
                interfaces: vec![interface],
                failures: failures.iter().map(ToString::to_string).collect(),
            })
        };
        assert_eq!(line(&status(0, &[])), None);
        assert_eq!(line(&status(5, &[])).unwrap(), "12:00:00  1,234 packets, 5 dropped");
        let full = line(&status(0, &["cannot write 'a': full"])).unwrap();
        assert_eq!(full, "12:00:00  1,234 packets, 0 dropped; cannot write 'a': full");
    }
}
