//! `Semaphore`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Seats, Waiter};

/// A number of permits, of which tasklets of any threads take some and give them back.
///
/// First come, first served: who wants more than there are holds up those that come after it, even if they want less. A waiter that is
/// killed leaves the queue; one that had just got permits gives them back.
///
/// A permit belongs to nobody: it may be given back by another tasklet or thread than the one that took it.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tasklets_channels::sync::Semaphore;
/// use tasklets_runtime::{run, schedule, spawn};
///
/// let doors = Arc::new(Semaphore::new(2));
/// for _ in 0..10 {
///     let doors = doors.clone();
///     spawn(move || {
///         let _inside = doors.acquire().unwrap();
///         assert!(doors.available_permits() < 2);
///         schedule().unwrap();
///     })
///     .detach();
/// }
/// assert!(run().is_finished());
/// assert_eq!(doors.available_permits(), 2);
/// ```
pub struct Semaphore {
    core: Lazy<Permits>,
    initial: usize,
}

/// Permits that were taken; given back when this is dropped.
#[must_use = "if it is dropped at once, the permits are given back at once"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: u32,
}

struct Permits {
    free: usize,
}

impl Rules for Permits {
    const KIND: &'static str = "semaphore";

    #[inline]
    fn admit(&mut self, waiter: &Waiter, _seats: &mut Seats, ahead: usize) -> Option<u32> {
        if ahead != 0 {
            return None;
        }
        self.free = self.free.checked_sub(waiter.want as usize)?;
        Some(waiter.want)
    }

    fn revoke(&mut self, got: u32, _seats: &mut Seats, _waiting: usize) {
        self.free = self.free.saturating_add(got as usize);
    }

    fn state(&self, waiting: usize) -> Holder {
        Holder::Text(format!("{} free, {waiting} waiting", self.free))
    }
}

impl Semaphore {
    /// A semaphore with so many permits.
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore { core: Lazy::new(), initial: permits }
    }

    /// A semaphore with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>, permits: usize) -> Semaphore {
        Semaphore { core: Lazy::named(name.into(), Permits { free: permits }), initial: permits }
    }

    /// Waits for a permit, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if none is free and the caller may not block: its block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; it has no permits then.
    #[track_caller]
    pub fn acquire(&self) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("acquire", 1, FOREVER, Location::caller())
    }

    /// Waits for so many permits at once. If there never are so many, it waits for ever.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; it has no permits then.
    #[track_caller]
    pub fn acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("acquire", count, FOREVER, Location::caller())
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if not.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("try_acquire", 1, None, Location::caller())
    }

    /// Takes so many permits if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if not.
    #[track_caller]
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("try_acquire", count, None, Location::caller())
    }

    /// Waits for so many permits at once, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Semaphore::acquire), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`acquire`](Semaphore::acquire).
    #[track_caller]
    pub fn acquire_timeout(&self, count: u32, time: Duration) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("acquire", count, within(time), Location::caller())
    }

    /// Waits for so many permits at once, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Semaphore::acquire_timeout).
    ///
    /// # Panics
    ///
    /// As [`acquire`](Semaphore::acquire).
    #[track_caller]
    pub fn acquire_deadline(&self, count: u32, deadline: Instant) -> Result<SemaphorePermit<'_>, WaitError> {
        self.take("acquire", count, until(deadline), Location::caller())
    }

    #[inline]
    fn take(
        &self,
        operation: &'static str,
        want: u32,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<SemaphorePermit<'_>, WaitError> {
        let count = self.core().get(Call { operation, want, terms, at })?;
        Ok(SemaphorePermit { semaphore: self, count })
    }

    /// Adds permits, and wakes those that wait for them. There are never more than [`usize::MAX`].
    pub fn add_permits(&self, count: usize) {
        self.core().change(|state| state.rules.free = state.rules.free.saturating_add(count));
    }

    /// How many permits are free at this moment.
    pub fn available_permits(&self) -> usize {
        self.core().state.lock().rules.free
    }

    #[inline]
    fn core(&self) -> &Arc<Core<Permits>> {
        self.core.get(|| Permits { free: self.initial })
    }
}

impl SemaphorePermit<'_> {
    /// How many permits these are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes them out of circulation: they are not given back.
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count != 0 {
            self.semaphore.add_permits(self.count as usize);
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Semaphore({})", self.core().report())
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SemaphorePermit({} of {})", self.count, self.semaphore.core().label())
    }
}
