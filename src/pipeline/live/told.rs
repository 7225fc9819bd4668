//! What is told of a capture while it goes on: one record a line, documented in `docs/live.md`.

use super::Rate;
use crate::identify::{Contact, Role, Service};
use crate::locate::{Confidence, CountryCode};
use crate::policy::Verdict;
use crate::report::{Finding, NameReport, ProcessReport, Report, SessionReport, Time, Tool};
use serde::Serialize;
use std::net::IpAddr;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Told {
    /// The capture has begun.
    CaptureStarted(CaptureStarted),
    /// There is a call.
    SessionStarted(SessionTold),
    /// More packets have told another service, or the program that it is of.
    SessionChanged(SessionTold),
    /// A call that had ended goes on.
    SessionResumed(SessionTold),
    /// Nothing has happened in a call for the idle gap.
    SessionEnded(SessionOver),
    /// What was taken for a call is none, or part of another.
    SessionWithdrawn(SessionGone),
    /// A far end of a call was seen, or more is known of it.
    Server(ServerTold),
    /// A rule denies something, or a fact that it needs is missing.
    Finding(FindingTold),
    /// More packets have told otherwise: a finding no longer stands.
    FindingWithdrawn(FindingTold),
    /// How the capture goes: at intervals, and when frames are lost.
    Status(Status),
    /// The capture is over: everything that was found.
    Report(Box<Whole>),
}

/// The capture has begun.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureStarted {
    /// Version of these records and of the report: a number that rises when a name or meaning changes.
    pub schema_version: &'static str,
    /// The program.
    pub tool: Tool,
    /// By the clock of this machine.
    pub time: Time,
    /// Names of the interfaces.
    pub interfaces: Vec<String>,
    /// The filter that the kernel applies.
    pub filter: Option<String>,
}

/// A call.
#[derive(Clone, Debug, Serialize)]
pub struct SessionTold {
    /// When it began.
    pub time: Time,
    /// Its name in all that is told of it, and in the report.
    pub session: String,
    /// The service.
    pub service: Service,
    /// The service's name, for people.
    #[serde(skip)]
    pub service_name: String,
    /// Whose call it is.
    pub client: IpAddr,
    /// Programs of this machine that have its sockets, where they could be seen.
    pub processes: Vec<ProcessReport>,
}

/// A call that is over.
#[derive(Clone, Debug, Serialize)]
pub struct SessionOver {
    /// When its last packet came.
    pub time: Time,
    /// The call, as it stands in the report; its `findings` are places in the list beside it.
    pub session: SessionReport,
    /// Its findings.
    pub findings: Vec<Finding>,
}

/// A call that there is not.
#[derive(Clone, Debug, Serialize)]
pub struct SessionGone {
    /// When that was found.
    pub time: Time,
    /// Its name.
    pub session: String,
    /// The call that it is part of.
    pub part_of: Option<String>,
}

/// A far end of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerTold {
    /// When that was found.
    pub time: Time,
    /// The call.
    pub session: String,
    /// Its address.
    pub address: IpAddr,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Its names.
    pub names: Vec<NameReport>,
    /// What it does, the most telling first.
    pub roles: Vec<Role>,
    /// How far contact went.
    pub contact: Contact,
    /// Where it is.
    pub country: Option<CountryCode>,
    /// How sure that is.
    pub confidence: Confidence,
    /// The verdict on it.
    pub verdict: Verdict,
}

/// A finding and when it was made.
#[derive(Clone, Debug, Serialize)]
pub struct FindingTold {
    /// When it was made, by the time of packets; the packets that show it may be a little older.
    pub time: Time,
    /// Whether it was told before and more is known.
    pub again: bool,
    /// The service of the call, for people.
    #[serde(skip)]
    pub service_name: Option<String>,
    /// The finding, as it stands in the report.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How the capture goes.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// When.
    pub time: Time,
    /// Frames that were read.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Calls that go on.
    pub sessions: u64,
    /// Flows that are followed.
    pub flows: u64,
    /// Each interface.
    pub interfaces: Vec<InterfaceStatus>,
    /// What could not be done since the beginning: a file that could not be written.
    pub failures: Vec<String>,
}

/// How the capture of an interface goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// Frames that were read.
    pub packets: u64,
    /// How fast they come.
    pub rate: Rate,
    /// Frames that never came.
    pub dropped: u64,
    /// Why it gives no more.
    pub failure: Option<String>,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Whole {
    /// As `inspect` would report it.
    pub report: Report,
}
