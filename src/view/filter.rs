//! The filter: words that what is shown has to have.

use crate::policy::Verdict;
use crate::report::words::mark;
use crate::report::{Finding, ProcessReport, SessionEndpoint, SessionReport};
use std::fmt::Write as _;

/// Characters that a filter may have.
pub(super) const MAX_FILTER: usize = 120;

/// Words, all of which have to be found. Two capitals are a country; other words may stand anywhere, in any case.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    words: Vec<String>,
    countries: Vec<String>,
}

/// What is searched.
#[derive(Clone, Debug, Default)]
struct Searched {
    text: String,
    countries: Vec<String>,
}

impl Filter {
    pub(super) fn new(text: &str) -> Self {
        let is_country = |word: &&str| word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let (countries, words): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(is_country);
        Self {
            words: words.into_iter().map(str::to_lowercase).collect(),
            countries: countries.into_iter().map(str::to_owned).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.countries.is_empty()
    }

    fn finds(&self, searched: &Searched) -> bool {
        self.words.iter().all(|word| searched.text.contains(word.as_str()))
            && self.countries.iter().all(|country| searched.countries.contains(country))
    }

    /// Whether a call is shown, and which of its far ends are: those that have the words; all, if only the call has.
    pub(super) fn far_ends(&self, session: &SessionReport) -> Option<Vec<usize>> {
        let all = || (0..session.endpoints.len()).collect();
        if self.is_empty() {
            return Some(all());
        }
        let call = call(session);
        let finds = |far: &SessionEndpoint| {
            let mut searched = call.clone();
            searched.add(far);
            self.finds(&searched)
        };
        let found: Vec<usize> =
            (0..).zip(&session.endpoints).filter(|(_, far)| finds(far)).map(|(place, _)| place).collect();
        if !found.is_empty() {
            return Some(found);
        }
        let mut whole = call;
        whole.verdict(session.verdict);
        whole.countries.extend(session.countries.iter().map(|touched| touched.country.to_string()));
        self.finds(&whole).then(all)
    }

    /// Whether a finding, of a call or of none, is shown.
    pub(super) fn finding(&self, session: Option<&SessionReport>, finding: &Finding) -> bool {
        let mut searched = session.map(call).unwrap_or_default();
        let far =
            session.and_then(|session| session.endpoints.iter().find(|far| far.address == finding.endpoint));
        if let Some(far) = far {
            searched.add(far);
        }
        searched.verdict(finding.verdict);
        searched.country(finding.country);
        let rule = finding.rule.as_deref().unwrap_or_default();
        searched.push(&format!("{} {rule} {}", finding.endpoint, finding.role));
        self.finds(&searched)
    }
}

fn call(session: &SessionReport) -> Searched {
    let mut searched = Searched::default();
    searched.push(&format!("{} {} {}", session.id, session.service.id(), session.service_name));
    searched.push(&session.client.to_string());
    for ProcessReport { name, pid } in &session.processes {
        searched.push(&format!("{name} {pid}"));
    }
    searched
}

impl Searched {
    fn push(&mut self, text: &str) {
        let _ = write!(self.text, " {}", text.to_lowercase());
    }

    fn verdict(&mut self, verdict: Verdict) {
        self.push(mark(verdict).word);
        self.push(match verdict {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
            Verdict::Indeterminate => "indeterminate",
        });
    }

    fn country(&mut self, country: Option<crate::locate::CountryCode>) {
        if let Some(country) = country {
            self.countries.push(country.to_string());
            self.push(country.name());
        }
    }

    fn add(&mut self, far: &SessionEndpoint) {
        self.verdict(far.verdict);
        self.country(far.country);
        self.push(&format!("{} {} {}", far.address, far.contact, far.confidence));
        far.roles.iter().for_each(|role| self.push(role.name()));
        far.names.iter().for_each(|name| self.push(&name.name));
    }
}
