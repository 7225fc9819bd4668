//! The state of the view: keys and snapshots in, what is shown out. It draws nothing and reads no clock.

use super::detail::{self, Detail};
use super::filter::{Filter, MAX_FILTER};
use super::keyboard::Key;
use super::order::{OF_CALLS, OF_FINDINGS, OF_SERVERS, Order};
use super::rows::{self, FarEnd, Orders, Rows};
use super::style::Look;
use crate::pipeline::live::{Snapshot, Told};
use crate::policy::Verdict;
use crate::report::{Finding, SessionEndpoint, SessionReport};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Interfaces or files, for people.
    pub title: String,
    /// Whether packets may still come.
    pub live: bool,
    /// After so long a silence a call is over.
    pub idle_gap: Duration,
    /// What the user should know of how it is looked at.
    pub notes: Vec<String>,
}

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tab {
    Calls,
    Servers,
    Map,
    Timeline,
    Findings,
    Capture,
}

/// Every tab and its name, in the order of their numbers.
pub(super) const TABS: [(Tab, &str); 6] = [
    (Tab::Calls, "Calls"),
    (Tab::Servers, "Servers"),
    (Tab::Map, "Map"),
    (Tab::Timeline, "Timeline"),
    (Tab::Findings, "Findings"),
    (Tab::Capture, "Capture"),
];

/// What a key asks of whoever has the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing but to draw.
    Draw,
    /// The end.
    Leave,
    /// Everything anew: something else wrote on the terminal.
    Repaint,
    /// To be stopped, as by Ctrl-Z.
    Suspend,
}

/// What names a finding from one snapshot to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FindingName(Option<String>, IpAddr, Option<String>);

/// The selected rows, by what names them.
#[derive(Clone, Debug, Default)]
struct Selected {
    call: Option<String>,
    server: Option<(String, IpAddr)>,
    finding: Option<FindingName>,
}

/// The rows that are selected, as places in the lists.
#[derive(Clone, Copy, Debug, Default)]
struct At {
    call: usize,
    server: usize,
    finding: usize,
}

/// The state of the view.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched by a key of its own")]
pub(super) struct App {
    pub(super) origin: Origin,
    pub(super) look: Look,
    pub(super) tab: Tab,
    pub(super) help: Option<usize>,
    pub(super) detail: Option<Detail>,
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) typing: bool,
    pub(super) paused: bool,
    /// Whether the map and the servers are those of all calls.
    pub(super) all: bool,
    /// Denied findings told of since the list of findings was looked at last.
    pub(super) unseen: usize,
    pub(super) orders: Orders,
    pub(super) rows: Rows,
    /// Rows by which text that is longer than the screen is moved up.
    pub(super) scrolled: usize,
    latest: Option<Arc<Snapshot>>,
    shown: Option<Arc<Snapshot>>,
    selected: Selected,
    at: At,
    bell: bool,
    size: (u16, u16),
}

impl App {
    pub(super) fn new(origin: Origin, look: Look, size: (u16, u16)) -> Self {
        let orders = Orders {
            calls: Order::new(OF_CALLS),
            servers: Order::new(OF_SERVERS),
            findings: Order::new(OF_FINDINGS),
        };
        Self {
            origin,
            look,
            tab: Tab::Calls,
            help: None,
            detail: None,
            filter: String::new(),
            typing: false,
            paused: false,
            all: false,
            unseen: 0,
            orders,
            rows: Rows::default(),
            scrolled: 0,
            latest: None,
            shown: None,
            selected: Selected::default(),
            at: At::default(),
            bell: false,
            size,
        }
    }

