//! `Mutex`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spin::mutex::{SpinMutex, SpinMutexGuard};
use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Party, Queue, Seats, Waiter};

/// A value that one tasklet at a time has access to, of any thread.
///
/// The names are those of [`std::sync::Mutex`], and so is what is not said here. It may be held over anything that blocks or
/// yields: only those that want it wait, and the thread goes on with others.
///
/// **Order.** First come, first served: who unlocks hands the lock to the one that has waited longest. Who comes meanwhile queues.
/// A holder that unlocks and locks again lets the others through before.
///
/// **Kills and panics.** Tasklets are killed as a matter of course, and their unwinding drops their guards: the lock goes to the next one.
/// So nobody is refused because another one has unwound, as with std, where most code answers that with `unwrap`. But it is noted: if
/// a guard is dropped by an unwinding, what it guarded may be half changed, and [`is_poisoned`](Mutex::is_poisoned) says so until
/// [`clear_poison`](Mutex::clear_poison). A waiter that is killed leaves the queue; one that had just got the lock passes it on.
///
/// **Deadlocks.** A tasklet that locks what it holds gets an error at once, and so does one that would close a cycle: it waits for a tasklet
/// of its own thread, which waits (for a lock, or to join a tasklet) for another one ... which waits for what it holds. The error names them all. Waits with
/// a deadline are part of no cycle. Who locked counts as the holder, even if the guard was given to another tasklet.
///
/// **A guard that is forgotten** leaves the lock taken for ever. Reports name who took it, and where.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tasklets_channels::sync::Mutex;
/// use tasklets_runtime::{run, schedule, spawn};
///
/// let count = Arc::new(Mutex::new(0));
/// for _ in 0..10 {
///     let count = count.clone();
///     spawn(move || {
///         let mut count = count.lock().unwrap();
///         let before = *count;
///         schedule().unwrap();
///         *count = before + 1;
///     })
///     .detach();
/// }
/// assert!(run().is_finished());
/// assert_eq!(*count.lock()?, 10);
/// # Ok::<(), tasklets_channels::sync::WaitError>(())
/// ```
pub struct Mutex<T: ?Sized> {
    core: Lazy<Held>,
    poisoned: AtomicBool,
    /// Locked by who holds the lock above it, and so never waited for.
    value: SpinMutex<T>,
}

/// Access to the value of a [`Mutex`], which is unlocked when this is dropped.
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// let mutex = tasklets_channels::sync::Mutex::new(0);
/// send(mutex.lock().unwrap());
/// ```
#[must_use = "if it is dropped at once, the mutex is unlocked at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    unwinding: bool,
    /// None only while it is dropped.
    value: Option<SpinMutexGuard<'a, T>>,
    /// Its holder is a tasklet of this thread.
    stays: PhantomData<std::sync::MutexGuard<'a, T>>,
}

/// Who holds it.
#[derive(Default)]
pub(crate) struct Held(Option<Party>);

impl Held {
    #[inline]
    fn release(&mut self, seats: &mut Seats) {
        if let Some(owner) = self.0.take() {
            seats.let_go(owner.seat);
        }
    }
}

impl Rules for Held {
    const KIND: &'static str = "mutex";
    const SOLE: bool = true;
    const OWNED: bool = true;

    #[inline]
    fn admit(&mut self, waiter: &Waiter, seats: &mut Seats, _ahead: usize) -> Option<u32> {
        if self.0.is_some() {
            return None;
        }
        seats.hold(waiter.party.seat);
        self.0 = Some(waiter.party);
        Some(0)
    }

    fn revoke(&mut self, _got: u32, seats: &mut Seats, _waiting: usize) {
        self.release(seats);
    }

    fn state(&self, _waiting: usize) -> Holder {
        self.0.map_or(Holder::Nobody, |owner| Holder::Party("held", owner, 0))
    }

    #[inline]
    fn owners(&self, _waiter: &Waiter, _queue: &Queue, tell: &mut dyn FnMut(&Party)) {
        if let Some(owner) = &self.0 {
            tell(owner);
        }
    }
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { core: Lazy::new(), poisoned: AtomicBool::new(false), value: SpinMutex::new(value) }
    }

    /// An unlocked mutex with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>, value: T) -> Mutex<T> {
        Mutex { core: Lazy::named(name.into(), Held::default()), ..Mutex::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock, for as long as it takes.
    ///
    /// It does not switch if the lock is free, and works everywhere then, in a destructor during an unwinding, too.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if the lock is taken and nobody could release it while the caller waits (a deadlock), or the caller may not block:
    /// its block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; nothing is locked then.
    #[track_caller]
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_on("lock", FOREVER, Location::caller())
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if it is not. It is cheap.
    #[track_caller]
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_on("try_lock", None, Location::caller())
    }

    /// Waits for the lock, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`lock`](Mutex::lock), and [`TimedOut`](super::WaitReason::TimedOut). Who was given the lock just in time has it.
    ///
    /// # Panics
    ///
    /// As [`lock`](Mutex::lock).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_on("lock", within(time), Location::caller())
    }

    /// Waits for the lock, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`lock_timeout`](Mutex::lock_timeout).
    ///
    /// # Panics
    ///
    /// As [`lock`](Mutex::lock).
    #[track_caller]
    pub fn lock_deadline(&self, deadline: Instant) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_on("lock", until(deadline), Location::caller())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn lock_on(&self, operation: &'static str, terms: Option<Terms>, at: Site) -> Result<MutexGuard<'_, T>, WaitError> {
        self.core().get(Call { operation, want: 1, terms, at })?;
        Ok(self.guard())
    }

    /// Locks it after a wait that has unlocked it.
    pub(super) fn lock_again(&self, at: Site) -> Result<MutexGuard<'_, T>, WaitError> {
        self.lock_on("lock", FOREVER, at)
    }

    #[inline]
    fn core(&self) -> &Arc<Core<Held>> {
        self.core.get(Held::default)
    }

    /// The guard of who has been given the lock.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        let value = self.value.try_lock();
        debug_assert!(value.is_some(), "its holder has unlocked it before");
        MutexGuard { mutex: self, unwinding: std::thread::panicking(), value, stays: PhantomData }
    }

    #[inline]
    fn unlock(&self) {
        self.core().change(|state| state.rules.release(&mut state.queue.seats));
    }

    /// Whether a guard was dropped by an unwinding, a panic or a kill, so that the value may be half changed.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// The value has been looked after: nothing is half changed.
    pub fn clear_poison(&self) {
        self.poisoned.store(false, Ordering::Relaxed);
    }

    /// The value, which nobody else can have access to now.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether it is locked at this moment.
    pub fn is_locked(&self) -> bool {
        self.core().state.lock().rules.0.is_some()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is locked")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it is locked")
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.unwinding && std::thread::panicking() {
            self.mutex.poisoned.store(true, Ordering::Relaxed);
        }
        // The next one finds the value unlocked.
        self.value = None;
        self.mutex.unlock();
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Mutex");
        text.field("mutex", self.core());
        match self.try_lock() {
            Ok(guard) => text.field("value", &&*guard),
            Err(_) => text.field("value", &format_args!("<locked>")),
        };
        text.field("poisoned", &self.is_poisoned()).finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
