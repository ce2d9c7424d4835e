//! The threads whose tasklets have waited on something: who is woken, and how.

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Inbox, TaskletId};

/// The inboxes of the threads that take part, in the order in which they came. A waiter names its thread by a number, so that no
/// inbox is counted up and down at every wait.
#[derive(Default)]
pub(crate) struct Threads {
    inboxes: Vec<Inbox>,
}

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
        Threads { inboxes: Vec::new() }
    }

    /// The number of the running thread.
    #[inline]
    pub(crate) fn number(&mut self, scheduler: &Scheduler) -> u32 {
        let inbox = scheduler.inbox();
        match self.inboxes.iter().position(|known| known == inbox) {
            Some(number) => number as u32,
            None => self.add(inbox),
        }
    }

    #[cold]
    fn add(&mut self, inbox: &Inbox) -> u32 {
        self.inboxes.push(inbox.clone());
        u32::try_from(self.inboxes.len() - 1).expect("more than four billion threads")
    }

    /// The inbox of a thread.
    #[inline]
    pub(crate) fn inbox(&self, thread: u32) -> &Inbox {
        &self.inboxes[thread as usize]
    }

    /// Wakes a tasklet of the thread with this number.
    #[inline]
    pub(crate) fn wakeup(&self, thread: u32, id: TaskletId, scheduler: &Scheduler) -> Wakeup {
        let inbox = &self.inboxes[thread as usize];
        if inbox == scheduler.inbox() { Wakeup::Here(id) } else { Wakeup::There(inbox.clone(), id) }
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
