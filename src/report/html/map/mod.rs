//! The map of a call: which countries its far ends are placed in, what they did there, how much went that way.
//!
//! A place is a country and never more: the point of a country stands for all of it.

mod callout;
mod path;

pub(super) use crate::report::map::countries as outlines;
pub(super) use callout::Callout;
pub(super) use path::edge;

use super::context::Context;
use super::words::{self, Mark};
use crate::identify::{Contact, Role};
use crate::locate::CountryCode;
use crate::policy::Verdict;
use crate::report::map::{self, Client, HEIGHT, Point, Shape, WIDTH};
use crate::report::model::{EndpointReport, SessionEndpoint, SessionReport};
use crate::report::text::bytes;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Room under the sheet for a client whose place is not known.
const BELOW: f64 = 44.0;
/// Width of the line on which most bytes went, and of one on which hardly any did.
const WIDEST: u64 = 9;
const NARROWEST_TENTHS: u64 = 12;

/// What is drawn.
pub(super) struct Map {
    pub(super) height: f64,
    pub(super) shades: Vec<(CountryCode, &'static str)>,
    pub(super) lines: Vec<Line>,
    pub(super) dots: Vec<(Point, &'static str)>,
    pub(super) callouts: Vec<Callout>,
    pub(super) client: Client,
    /// Where the label of a client stands whose place is not known.
    pub(super) below: Point,
    /// Bytes for which the widest line stands.
    pub(super) scale: Option<String>,
    /// Roles that appear, for the legend.
    pub(super) roles: Vec<Role>,
    pub(super) has_denied: bool,
    pub(super) has_unanswered: bool,
    pub(super) countries: Vec<Row>,
}

/// The way between the client and a country.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) width: String,
    pub(super) class: &'static str,
}

/// A country in words.
pub(super) struct Row {
    pub(super) mark: Mark,
    pub(super) country: String,
    pub(super) confidence: String,
    pub(super) ends: String,
    pub(super) bytes: String,
}

/// The far ends in one country.
struct Group<'a> {
    code: CountryCode,
    shape: &'static Shape,
    ends: Vec<&'a SessionEndpoint>,
}

impl Group<'_> {
    fn verdict(&self) -> Verdict {
        self.ends.iter().map(|end| end.verdict).max().unwrap_or_default()
    }

    fn answered(&self) -> bool {
        self.ends.iter().any(|end| end.contact >= Contact::Answered)
    }

    fn bytes(&self) -> u64 {
        let answered = self.ends.iter().filter(|end| end.contact >= Contact::Answered);
        answered.map(|end| end.bytes_sent.saturating_add(end.bytes_received)).sum()
    }

    /// How the country is shaded and its line drawn.
    fn class(&self) -> &'static str {
        match (self.verdict(), self.answered()) {
            (Verdict::Deny, _) => "deny",
            (Verdict::Indeterminate, _) => "open",
            (Verdict::Allow, true) => "ok",
            (Verdict::Allow, false) => "silent",
        }
    }

    /// How many far ends did what, those on which the verdict is first.
    fn glyphs(&self) -> BTreeMap<(Reverse<Verdict>, Role, bool), usize> {
        let mut glyphs = BTreeMap::new();
        for end in &self.ends {
            let kind =
                (Reverse(end.verdict), words::first_role(&end.roles), end.contact >= Contact::Answered);
            *glyphs.entry(kind).or_default() += 1;
        }
        glyphs
    }

    fn row(&self, one_direction: bool) -> Row {
        let mut levels: Vec<_> = self.ends.iter().map(|end| end.confidence).collect();
        levels.sort();
        levels.dedup();
        let levels: Vec<&str> = levels.iter().rev().map(|level| level.name()).collect();
        let silent = words::contact(Contact::Attempted, one_direction);
        let ends = self.glyphs().into_iter().map(|((_, role, answered), count)| {
            let times = if count > 1 { format!(" ×{count}") } else { String::new() };
            let how = if answered { String::new() } else { format!(" ({silent})") };
            format!("{}{times}{how}", role.name())
        });
        Row {
            mark: if self.class() == "silent" { words::silent() } else { words::mark(self.verdict()) },
            country: words::country(self.code),
            confidence: levels.join(", "),
            ends: ends.collect::<Vec<_>>().join(", "),
            bytes: if self.answered() { bytes(self.bytes()) } else { silent.to_owned() },
        }
    }
}

