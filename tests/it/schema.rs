//! The JSON Schemas: every report fits them, and they leave nothing out.

use crate::program::{root, run, sample_names};
use serde_json::{Map, Value};

/// Checks values against a schema as far as ours go; a keyword that it does not know is a failure.
struct Validator {
    schema: Value,
}

/// Keywords that say nothing of a value, or nothing that this checks.
const REMARKS: [&str; 7] = ["$comment", "$defs", "$schema", "description", "format", "title", "uniqueItems"];

impl Validator {
    fn new(name: &str) -> Self {
        let text = std::fs::read_to_string(root().join("docs").join(name)).unwrap();
        Self { schema: serde_json::from_str(&text).unwrap() }
    }

    /// One that refuses members which the schema does not name, so that none can be forgotten.
    fn strict(name: &str) -> Self {
        fn close(schema: &mut Value) {
            match schema {
                Value::Object(object) => {
                    object.values_mut().for_each(close);
                    if object.get("properties").is_some_and(Value::is_object) {
                        object.entry("additionalProperties").or_insert(Value::Bool(false));
                    }
                }
                Value::Array(list) => list.iter_mut().for_each(close),
                _ => {}
            }
        }
        let mut validator = Self::new(name);
        close(&mut validator.schema);
        validator
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        self.fits(&self.schema, value)
    }

    fn target(&self, reference: &str) -> &Value {
        let path = reference.strip_prefix('#').unwrap();
        self.schema.pointer(path).unwrap_or_else(|| panic!("no {path}"))
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let Value::Object(schema) = schema else {
            return if schema == &Value::Bool(true) { Ok(()) } else { Err(format!("{value} is not wanted")) };
        };
        for (keyword, rule) in schema {
            let any = |rules: &Value| {
                rules.as_array().unwrap().iter().filter(|it| self.fits(it, value).is_ok()).count()
            };
            let is_fit = match keyword.as_str() {
                "type" => rule
                    .as_array()
                    .map_or_else(|| is(rule, value), |types| types.iter().any(|it| is(it, value))),
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
                "anyOf" => any(rule) >= 1,
                "oneOf" => any(rule) == 1,
                "$ref" => self.fits(self.target(rule.as_str().unwrap()), value).map(|()| true)?,
                "items" => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .try_for_each(|it| self.fits(rule, it))
                    .map(|()| true)?,
                "properties" | "required" | "additionalProperties" => true,
                remark if REMARKS.contains(&remark) => true,
                other => panic!("a schema has {other}"),
            };
            if !is_fit {
                return Err(format!("{value} does not fit {keyword}: {rule}"));
            }
        }
        value.as_object().map_or(Ok(()), |object| self.members_fit(schema, object))
    }

    fn members_fit(&self, schema: &Map<String, Value>, object: &Map<String, Value>) -> Result<(), String> {
        for required in schema.get("required").into_iter().flat_map(|names| names.as_array().unwrap()) {
            if !object.contains_key(required.as_str().unwrap()) {
                return Err(format!("{required} is missing"));
            }
        }
        for (name, member) in object {
            let named = schema.get("properties").and_then(|properties| properties.get(name));
            if let Some(rule) = named.or_else(|| schema.get("additionalProperties")) {
                self.fits(rule, member).map_err(|why| format!("{name}: {why}"))?;
            }
        }
        Ok(())
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("a schema has the type {other}"),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[A-Z]{2}$" => text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        "^[a-z0-9-]+$" => {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.bytes().all(fits)
        }
        other => panic!("a schema has the pattern {other}"),
    }
}

#[test]
fn every_kept_report_fits_the_schema() {
    let validator = Validator::strict("report.schema.json");
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let report = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            validator.check(&report).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn every_record_fits_the_schema() {
    let validator = Validator::new("record.schema.json");
    for name in sample_names() {
        let arguments =
            ["inspect", "--allow", "SE", "--scope", "all", "--flows", "--vantage", "SE", "--format"];
        for line in run(&[&arguments[..], &["jsonl", &name]].concat()).text().lines() {
            let record = serde_json::from_str(line).unwrap();
            validator.check(&record).unwrap_or_else(|why| panic!("{name}: {why}: {line}"));
        }
    }
}

#[test]
fn what_is_wrong_does_not_fit() {
    let validator = Validator::strict("report.schema.json");
    let report =
        run(&["inspect", "--deny", "CN", "--flows", "--format", "json", "zoom-beijing-keys.pcapng"]).json();
    validator.check(&report).unwrap();
    let changes = [
        ("/schema_version", "2".into()),
        ("/verdict", "maybe".into()),
        ("/endpoints/0/packets", (-1).into()),
        ("/endpoints/0/packets", 1.5.into()),
        ("/endpoints/0/location/country", "China".into()),
        ("/endpoints/0/location/confidence", Value::Null),
        ("/flows/0/outcome", "gone".into()),
        ("/flows/0/client/port", 65_536.into()),
        ("/flows", Value::Null),
        ("/sessions/0/client", Value::Null),
        ("/findings/0/packets", serde_json::json!(["142"])),
        ("/coverage/contacts", serde_json::json!({"seen": {"packets": 1, "bytes": 1}})),
        ("/tool", serde_json::json!({"name": "landfall"})),
    ];
    for (place, value) in changes {
        let mut wrong = report.clone();
        *wrong.pointer_mut(place).unwrap() = value;
        assert!(validator.check(&wrong).is_err(), "{place} is not checked");
    }
}

#[test]
fn schemas_are_printed() {
    for name in ["report", "record"] {
        let file = std::fs::read(root().join(format!("docs/{name}.schema.json"))).unwrap();
        assert!(run(&["schema", name]).stdout == file);
    }
}
