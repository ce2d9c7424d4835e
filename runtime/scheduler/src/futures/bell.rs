//! The waker of a future that a tasklet waits for: a flag, and a wake-up of the tasklet.
//!
//! The flag is the truth, the wake-up a hint. Who wakes sets the flag first and wakes then, and only if the flag was not set: it is
//! set still because the tasklet has not looked at it since, and then it polls once more before it waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Wake;

use crate::core::Scheduler;
use crate::park::TaskletId;
use crate::wakeup::inbox::Inbox;
use crate::wakeup::sync::AtomicBool;

pub(crate) struct Bell {
    inbox: Inbox,
    id: TaskletId,
    rung: AtomicBool,
}

impl Bell {
    /// One that wakes a tasklet of the thread with this inbox.
    pub(crate) fn new(inbox: Inbox, id: TaskletId) -> Bell {
        Bell { inbox, id, rung: AtomicBool::new(false) }
    }

    /// Whether it has been rung since the last call.
    pub(crate) fn take(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }

    /// Rings it from anywhere.
    pub(crate) fn ring(&self) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        match Scheduler::existing() {
            Some(here) if *here.inbox() == self.inbox => here.wake_outside(self.id),
            // A thread that has ended has no tasklet to wake.
            _ => drop(self.inbox.wake(self.id)),
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32;
    use loom::thread;

    use super::*;
    use crate::wakeup::inbox::Mailroom;

    /// What a tasklet does that waits for `ready`, with its thread's sleep in place of a switch. If a ring is lost, nothing can go on, which
    /// loom finds.
    fn await_all(mailroom: &Mailroom, bell: &Bell, ready: &AtomicU32, all: u32) {
        while ready.load(Ordering::Relaxed) != all {
            while !bell.take() {
                while mailroom.take().is_none() {
                    mailroom.sleep(None, || (), |time| mailroom.park(time));
                }
            }
        }
    }

    fn rung_by(threads: u32) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let mailroom = Mailroom::new();
            let bell = Arc::new(Bell::new(mailroom.inbox.clone(), TaskletId::default()));
            let ready = Arc::new(AtomicU32::new(0));
            let ringers: Vec<_> = (0..threads)
                .map(|_| {
                    let (bell, ready) = (bell.clone(), ready.clone());
                    thread::spawn(move || {
                        ready.fetch_add(1, Ordering::Relaxed);
                        bell.ring();
                    })
                })
                .collect();
            await_all(&mailroom, &bell, &ready, threads);
            ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
        });
    }

    #[test]
    fn what_was_done_before_a_ring_is_seen_after_it() {
        rung_by(1);
    }

    #[test]
    fn of_two_rings_none_is_lost() {
        rung_by(2);
    }
}
