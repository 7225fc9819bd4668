//! What a run was asked for, without the machine that it ran on: enough to make the report again.

use crate::locate::Vantage;
use crate::pipeline::Request;
use crate::session::IDLE_GAP;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The flags of `landfall inspect` that change the report. How many threads worked does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a flag of the command line")]
pub struct Settings {
    /// `--policy`: the name of one that the program carries (`@name`), or of a file, without folders.
    pub policy: Option<String>,
    /// `--deny`.
    pub deny: Vec<String>,
    /// `--allow`.
    pub allow: Vec<String>,
    /// `--home`.
    pub home: Vec<String>,
    /// `--scope all`.
    pub scope_all: bool,
    /// `--headers-only`.
    #[serde(default)]
    pub headers_only: bool,
    /// `--flows`.
    pub flows: bool,
    /// `--filter`.
    pub filter: Option<String>,
    /// `--vantage`.
    pub vantage: Option<String>,
    /// `--all-dates`.
    pub all_dates: bool,
    /// `--no-default-db`.
    pub no_default_db: bool,
    /// `--idle-gap`, in seconds.
    pub idle_gap: u64,
    /// `--evidence-packets`.
    pub evidence_packets: u64,
}

impl Settings {
    /// What `request` asks for, with `packets` of each flow after its handshake.
    pub fn of(request: &Request, packets: usize) -> Self {
        Self {
            policy: request.policy.as_deref().map(policy_name),
            deny: request.deny.clone(),
            allow: request.allow.clone(),
            home: request.home.clone(),
            scope_all: request.judge_all,
            headers_only: request.headers_only,
            flows: request.with_flows,
            filter: request.filter.clone(),
            vantage: request.vantage.map(|vantage| vantage.to_string()),
            all_dates: request.all_dates,
            no_default_db: request.without_default_database,
            idle_gap: request.idle_gap.unwrap_or(IDLE_GAP).as_secs(),
            evidence_packets: packets as u64,
        }
    }

    /// The request without any file; the error says which setting is not understood.
    pub(super) fn request(&self) -> Result<Request, String> {
        let vantage = self.vantage.as_deref().map(str::parse::<Vantage>).transpose();
        Ok(Request {
            policy: self.policy.clone().filter(|name| name.starts_with('@')),
            deny: self.deny.clone(),
            allow: self.allow.clone(),
            home: self.home.clone(),
            judge_all: self.scope_all,
            headers_only: self.headers_only,
            with_flows: self.flows,
            filter: self.filter.clone(),
            vantage: vantage.map_err(|error| error.to_string())?,
            all_dates: self.all_dates,
            without_default_database: self.no_default_db,
            idle_gap: Some(Duration::from_secs(self.idle_gap)),
            hash: true,
            ..Request::default()
        })
    }

    /// The flags as they would be typed, each thing an argument, files left out.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |flag: &str, value: &str| arguments.extend([flag.to_owned(), value.to_owned()]);
        self.policy.iter().for_each(|name| add("--policy", name));
        self.deny.iter().for_each(|list| add("--deny", list));
        self.allow.iter().for_each(|list| add("--allow", list));
        self.home.iter().for_each(|list| add("--home", list));
        if self.scope_all {
            add("--scope", "all");
        }
        self.filter.iter().for_each(|filter| add("--filter", filter));
        self.vantage.iter().for_each(|vantage| add("--vantage", vantage));
        if self.idle_gap != IDLE_GAP.as_secs() {
            add("--idle-gap", &self.idle_gap.to_string());
        }
        if self.evidence_packets != super::PACKETS_EACH as u64 {
            add("--evidence-packets", &self.evidence_packets.to_string());
        }
        let bare = [
            (self.headers_only, "--headers-only"),
            (self.flows, "--flows"),
            (self.all_dates, "--all-dates"),
            (self.no_default_db, "--no-default-db"),
        ];
        arguments.extend(bare.iter().filter(|(set, _)| *set).map(|(_, flag)| (*flag).to_owned()));
        arguments
    }
}

/// A policy as it may be named anywhere: without folders.
fn policy_name(name: &str) -> String {
    if name.starts_with('@') { name.to_owned() } else { super::names::base_name(name) }
}

impl Settings {
    /// The name of the policy's file, where it is in one.
    pub(super) fn policy_file(&self) -> Option<&str> {
        self.policy.as_deref().filter(|name| !name.starts_with('@'))
    }
}
