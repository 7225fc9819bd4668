//! The form of a policy file: its keys, what each may hold, and the schema that says so to editors.

use super::mistake::Mistakes;
use super::read::{At, Read, Word, Words, form, mismatch};
use super::values::{AsNumber, DailyHours, HostName, Moment, PlaceItem, Prefix, ServiceId};
use crate::identify::{Contact, Role};
use crate::locate::Confidence;
use crate::policy::{Action, Severity, Treatment};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::DeValue;

form! {
    /// A policy of landfall: which countries a call may touch.
    PolicyForm {
        /// What the policy is called.
        #[schemars(required, length(min = 1))]
        name: String,
        /// What it is for.
        description: String,
        /// What holds where no rule matches: by default `deny` if there are allow rules only, else `allow`.
        default: Word<Action>,
        /// Where sources disagree on the country and a rule may deny it. By default `indeterminate`.
        disputed: Word<Treatment>,
        /// Where no source knows the country and a rule may deny it. By default `indeterminate`.
        unknown: Word<Treatment>,
        /// Where an address is served from many places and a rule may deny it. By default `indeterminate`.
        anycast: Word<Treatment>,
        /// Groups of the policy's own: `offices = ["DE", "CH"]`, to be named as `@offices`.
        groups: Groups,
        /// The rules. The first that matches decides.
        #[schemars(required, length(min = 1))]
        rule: Vec<At<RuleForm>>,
    }
}

form! {
    /// A rule: it denies or allows places if every condition that it has holds; of a list, one item suffices.
    #[schemars(rename = "Rule", extend("oneOf" = [{"required": ["deny"]}, {"required": ["allow"]}]))]
    RuleForm {
        /// What findings call the rule: letters, digits, `-`, `_` and `.`.
        #[schemars(required, regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        id: String,
        /// Places to deny: codes of ISO 3166-1, `@groups`, `@home`, `*` for every place; `!` takes out.
        #[schemars(length(min = 1))]
        deny: Vec<At<PlaceItem>>,
        /// Places to allow, written as those to deny.
        #[schemars(length(min = 1))]
        allow: Vec<At<PlaceItem>>,
        /// Only calls of these services: `zoom`, `teams`, ...
        #[schemars(length(min = 1))]
        services: Vec<At<ServiceId>>,
        /// Only where the server (or participant) did one of these things.
        #[schemars(length(min = 1))]
        roles: Vec<At<Word<Role>>>,
        /// Only where contact went at least so far.
        minimum_contact: Word<Contact>,
        /// Only where the country is at least so sure.
        minimum_confidence: Word<Confidence>,
        /// Only calls whose client is in one of these places.
        #[schemars(length(min = 1))]
        client: Vec<At<PlaceItem>>,
        /// Only where at least so many bytes went both ways together.
        minimum_bytes: u64,
        /// Only where at least so many bytes went to the server.
        minimum_bytes_sent: u64,
        /// Only where at least so many bytes came from the server.
        minimum_bytes_received: u64,
        /// Only packets captured from this day or time on, in UTC.
        from: Moment,
        /// Only packets captured up to the end of this day, or before this time, in UTC.
        until: Moment,
        /// Only packets captured at these hours of any day, in UTC: `08:00-18:00`; `22:00-06:00` goes past midnight.
        hours: DailyHours,
        /// Only addresses in these networks.
        #[schemars(length(min = 1))]
        prefixes: Vec<At<Prefix>>,
        /// Only addresses that these autonomous systems announce.
        #[schemars(length(min = 1))]
        asns: Vec<At<AsNumber>>,
        /// Only servers that packets give one of these names, or a name under them.
        #[schemars(length(min = 1))]
        hosts: Vec<At<HostName>>,
        /// Why there is such a rule; findings repeat it.
        reason: String,
        /// How grave it is that this rule denies something.
        severity: Word<Severity>,
    }
}

/// A group of the policy's own.
#[derive(Clone, Debug)]
pub(super) struct GroupForm {
    pub(super) name: At<String>,
    pub(super) items: Vec<At<PlaceItem>>,
}

/// The groups of the policy's own.
#[derive(Debug)]
pub(super) struct Groups(pub(super) Vec<GroupForm>);

/// Groups that a file may define.
const MAX_GROUPS: usize = 256;

impl Read for Groups {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else { return mismatch(value, "a table", mistakes) };
        if table.len() > MAX_GROUPS {
            mistakes.add(value.span(), format!("more than {MAX_GROUPS} groups"));
            return None;
        }
        let mut groups = Vec::new();
        for (key, value) in table {
            let name = At { span: key.span(), value: key.get_ref().to_string() };
            // One that could not be read is known by its name, so that rules are not blamed for naming it.
            groups.push(GroupForm { name, items: Vec::read(value, mistakes).unwrap_or_default() });
        }
        Some(Self(groups))
    }
}

impl JsonSchema for Groups {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Groups".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Vec<PlaceItem>>();
        json_schema!({
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9-]{0,63}$"},
            "additionalProperties": items,
        })
    }
}

impl Words for Action {
    const NAME: &'static str = "default";
    const ALL: &'static [(&'static str, Self)] = &[("allow", Self::Allow), ("deny", Self::Deny)];
}

impl Words for Treatment {
    const NAME: &'static str = "treatment";
    const ALL: &'static [(&'static str, Self)] =
        &[("allow", Self::Allow), ("deny", Self::Deny), ("indeterminate", Self::Indeterminate)];
}

impl Words for Severity {
    const NAME: &'static str = "severity";
    const ALL: &'static [(&'static str, Self)] =
        &[("low", Self::Low), ("medium", Self::Medium), ("high", Self::High), ("critical", Self::Critical)];
}

impl Words for Confidence {
    const NAME: &'static str = "confidence";
    const ALL: &'static [(&'static str, Self)] = &[("likely", Self::Likely), ("confirmed", Self::Confirmed)];
    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("disputed", "is no minimum; the key \"disputed\" of the policy says what becomes of such places"),
        ("unknown", "is no minimum; the key \"unknown\" of the policy says what becomes of such places"),
    ];
}

impl Words for Contact {
    const NAME: &'static str = "contact";
    const ALL: &'static [(&'static str, Self)] = &[
        ("answered", Self::Answered),
        ("established", Self::Established),
        ("control", Self::Control),
        ("media", Self::Media),
    ];
    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("mentioned", "is no minimum: only what answered can be denied; leave the key out"),
        ("attempted", "is no minimum: only what answered can be denied; leave the key out"),
    ];
}

impl Words for Role {
    const NAME: &'static str = "role";
    const ALL: &'static [(&'static str, Self)] = &[
        ("media", Self::Media),
        ("relay", Self::Relay),
        ("peer", Self::Peer),
        ("signaling", Self::Signaling),
        ("probe", Self::Probe),
        ("web", Self::Web),
        ("telemetry", Self::Telemetry),
        ("unknown", Self::Unknown),
    ];
}

/// The JSON Schema of a policy file, for editors.
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<PolicyForm>();
    schema.insert("title".to_owned(), "landfall policy".into());
    RecursiveTransform(without_null).transform(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A key is left out rather than null, of which TOML has none.
fn without_null(schema: &mut Schema) {
    if let Some(serde_json::Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(serde_json::Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    let Some(serde_json::Value::Array(choices)) = schema.get("anyOf") else { return };
    let null = serde_json::json!({"type": "null"});
    let kept: Vec<_> = choices.iter().filter(|choice| **choice != null).cloned().collect();
    if let ([serde_json::Value::Object(only)], true) = (kept.as_slice(), choices.len() == 2) {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            schema.insert(key, value);
        }
    }
}
