//! Progress for people: a bar with rate and ETA on a terminal, a plain line every few seconds elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use saltprint::{Phase, Progress};
use saltprint_eval::Stage;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows progress on stderr.
pub(crate) struct Shown {
    terminal: bool,
    state: Mutex<State>,
}

struct State {
    /// The bar and the name of the step that it shows.
    bar: Option<(&'static str, ProgressBar)>,
    last_line: Instant,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            state: Mutex::new(State { bar: None, last_line: Instant::now() }),
        }
    }

    /// Whether somebody sees a bar, so that counting the work beforehand is worth it.
    pub(crate) fn wants_total(&self) -> bool {
        self.terminal
    }

    /// Takes the bar away before a result is printed.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn update(&self, phase: Phase, done: u64, total: Option<u64>) {
        self.show(phase.name(), done, total);
    }
}

impl saltprint_eval::Progress for Shown {
    fn update(&self, stage: Stage, done: u64, total: Option<u64>) {
        self.show(stage.name(), done, total);
    }
}

impl Shown {
    fn show(&self, step: &'static str, done: u64, total: Option<u64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.terminal {
            if state.last_line.elapsed() >= PLAIN_EVERY {
                state.last_line = Instant::now();
                match total {
                    Some(total) => eprintln!("{step}: {done} of {total}"),
                    None => eprintln!("{step}: {done}"),
                }
            }
            return;
        }
        if state.bar.as_ref().is_none_or(|(shown, _)| *shown != step) {
            if let Some((_, bar)) = state.bar.take() {
                bar.finish_and_clear();
            }
            state.bar = Some((step, new_bar(step)));
        }
        if let Some((_, bar)) = &state.bar {
            if let Some(total) = total
                && bar.length() != Some(total)
            {
                bar.set_length(total);
                bar.set_style(style("{msg:24} {bar:30} {human_pos}/{human_len}  {per_sec}  ETA {eta}"));
            }
            bar.set_position(done);
        }
    }
}

fn new_bar(step: &'static str) -> ProgressBar {
    let bar =
        ProgressBar::no_length().with_style(style("{msg:24} {spinner} {human_pos}  {per_sec}  {elapsed}"));
    bar.set_message(step);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
