//! The file that holds the catalogue: its form, and errors that say which line is wrong and what would be right.

use super::date::FactDate;
use super::port::{Port, Ports};
use crate::identify::{Role, Service, names};
use ipnet::IpNet;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;

/// What is wrong with a catalogue file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}; {suggestion}")]
pub struct CatalogueError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub suggestion: String,
}

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    name: Option<String>,
    notes: Option<String>,
    #[serde(default)]
    replace: bool,
    #[serde(default)]
    asns: Vec<u32>,
    #[serde(default)]
    domains: Vec<RawGroup>,
    #[serde(default)]
    hosts: Vec<RawGroup>,
    #[serde(default)]
    certificates: Vec<RawGroup>,
    #[serde(default)]
    ports: Vec<RawGroup>,
    #[serde(default)]
    prefixes: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    list: Text,
    source: String,
    as_of: Text,
    role: Option<Text>,
    #[serde(default)]
    shared: bool,
    removed: Option<Text>,
}

/// A group of facts from one source: the values and what holds for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<T> {
    /// The names, prefixes or ports.
    pub list: Vec<T>,
    /// Who says so.
    pub source: Arc<str>,
    /// The date the source speaks for.
    pub as_of: FactDate,
    /// What a far end does that fits.
    pub role: Option<Role>,
    /// Set where others than the service have these names or addresses too.
    pub shared: bool,
    /// When the provider took them off its list.
    pub removed: Option<FactDate>,
}

/// Everything the catalogue holds of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The service.
    pub service: Service,
    /// What people call it.
    pub name: String,
    /// Set where a file wants its facts in the place of those known before.
    pub replace: bool,
    /// AS numbers of the operator; too wide to name the service.
    pub asns: Vec<u32>,
    /// What a reader should know.
    pub notes: Option<String>,
    /// Names that belong to the service, with everything under them.
    pub domains: Vec<Group<Arc<str>>>,
    /// Patterns of host names, tried in order.
    pub hosts: Vec<Group<Arc<str>>>,
    /// Patterns of names in certificates, tried in order.
    pub certificates: Vec<Group<Arc<str>>>,
    /// Ports of servers.
    pub ports: Vec<Group<Ports>>,
    /// Addresses of servers.
    pub prefixes: Vec<Group<IpNet>>,
}

/// Reads a catalogue file. Services come in the order of their ids.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, CatalogueError> {
    let raw: BTreeMap<Text, RawService> = toml::from_str(text).map_err(|error| CatalogueError {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        what: error.message().replace('\n', " "),
        suggestion:
            "a service is a table of name, asns, notes, replace and of groups domains, hosts, certificates, \
                     ports, prefixes"
                .to_owned(),
    })?;
    let reader = Reader { text };
    raw.into_iter().map(|(id, service)| reader.entry(&id, service)).collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn entry(&self, id: &Text, raw: RawService) -> Result<Entry, CatalogueError> {
        let service = Service::new(id.get_ref()).ok_or_else(|| {
            self.error(
                id,
                "is not the id of a service",
                "use lower-case letters, digits and hyphens, at most 32",
            )
        })?;
        let domains = self.groups(raw.domains, domain)?;
        let hosts = self.groups(raw.hosts, pattern)?;
        let certificates = self.groups(raw.certificates, pattern)?;
        let ports = self.groups(raw.ports, ports)?;
        let prefixes = self.groups(raw.prefixes, prefix)?;
        Ok(Entry {
            name: raw.name.unwrap_or_else(|| service.id().to_owned()),
            service,
            replace: raw.replace,
            asns: raw.asns,
            notes: raw.notes,
            domains,
            hosts,
            certificates,
            ports,
            prefixes,
        })
    }

    fn groups<T>(
        &self,
        raw: Vec<RawGroup>,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<Group<T>>, CatalogueError> {
        let group = |raw: RawGroup| {
            let item = |item: &str| read(item).map_err(|wrong| self.item_error(&raw.list, item, wrong));
            Ok(Group {
                list: raw.list.get_ref().split_whitespace().map(item).collect::<Result<_, _>>()?,
                source: raw.source.into(),
                as_of: self.date(&raw.as_of)?,
                role: raw.role.as_ref().map(|role| self.role(role)).transpose()?,
                shared: raw.shared,
                removed: raw.removed.as_ref().map(|date| self.date(date)).transpose()?,
            })
        };
        raw.into_iter().map(group).collect()
    }

    fn date(&self, text: &Text) -> Result<FactDate, CatalogueError> {
        FactDate::parse(text.get_ref())
            .ok_or_else(|| self.error(text, "is not a date", "write 2024-08-02, 2024-08 or 2024"))
    }

    fn role(&self, text: &Text) -> Result<Role, CatalogueError> {
        Role::ALL.into_iter().find(|role| role.name() == text.get_ref()).ok_or_else(|| {
            let names = Role::ALL.map(Role::name).join(", ");
            self.error(text, "is not a role", &format!("use one of {names}"))
        })
    }

    /// An error at `item`, one of the values in `list`.
    fn item_error(&self, list: &Text, item: &str, wrong: Wrong) -> CatalogueError {
        let span = list.span();
        let within = self.text.get(span.clone()).and_then(|written| written.find(item)).unwrap_or(0);
        CatalogueError {
            line: line_of(self.text, span.start.saturating_add(within)),
            what: format!("'{}' {}", item.escape_debug(), wrong.what),
            suggestion: wrong.suggestion.into_owned(),
        }
    }

    fn error(&self, text: &Text, what: &str, suggestion: &str) -> CatalogueError {
        CatalogueError {
            line: line_of(self.text, text.span().start),
            what: format!("'{}' {what}", text.get_ref().escape_debug()),
            suggestion: suggestion.to_owned(),
        }
    }
}

