//! The deadlines of a thread's tasklets, earliest first; of equal ones the one that was set first.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::park::TaskletId;

/// A deadline that is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    at: Instant,
    number: u64,
}

/// What is to happen at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A tasklet's wait ends.
    Wait(TaskletId),
    /// The time of a scope is up.
    Limit(u32),
}

#[derive(Default)]
pub(crate) struct Timers {
    queue: RefCell<BTreeMap<Timer, Alarm>>,
    numbers: Cell<u64>,
    next: Cell<Option<Instant>>,
    /// When one last fired.
    fired: Cell<Option<Instant>>,
}

/// With so many timers a thread does not get up for each: an interrupt of the processor's clock, and the way out of the kernel, take as
/// long as some twenty tasklets.
const MANY: usize = 64;

/// How long it sleeps at the least then.
const NAP: Duration = Duration::from_micros(500);

impl Timers {
    /// Sets a timer.
    pub(crate) fn set(&self, at: Instant, alarm: Alarm) -> Timer {
        let timer = Timer { at, number: self.numbers.get() };
        self.numbers.set(timer.number + 1);
        self.queue.borrow_mut().insert(timer, alarm);
        if self.next.get().is_none_or(|next| at < next) {
            self.next.set(Some(at));
        }
        timer
    }

    /// Takes a timer away; nothing if it has fired.
    pub(crate) fn cancel(&self, timer: Timer) {
        let mut queue = self.queue.borrow_mut();
        if queue.remove(&timer).is_some() && self.next.get() == Some(timer.at) {
            self.next.set(queue.first_key_value().map(|(first, _)| first.at));
        }
    }

    /// The earliest deadline.
    #[inline]
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next.get()
    }

    /// When an idle thread is to get up for the earliest one: exactly then, or a little later if it has many.
    pub(crate) fn get_up(&self) -> Option<Instant> {
        let next = self.next.get()?;
        let fired = self.fired.get().filter(|_| self.queue.borrow().len() >= MANY);
        // The last one may have fired at a virtual time, hours from now.
        let later = fired.and_then(|fired| fired.checked_add(NAP).min(next.checked_add(NAP)));
        Some(later.map_or(next, |later| next.max(later)))
    }

    /// Takes out the first one that is due.
    pub(crate) fn take_due(&self, now: Instant) -> Option<Alarm> {
        if self.next.get().is_none_or(|next| next > now) {
            return None;
        }
        let mut queue = self.queue.borrow_mut();
        let (_, alarm) = queue.pop_first()?;
        self.fired.set(Some(now));
        self.next.set(queue.first_key_value().map(|(first, _)| first.at));
        Some(alarm)
    }
}
