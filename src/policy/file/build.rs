//! From the form of a policy file to a policy.

use super::form::{PolicyForm, RuleForm};
use super::groups::OwnGroups;
use super::mistake::Mistakes;
use super::read::{At, Word, suggestion};
use super::values::{Moment, PlaceItem, ServiceId, known_service};
use crate::identify::Service;
use crate::policy::rule::DEFAULT_RULE;
use crate::policy::window::Window;
use crate::policy::{Action, ClientCountries, Conditions, CountrySet, Places, Policy, Rule, Treatment};
use std::collections::BTreeMap;
use std::ops::Range;

/// Characters that the id of a rule may have: it is a label, which tables have to show.
const MAX_ID: usize = 64;

/// Makes a policy, and notes what is wrong.
pub(super) struct Builder<'a, 'text> {
    mistakes: &'a mut Mistakes<'text>,
    services: &'a [Service],
    groups: OwnGroups,
    ids: BTreeMap<String, usize>,
}

impl<'a, 'text> Builder<'a, 'text> {
    pub(super) fn new(form: &PolicyForm, services: &'a [Service], mistakes: &'a mut Mistakes<'text>) -> Self {
        let groups = OwnGroups::read(form, mistakes);
        Self { mistakes, services, groups, ids: BTreeMap::new() }
    }

    pub(super) fn unused_groups(&self) -> Vec<(String, Range<usize>)> {
        self.groups.unused()
    }

    pub(super) fn policy(&mut self, form: &PolicyForm) -> Policy {
        if !form.given.contains("name") {
            self.mistakes.add(0..0, "the policy has no name; begin with name = \"...\"");
        }
        if !form.given.contains("rule") {
            self.mistakes
                .add(0..0, "the policy has no rule; write [[rule]], an id, and what to deny or to allow");
        }
        let name = self.not_empty(form.name.as_ref());
        let description = self.not_empty(form.description.as_ref());
        let forms = form.rule.as_ref().map_or(&[][..], |rules| &rules.value);
        let rules: Vec<Rule> = forms.iter().filter_map(|rule| self.rule(rule)).collect();
        let only_allows = rules.iter().all(|rule| rule.action == Action::Allow);
        let treatment = |form: &Option<At<Word<Treatment>>>| {
            form.as_ref().map_or(Treatment::default(), |word| word.value.0)
        };
        Policy {
            name,
            rules,
            default: match &form.default {
                Some(word) => word.value.0,
                None if only_allows => Action::Deny,
                None => Action::Allow,
            },
            disputed: treatment(&form.disputed),
            unknown: treatment(&form.unknown),
            anycast: treatment(&form.anycast),
            groups: self.groups.countries(),
            description,
            ..Policy::default()
        }
    }

    fn rule(&mut self, form: &At<RuleForm>) -> Option<Rule> {
        let At { span, value: form } = form;
        let id = self.id(form, span);
        let action = self.action(form, span);
        let conditions = self.conditions(form);
        let reason = self.not_empty(form.reason.as_ref());
        let (action, items) = action?;
        if let (Action::Allow, Some(severity)) = (action, &form.severity) {
            self.mistakes.add(severity.span.clone(), "a rule that allows has no severity; leave it out");
        }
        let places = self.groups.places(&items.value, items.span.clone(), self.mistakes)?;
        let mut rule = Rule {
            id: id?,
            action,
            text: String::new(),
            anywhere: places.is_anywhere(),
            countries: places.countries(&CountrySet::default()),
            conditions,
            reason,
            severity: form.severity.as_ref().map(|word| word.value.0),
            places,
        };
        rule.text = rule.in_words();
        Some(rule)
    }

    fn id(&mut self, form: &RuleForm, span: &Range<usize>) -> Option<String> {
        if !form.given.contains("id") {
            self.mistakes
                .add(span.clone(), "the rule has no id; add id = \"...\", by which findings call it");
        }
        let At { span, value: id } = form.id.as_ref()?;
        let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
        let is_plain = id.bytes().all(fits) && id.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_plain || id.len() > MAX_ID {
            let message = format!(
                "{id:?} cannot be the id of a rule; use at most {MAX_ID} letters, digits, -, _ and ., a letter or digit first"
            );
            self.mistakes.add(span.clone(), message);
            return None;
        }
        if id == DEFAULT_RULE {
            let message = "findings say \"default\" where no rule matches; give the rule another id";
            self.mistakes.add(span.clone(), message);
            return None;
        }
        if let Some(first) = self.ids.get(id) {
            let line = self.mistakes.line(*first);
            let message =
                format!("the id {id:?} is that of the rule in line {line}, too; give each rule its own");
            self.mistakes.add(span.clone(), message);
            return None;
        }
        self.ids.insert(id.clone(), span.start);
        Some(id.clone())
    }