    /// The terminal has so many columns and rows.
    pub(super) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
    }

    /// More is known.
    pub(super) fn snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.latest = Some(Arc::clone(&snapshot));
        if !self.paused {
            self.show(snapshot);
        }
    }

    /// Something happened.
    pub(super) fn told(&mut self, told: &Told) {
        let Told::Finding(told) = told else { return };
        if told.finding.verdict == Verdict::Deny && !told.again {
            self.bell = true;
            if self.tab != Tab::Findings || self.paused {
                self.unseen = self.unseen.saturating_add(1);
            }
        }
    }

    /// Whether the bell is to ring; it rings once.
    pub(super) fn take_bell(&mut self) -> bool {
        std::mem::take(&mut self.bell)
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: Key) -> Effect {
        match key {
            Key::Ctrl('c') => return Effect::Leave,
            Key::Ctrl('z') => return Effect::Suspend,
            Key::Ctrl('l') => return Effect::Repaint,
            _ if self.typing => self.typed(key),
            Key::Char('q') => return Effect::Leave,
            Key::Char('1'..='6') | Key::Tab | Key::BackTab => {
                (self.help, self.detail) = (None, None);
                self.tab_key(key);
            }
            _ if self.help.is_some() => self.help_key(key),
            _ if self.detail.is_some() => self.detail_key(key),
            _ => self.tab_key(key),
        }
        Effect::Draw
    }

    fn typed(&mut self, key: Key) {
        match key {
            Key::Enter => self.typing = false,
            Key::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Ctrl('u') => self.filter.clear(),
            Key::Char(character) if self.filter.chars().count() < MAX_FILTER => self.filter.push(character),
            _ => {}
        }
        self.list();
    }

    fn help_key(&mut self, key: Key) {
        let page = self.page();
        match key {
            Key::Char('?' | 'h') | Key::Esc | Key::Enter => self.help = None,
            _ => {
                if let (Some(scroll), Some(moved)) = (&mut self.help, Move::of(key)) {
                    *scroll = moved.from(*scroll, super::help::LINES, page);
                }
            }
        }
    }

    fn detail_key(&mut self, key: Key) {
        let (page, width) = (self.page(), usize::from(self.size.0));
        match key {
            Key::Esc | Key::Enter | Key::Backspace => self.detail = None,
            Key::Char('?') => self.help = Some(0),
            _ => {
                if let (Some(detail), Some(moved)) = (&mut self.detail, Move::of(key)) {
                    let last = detail.wrapped(width).len().saturating_sub(page) + 1;
                    detail.scroll = moved.from(detail.scroll, last, page);
                }
            }
        }
    }

    fn tab_key(&mut self, key: Key) {
        match key {
            Key::Char('?' | 'h') => self.help = Some(0),
            Key::Char('p' | ' ') => self.pause(),
            Key::Char('/') => self.typing = true,
            Key::Char('s') => self.order().next(),
            Key::Char('r' | 'S') => self.order().reverse(),
            Key::Char('a') => self.all = !self.all,
            Key::Char(digit @ '1'..='6') => {
                let place = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok()).unwrap_or(1);
                self.turn_to(place - 1);
            }
            Key::Tab => self.turn_to((self.tab_number() + 1) % TABS.len()),
            Key::BackTab => self.turn_to((self.tab_number() + TABS.len() - 1) % TABS.len()),
            Key::Left => self.move_call(Move::Up),
            Key::Right => self.move_call(Move::Down),
            Key::Enter => self.open(),
            Key::Esc => self.filter.clear(),
            _ => {
                if let Some(moved) = Move::of(key) {
                    self.go(moved);
                }
            }
        }
        self.list();
    }

    fn tab_number(&self) -> usize {
        TABS.iter().position(|(tab, _)| *tab == self.tab).unwrap_or(0)
    }

    fn turn_to(&mut self, place: usize) {
        if let Some((tab, _)) = TABS.get(place) {
            self.tab = *tab;
            self.scrolled = 0;
        }
        if self.tab == Tab::Findings {
            self.unseen = 0;
        }
    }

    fn order(&mut self) -> &mut Order {
        match self.tab {
            Tab::Servers => &mut self.orders.servers,
            Tab::Findings => &mut self.orders.findings,
            _ => &mut self.orders.calls,
        }
    }

    fn pause(&mut self) {
        // A saved capture does not go on.
        self.paused = !self.paused && self.origin.live;
        if let (false, Some(latest)) = (self.paused, self.latest.clone()) {
            self.show(latest);
        }
    }

    fn go(&mut self, moved: Move) {
        let page = self.page();
        match self.tab {
            Tab::Calls | Tab::Map => self.move_call(moved),
            Tab::Servers => {
                self.at.server = moved.from(self.at.server, self.rows.servers.len(), page);
                self.selected.server = self.server().map(|(call, far)| (call.id.clone(), far.address));
            }
            Tab::Findings => {
                self.at.finding = moved.from(self.at.finding, self.rows.findings.len(), page);
                self.selected.finding = self.finding().map(FindingName::of);
            }
            Tab::Timeline | Tab::Capture => {
                self.scrolled = moved.from(self.scrolled, self.length().saturating_sub(page) + 1, page);
            }
        }
    }

    /// Rows of what is scrolled as a whole.
    fn length(&self) -> usize {
        match (self.tab, self.snapshot_shown(), self.call()) {
            (Tab::Timeline, Some(snapshot), Some(call)) => {
                super::Timeline::new(&snapshot.report, &call.id, self.look).rows()
            }
            (Tab::Capture, Some(snapshot), _) => {
                super::capture::lines(self, snapshot, usize::from(self.size.0)).len()
            }
            _ => 0,
        }
    }

    fn move_call(&mut self, moved: Move) {
        self.at.call = moved.from(self.at.call, self.rows.calls.len(), self.page());
        self.selected.call = self.call().map(|call| call.id.clone());
        self.scrolled = 0;
    }

    fn open(&mut self) {
        let Some(snapshot) = self.shown.clone() else { return };
        self.detail = match self.tab {
            Tab::Servers => self.server().map(|(call, far)| detail::server(&snapshot, self.look, call, far)),
            Tab::Findings => self.finding().map(|finding| detail::finding(&snapshot, self.look, finding)),
            Tab::Calls | Tab::Map | Tab::Timeline => {
                self.call().map(|call| detail::call(&snapshot, self.look, call))
            }
            Tab::Capture => None,
        };
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) {
        self.shown = Some(snapshot);
        self.list();
    }

    /// Makes the lists again, and finds the rows that are selected in them.
    fn list(&mut self) {
        let Some(snapshot) = self.shown.clone() else { return };
        let filter = Filter::new(&self.filter);
        let sessions = &snapshot.report.sessions;
        self.rows.calls = rows::calls(&snapshot, &filter, self.orders.calls);
        let id = |place: &usize| sessions.get(*place).map(|call| call.id.as_str());
        let found = self.rows.calls.iter().position(|place| id(place) == self.selected.call.as_deref());
        self.at.call = found.unwrap_or(self.at.call).min(self.rows.calls.len().saturating_sub(1));
        self.selected.call = self.call().map(|call| call.id.clone());
        let chosen = self.rows.calls.get(self.at.call).copied();
        let of: Vec<usize> = if self.all { self.rows.calls.clone() } else { chosen.into_iter().collect() };
        self.rows.servers = rows::servers(&snapshot, &of, &filter, self.orders.servers);
        self.rows.findings = rows::findings(&snapshot, &filter, self.orders.findings);
        self.find_server();
        self.find_finding();
    }

    fn find_server(&mut self) {
        let name = |at: &FarEnd| {
            let (call, far) = rows::far_end(self.shown.as_deref()?, *at)?;
            Some((call.id.clone(), far.address))
        };
        let wanted = self.selected.server.as_ref();
        let found = self.rows.servers.iter().position(|at| wanted.is_some() && name(at).as_ref() == wanted);
        self.at.server = found.unwrap_or(self.at.server).min(self.rows.servers.len().saturating_sub(1));
        self.selected.server = self.server().map(|(call, far)| (call.id.clone(), far.address));
    }

    fn find_finding(&mut self) {
        let report = self.shown.as_ref().map(|snapshot| &snapshot.report);
        let name = |place: &usize| Some(FindingName::of(report?.findings.get(*place)?));
        let wanted = self.selected.finding.as_ref();
        let found = self.rows.findings.iter().position(|at| wanted.is_some() && name(at).as_ref() == wanted);
        self.at.finding = found.unwrap_or(self.at.finding).min(self.rows.findings.len().saturating_sub(1));
        self.selected.finding = self.finding().map(FindingName::of);
    }

    /// Rows that a list on the whole screen has at least.
    fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(super::draw::CHROME)).max(1)
    }

    /// What is shown.
    pub(super) fn snapshot_shown(&self) -> Option<&Snapshot> {
        self.shown.as_deref()
    }

    /// What is known, though it may not be shown.
    pub(super) fn snapshot_latest(&self) -> Option<&Snapshot> {
        self.latest.as_deref()
    }

    /// The selected call.
    pub(super) fn call(&self) -> Option<&SessionReport> {
        let place = self.rows.calls.get(self.at.call)?;
        self.shown.as_ref()?.report.sessions.get(*place)
    }

    /// The place of the selected call in the list.
    pub(super) const fn call_at(&self) -> usize {
        self.at.call
    }

    /// The selected far end and its call.
    pub(super) fn server(&self) -> Option<(&SessionReport, &SessionEndpoint)> {
        rows::far_end(self.shown.as_deref()?, *self.rows.servers.get(self.at.server)?)
    }

    /// The place of the selected far end in the list.
    pub(super) const fn server_at(&self) -> usize {
        self.at.server
    }

    /// The selected finding.
    pub(super) fn finding(&self) -> Option<&Finding> {
        let place = self.rows.findings.get(self.at.finding)?;
        self.shown.as_ref()?.report.findings.get(*place)
    }

    /// The place of the selected finding in the list.
    pub(super) const fn finding_at(&self) -> usize {
        self.at.finding
    }

    /// Whether packets of `call` may still come.
    pub(super) fn goes_on(&self, call: &SessionReport) -> bool {
        let now = self.shown.as_ref().map(|snapshot| snapshot.time.at);
        self.origin.live && now.is_some_and(|now| now.since(call.end.at) <= self.origin.idle_gap)
    }
}