/// What is wrong with a value, and what would be right.
struct Wrong {
    what: &'static str,
    suggestion: Cow<'static, str>,
}

const fn wrong(what: &'static str, suggestion: &'static str) -> Wrong {
    Wrong { what, suggestion: Cow::Borrowed(suggestion) }
}

fn domain(text: &str) -> Result<Arc<str>, Wrong> {
    const SUGGESTION: &str = "write it plainly, as in zoom.us: what lies under it is included";
    let name = names::normalise(text).filter(|name| !name.contains('*'));
    name.ok_or(wrong("is not a domain name", SUGGESTION))
}

fn pattern(text: &str) -> Result<Arc<str>, Wrong> {
    names::normalise(text)
        .ok_or(wrong("is not a pattern of names", "write a name with stars, as in *mmr*.zoom.us"))
}

fn ports(text: &str) -> Result<Ports, Wrong> {
    Port::parse_range(text).ok_or(wrong("is not a range of ports", "write udp/8801-8810 or tcp/443"))
}

fn prefix(text: &str) -> Result<IpNet, Wrong> {
    const SUGGESTION: &str = "write an address and a length, as in 192.0.2.0/24 or 2001:db8::/32";
    let prefix: IpNet = text.parse().map_err(|_| wrong("is not a prefix", SUGGESTION))?;
    let truncated = prefix.trunc();
    if truncated == prefix {
        return Ok(prefix);
    }
    let suggestion = Cow::Owned(format!("bits are set behind the prefix, did you mean {truncated}?"));
    Err(Wrong { what: "is not a prefix", suggestion })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(line: &str) -> CatalogueError {
        let text = format!("[x]\n[[x.domains]]\nlist = \"\"\nsource = \"s\"\n{line}\n");
        parse(&text).unwrap_err()
    }

    #[test]
    fn an_error_names_the_line_and_what_would_be_right() {
        let error = error_of("as_of = \"2024\"\nrole = \"siganling\"");
        assert_eq!(error.line, 6);
        assert_eq!(
            error.to_string(),
            "line 6: 'siganling' is not a role; use one of media, relay, peer, signaling, probe, web, telemetry, unknown"
        );
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_lists_the_right_ones() {
        let error = error_of("as_of = \"2024\"\nrolle = \"media\"");
        assert_eq!(error.line, 6);
        assert!(error.what.contains("unknown field `rolle`") && error.what.contains("`role`"), "{error}");
    }

    #[test]
    fn text_that_is_no_toml_is_an_error_with_its_line() {
        assert_eq!(parse("\n\n[zoom").unwrap_err().line, 3);
    }

    #[test]
    fn values_are_checked_one_by_one() {
        for (kind, value, part) in [
            ("prefixes", "1.2.3.4", "not a prefix"),
            ("prefixes", "1.2.3.4/24", "did you mean 1.2.3.0/24?"),
            ("ports", "8801", "udp/8801-8810"),
            ("domains", "*.zoom.us", "not a domain name"),
            ("hosts", "a/b", "not a pattern"),
            ("domains", "zoom.us a..b", "'a..b' is not a domain name"),
        ] {
            let text = format!("[x]\n[[x.{kind}]]\nsource = \"s\"\nas_of = \"2024\"\nlist = \"{value}\"\n");
            let error = parse(&text).unwrap_err();
            assert_eq!(error.line, 5);
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(parse("[Zoom]\n").unwrap_err().line, 1);
        assert!(error_of("as_of = \"soon\"").to_string().contains("write 2024-08-02"));
    }
}
