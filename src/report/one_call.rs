//! What a report says of one call, of one address or of one finding, as text for people. Strings off the wire are escaped
//! in it.

use super::explain::explain;
use super::model::{EndpointReport, Finding, Report, SessionReport};
use super::past::PastReport;
use super::placed::Placed;
use super::table;
use super::{CoverageReport, Format};
use crate::locate::Placement;
use crate::policy::CountrySet;
use std::path::Path;

impl Report {
    /// What the table says of a call, in lines of 80 columns.
    pub fn call_text(&self, session: &SessionReport) -> String {
        table::call(self, session)
    }

    /// What the table says of a finding: the rule and the sentence, in lines of 80 columns.
    pub fn finding_text(&self, finding: &Finding) -> String {
        table::finding(finding)
    }

    /// Why each far end of a call is judged as it is and what would have changed it, in lines of 80 columns. `None`
    /// where no rule was given.
    pub fn explain_call(&self, session: &SessionReport) -> Option<String> {
        if self.policy.is_empty() {
            return None;
        }
        let call = SessionReport { timeline: Vec::new(), findings: Vec::new(), ..session.clone() };
        let ends = call.endpoints.iter().filter_map(|end| self.endpoint(end.address)).cloned();
        // Reports that are read back are what the judge is asked about again.
        let alone = Self {
            inputs: Vec::new(),
            lacks: Vec::new(),
            coverage: CoverageReport::default(),
            endpoints: ends.collect(),
            flows: None,
            sessions: vec![call],
            findings: Vec::new(),
            policy: self.policy.clone(),
            databases: Vec::new(),
            tool: self.tool.clone(),
            ..*self
        };
        let past = PastReport::parse(Path::new("call"), &alone.render(Format::Json)).ok()?;
        let text = explain(&self.policy, &past, &CountrySet::default());
        // The policy stands elsewhere.
        text.split_once("\n\n").map(|(_, call)| call.to_owned())
    }
}

impl EndpointReport {
    /// Every claim of where it is, the conclusion, and why, as `landfall lookup` tells it.
    pub fn place_text(&self) -> String {
        let placement = Placement {
            scope: self.scope,
            embedded_ipv4: None,
            operator: self.operator.clone(),
            location: self.location.clone(),
        };
        let mut text = Vec::new();
        Placed::default().table(&mut text, self.address, &placement);
        String::from_utf8_lossy(&text).into_owned()
    }
}