impl Map {
    pub(super) fn new(context: &Context<'_>, call: &SessionReport) -> Self {
        let groups = groups(call);
        let mut seen: Vec<&EndpointReport> = context.endpoint(call.client).into_iter().collect();
        seen.extend(context.mapped.get(&call.client).into_iter().flatten());
        let mut client = Client::of(context.vantage, &seen, call);
        if client.place().is_none() {
            client.words.push_str(" Its lines begin below the map.");
        }
        let most = groups.iter().map(Group::bytes).max().unwrap_or(0);
        let ends = || groups.iter().flat_map(|group| &group.ends);
        let mut roles: Vec<Role> = ends().map(|end| words::first_role(&end.roles)).collect();
        roles.sort();
        roles.dedup();
        Self {
            height: HEIGHT + if client.place().is_some() { 0.0 } else { BELOW },
            shades: groups.iter().map(|group| (group.code, group.class())).collect(),
            lines: groups.iter().rev().map(|group| line(&client, group, most)).collect(),
            dots: groups.iter().map(|group| (group.shape.place.point(), group.class())).collect(),
            callouts: callout::arrange(&client, &groups),
            scale: (most > 0).then(|| bytes(most)),
            roles,
            has_denied: groups.iter().any(|group| group.verdict() == Verdict::Deny),
            has_unanswered: ends().any(|end| end.contact < Contact::Answered),
            countries: groups.iter().map(|group| group.row(call.one_direction)).collect(),
            client,
            below: label(),
        }
    }

    /// What a reader who does not see the map is told that it is.
    pub(super) fn label(&self) -> String {
        let listed: Vec<String> = self
            .countries
            .iter()
            .map(|row| format!("{} {}: {}, {}", row.mark.word, row.country, row.ends, row.bytes))
            .collect();
        format!("World map of the countries of the call. {}. {}", listed.join(". "), self.client.words)
    }
}

/// The far ends that can be placed, by country: denied ones first, then those with most bytes.
fn groups(call: &SessionReport) -> Vec<Group<'_>> {
    let mut by_country: BTreeMap<CountryCode, Vec<&SessionEndpoint>> = BTreeMap::new();
    for end in call.endpoints.iter().filter(|end| words::off_map(end).is_none()) {
        if let Some(country) = end.country {
            by_country.entry(country).or_default().push(end);
        }
    }
    let mut groups: Vec<Group<'_>> = by_country
        .into_iter()
        .filter_map(|(code, ends)| Some(Group { code, shape: map::country(code)?, ends }))
        .collect();
    groups.sort_by_key(|group| (Reverse((group.verdict(), group.bytes())), group.code));
    groups
}

/// A line from the client; it shows how much went to and fro, not which way that took.
fn line(client: &Client, group: &Group<'_>, most: u64) -> Line {
    let share =
        if most == 0 { 0 } else { u128::from(group.bytes()) * u128::from(WIDEST * 10) / u128::from(most) };
    let tenths = NARROWEST_TENTHS.max(u64::try_from(share).unwrap_or(WIDEST * 10));
    let path = client.place().map_or_else(
        || from_below(group.shape.place.point()),
        |place| path::great_circle(place, group.shape.place),
    );
    Line { path, width: format!("{}.{}", tenths / 10, tenths % 10), class: group.class() }
}

/// Where lines start that come from nowhere on the map.
fn below() -> Point {
    Point { x: WIDTH / 2.0, y: HEIGHT + BELOW - 31.0 }
}

/// The middle of the label of a client that is nowhere on the map.
fn label() -> Point {
    let start = below();
    Point { x: start.x, y: start.y + 12.0 }
}

/// From the box under the sheet.
fn from_below(to: Point) -> String {
    let start = below();
    let (bend_x, bend_y) = (start.x + (to.x - start.x) * 0.35, to.y + (start.y - to.y) * 0.25);
    format!("M{:.1} {:.1}Q{bend_x:.1} {bend_y:.1} {:.1} {:.1}", start.x, start.y, to.x, to.y)
}
