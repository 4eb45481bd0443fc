//! Progress for people: a bar with rate and ETA on a terminal, a plain line every few seconds elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use saltprint::{Phase, Progress};
use saltprint_eval::Stage;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Steps of a bar that shows a share.
const SHARES: u64 = 1_000;

/// Shows progress on stderr.
pub(crate) struct Shown {
    terminal: bool,
    state: Mutex<State>,
}

struct State {
    /// The bar and the name of the step that it shows.
    bar: Option<(&'static str, ProgressBar)>,
    last_line: Instant,
    /// When the step began.
    since: Instant,
    /// What a caller counts besides.
    note: String,
    /// About how much of the step is done, 0 to 1, where that is known by other means than its units.
    share: Option<f64>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            state: Mutex::new(State {
                bar: None,
                last_line: Instant::now(),
                since: Instant::now(),
                note: String::new(),
                share: None,
            }),
        }
    }

    /// Whether somebody sees a bar, so that counting the work beforehand is worth it.
    pub(crate) fn wants_total(&self) -> bool {
        self.terminal
    }

    /// Counters to show beside the progress, until the step ends.
    pub(crate) fn note(&self, text: &str) {
        text.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).note);
    }

    /// Takes the bar away before a result is printed.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.note.clear();
        state.share = None;
        state.since = Instant::now();
        if let Some((_, bar)) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn update(&self, phase: Phase, done: u64, total: Option<u64>) {
        self.show(phase.name(), done, total);
    }

    fn share(&self, share: f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).share = Some(share);
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
                let of = total.map_or_else(String::new, |total| format!(" of {total}"));
                let left = state.share.and_then(|share| left(state.since.elapsed(), share));
                let left =
                    left.map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
                let note = if state.note.is_empty() { String::new() } else { format!(" ({})", state.note) };
                say!("{step}: {done}{of}{left}{note}");
            }
            return;
        }
        if state.bar.as_ref().is_none_or(|(shown, _)| *shown != step) {
            if let Some((_, bar)) = state.bar.take() {
                bar.finish_and_clear();
            }
            state.bar = Some((step, new_bar(step)));
            state.since = Instant::now();
        }
        let rate = done as f64 / state.since.elapsed().as_secs_f64().max(0.1);
        if let Some((_, bar)) = &state.bar {
            if let Some(total) = total
                && bar.length() != Some(total)
            {
                bar.set_length(total);
                bar.set_style(style("{msg:24} {bar:30} {human_pos}/{human_len}  {per_sec}  ETA {eta}"));
            }
            if let Some(share) = state.share {
                // The units are images, of which nobody knows how many there will be; the bar shows bytes.
                bar.set_length(SHARES);
                bar.set_style(style("{msg}\n{bar:40} {percent:>3} %  {elapsed} elapsed, {eta} left"));
                bar.set_message(format!("{step}: {done} images, {rate:.0}/s; {}", state.note));
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to SHARES")]
                bar.set_position((share.clamp(0.0, 1.0) * SHARES as f64) as u64);
                return;
            }
            bar.set_position(done);
        }
    }
}

/// Time that is left when `share` took `elapsed`; `None` before anything can be said.
fn left(elapsed: Duration, share: f64) -> Option<Duration> {
    (share > 0.001).then(|| elapsed.mul_f64(((1.0 - share) / share).clamp(0.0, 1e6)))
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
