//! The report as JSON lines: one record a line, each an object whose first member, `record`, says what it is.
//!
//! The records are the parts of the JSON report by the same names. The first says of which version they are, the
//! last is the verdict: where it is missing, the file is not whole. Whoever has no whole report yet (a running
//! capture) writes [`Record`]s one by one as they are final.

use super::json::write_line;
use super::model::{
    CoverageReport, EndpointReport, Finding, FlowReport, InputReport, OutsideReport, Report, SessionReport,
    Tool,
};
use crate::locate::Database;
use crate::policy::{Policy, Verdict};
use serde::Serialize;
use std::io::{self, Write};

/// One line.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "record", rename_all = "lowercase")]
pub enum Record<'a> {
    /// The first: what the others are.
    Report(Header<'a>),
    /// What was asked where addresses are.
    Database(&'a Database),
    /// What was allowed.
    Policy(&'a Policy),
    /// What was read.
    Input(&'a InputReport),
    /// How much of it was understood.
    Coverage(&'a CoverageReport),
    /// One address.
    Endpoint(&'a EndpointReport),
    /// One flow.
    Flow(&'a FlowReport),
    /// One call. Its `findings` are places among the records of findings, from 0.
    Session(&'a SessionReport),
    /// Why something is not simply allowed.
    Finding(&'a Finding),
    /// The last: what it comes to.
    Summary(Summary<'a>),
}

/// What the records are.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Header<'a> {
    /// Version of the records: that of the report.
    pub schema_version: &'a str,
    /// The program.
    pub tool: &'a Tool,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary<'a> {
    /// The worst verdict of all sessions and endpoints.
    pub verdict: Verdict,
    /// Why nothing can be called allowed, however clean what was seen.
    pub lacks: &'a [String],
    /// What belongs to no call.
    pub outside: &'a OutsideReport,
}

impl Record<'_> {
    /// Writes the record and a line feed.
    pub fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        write_line(self, out)
    }
}

/// Writes every record of the report, in the order of [`Record`].
pub(super) fn write(report: &Report, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let header = Header { schema_version: report.schema_version, tool: &report.tool };
    Record::Report(header).write(out)?;
    report.databases.iter().try_for_each(|database| Record::Database(database).write(out))?;
    Record::Policy(&report.policy).write(out)?;
    report.inputs.iter().try_for_each(|input| Record::Input(input).write(out))?;
    Record::Coverage(&report.coverage).write(out)?;
    report.endpoints.iter().try_for_each(|endpoint| Record::Endpoint(endpoint).write(out))?;
    report.flows.iter().flatten().try_for_each(|flow| Record::Flow(flow).write(out))?;
    report.sessions.iter().try_for_each(|session| Record::Session(session).write(out))?;
    report.findings.iter().try_for_each(|finding| Record::Finding(finding).write(out))?;
    let summary = Summary { verdict: report.verdict, lacks: &report.lacks, outside: &report.outside };
    Record::Summary(summary).write(out)
}
