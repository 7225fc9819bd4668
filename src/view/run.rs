//! The view while it lasts: keys and news come in, the picture goes out.

use super::app::{App, Effect, Origin};
use super::screen::{Screen, ViewError};
use crate::pipeline::live::{Ended, Event, Running, Snapshot};
use std::sync::Arc;
use std::time::Duration;

/// How long a key is waited for before it is seen what else happened.
const PATIENCE: Duration = Duration::from_millis(50);

/// The same where nothing else can happen but a signal.
const LONG_PATIENCE: Duration = Duration::from_millis(250);

/// Why the view of a live capture ended.
#[derive(Clone, Debug)]
pub enum Left {
    /// The user or a signal asked for it. The capture goes on.
    Asked,
    /// The capture ended by itself.
    Ended(Arc<Ended>),
    /// The capture ended and told nothing: something of it has failed.
    Silent,
}

/// What is to be done next.
enum Next {
    Leave,
    Stay,
}

/// Shows a saved capture until the user has seen enough. The terminal is given back before this returns.
pub fn saved(screen: Screen, snapshot: Snapshot, origin: Origin) -> Result<(), ViewError> {
    let mut view = View::enter(screen, origin)?;
    view.app.snapshot(Arc::new(snapshot));
    view.draw()?;
    while let Next::Stay = view.turn(LONG_PATIENCE)? {}
    Ok(())
}

/// Shows a live capture until it ends or the user wants it to. The terminal is given back before this returns.
pub fn live(running: &Running, screen: Screen, origin: Origin) -> Result<Left, ViewError> {
    let mut view = View::enter(screen, origin)?;
    view.draw()?;
    loop {
        if let Next::Leave = view.turn(PATIENCE)? {
            return Ok(Left::Asked);
        }
        while let Some(event) = running.poll(Duration::ZERO) {
            match event {
                Event::Told(told) => view.app.told(&told),
                Event::Snapshot(snapshot) => {
                    view.app.snapshot(snapshot);
                    view.changed = true;
                }
                Event::Ended(ended) => return Ok(Left::Ended(ended)),
            }
        }
        if running.is_over() {
            // What it told last may have come between the two questions.
            return Ok(match running.poll(Duration::ZERO) {
                Some(Event::Ended(ended)) => Left::Ended(ended),
                Some(_) => continue,
                None => Left::Silent,
            });
        }
        view.draw_change()?;
    }
}

/// A terminal and what is shown on it.
struct View {
    screen: Screen,
    app: App,
    changed: bool,
}

impl View {
    fn enter(mut screen: Screen, origin: Origin) -> Result<Self, ViewError> {
        screen.enter()?;
        let app = App::new(origin, screen.look, screen.size());
        Ok(Self { screen, app, changed: false })
    }

    fn draw(&mut self) -> Result<(), ViewError> {
        self.changed = false;
        self.screen.draw(&self.app)
    }

    fn draw_change(&mut self) -> Result<(), ViewError> {
        if self.app.take_bell() {
            self.screen.ring()?;
            self.changed = true;
        }
        if self.changed { self.draw() } else { Ok(()) }
    }

    /// Waits for keys and signals, and does what they ask for.
    fn turn(&mut self, patience: Duration) -> Result<Next, ViewError> {
        let happened = self.screen.wait(patience);
        if happened.leave {
            return Ok(Next::Leave);
        }
        let mut suspend = happened.suspend;
        let mut repaint = happened.repaint;
        for key in &happened.keys {
            match self.app.key(*key) {
                Effect::Draw => {}
                Effect::Leave => return Ok(Next::Leave),
                Effect::Repaint => repaint = true,
                Effect::Suspend => suspend = true,
            }
        }
        if suspend {
            self.screen.suspend()?;
            repaint = true;
        } else if repaint {
            self.screen.forget()?;
        }
        if repaint {
            self.app.resize(self.screen.size());
        }
        if repaint || !happened.keys.is_empty() {
            self.draw()?;
        }
        Ok(Next::Stay)
    }
}
