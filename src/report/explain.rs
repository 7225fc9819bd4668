//! Why each server of a report's calls is judged as it is, and what would have changed it: the judge is asked again with
//! one thing different at a time.

use super::paragraph::paragraph;
use super::past::{PastReport, PastSession, PastSessionEndpoint, Place};
use super::text::{counted, escape};
use crate::identify::Contact;
use crate::locate::{Confidence, CountryCode, Location, Scope, countries};
use crate::policy::{Action, CountrySet, Evidence, Judgement, Policy, Reason, Rule, Treatment, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Countries named in a condition before it is only said how many there are.
const MAX_COUNTRIES: usize = 8;
/// Servers of a call that are explained, the gravest first: hundreds say nothing that the first did not.
const MAX_SERVERS: usize = 200;

/// The explanation, as text of 80 columns.
///
/// Where the report does not know where a call's client is, it is taken to be in one of `home`.
pub fn explain(policy: &Policy, report: &PastReport, home: &CountrySet) -> String {
    let mut out = String::new();
    let name = policy.name.as_deref().unwrap_or("rules of the command line");
    paragraph(
        &mut out,
        "",
        2,
        &format!("policy {:?}, {}", escape(name), counted(policy.rules.len(), "rule")),
    );
    if policy.sha256 != report.policy.sha256 {
        paragraph(
            &mut out,
            "",
            2,
            "The report was judged by another policy; this is what the one given says of it.",
        );
    }
    for lack in &report.lacks {
        paragraph(&mut out, "", 2, &escape(lack));
    }
    for session in &report.sessions {
        out.push('\n');
        call(&mut out, policy, report, session, home);
    }
    if report.sessions.is_empty() {
        out.push_str("\nThe report has no call.\n");
    }
    out
}

/// What is said of a server: those of which the same is said are named together.
struct Told {
    judgement: Judgement,
    changes: Vec<String>,
}

fn call(out: &mut String, policy: &Policy, report: &PastReport, session: &PastSession, home: &CountrySet) {
    let mut told: BTreeMap<(std::cmp::Reverse<Verdict>, String), Vec<String>> = BTreeMap::new();
    let mut worst = Verdict::Allow;
    for endpoint in &session.endpoints {
        let place = report.place(endpoint);
        let names = endpoint.names();
        let seen = session.evidence(endpoint, &names, &place);
        let evidence = if seen.client.is_empty() { Evidence { client: home, ..seen } } else { seen };
        let told_of = tell(policy, &evidence, session);
        worst = worst.max(told_of.judgement.verdict);
        let said = (std::cmp::Reverse(told_of.judgement.verdict), told_of.words());
        let servers = told.entry(said).or_default();
        if servers.len() < MAX_SERVERS {
            servers.push(label(endpoint, &place));
        }
    }
    let span = format!("{} to {}", session.start.shown(), session.end.shown());
    let title = format!("{} call of {}, {span}", escape(session.service.id()), session.client);
    paragraph(out, &format!("{}  ", word(worst)), 6, &title);
    for ((verdict, words), servers) in told {
        paragraph(out, &format!("{}  ", word(verdict.0)), 6, &servers.join(", "));
        for line in words.lines() {
            let indent = if line.starts_with("- ") { 10 } else { 8 };
            paragraph(out, "        ", indent, line);
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "  ok",
        Verdict::Deny => "DENY",
        Verdict::Indeterminate => "   ?",
    }
}

fn label(endpoint: &PastSessionEndpoint, place: &Place) -> String {
    if place.scope != Scope::Global {
        return endpoint.address.to_string();
    }
    let country = place.location.country.map_or_else(|| "??".to_owned(), |country| country.to_string());
    format!("{} ({country} {})", endpoint.address, place.location.confidence)
}

fn tell(policy: &Policy, evidence: &Evidence<'_>, session: &PastSession) -> Told {
    let mut judgement = policy.judge(evidence);
    if judgement.kind == Reason::NotTouched && judgement.rule.is_some() && session.lacks_answers() {
        judgement.verdict = Verdict::Indeterminate;
        "whether it answered is not known, as only one direction was captured"
            .clone_into(&mut judgement.reason);
    }
    let is_judged = !matches!(judgement.kind, Reason::NotGlobal | Reason::NoRules);
    let changes =
        if is_judged { Changes { policy, evidence, verdict: judgement.verdict }.all() } else { Vec::new() };
    Told { judgement, changes }
}

impl Told {
    fn words(&self) -> String {
        let mut text = match &self.judgement.rule {
            Some(rule) => format!("{}: {}", escape(rule), escape(&self.judgement.reason)),
            None => escape(&self.judgement.reason),
        };
        for change in &self.changes {
            let _ = write!(text, "\n- {change}");
        }
        text
    }
}

/// Asks the judge what would be with one thing different.
struct Changes<'a> {
    policy: &'a Policy,
    evidence: &'a Evidence<'a>,
    verdict: Verdict,
}

impl Changes<'_> {
    fn all(&self) -> Vec<String> {
        let mut changes = self.place();
        changes.extend(self.contact());
        changes.extend(self.confidence());
        changes.extend(self.client());
        changes.extend(self.order());
        changes.extend(self.without());
        changes.extend(self.settings());
        changes
    }

    /// `would be allowed if ...`, where the verdict is another.
    fn would_be(&self, verdict: Verdict, condition: &str) -> Option<String> {
        let word = match verdict {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
            Verdict::Indeterminate => "indeterminate",
        };
        (verdict != self.verdict).then(|| format!("would be {word} {condition}"))
    }

    fn place(&self) -> Vec<String> {
        let own = self.evidence.location;
        let confidence = own.confidence.max(Confidence::Likely);
        let located = |country| Location { country: Some(country), confidence, ..Location::unknown() };
        let judge =
            |country| self.policy.judge(&Evidence { location: &located(country), ..*self.evidence }).verdict;
        let verb = if own.confidence >= Confidence::Likely { "located" } else { "known to be" };
        self.by_country(judge, &format!("if it were {verb} in"), &format!("if it were not {verb} in"))
    }

    fn client(&self) -> Vec<String> {
        if self.policy.rules.iter().all(|rule| rule.conditions.client.is_none()) {
            return Vec::new();
        }
        let judge = |country| {
            let client: CountrySet = [country].into_iter().collect();
            self.policy.judge(&Evidence { client: &client, ..*self.evidence }).verdict
        };
        self.by_country(judge, "if the call's client were in", "if the call's client were not in")
    }

    /// Each other verdict that a country would lead to: named are those countries, or those that would not.
    fn by_country(&self, judge: impl Fn(CountryCode) -> Verdict, among: &str, outside: &str) -> Vec<String> {
        let mut by_verdict: BTreeMap<Verdict, Vec<CountryCode>> = BTreeMap::new();
        for country in countries() {
            by_verdict.entry(judge(country.code)).or_default().push(country.code);
        }
        let all = countries().len();
        let sentence = |(verdict, those): (&Verdict, &Vec<CountryCode>)| {
            if those.len() == all {
                return None;
            }
            if those.len() * 2 <= all {
                return self.would_be(*verdict, &format!("{among} {}", named(those)));
            }
            let others: Vec<CountryCode> =
                countries().iter().map(|country| country.code).filter(|code| !those.contains(code)).collect();
            self.would_be(*verdict, &format!("{outside} {}", named(&others)))
        };
        by_verdict.iter().filter_map(sentence).collect()
    }

    fn contact(&self) -> Option<String> {
        const FURTHER: [Contact; 4] =
            [Contact::Answered, Contact::Established, Contact::Control, Contact::Media];
        let judge = |contact| {
            self.policy.judge(&Evidence { contact, lacks_answers: false, ..*self.evidence }).verdict
        };
        if self.evidence.contact < Contact::Answered {
            let further = FURTHER.into_iter().find(|contact| judge(*contact) != self.verdict)?;
            let condition = match further {
                Contact::Answered => "if it had answered".to_owned(),
                further => format!("if contact with it had gone as far as {further}"),
            };
            return self.would_be(judge(further), &condition);
        }
        let shorter = FURTHER.into_iter().rev().filter(|contact| *contact < self.evidence.contact);
        let changed = shorter.into_iter().find(|contact| judge(*contact) != self.verdict);
        let further = || {
            FURTHER
                .into_iter()
                .find(|contact| *contact > self.evidence.contact && judge(*contact) != self.verdict)
        };
        if let Some(contact) = changed {
            return self
                .would_be(judge(contact), &format!("if contact with it had gone no further than {contact}"));
        }
        if let Some(contact) = further() {
            return self
                .would_be(judge(contact), &format!("if contact with it had gone as far as {contact}"));
        }
        self.would_be(judge(Contact::Attempted), "if it had not answered")
    }

    fn confidence(&self) -> Option<String> {
        let other = match self.evidence.location.confidence {
            Confidence::Confirmed => Confidence::Likely,
            Confidence::Likely => Confidence::Confirmed,
            Confidence::Disputed | Confidence::Unknown => return None,
        };
        let location = Location { confidence: other, ..self.evidence.location.clone() };
        let verdict = self.policy.judge(&Evidence { location: &location, ..*self.evidence }).verdict;
        self.would_be(verdict, &format!("if its country were {other}"))
    }

    /// The rules that may match, were each the only one.
    fn matching(&self) -> Vec<usize> {
        let may_match = |rule: &Rule| {
            let (default, idle) = match rule.action {
                Action::Deny => (Action::Allow, Verdict::Allow),
                Action::Allow => (Action::Deny, Verdict::Deny),
            };
            let alone = Policy::of_rules(vec![rule.clone()], default);
            alone.judge(self.evidence).verdict != idle
        };
        self.policy
            .rules
            .iter()
            .zip(0..)
            .filter(|(rule, _)| may_match(rule))
            .map(|(_, place)| place)
            .collect()
    }

    fn order(&self) -> Vec<String> {
        let moved = |place: usize| {
            let mut policy = self.policy.clone();
            let rule = policy.rules.remove(place);
            let id = escape(&rule.id);
            policy.rules.insert(0, rule);
            self.would_be(policy.judge(self.evidence).verdict, &format!("if rule {id} stood first"))
        };
        self.matching().into_iter().filter(|place| *place > 0).filter_map(moved).collect()
    }

    fn without(&self) -> Vec<String> {
        let removed = |place: usize| {
            let mut policy = self.policy.clone();
            let rule = policy.rules.remove(place);
            // Without any rule nothing is judged at all, which is not what is asked.
            if policy.rules.is_empty() && policy.default == Action::Allow {
                return self.would_be(Verdict::Allow, &format!("without rule {}", escape(&rule.id)));
            }
            self.would_be(policy.judge(self.evidence).verdict, &format!("without rule {}", escape(&rule.id)))
        };
        self.matching().into_iter().filter_map(removed).collect()
    }

    fn settings(&self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut other_default = self.policy.clone();
        other_default.default =
            if self.policy.default == Action::Allow { Action::Deny } else { Action::Allow };
        let condition = format!("if the default were {}", other_default.default.name());
        changes.extend(self.would_be(other_default.judge(self.evidence).verdict, &condition));
        for treatment in [Treatment::Allow, Treatment::Deny, Treatment::Indeterminate] {
            for key in ["disputed", "unknown", "anycast"] {
                let mut policy = self.policy.clone();
                match key {
                    "disputed" => policy.disputed = treatment,
                    "unknown" => policy.unknown = treatment,
                    _ => policy.anycast = treatment,
                }
                let condition = format!("if the policy said {key} = \"{}\"", treatment.name());
                changes.extend(self.would_be(policy.judge(self.evidence).verdict, &condition));
            }
        }
        changes
    }
}

/// `CN, HK`, or how many.
fn named(those: &[CountryCode]) -> String {
    let codes: Vec<&str> = those.iter().take(MAX_COUNTRIES).map(CountryCode::as_str).collect();
    match those.len().checked_sub(MAX_COUNTRIES).filter(|more| *more > 0) {
        Some(more) => format!("{} or {more} more", codes.join(", ")),
        None => codes.join(", "),
    }
}
