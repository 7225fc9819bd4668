//! The options that say what calls are, where they are placed and by what they are judged: those of every command that
//! reads packets.

use super::{From, Location};
use clap::Args;
use std::path::PathBuf;

/// Seconds after which a call is over if nothing happens.
const IDLE_GAP: u32 = 90;

/// What calls are, where they are placed and by what they are judged.
#[derive(Clone, Debug, Args)]
pub struct Judging {
    /// Deny these countries and groups: CN,HK or @doj-countries-of-concern
    ///
    /// ISO 3166-1 alpha-2 codes and groups (@eu, @eea, @five-eyes, @asia, ...), separated by commas; ! takes
    /// one out again (@europe,!RU).
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub deny: Vec<String>,

    /// Allow only these countries and groups: @eu,CH
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub allow: Vec<String>,

    /// Judge by the rules of this TOML file, or of one that landfall carries: @no-mainland-china
    ///
    /// The first rule that matches an endpoint of a call decides. Instead of --deny and --allow, not together with them.
    /// landfall policy checks and shows such files and lists those that it carries.
    #[arg(long, value_name = "FILE|@NAME", conflicts_with_all = ["deny", "allow"], help_heading = "Policy")]
    pub policy: Option<String>,

    /// What is asked where addresses are.
    #[command(flatten)]
    pub location: Location,

    /// Where the capture was taken.
    #[command(flatten)]
    pub from: From,

    /// Countries and groups that calls should stay in: a failover that leaves them is marked
    ///
    /// Policies call them @home. Without it, a failover is marked that leaves the continent of the client's public
    /// address, where servers tell it.
    #[arg(long, value_name = "LIST", help_heading = "Policy")]
    pub home: Vec<String>,

    /// Add to the catalogue of services from this TOML file (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Calls")]
    pub services: Vec<PathBuf>,

    /// A call is over when nothing happens for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = IDLE_GAP, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Calls")]
    pub idle_gap: u32,
}

impl Judging {
    /// Whether any of it was typed.
    pub fn is_said(&self) -> bool {
        let Self { deny, allow, policy, location, from, home, services, idle_gap } = self;
        let lists = [deny, allow, home].into_iter().any(|list| !list.is_empty());
        let files = [&location.db, &location.ranges, &location.anycast, services].into_iter();
        let flags = [location.no_default_db, location.all_dates, policy.is_some(), from.vantage.is_some()];
        lists
            || files.into_iter().any(|files| !files.is_empty())
            || flags.contains(&true)
            || *idle_gap != IDLE_GAP
    }
}
