//! The threads whose tasklets have waited on something: who is woken, and how.

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Inbox, TaskletId};

/// The inboxes of the threads that take part, in the order in which they came. A waiter names its thread by a number, so that no
/// inbox is counted up and down at every wait.
pub(crate) struct Threads {
    inboxes: Vec<Inbox>,
    /// The number of the first one's inbox, so that a primitive of one thread looks no further.
    first: u64,
}

/// In place of that: there is none yet. Inboxes are counted up from 0.
const NOBODY: u64 = u64::MAX;

/// Up to so many numbers, none is looked for that could be given to another thread.
const ROOMY: usize = 8;

/// Somebody to be woken, once every lock is released.
#[must_use = "who is not woken waits for ever"]
pub(crate) enum Wakeup {
    /// A tasklet of the running thread.
    Here(TaskletId),
    /// One of another thread.
    There(Inbox, TaskletId),
}

impl Threads {
    pub(crate) const fn new() -> Threads {
        Threads { inboxes: Vec::new(), first: NOBODY }
    }

    /// The number of the thread with this inbox. If it has none yet, it may get that of a thread that has ended, unless that is `in_use`: whose
    /// number was given to another one is told.
    #[inline]
    pub(crate) fn number(&mut self, inbox: &Inbox, in_use: impl Fn(u32) -> bool) -> (u32, bool) {
        if self.first == inbox.number() { (0, false) } else { self.number_of(inbox, in_use) }
    }

    #[inline(never)]
    fn number_of(&mut self, inbox: &Inbox, in_use: impl Fn(u32) -> bool) -> (u32, bool) {
        if let Some(known) = self.inboxes.iter().position(|known| known == inbox) {
            return (known as u32, false);
        }
        // Where threads come and go, those that have gone must not add up.
        let gone = |thread: &usize| self.inboxes[*thread].has_ended() && !in_use(*thread as u32);
        let free = if self.inboxes.len() < ROOMY { None } else { (0..self.inboxes.len()).find(gone) };
        let number = free.unwrap_or(self.inboxes.len());
        if number == 0 {
            self.first = inbox.number();
        }
        match free {
            Some(free) => self.inboxes[free] = inbox.clone(),
            None => self.inboxes.push(inbox.clone()),
        }
        (u32::try_from(number).expect("more than four billion threads"), free.is_some())
    }

    /// Whether the thread with this number is the running one.
    #[inline]
    pub(crate) fn is_here(&self, thread: u32, scheduler: &Scheduler) -> bool {
        match thread {
            0 => self.first == scheduler.inbox().number(),
            thread => self.inbox(thread) == scheduler.inbox(),
        }
    }

    /// The inbox of a thread.
    #[inline]
    pub(crate) fn inbox(&self, thread: u32) -> &Inbox {
        &self.inboxes[thread as usize]
    }

    /// Wakes a tasklet of the thread with this number.
    #[inline]
    pub(crate) fn wakeup(&self, thread: u32, id: TaskletId, scheduler: &Scheduler) -> Wakeup {
        if self.is_here(thread, scheduler) { Wakeup::Here(id) } else { Wakeup::There(self.inbox(thread).clone(), id) }
    }
}

impl Wakeup {
    /// Makes the tasklet runnable; false if its thread has ended.
    #[inline]
    pub(crate) fn wake(self, scheduler: &Scheduler) -> bool {
        match self {
            Wakeup::Here(id) => {
                scheduler.wake(id);
                true
            }
            Wakeup::There(inbox, id) => inbox.wake(id),
        }
    }
}
