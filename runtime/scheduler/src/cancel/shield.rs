//! Keeping a cancellation off.

use crate::cancel::scopes::Kind;
use crate::core::Scheduler;
use crate::hooks::alert;
use crate::wakeup::timers::{Alarm, Timer};

/// An open scope of the running tasklet; closed when it is dropped, by an unwinding, too.
pub(crate) struct Open {
    scheduler: Scheduler,
    scope: u32,
    timer: Option<Timer>,
}

impl Open {
    pub(crate) fn new(scheduler: &Scheduler, kind: Kind) -> Open {
        let scope = scheduler.core.scopes.borrow_mut().open(scheduler.current_id(), kind);
        Open { scheduler: scheduler.clone(), scope, timer: None }
    }

    pub(crate) fn scope(&self) -> u32 {
        self.scope
    }

    /// Has the scope reached at a moment.
    pub(crate) fn until(&mut self, deadline: std::time::Instant) {
        if deadline <= self.scheduler.core.clock.now() {
            return self.scheduler.reach(self.scope);
        }
        self.timer = Some(self.scheduler.core.timers.set(deadline, Alarm::Limit(self.scope)));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.scheduler.core.timers.cancel(timer);
        }
        let kind = self.scheduler.core.scopes.borrow_mut().close(self.scope);
        if let Kind::Limit { reached: true, .. } = kind {
            self.scheduler.expect_cancelled(-1);
        }
    }
}

/// Runs `f`, in which nothing arrives that comes from outside of it: for clean-up that has to block.
///
/// A [cancellation](crate::AnyTasklet::cancel) of the tasklet, and the [timeouts](crate::timeout) around the shield, wait until it is
/// over, and arrive at the next blocking point after it. Timeouts inside `f` work as ever: give it one, so that a cancelled
/// tasklet ends some time. A [kill](crate::AnyTasklet::kill) arrives, too: there is no shield against it.
///
/// # Panics
///
/// As `f`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::{schedule, shield, sleep, spawn, with_virtual_time};
///
/// struct Session;
/// impl Session {
///     fn say_goodbye(&self) { sleep(Duration::from_millis(10)).unwrap() }
/// }
///
/// with_virtual_time(|| {
///     let t = spawn(|| {
///         let session = Session;
///         let caught = std::panic::catch_unwind(|| sleep(Duration::from_secs(3600)));
///         shield(|| session.say_goodbye());
///         caught.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
///     });
///     schedule().unwrap();
///     t.cancel();
///     assert!(t.join().is_err());
/// });
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    let _open = Open::new(&Scheduler::local(), Kind::Shield);
    f()
}

/// Whether the running tasklet would meet a cancellation if it blocked now: its own, or that of a timeout around the caller, with no
/// [`shield`] in between. For long computations that never block.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{current, is_cancelled, shield, spawn};
///
/// let t = spawn(|| {
///     assert!(!is_cancelled());
///     current().cancel();
///     assert!(is_cancelled());
///     shield(|| assert!(!is_cancelled()));
///     "not blocked since"
/// });
/// assert_eq!(t.join().unwrap(), "not blocked since");
/// ```
pub fn is_cancelled() -> bool {
    let scheduler = Scheduler::local();
    scheduler.core.hooks.alerted(alert::CANCEL) && scheduler.is_due()
}
