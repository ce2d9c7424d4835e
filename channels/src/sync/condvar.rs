//! `Condvar`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::mutex::MutexGuard;
use super::queue::{Seats, Waiter};

/// Where tasklets of any threads wait, with a [`Mutex`](super::Mutex) released meanwhile, for something to become true that is under it.
///
/// The names are those of [`std::sync::Condvar`]. Who has waited longest is notified first. A tasklet that was notified and is
/// killed before it runs passes that on. A tasklet that is killed while it waits does not take the mutex again: it has no guard when it
/// unwinds. A wait may end for no reason.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tasklets_channels::sync::{Condvar, Mutex};
/// use tasklets_runtime::{run, spawn};
///
/// let pair = Arc::new((Mutex::new(false), Condvar::new()));
/// let theirs = pair.clone();
/// let waiter = spawn(move || {
///     let (ready, changed) = &*theirs;
///     let ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*ready);
/// });
/// spawn(move || {
///     let (ready, changed) = &*pair;
///     *ready.lock().unwrap() = true;
///     changed.notify_one();
/// })
/// .detach();
/// assert!(run().is_finished());
/// waiter.join().unwrap();
/// ```
pub struct Condvar {
    core: Lazy<Notices>,
}

/// Whether a wait ended because its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether its time was up.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// A wait that did not happen, with the guard.
pub struct CondvarError<'a, T: ?Sized> {
    /// Why it did not.
    pub error: WaitError,
    /// None only if the wait was over and the mutex could not be taken again.
    pub guard: Option<MutexGuard<'a, T>>,
}

type Waited<'a, T, V> = Result<V, CondvarError<'a, T>>;

#[derive(Default)]
struct Notices {
    /// How many in the queue are to go on; none while the lock is not held.
    left: usize,
    /// Whether that is for one, who passes it on if it is killed.
    single: bool,
}

/// What one gets that passes it on.
const SINGLE: u32 = 1;

impl Rules for Notices {
    const KIND: &'static str = "condvar";

    fn admit(&mut self, _waiter: &Waiter, _seats: &mut Seats, _ahead: usize) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        Some(u32::from(self.single))
    }

    fn revoke(&mut self, got: u32, _seats: &mut Seats, waiting: usize) {
        if got == SINGLE {
            (self.left, self.single) = (waiting.min(1), true);
        }
    }

    fn state(&self, waiting: usize) -> Holder {
        Holder::Text(format!("{waiting} waiting"))
    }
}

/// A notice that has come. Dropped, it goes to the next one: who got it could not take the mutex again.
struct Notice<'a> {
    core: &'a Arc<Core<Notices>>,
    got: u32,
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        self.core.give_back(self.got, &Scheduler::local());
    }
}

impl Condvar {
    /// One where nobody waits.
    pub const fn new() -> Condvar {
        Condvar { core: Lazy::new() }
    }

    /// One with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Condvar {
        Condvar { core: Lazy::named(name.into(), Notices::default()) }
    }

    /// Wakes the one that has waited longest.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes everyone who waits.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    fn notify(&self, count: usize) {
        self.core().change(|state| {
            state.rules.left = count.min(state.queue.len());
            state.rules.single = count == 1;
        });
    }

    /// Unlocks the mutex, waits to be notified, for as long as it takes, and locks the mutex again.
    ///
    /// # Errors
    ///
    /// [`CondvarError`] with the guard if the caller may not block: its block trap is set, or switching is refused. Without it, if
    /// the mutex could not be locked again, because its holder waits for the caller.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; the mutex is not locked then, and a notice that had come goes to the next one.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> Waited<'a, T, MutexGuard<'a, T>> {
        self.wait_for(guard, FOREVER, Location::caller()).map(|(guard, _)| guard)
    }

    /// [`wait`](Condvar::wait) again and again, as long as `condition` is true of the value.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    ///
    /// # Panics
    ///
    /// As [`wait`](Condvar::wait), and if `condition` does.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, MutexGuard<'a, T>> {
        self.wait_until(guard, FOREVER, Location::caller(), condition).map(|(guard, _)| guard)
    }

    /// [`wait`](Condvar::wait) for this long at most, not counting the wait for the mutex.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait). That its time was up is no error.
    ///
    /// # Panics
    ///
    /// As [`wait`](Condvar::wait).
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_for(guard, within(time), Location::caller())
    }

    /// [`wait`](Condvar::wait) until this moment of [`now`](tasklets_runtime::now()) at most, not counting the wait for the mutex.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Condvar::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait`](Condvar::wait).
    #[track_caller]
    pub fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_for(guard, until(deadline), Location::caller())
    }

    /// [`wait_while`](Condvar::wait_while) for this long at most. Its time was up only if `condition` is true still.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Condvar::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait_while`](Condvar::wait_while).
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, within(time), Location::caller(), condition)
    }

    /// [`wait_while`](Condvar::wait_while) until a moment of [`now`](tasklets_runtime::now()).
    ///
    /// # Errors
    ///
    /// As [`wait_timeout_while`](Condvar::wait_timeout_while).
    ///
    /// # Panics
    ///
    /// As [`wait_timeout_while`](Condvar::wait_timeout_while).
    #[track_caller]
    pub fn wait_deadline_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, until(deadline), Location::caller(), condition)
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        terms: Option<Terms>,
        at: Site,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        let mut ended = WaitTimeoutResult(false);
        while condition(&mut guard) {
            if ended.0 {
                return Ok((guard, ended));
            }
            (guard, ended) = self.wait_for(guard, terms, at)?;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    fn wait_for<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        terms: Option<Terms>,
        at: Site,
    ) -> Waited<'a, T, (MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (scheduler, core) = (Scheduler::local(), self.core());
        let call = Call { operation: "wait", want: 0, terms, at };
        if let Err(error) = core.may_wait(call, &scheduler) {
            return Err(CondvarError { error, guard: Some(guard) });
        }
        // In the queue before the mutex is released, so that no notice is lost.
        let place = core.queue(call, &scheduler);
        let mutex = guard.mutex;
        drop(guard);
        let waited = place.wait(call, terms.unwrap_or_default(), false);
        let notice = waited.as_ref().ok().map(|got| Notice { core, got: *got });
        let relocked = mutex.lock_again(at);
        if relocked.is_ok() {
            std::mem::forget(notice);
        }
        match (waited, relocked) {
            (_, Err(error)) => Err(CondvarError { error, guard: None }),
            (Ok(_), Ok(guard)) => Ok((guard, WaitTimeoutResult(false))),
            (Err(error), Ok(guard)) if error.is_timed_out() => Ok((guard, WaitTimeoutResult(true))),
            (Err(error), Ok(guard)) => Err(CondvarError { error, guard: Some(guard) }),
        }
    }

    fn core(&self) -> &Arc<Core<Notices>> {
        self.core.get(Notices::default)
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condvar({})", self.core().report())
    }
}

impl<T: ?Sized> fmt::Display for CondvarError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for CondvarError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CondvarError({})", self.error)
    }
}

impl<T: ?Sized> Error for CondvarError<'_, T> {}