    fn action<'f>(
        &mut self,
        form: &'f RuleForm,
        span: &Range<usize>,
    ) -> Option<(Action, &'f At<Vec<At<PlaceItem>>>)> {
        match (form.given.contains("deny"), form.given.contains("allow")) {
            (true, true) => {
                let place = form.allow.as_ref().or(form.deny.as_ref()).map_or(span, |list| &list.span);
                let message =
                    "the rule both denies and allows; make two rules of it, the one that goes first first";
                self.mistakes.add(place.clone(), message);
                None
            }
            (true, false) => Some((Action::Deny, form.deny.as_ref()?)),
            (false, true) => Some((Action::Allow, form.allow.as_ref()?)),
            (false, false) => {
                let message = "the rule neither denies nor allows; add deny = [\"CN\"] or allow = [\"@eu\"]";
                self.mistakes.add(span.clone(), message);
                None
            }
        }
    }

    fn conditions(&mut self, form: &RuleForm) -> Conditions {
        Conditions {
            services: list(form.services.as_ref(), |id| self.service(id)),
            roles: list(form.roles.as_ref(), |role| Some(role.value.0)),
            minimum_contact: form.minimum_contact.as_ref().map(|word| word.value.0),
            minimum_confidence: form.minimum_confidence.as_ref().map(|word| word.value.0),
            client: form.client.as_ref().and_then(|list| {
                let places = self.groups.places(&list.value, list.span.clone(), self.mistakes)?;
                Some(ClientCountries::new(places))
            }),
            minimum_bytes: form.minimum_bytes.as_ref().map(|number| number.value),
            minimum_bytes_sent: form.minimum_bytes_sent.as_ref().map(|number| number.value),
            minimum_bytes_received: form.minimum_bytes_received.as_ref().map(|number| number.value),
            window: self.window(form),
            prefixes: list(form.prefixes.as_ref(), |prefix| Some(prefix.value.0)),
            asns: list(form.asns.as_ref(), |number| Some(number.value.0)),
            hosts: list(form.hosts.as_ref(), |host| Some(host.value.0.clone())),
        }
    }

    fn service(&mut self, id: &At<ServiceId>) -> Option<Service> {
        let text = id.value.0.as_str();
        let found = known_service(text, self.services);
        if found.is_none() && !self.mistakes.is_full() {
            let ids = Service::KNOWN.iter().chain(self.services).map(Service::id);
            let mut message = format!("unknown service {text:?}; {}", suggestion(text, ids));
            if !message.ends_with('?') {
                message.push_str(", or define it in a file for --services");
            }
            self.mistakes.add(id.span.clone(), message);
        } else if found.is_none() {
            self.mistakes.add(id.span.clone(), format!("unknown service {text:?}"));
        }
        found
    }

    fn window(&mut self, form: &RuleForm) -> Window {
        let from = form.from.as_ref().and_then(|from| from.value.start());
        let until = form.until.as_ref().and_then(|until| until.value.end());
        if let (Some(start), Some(end), Some(written)) = (from, until, &form.until)
            && start >= end
        {
            let days = matches!(written.value, Moment::Day(_));
            let message = if days {
                "the rule ends (until) before it begins (from); swap the two"
            } else {
                "the rule ends (until) no later than it begins (from); swap the two, or make it later"
            };
            self.mistakes.add(written.span.clone(), message);
        }
        Window { from, until, hours: form.hours.as_ref().map(|hours| hours.value.0) }
    }

    /// A text that says something.
    fn not_empty(&mut self, text: Option<&At<String>>) -> Option<String> {
        let At { span, value } = text?;
        if value.trim().is_empty() {
            self.mistakes.add(span.clone(), "the text is empty; write something, or leave the key out");
            return None;
        }
        Some(value.clone())
    }
}

impl ClientCountries {
    fn new(places: Places) -> Self {
        let countries = places.countries(&CountrySet::default());
        Self { places, countries }
    }
}

fn list<T, U>(items: Option<&At<Vec<At<T>>>>, mut read: impl FnMut(&At<T>) -> Option<U>) -> Vec<U> {
    items.into_iter().flat_map(|items| &items.value).filter_map(&mut read).collect()
}
