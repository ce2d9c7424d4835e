//! What is begun again and again: one allocation for all its turns.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;

use greenlet::Payload;

use crate::core::Scheduler;
use crate::job::Ended;
use crate::park::Inbox;
use crate::threads::pool::State;
use crate::threads::spawner::Spawner;
use crate::threads::task::{Queued, Style, Work};
use crate::wakeup::inbox::Command;

type Site = &'static Location<'static>;

/// A body that tasklets are made of again and again, as an actor that has nothing to do between two messages: it is shared, and beginning
/// it allocates nothing but what a tasklet takes.
///
/// Each call of [`Spawner::begin`] or [`Inbox::begin`] makes one tasklet, which runs it once. Nothing keeps two of them from running at the
/// same time, on two threads: see to that yourself, where it matters.
///
/// # Examples
///
/// ```
/// use std::panic::Location;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use tasklets_runtime::{Activity, Scheduler, run};
///
/// struct Count(AtomicU32);
///
/// impl Activity for Count {
///     fn run(&self) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
///
///     fn is_dropped(&self) {}
///
///     fn spawned_at(&self) -> &'static Location<'static> {
///         Location::caller()
///     }
/// }
///
/// let count = Arc::new(Count(AtomicU32::new(0)));
/// let here = Scheduler::local().inbox().clone();
/// assert!(here.begin(&count) && here.begin(&count));
/// run();
/// assert_eq!(count.0.load(Ordering::Relaxed), 2);
/// ```
pub trait Activity: Send + Sync + 'static {
    /// One turn, as the body of a tasklet, with a stack of its own: it may block. What it panics with is treated as that of any tasklet.
    fn run(&self);

    /// A turn that was begun does not take place, or has not come to its end and never will: the runtime or the thread has ended, or the
    /// tasklet was killed before it ran. It may be called on any thread, and may not block.
    fn is_dropped(&self);

    /// Where it comes from, for reports.
    fn spawned_at(&self) -> &'static Location<'static>;
}

impl<A: Activity> Work for A {
    fn spawned_at(&self) -> Site {
        Activity::spawned_at(self)
    }

    fn style(&self) -> Option<&Style> {
        None
    }

    fn run(&self, _scheduler: &Scheduler, _wanted: &dyn Fn() -> bool) -> Ended {
        match catch_unwind(AssertUnwindSafe(|| Activity::run(self))) {
            Ok(()) => Ended::Quietly,
            Err(payload) => Ended::Panicked(payload),
        }
    }

    fn cancel(&self, payload: Payload, _wanted: &dyn Fn() -> bool) -> Ended {
        let told = catch_unwind(AssertUnwindSafe(|| {
            Activity::is_dropped(self);
            drop(payload);
        }));
        told.map_or_else(Ended::Panicked, |()| Ended::Quietly)
    }

    fn is_dropped(&self) {
        Activity::is_dropped(self);
    }

    fn is_forsaken(&self) {
        Activity::is_dropped(self);
    }
}

impl Spawner {
    /// Makes a tasklet of an activity on whichever worker takes it first, as [`spawn`](Spawner::spawn) does of a closure. Unlike that, it is
    /// taken in while the runtime is being shut down, too, as long as its workers let anything finish.
    ///
    /// False if it is not; [`is_dropped`](Activity::is_dropped) has been called then.
    pub fn begin<A: Activity>(&self, activity: &Arc<A>) -> bool {
        let queued = Queued::new(activity.clone());
        let pool = self.pool();
        if pool.state() >= State::Stopping {
            return false;
        }
        let scheduler = Scheduler::local();
        match scheduler.core.worker.get().filter(|worker| Arc::ptr_eq(&worker.pool, pool)) {
            Some(worker) => worker.push(queued),
            None => {
                pool.injector.push(queued);
                pool.announce();
                // Its workers may all have ended since; the last one may have looked before.
                if pool.state() == State::Ended {
                    pool.drop_unstarted();
                }
            }
        }
        true
    }
}

impl Inbox {
    /// Makes a tasklet of an activity on this thread, as the last of the runnable ones there.
    ///
    /// False if the thread has ended; [`is_dropped`](Activity::is_dropped) has been called then.
    pub fn begin<A: Activity>(&self, activity: &Arc<A>) -> bool {
        let queued = Queued::new(activity.clone());
        let scheduler = Scheduler::local();
        if self == scheduler.inbox() {
            scheduler.admit(queued);
            return true;
        }
        self.post(Command::Start(queued))
    }
}
