//! How far a run is, for whoever looks on.

use crate::capture::Progress;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How far a run is; another thread may look at any time.
#[derive(Debug, Default)]
pub struct Watch {
    campaigns: AtomicU64,
    over: AtomicU64,
    /// Bytes of the captures that this run has to read, and of those that are over.
    total: AtomicU64,
    done: AtomicU64,
    /// What is being read.
    current: Mutex<Vec<Arc<Progress>>>,
}

/// How far a run was at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progressed {
    /// Campaigns of the corpus, or of the part of it.
    pub campaigns: u64,
    /// Those that are over, those of earlier runs among them.
    pub over: u64,
    /// Bytes of captures that this run has to read, as they lie on disk.
    pub total: u64,
    /// Bytes that it has read.
    pub read: u64,
}

impl Watch {
    /// How far the run is.
    pub fn look(&self) -> Progressed {
        let current: u64 = self.current().iter().map(|progress| progress.read()).sum();
        let total = self.total.load(Ordering::Relaxed);
        Progressed {
            campaigns: self.campaigns.load(Ordering::Relaxed),
            over: self.over.load(Ordering::Relaxed),
            total,
            // Files may grow while they are read.
            read: self.done.load(Ordering::Relaxed).saturating_add(current).min(total),
        }
    }

    pub(super) fn begin(&self, campaigns: usize, over: usize, total: u64) {
        self.campaigns.store(campaigns as u64, Ordering::Relaxed);
        self.over.store(over as u64, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// What a campaign tells how far it is; it is over when this value is dropped.
    pub(super) fn campaign(&self, size: u64) -> Campaigning<'_> {
        let progress = Arc::new(Progress::default());
        self.current().push(Arc::clone(&progress));
        Campaigning { watch: self, progress, size }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Progress>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A campaign that is being inspected.
pub(super) struct Campaigning<'a> {
    watch: &'a Watch,
    pub(super) progress: Arc<Progress>,
    size: u64,
}

impl Drop for Campaigning<'_> {
    fn drop(&mut self) {
        let mut current = self.watch.current();
        current.retain(|other| !Arc::ptr_eq(other, &self.progress));
        // Whatever of it was read: there is no more of it to do.
        self.watch.done.fetch_add(self.size, Ordering::Relaxed);
        self.watch.over.fetch_add(1, Ordering::Relaxed);
    }
}

impl Progressed {
    /// `812 of 2000 campaigns, 8.1 of 20.0 GB, 412 MB/s, 29 s left`, if this run has been at work for `span`.
    pub fn line(&self, span: Duration) -> impl fmt::Display + use<> {
        Line(*self, span)
    }

    /// How long the rest will take if it goes on as it went for `span`; `None` while nothing says so.
    pub fn left(&self, span: Duration) -> Option<Duration> {
        let rest = self.total.saturating_sub(self.read);
        let nanoseconds =
            span.as_nanos().checked_mul(u128::from(rest))?.checked_div(u128::from(self.read))?;
        Some(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
    }
}

struct Line(Progressed, Duration);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MB: u64 = 1_000_000;
        let Self(at, span) = self;
        let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
        // In units of which the whole has some thousands at most.
        let (unit, tenth) = if at.total < 1000 * MB { ("MB", MB / 10) } else { ("GB", 100 * MB) };
        let tenths = |bytes: u64| (bytes / tenth / 10, bytes / tenth % 10);
        let ((read, read_tenths), (total, total_tenths)) = (tenths(at.read), tenths(at.total));
        let rate = u128::from(at.read) * 1000 / u128::from(milliseconds) / u128::from(MB);
        write!(
            f,
            "{} of {} campaigns, {read}.{read_tenths} of {total}.{total_tenths} {unit}, {rate} MB/s",
            at.over, at.campaigns
        )?;
        match at.left(*span).map(|left| left.as_secs()) {
            None => Ok(()),
            Some(left @ 0..120) => write!(f, ", {left} s left"),
            Some(left @ 120..7200) => write!(f, ", {} min left", left / 60),
            Some(left) => write!(f, ", {} h {} min left", left / 3600, left / 60 % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_by_what_was_done() {
        let at = |read, total| Progressed { campaigns: 2000, over: 812, total, read };
        let line = |read, total, seconds| at(read, total).line(Duration::from_secs(seconds)).to_string();
        assert_eq!(
            line(8_140_000_000, 20_000_000_000, 20),
            "812 of 2000 campaigns, 8.1 of 20.0 GB, 407 MB/s, 29 s left"
        );
        assert_eq!(line(0, 5_000_000, 3), "812 of 2000 campaigns, 0.0 of 5.0 MB, 0 MB/s");
        assert!(line(1, u64::MAX, u64::MAX).ends_with("0 MB/s"));
        assert!(line(1_000_000, 10_000_000_000, 1).ends_with("1 MB/s, 2 h 46 min left"));
    }

    #[test]
    fn a_campaign_counts_as_a_whole_when_it_is_over() {
        let watch = Watch::default();
        watch.begin(3, 1, 100);
        let one = watch.campaign(40);
        assert_eq!(watch.look(), Progressed { campaigns: 3, over: 1, total: 100, read: 0 });
        drop(one);
        assert_eq!(watch.look(), Progressed { campaigns: 3, over: 2, total: 100, read: 40 });
    }
}
