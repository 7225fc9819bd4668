//! The orders in which lists are shown.

/// What a list can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Bytes,
    Client,
    Country,
    Gravity,
    Lasted,
    Rate,
    Role,
    Rtt,
    Service,
    Time,
}

/// Of calls.
pub(super) const OF_CALLS: &[By] =
    &[By::Gravity, By::Time, By::Service, By::Client, By::Country, By::Lasted, By::Bytes];

/// Of far ends.
pub(super) const OF_SERVERS: &[By] =
    &[By::Gravity, By::Role, By::Country, By::Rtt, By::Rate, By::Bytes, By::Time];

/// Of findings.
pub(super) const OF_FINDINGS: &[By] = &[By::Time, By::Gravity, By::Country, By::Role];

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    choices: &'static [By],
    chosen: usize,
    pub(super) reversed: bool,
}

impl Order {
    pub(super) const fn new(choices: &'static [By]) -> Self {
        Self { choices, chosen: 0, reversed: false }
    }

    pub(super) fn by(&self) -> By {
        self.choices.get(self.chosen).copied().unwrap_or(By::Gravity)
    }

    /// By what comes next in the list of what it can be ordered by.
    pub(super) fn next(&mut self) {
        self.chosen = (self.chosen + 1) % self.choices.len().max(1);
        self.reversed = false;
    }

    /// The other way round.
    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }

    /// `verdict, gravest first`.
    pub(super) fn words(&self) -> String {
        let (what, usual, other) = match self.by() {
            By::Bytes => ("bytes", "most first", "least first"),
            By::Client => ("client", "upwards", "downwards"),
            By::Country => ("country", "a to z", "z to a"),
            By::Gravity => ("verdict", "gravest first", "gravest last"),
            By::Lasted => ("duration", "longest first", "shortest first"),
            By::Rate => ("rate", "fastest first", "slowest first"),
            By::Role => ("role", "media first", "media last"),
            By::Rtt => ("round trip", "shortest first", "longest first"),
            By::Service => ("service", "a to z", "z to a"),
            By::Time => ("time", "newest first", "oldest first"),
        };
        format!("{what}, {}", if self.reversed { other } else { usual })
    }
}
