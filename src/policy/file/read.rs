//! Values of a TOML file, each with its place: what is wrong is noted and reading goes on, so that every mistake of a
//! file is told at once.

use super::mistake::Mistakes;
use crate::policy::suggest::suggest_word;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Characters that a text may have: more than a reader of a report wants to read.
const MAX_TEXT: usize = 1000;
/// Items that a list may have: more than there are countries and groups.
pub(super) const MAX_ITEMS: usize = 1024;

/// Something that a file says, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) span: Range<usize>,
    pub(super) value: T,
}

/// What can be read off a value.
pub(super) trait Read: Sized {
    /// Reads it, or notes what is wrong.
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self>;
}

impl<T: Read> Read for At<T> {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        Some(Self { span: value.span(), value: T::read(value, mistakes)? })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl Read for String {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            return mismatch(value, "a text in quotes", mistakes);
        };
        if text.chars().count() > MAX_TEXT {
            mistakes.add(value.span(), format!("a text of more than {MAX_TEXT} characters"));
            return None;
        }
        if let Some(found) = text.chars().find(|letter| letter.is_control()) {
            let message = format!("control character U+{:04X} in a text; leave it out", u32::from(found));
            mistakes.add(value.span(), message);
            return None;
        }
        Some(text.to_string())
    }
}

impl Read for u64 {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            return mismatch(value, "a whole number", mistakes);
        };
        let read = Self::from_str_radix(number.as_str(), number.radix()).ok();
        if read.is_none() {
            mistakes.add(value.span(), format!("{number} is no number from 0 to {}", Self::MAX));
        }
        read
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            if let DeValue::String(text) = value.get_ref() {
                let cure =
                    text.split(',').map(|item| format!("{:?}", item.trim())).collect::<Vec<_>>().join(", ");
                mistakes.add(value.span(), format!("a list is needed here, not a text; write [{cure}]"));
                return None;
            }
            return mismatch(value, "a list", mistakes);
        };
        if items.is_empty() {
            mistakes.add(value.span(), "the list is empty; name something, or leave the key out");
            return None;
        }
        if items.len() > MAX_ITEMS {
            mistakes.add(value.span(), format!("a list of more than {MAX_ITEMS} items"));
            return None;
        }
        let read: Self = items.iter().filter_map(|item| T::read(item, mistakes)).collect();
        (read.len() == items.len()).then_some(read)
    }
}

/// Notes that a value is of the wrong kind.
pub(super) fn mismatch<T>(
    value: &Spanned<DeValue<'_>>,
    wanted: &str,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    mistakes.add(value.span(), format!("{wanted} is needed here, not {found}"));
    None
}

/// Words of which one is to be chosen.
pub(super) trait Words: Sized + Clone + 'static {
    /// What they say, for messages: `role`.
    const NAME: &'static str;
    /// The words and what they mean.
    const ALL: &'static [(&'static str, Self)];
    /// Words that are understood and not allowed, and why.
    const REFUSED: &'static [(&'static str, &'static str)] = &[];
}

/// One of several words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<T>(pub(super) T);

impl<T: Words> Read for Word<T> {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let text = String::read(value, mistakes)?;
        if let Some((_, meaning)) = T::ALL.iter().find(|(word, _)| *word == text) {
            return Some(Self(meaning.clone()));
        }
        let name = T::NAME;
        if let Some((_, why)) = T::REFUSED.iter().find(|(word, _)| *word == text) {
            mistakes.add(value.span(), format!("{name} {text:?} {why}"));
            return None;
        }
        let words = T::ALL.iter().map(|(word, _)| *word);
        let message = format!("unknown {name} {text:?}; {}", suggestion(&text, words));
        mistakes.add(value.span(), message);
        None
    }
}

/// `did you mean "media"?`, or what there is to choose from.
pub(super) fn suggestion<'a>(typed: &str, words: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = suggest_word(typed, words.clone()) {
        return format!("did you mean {near:?}?");
    }
    format!("choose from {}", words.collect::<Vec<_>>().join(", "))
}

impl<T: Words> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
        json_schema!({"type": "string", "enum": words})
    }
}

/// A table whose keys are known: the type that reads it and the schema of it are made from the same fields.
macro_rules! form {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident : $type:ty,)* }) => {
        #[derive(Debug, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$about])*
        pub(super) struct $name {
            $($(#[$field_about])* pub(super) $field: Option<At<$type>>,)*
            /// Keys that are there, whether or not they could be read.
            #[schemars(skip)]
            pub(super) given: std::collections::BTreeSet<&'static str>,
        }

        impl Read for $name {
            fn read(value: &toml::Spanned<toml::de::DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
                let toml::de::DeValue::Table(table) = value.get_ref() else {
                    return super::read::mismatch(value, "a table", mistakes);
                };
                Some(Self::read_table(table, mistakes))
            }
        }

        impl $name {
            pub(super) fn read_table(table: &toml::de::DeTable<'_>, mistakes: &mut Mistakes<'_>) -> Self {
                let mut form = Self::default();
                for (key, value) in table.iter() {
                    match key.get_ref().as_ref() {
                        $(stringify!($field) => {
                            form.given.insert(stringify!($field));
                            form.$field = At::read(value, mistakes);
                        })*
                        unknown => {
                            let keys = [$(stringify!($field)),*];
                            let cure = super::read::suggestion(unknown, keys.into_iter());
                            mistakes.add(key.span(), format!("unknown key {unknown:?}; {cure}"));
                        }
                    }
                }
                form
            }
        }
    };
}

pub(super) use form;
