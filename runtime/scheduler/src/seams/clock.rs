//! What time it is: the real time, or one that jumps to the next deadline when nothing is runnable.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::hooks::alert;

/// A thread's clock.
#[derive(Default)]
pub(crate) struct Clock {
    /// The virtual time, if there is one.
    virtual_now: Cell<Option<Instant>>,
}

impl Clock {
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        self.virtual_now.get().unwrap_or_else(Instant::now)
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_now.get().is_some()
    }

    /// Lets virtual time jump to a deadline; false if time is real, or there is no deadline.
    pub(crate) fn skip_to(&self, deadline: Option<Instant>) -> bool {
        let (Some(now), Some(deadline)) = (self.virtual_now.get(), deadline) else { return false };
        self.virtual_now.set(Some(now.max(deadline)));
        true
    }
}

/// What time it is for this thread's tasklets: to compute deadlines from. In [`with_virtual_time`] it is the virtual time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{now, sleep_until};
///
/// sleep_until(now() + Duration::from_millis(1)).unwrap();
/// ```
pub fn now() -> Instant {
    Scheduler::local().core.clock.now()
}

/// Runs `f` with a virtual clock for this thread: its time stands still while anything is runnable, and jumps to the next deadline
/// when nothing is. A program of hours runs in milliseconds, and the same way every time.
///
/// It begins at the present. What other threads do goes by the real time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{now, run, sleep, spawn, with_virtual_time};
///
/// with_virtual_time(|| {
///     let began = now();
///     spawn(|| sleep(Duration::from_secs(3600)).unwrap()).detach();
///     assert!(run().is_finished());
///     assert_eq!(now() - began, Duration::from_secs(3600));
/// });
/// ```
pub fn with_virtual_time<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(Scheduler, Option<Instant>);
    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.core.clock.virtual_now.set(self.1);
        }
    }
    let scheduler = Scheduler::local();
    let old = scheduler.core.clock.virtual_now.replace(Some(scheduler.core.clock.now()));
    let _restore = Restore(scheduler, old);
    f()
}

/// Lets the time of [`with_virtual_time`] go on by this much, in a test of what happens when it is up in the midst of things. Those
/// whose deadlines have come then are woken at the next switch: they are the last of the runnable ones, the earliest deadline first.
///
/// # Panics
///
/// If time is real.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{advance, now, with_virtual_time};
///
/// with_virtual_time(|| {
///     let began = now();
///     advance(Duration::from_secs(1));
///     assert_eq!(now() - began, Duration::from_secs(1));
/// });
/// ```
#[track_caller]
pub fn advance(time: Duration) {
    let scheduler = Scheduler::local();
    let clock = &scheduler.core.clock;
    let Some(now) = clock.virtual_now.get() else { panic!("only virtual time can be advanced: see with_virtual_time") };
    clock.virtual_now.set(now.checked_add(time).or(Some(now)));
    look_in_virtual_time(&scheduler);
}

/// In virtual time, has the thread look at its timers at the next switch if one is due. How soon a busy thread looks otherwise depends
/// on how fast it switches in real time, and so would the order.
#[inline]
pub(crate) fn look_in_virtual_time(scheduler: &Scheduler) {
    let now = scheduler.core.clock.virtual_now.get();
    if now.is_some_and(|now| scheduler.core.timers.next().is_some_and(|next| next <= now)) {
        scheduler.core.hooks.alert(alert::LOOK, true);
    }
}

/// The moment that is `after` from now; none if the clock cannot tell it: that never comes.
pub(crate) fn deadline(scheduler: &Scheduler, after: Duration) -> Option<Instant> {
    scheduler.core.clock.now().checked_add(after)
}
