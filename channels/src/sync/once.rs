//! `Once`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Party, Queue, Seats, Waiter};

/// Something that is done once, by whichever tasklet of whichever thread comes first; the others wait until it is done.
///
/// The names are those of [`std::sync::Once`]. But there is no poisoning: if what was to be done unwinds, by a panic or because its
/// tasklet is killed, it was not done, and the next one does it.
///
/// Who does it may block and yield meanwhile. If it comes back to the same `Once`, or waits for one that waits for it, that is an
/// error that names them.
///
/// # Examples
///
/// ```
/// use tasklets_channels::sync::Once;
/// use tasklets_runtime::{run, schedule, spawn};
///
/// static START: Once = Once::new();
/// for _ in 0..3 {
///     spawn(|| {
///         START.call_once(|| schedule().unwrap()).unwrap();
///         assert!(START.is_completed());
///     })
///     .detach();
/// }
/// assert!(run().is_finished());
/// ```
pub struct Once {
    core: Lazy<Stage>,
    done: AtomicBool,
}

#[derive(Default)]
enum Stage {
    #[default]
    Open,
    Running(Party),
    Done,
}

/// What a caller gets: it is to do it.
const RUNS: u32 = 1;

impl Stage {
    /// It runs no more.
    fn leave(&mut self, next: Stage, seats: &mut Seats) {
        if let Stage::Running(party) = std::mem::replace(self, next) {
            seats.let_go(party.seat);
        }
    }
}

impl Rules for Stage {
    const KIND: &'static str = "once";
    const OWNED: bool = true;

    fn admit(&mut self, waiter: &Waiter, seats: &mut Seats, _ahead: usize) -> Option<u32> {
        match self {
            Stage::Done => Some(0),
            Stage::Running(_) => None,
            Stage::Open => {
                seats.hold(waiter.party.seat);
                *self = Stage::Running(waiter.party);
                Some(RUNS)
            }
        }
    }

    fn revoke(&mut self, got: u32, seats: &mut Seats, _waiting: usize) {
        if got == RUNS {
            self.leave(Stage::Open, seats);
        }
    }

    fn state(&self, _waiting: usize) -> Holder {
        match self {
            Stage::Open => Holder::Nobody,
            Stage::Running(party) => Holder::Party("run", *party, 0),
            Stage::Done => Holder::Text("done".to_owned()),
        }
    }

    fn owners(&self, _waiter: &Waiter, _queue: &Queue, tell: &mut dyn FnMut(&Party)) {
        if let Stage::Running(party) = self {
            tell(party);
        }
    }
}

/// Who does it, until it is done. Dropped by an unwinding, it was not.
struct Run<'a>(&'a Once, Stage);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let next = std::mem::take(&mut self.1);
        self.0.core().change(|state| state.rules.leave(next, &mut state.queue.seats));
    }
}

impl Once {
    /// Not done yet.
    pub const fn new() -> Once {
        Once { core: Lazy::new(), done: AtomicBool::new(false) }
    }

    /// One with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Once {
        Once { core: Lazy::named(name.into(), Stage::Open), done: AtomicBool::new(false) }
    }

    /// Calls `f` if that was not done before. Waits, if somebody is about it, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if somebody is about it and nobody could complete it while the caller waits (a deadlock, as in a call from `f`
    /// itself), or the caller may not block: its block trap is set, or switching is refused. `f` was not called then.
    ///
    /// # Panics
    ///
    /// If `f` does; and unwinds with what is thrown into the caller meanwhile: in its midst, `f` has not been called, and the next caller calls
    /// its own; a caller that waits for another one leaves.
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) -> Result<(), WaitError> {
        self.call("call_once", FOREVER, Location::caller(), f)
    }

    /// [`call_once`](Once::call_once) that does not wait for another one.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if somebody is about it.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn try_call_once(&self, f: impl FnOnce()) -> Result<(), WaitError> {
        self.call("try_call_once", None, Location::caller(), f)
    }

    /// [`call_once`](Once::call_once) that waits for another one for this long at most.
    ///
    /// # Errors
    ///
    /// As [`call_once`](Once::call_once), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`call_once`](Once::call_once).
    #[track_caller]
    pub fn call_once_timeout(&self, time: Duration, f: impl FnOnce()) -> Result<(), WaitError> {
        self.call("call_once", within(time), Location::caller(), f)
    }

    /// [`call_once`](Once::call_once) that waits for another one until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`call_once_timeout`](Once::call_once_timeout).
    ///
    /// # Panics
    ///
    /// As [`call_once`](Once::call_once).
    #[track_caller]
    pub fn call_once_deadline(&self, deadline: Instant, f: impl FnOnce()) -> Result<(), WaitError> {
        self.call("call_once", until(deadline), Location::caller(), f)
    }

    #[inline]
    pub(super) fn call(
        &self,
        operation: &'static str,
        terms: Option<Terms>,
        at: Site,
        f: impl FnOnce(),
    ) -> Result<(), WaitError> {
        if self.is_completed() {
            return Ok(());
        }
        if self.core().get(Call { operation, want: 0, terms, at })? == RUNS {
            let mut run = Run(self, Stage::Open);
            f();
            self.done.store(true, Ordering::Release);
            run.1 = Stage::Done;
        }
        Ok(())
    }

    /// Whether it is done.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn core(&self) -> &Arc<Core<Stage>> {
        self.core.get(Stage::default)
    }
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Once({})", self.core().report())
    }
}
