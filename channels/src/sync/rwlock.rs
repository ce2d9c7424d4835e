//! `RwLock`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slab::Slab;
use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Party, Queue, Seats, Waiter};
use super::rwlock_guards::{RwLockReadGuard, RwLockWriteGuard};

/// A value that many tasklets may read at a time, or one may write, of any threads.
///
/// The names are those of [`std::sync::RwLock`]. It may be held over anything that blocks or yields.
///
/// **Order.** First come, first served: a reader that comes after a writer that waits, waits as well, so that writers get their turn.
/// When the lock is free for a reader, it is given to all readers up to the next writer.
///
/// **Kills, panics and deadlocks** are as with [`Mutex`](super::Mutex): a lock that is dropped by an unwinding is unlocked, and it is
/// noted if it was the writer's; waits that close a cycle are errors. Who reads and wants to write, or to read again behind a
/// writer that waits, is such a cycle.
///
/// # Examples
///
/// ```
/// use tasklets_channels::sync::RwLock;
///
/// let lock = RwLock::new(5);
/// {
///     let (one, another) = (lock.read()?, lock.read()?);
///     assert_eq!(*one + *another, 10);
///     assert!(lock.try_write().is_err());
/// }
/// *lock.write()? += 1;
/// assert_eq!(*lock.read()?, 6);
/// # Ok::<(), tasklets_channels::sync::WaitError>(())
/// ```
pub struct RwLock<T: ?Sized> {
    core: Lazy<Holders>,
    pub(super) poisoned: AtomicBool,
    /// Locked by those who hold the lock above it, and so never waited for.
    pub(super) value: parking_lot::RwLock<T>,
}

/// Who holds it.
#[derive(Default)]
pub(super) struct Holders {
    writer: Option<Party>,
    readers: Slab<Party>,
}

const READ: u32 = 0;
const WRITE: u32 = 1;

/// What a writer gets; a reader gets its number.
const WRITER: u32 = u32::MAX;

impl Holders {
    pub(super) fn release(&mut self, got: u32, seats: &mut Seats) {
        let party = if got == WRITER { self.writer.take() } else { self.readers.try_remove(got as usize) };
        if let Some(party) = party {
            seats.let_go(party.seat);
        }
    }
}

impl Rules for Holders {
    const KIND: &'static str = "rwlock";
    const OWNED: bool = true;

    fn admit(&mut self, waiter: &Waiter, seats: &mut Seats, ahead: usize) -> Option<u32> {
        if ahead != 0 || self.writer.is_some() || waiter.want == WRITE && !self.readers.is_empty() {
            return None;
        }
        seats.hold(waiter.party.seat);
        if waiter.want == WRITE {
            self.writer = Some(waiter.party);
            return Some(WRITER);
        }
        Some(self.readers.insert(waiter.party) as u32)
    }

    fn revoke(&mut self, got: u32, seats: &mut Seats, _waiting: usize) {
        self.release(got, seats);
    }

    fn state(&self, _waiting: usize) -> Holder {
        let readers = self.readers.iter().next().map(|(_, party)| *party);
        match (self.writer, readers) {
            (Some(writer), _) => Holder::Party("written", writer, 0),
            (None, Some(reader)) => Holder::Party("read", reader, self.readers.len() - 1),
            (None, None) => Holder::Nobody,
        }
    }

    fn owners(&self, waiter: &Waiter, queue: &Queue, tell: &mut dyn FnMut(&Party)) {
        if waiter.want == READ && self.writer.is_none() {
            // It waits for a writer to have its turn, or to give up.
            return queue.first().iter().for_each(|writer| tell(&writer.party));
        }
        self.writer.iter().for_each(&mut *tell);
        self.readers.iter().for_each(|(_, party)| tell(party));
    }
}

impl<T> RwLock<T> {
    /// An unlocked lock.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock { core: Lazy::new(), poisoned: AtomicBool::new(false), value: parking_lot::RwLock::new(value) }
    }

    /// An unlocked lock with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>, value: T) -> RwLock<T> {
        RwLock { core: Lazy::named(name.into(), Holders::default()), ..RwLock::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits to read, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if it would have to wait and nobody could release the lock meanwhile (a deadlock), or the caller may not block: its
    /// block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; nothing is locked then.
    #[track_caller]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.read_on("read", FOREVER, Location::caller())
    }

    /// Reads if nobody writes, or waits to.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if somebody does.
    #[track_caller]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.read_on("try_read", None, Location::caller())
    }

    /// Waits to read, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`read`](RwLock::read), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`read`](RwLock::read).
    #[track_caller]
    pub fn read_timeout(&self, time: Duration) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.read_on("read", within(time), Location::caller())
    }

    /// Waits to read, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](RwLock::read_timeout).
    ///
    /// # Panics
    ///
    /// As [`read`](RwLock::read).
    #[track_caller]
    pub fn read_deadline(&self, deadline: Instant) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.read_on("read", until(deadline), Location::caller())
    }

    /// Waits to write, for as long as it takes.
    ///
    /// # Errors
    ///
    /// As [`read`](RwLock::read).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; nothing is locked then.
    #[track_caller]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.write_on("write", FOREVER, Location::caller())
    }

    /// Writes if the lock is free.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if it is not.
    #[track_caller]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.write_on("try_write", None, Location::caller())
    }

    /// Waits to write, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](RwLock::read_timeout).
    ///
    /// # Panics
    ///
    /// As [`write`](RwLock::write).
    #[track_caller]
    pub fn write_timeout(&self, time: Duration) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.write_on("write", within(time), Location::caller())
    }

    /// Waits to write, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`read_timeout`](RwLock::read_timeout).
    ///
    /// # Panics
    ///
    /// As [`write`](RwLock::write).
    #[track_caller]
    pub fn write_deadline(&self, deadline: Instant) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.write_on("write", until(deadline), Location::caller())
    }

    fn read_on(
        &self,
        operation: &'static str,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        let got = self.core().get(Call { operation, want: READ, terms, at })?;
        Ok(RwLockReadGuard::new(self, got))
    }

    fn write_on(
        &self,
        operation: &'static str,
        terms: Option<Terms>,
        at: Site,
    ) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.core().get(Call { operation, want: WRITE, terms, at })?;
        Ok(RwLockWriteGuard::new(self))
    }

    #[inline]
    fn core(&self) -> &Arc<Core<Holders>> {
        self.core.get(Holders::default)
    }

    pub(super) fn unlock_read(&self, reader: u32) {
        self.core().change(|state| state.rules.release(reader, &mut state.queue.seats));
    }

    pub(super) fn unlock_write(&self) {
        self.core().change(|state| state.rules.release(WRITER, &mut state.queue.seats));
    }

    /// Whether a writer's guard was dropped by an unwinding, a panic or a kill, so that the value may be half changed.
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
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("RwLock");
        text.field("rwlock", self.core());
        match self.try_read() {
            Ok(guard) => text.field("value", &&*guard),
            Err(_) => text.field("value", &format_args!("<locked>")),
        };
        text.field("poisoned", &self.is_poisoned()).finish()
    }
}
