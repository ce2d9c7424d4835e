//! Ticking at regular times.

use std::panic::Location;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::seams::clock;
use crate::sleep::Interrupted;

/// What an [`Interval`] does about ticks whose time has passed before anybody waited for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Missed {
    /// They are left out: the next tick is the next one on the original grid that is not over yet, after the one that is late.
    #[default]
    Skip,
    /// They are made up for: ticks come without a pause until as many have come as should have.
    Burst,
    /// They put off all later ones: the next tick is one period after the late one.
    Delay,
}

/// Ticks; see [`interval`].
#[derive(Debug, Clone)]
pub struct Interval {
    period: Duration,
    missed: Missed,
    /// None if the clock cannot tell it: that never comes.
    next: Option<Instant>,
}

/// Ticks once every `period`, for the first time one period from now.
///
/// A tick that comes late does not move the next one: they stay on the grid that begins now. What becomes of those that would have
/// come in between is the matter of [`Interval::when_missed`]; by default they are left out. With a period of zero, every turn of
/// the caller is a tick.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{interval, now, with_virtual_time};
///
/// with_virtual_time(|| {
///     let began = now();
///     let mut hourly = interval(Duration::from_secs(3600));
///     for hour in 1..=24 {
///         let tick = hourly.tick().unwrap();
///         assert_eq!(tick - began, Duration::from_secs(3600) * hour);
///     }
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    let next = clock::deadline(&Scheduler::local(), period);
    Interval { period, missed: Missed::default(), next }
}

impl Interval {
    /// Has the first tick come at this moment, instead of one period after the interval was made.
    #[must_use]
    pub fn starting_at(self, first: Instant) -> Interval {
        Interval { next: Some(first), ..self }
    }

    /// What is done about ticks that nobody waited for in time.
    #[must_use]
    pub fn when_missed(self, missed: Missed) -> Interval {
        Interval { missed, ..self }
    }

    /// When the next tick is to come; none if that is more than the clock can tell.
    pub fn next_tick(&self) -> Option<Instant> {
        self.next
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Waits for the next tick; the moment that it was meant for. One whose moment has passed comes at once, after one turn of the
    /// others. A tick whose wait is interrupted has not come, and is the next one still.
    ///
    /// # Errors
    ///
    /// As [`sleep_until`](crate::sleep_until).
    ///
    /// # Panics
    ///
    /// As [`sleep_until`](crate::sleep_until).
    #[track_caller]
    pub fn tick(&mut self) -> Result<Instant, Interrupted> {
        let scheduler = Scheduler::local();
        let due = self.next;
        scheduler.nap(due, Location::caller())?;
        let now = scheduler.core.clock.now();
        let due = due.unwrap_or(now);
        self.next = self.after(due, now);
        Ok(due)
    }

    /// The tick after the one that was due at `due` and came at `now`.
    fn after(&self, due: Instant, now: Instant) -> Option<Instant> {
        let late = now.saturating_duration_since(due);
        match self.missed {
            Missed::Delay if !late.is_zero() => now.checked_add(self.period),
            Missed::Skip if late >= self.period && !self.period.is_zero() => {
                let beyond = late.as_nanos() % self.period.as_nanos();
                // A remainder is less than the period; what is less than a second is less than 2^32 nanoseconds.
                let beyond = Duration::new((beyond / 1_000_000_000) as u64, (beyond % 1_000_000_000) as u32);
                now.checked_add(self.period - beyond)
            }
            Missed::Skip | Missed::Burst | Missed::Delay => due.checked_add(self.period),
        }
    }

    /// Begins anew: the next tick comes one period from now.
    pub fn reset(&mut self) {
        self.next = clock::deadline(&Scheduler::local(), self.period);
    }
}
