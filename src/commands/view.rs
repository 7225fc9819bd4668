//! The terminal view of `landfall live` and `landfall inspect --tui`.

#[cfg(all(feature = "tui", unix))]
pub(crate) use with::{View, saved, screen};
#[cfg(not(all(feature = "tui", unix)))]
pub(crate) use without::View;

#[cfg(all(feature = "tui", unix))]
mod with {
    use crate::say;
    use landfall::cli::{Inspect, Live};
    use landfall::live::{Telling, on_signal, run};
    use landfall::pipeline::live::{Ended, Running, Snapshot};
    use landfall::report::{Report, text};
    use landfall::view::{self, Left, Origin, Screen, ViewError};
    use std::error::Error;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    /// The view of a capture that goes on.
    pub(crate) struct View {
        screen: Screen,
        origin: Origin,
    }

    impl View {
        /// `None` where there can be none, and lines are to be printed instead.
        pub(crate) fn prepare(options: &Live) -> Result<Option<Self>, ViewError> {
            if !Screen::is_possible() {
                return Ok(None);
            }
            let screen = match Screen::prepare() {
                Err(error @ ViewError::Dumb { .. }) => {
                    say(&format!("{}: lines are printed instead", text::chain(&error)));
                    return Ok(None);
                }
                result => result?,
            };
            let origin = Origin {
                title: options.interface.join(", "),
                live: true,
                idle_gap: Duration::from_secs(u64::from(options.judging.idle_gap)),
                notes: Vec::new(),
            };
            Ok(Some(Self { screen, origin }))
        }

        /// With what the user should know of the capture.
        pub(crate) fn noting(mut self, notes: &[String]) -> Self {
            self.origin.notes = notes.to_vec();
            self
        }

        /// Shows the capture until it ends or the user has seen enough, and then waits for its end.
        pub(crate) fn show(self, running: Running) -> Result<Option<Arc<Ended>>, Box<dyn Error>> {
            let left = view::live(&running, self.screen, self.origin);
            if let Ok(Left::Ended(ended)) = left {
                running.join();
                return Ok(Some(ended));
            }
            // The terminal is as it was: from here on a signal ends the program at once.
            let stop = on_signal()?;
            stop.store(true, Ordering::Relaxed);
            if let Err(error) = &left {
                say(&text::chain(error));
            }
            Ok(run(running, &stop, Telling::Words, false, &mut io::sink())?)
        }
    }

    /// Shows what was found in saved captures, until the user has seen enough.
    pub(crate) fn saved(screen: Screen, report: Report, notes: Vec<String>) -> Result<(), ViewError> {
        let paths: Vec<&str> = report.inputs.iter().map(|input| input.path.as_str()).collect();
        let origin = Origin { title: paths.join(", "), live: false, idle_gap: Duration::ZERO, notes };
        if let Some(snapshot) = Snapshot::of_report(report) {
            return view::saved(screen, snapshot, origin);
        }
        say("there is nothing to look at: no packet was read");
        Ok(())
    }

    /// The terminal that `--tui` is to be shown on.
    pub(crate) fn screen(options: &Inspect) -> Result<Option<Screen>, ViewError> {
        options.tui.then(Screen::prepare).transpose()
    }
}

#[cfg(not(all(feature = "tui", unix)))]
mod without {
    use landfall::cli::Live;
    use landfall::pipeline::live::{Ended, Running};
    use std::convert::Infallible;
    use std::error::Error;
    use std::sync::Arc;

    /// There is none in this build.
    pub(crate) struct View(Infallible);

    impl View {
        pub(crate) fn prepare(_: &Live) -> Result<Option<Self>, Infallible> {
            Ok(None)
        }

        pub(crate) fn noting(self, _: &[String]) -> Self {
            self
        }

        pub(crate) fn show(self, _: Running) -> Result<Option<Arc<Ended>>, Box<dyn Error>> {
            match self.0 {}
        }
    }
}
