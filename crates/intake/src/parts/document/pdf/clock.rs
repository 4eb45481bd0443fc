//! The time that the drawing of one document may take.
//!
//! Pages are drawn where their content is decoded, outside of the walk and its clock, and on several threads: their times
//! add up. Decoders cannot be interrupted; the time is looked at before each of them and while a page is surveyed.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::NAME;
use crate::{Limits, Refusal, Reject};

/// The time spent on one document so far, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

/// One piece of work on the document. What it takes is added to the clock when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'c> {
    clock: &'c Clock,
    started: Instant,
    /// What the document had left when it began.
    left: Duration,
    /// Seconds that all of them may take ([`Limits::seconds`]).
    allowed: u64,
}

impl Clock {
    /// Begins a piece of work, unless the document has had its time.
    pub(super) fn start(&self, limits: &Limits) -> Result<Turn<'_>, Reject> {
        let spent = Duration::from_micros(self.0.load(Ordering::Relaxed));
        let left = Duration::from_secs(limits.seconds).saturating_sub(spent);
        let turn = Turn { clock: self, started: Instant::now(), left, allowed: limits.seconds };
        turn.check()?;
        Ok(turn)
    }
}

impl Turn<'_> {
    /// Checks that there is time left.
    pub(super) fn check(&self) -> Result<(), Reject> {
        if self.started.elapsed() < self.left {
            return Ok(());
        }
        let what = "seconds of drawing";
        Err(Refusal::ContainerLimit { format: NAME, what, allowed: self.allowed }.into())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let spent = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Wraps after half a million years.
        self.clock.0.fetch_add(spent, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_turn_takes_is_gone_for_the_next() {
        let limits = Limits { seconds: 1, ..Limits::default() };
        let clock = Clock::default();
        for _ in 0..2 {
            let turn = clock.start(&limits).unwrap();
            assert_eq!(turn.check(), Ok(()));
        }
        assert!(clock.0.load(Ordering::Relaxed) < 1_000_000);
        clock.0.fetch_add(1_000_000, Ordering::Relaxed);
        assert_eq!(clock.start(&limits).unwrap_err().code(), "container_limit");
        assert!(clock.start(&Limits { seconds: 3_600, ..limits }).is_ok());
    }
}