impl FindingName {
    fn of(finding: &Finding) -> Self {
        Self(finding.session.clone(), finding.endpoint, finding.rule.clone())
    }
}

/// A way to move in a list.
#[derive(Clone, Copy, Debug)]
enum Move {
    Down,
    End,
    Home,
    PageDown,
    PageUp,
    Up,
}

impl Move {
    const fn of(key: Key) -> Option<Self> {
        Some(match key {
            Key::Down | Key::Char('j') => Self::Down,
            Key::Up | Key::Char('k') => Self::Up,
            Key::PageDown | Key::Ctrl('f') => Self::PageDown,
            Key::PageUp | Key::Ctrl('b') => Self::PageUp,
            Key::Home | Key::Char('g') => Self::Home,
            Key::End | Key::Char('G') => Self::End,
            _ => return None,
        })
    }

    /// Where it leads from `place` in a list of `length`.
    fn from(self, place: usize, length: usize, page: usize) -> usize {
        let last = length.saturating_sub(1);
        let place = match self {
            Self::Down => place.saturating_add(1),
            Self::Up => place.saturating_sub(1),
            Self::PageDown => place.saturating_add(page),
            Self::PageUp => place.saturating_sub(page),
            Self::Home => 0,
            Self::End => last,
        };
        place.min(last)
    }
}
