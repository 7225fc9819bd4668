//! Values of a policy file that are more than a text: what each is read to, and its schema.

use super::mistake::Mistakes;
use super::read::{Read, mismatch};
use crate::capture::Timestamp;
use crate::identify::Service;
use crate::locate::Asn;
use crate::policy::window::Hours;
use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::net::IpAddr;
use toml::Spanned;
use toml::de::DeValue;

/// An item of a list of places, as it is written: what it means depends on the groups of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceItem(pub(super) String);

/// The id of a service. Whether there is such a service depends on the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceId(pub(super) String);

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix(pub(super) IpNet);

/// `16509` or `AS16509`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsNumber(pub(super) Asn);

/// `zoom.us`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostName(pub(super) String);

/// A day or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Day(Date),
    Time(Timestamp),
}

/// `08:00-18:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DailyHours(pub(super) Hours);

macro_rules! texts {
    ($($type:ident: $schema:tt, $read:expr;)*) => {
        $(
            impl Read for $type {
                fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
                    let text = String::read(value, mistakes)?;
                    let read: fn(&str) -> Result<Self, String> = $read;
                    read(&text).map_err(|message| mistakes.add(value.span(), message)).ok()
                }
            }
            schema!($type: $schema);
        )*
    };
}

macro_rules! schema {
    ($type:ident: $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

texts! {
    PlaceItem: {"type": "string", "pattern": r"^!? ?(\*|@[A-Za-z0-9-]+|[A-Za-z]{2})$"}, place;
    ServiceId: {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"}, |text| Ok(Self(text.to_owned()));
    Prefix: {"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"}, prefix;
    HostName: {"type": "string", "pattern": "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"}, host;
    DailyHours: {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}, hours;
}

fn place(text: &str) -> Result<PlaceItem, String> {
    if text.contains(',') {
        let items: Vec<String> = text.split(',').map(|item| format!("{:?}", item.trim())).collect();
        return Err(format!("one place an item; write {}", items.join(", ")));
    }
    Ok(PlaceItem(text.trim().to_owned()))
}

fn prefix(text: &str) -> Result<Prefix, String> {
    let invalid = || format!("{text:?} is no network; write one as \"192.0.2.0/24\" or \"2001:db8::/32\"");
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| invalid())?,
    };
    let whole = network.trunc();
    if whole != network {
        return Err(format!("{text:?} has bits set behind its length; did you mean \"{whole}\"?"));
    }
    Ok(Prefix(network))
}

fn host(text: &str) -> Result<HostName, String> {
    let fixed = text.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
    if fixed != text && is_host(fixed) {
        return Err(format!("{text:?} is no host name; write {fixed:?}, which names below it fit too"));
    }
    if !is_host(text) {
        return Err(format!(
            "{text:?} is no host name; write one as \"zoom.us\", which names below it fit too"
        ));
    }
    Ok(HostName(text.to_ascii_lowercase()))
}

/// Letters, digits, `-` and `_` in labels of at most 63 (RFC 1035 section 2.3.4).
fn is_host(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(fits);
    text.len() <= 253 && text.split('.').all(label) && text.parse::<IpAddr>().is_err()
}

fn hours(text: &str) -> Result<DailyHours, String> {
    let invalid = |()| format!("{text:?} are no hours; write them as \"08:00-18:00\", in UTC");
    let hours: Hours = text.parse().map_err(invalid)?;
    if hours.from == hours.until {
        return Err(format!("{text:?} is no time at all; leave the key out for the whole day"));
    }
    Ok(DailyHours(hours))
}

impl Read for AsNumber {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let (shown, number) = match value.get_ref() {
            DeValue::Integer(number) => (number.to_string(), number.as_str().parse().ok()),
            DeValue::String(text) => {
                let digits =
                    text.get(..2).filter(|start| start.eq_ignore_ascii_case("as")).and(text.get(2..));
                (format!("{text:?}"), digits.unwrap_or(text).parse().ok())
            }
            _ => return mismatch(value, "the number of an autonomous system", mistakes),
        };
        let asn = number.and_then(Asn::new);
        if asn.is_none() {
            let message =
                format!("{shown} is no number of an autonomous system; write one as 16509 or \"AS16509\"");
            mistakes.add(value.span(), message);
        }
        asn.map(Self)
    }
}

schema!(AsNumber: {"anyOf": [
    {"type": "integer", "minimum": 1, "maximum": 4_294_967_295_u32},
    {"type": "string", "pattern": "^([Aa][Ss])?[0-9]{1,10}$"},
]});

impl Read for Moment {
    fn read(value: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Datetime(time) => time.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => return mismatch(value, "a day or a time", mistakes),
        };
        let read = moment(&text);
        if read.is_none() {
            let message = format!(
                "{text:?} is no day or time from 1678 to 2261; write one as 2020-04-03 or 2020-04-03T14:00:00Z"
            );
            mistakes.add(value.span(), message);
        }
        read
    }
}

schema!(Moment: {
    "type": "string",
    "anyOf": [{"format": "date"}, {"format": "date-time"}],
});

/// A day, a time with its offset from UTC, or one without, which is taken to be UTC.
fn moment(text: &str) -> Option<Moment> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return timestamp(time).map(Moment::Time);
    }
    if text.len() <= 10 {
        let day: Date = text.parse().ok()?;
        Moment::Day(day).start()?;
        return Moment::Day(day).end().map(|_| Moment::Day(day));
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    timestamp(time.timestamp()).map(Moment::Time)
}

fn timestamp(time: jiff::Timestamp) -> Option<Timestamp> {
    i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanoseconds)
}

impl Moment {
    /// When it begins.
    pub(super) fn start(self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(time),
            Self::Day(day) => timestamp(day.to_zoned(TimeZone::UTC).ok()?.timestamp()),
        }
    }

    /// When it is over: a day with its last moment, a time at once.
    pub(super) fn end(self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(time),
            Self::Day(day) => Self::Day(day.tomorrow().ok()?).start(),
        }
    }
}

/// The service of that id, if `known` has it.
pub(super) fn known_service(id: &str, known: &[Service]) -> Option<Service> {
    Service::KNOWN.iter().chain(known).find(|service| service.id() == id).cloned()
}
