//! JSON Schema of the report, for programs that read it.
//!
//! The schemas are made from the types of the report by a test, which also says when they are no longer theirs.
//! They allow members that they do not name: fields may be added without a new `schema_version`, and a reader passes
//! over what it does not know.

/// Of `--format json`.
pub const REPORT: &str = include_str!("../../docs/report.schema.json");

/// Of a line of `--format jsonl`.
pub const RECORD: &str = include_str!("../../docs/record.schema.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::Service;
    use crate::locate::CountryCode;
    use crate::report::jsonl::Record;
    use crate::report::{Report, Time};
    use schemars::generate::SchemaSettings;
    use schemars::transform::RecursiveTransform;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::Value;
    use std::borrow::Cow;

    impl JsonSchema for Time {
        fn schema_name() -> Cow<'static, str> {
            "Time".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"type": "string", "format": "date-time", "description": "RFC 3339, UTC."})
        }
    }

    impl JsonSchema for CountryCode {
        fn schema_name() -> Cow<'static, str> {
            "CountryCode".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2, or XK."})
        }
    }

    impl JsonSchema for Service {
        fn schema_name() -> Cow<'static, str> {
            "Service".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "pattern": "^[a-z0-9-]+$",
                "description": "Id of a service, of the catalogue or of the user's own.",
            })
        }
    }

    /// Members may be added; and what links to code in comments of code is plain in a schema.
    fn tidy(schema: &mut Schema) {
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            schema.remove("additionalProperties");
        }
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace("[`", "`").replace("`]", "`").replace("`super::", "`");
        }
    }

    const COMMENT: &str = "Members that are not named here may be added without a new schema_version: pass over what you \
                           do not know. A name or a meaning changes with schema_version only.";

    fn generated<T: JsonSchema>(title: &str) -> String {
        let settings =
            SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(tidy));
        let mut schema = settings.into_generator().into_root_schema_for::<T>();
        schema.insert("title".to_owned(), title.into());
        schema.insert("$comment".to_owned(), COMMENT.into());
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    #[test]
    fn schemas_are_those_of_the_types() {
        let report = generated::<Report>("Report of landfall");
        let record = generated::<Record<'_>>("Line of a report of landfall");
        for (name, made, kept) in [("report", report, REPORT), ("record", record, RECORD)] {
            let path = format!("{}/docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
                std::fs::write(path, made).unwrap();
            } else {
                assert!(made == kept, "UPDATE_GOLDEN=1 cargo test --lib schema writes {path} again");
            }
        }
    }
}
