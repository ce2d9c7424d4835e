//! The lock of what threads share: one atomic operation to take it, and a plain store to give it back.
//!
//! A lock that other threads can sleep on pays an atomic operation for its release, too, to learn whether somebody sleeps, and that is half
//! of what a message costs where nobody does. Here nobody sleeps on it: it is held for a few lines, in which no code of the user
//! runs and nothing is waited for. Who finds it taken looks again in ever longer intervals; those matter only where the holder itself was
//! interrupted by the kernel.

#[cfg(not(loom))]
use spin::mutex::{SpinMutex, SpinMutexGuard};

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};

#[cfg(not(loom))]
pub(crate) struct Lock<T>(SpinMutex<T>);

#[cfg(not(loom))]
pub(crate) type Locked<'a, T> = SpinMutexGuard<'a, T>;

/// How often who finds it taken waits for a little while, each time twice as long as before, up to a microsecond or so.
#[cfg(not(loom))]
const SPINS: u32 = 6;

/// How often it then leaves the processor to others.
#[cfg(not(loom))]
const YIELDS: u32 = 16;

/// How long it then sleeps. A holder of lower priority on the same processor gets nothing from being yielded to.
#[cfg(not(loom))]
const SLEEP: std::time::Duration = std::time::Duration::from_micros(50);

#[cfg(not(loom))]
impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Lock<T> {
        Lock(SpinMutex::new(value))
    }

    #[inline(always)]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        match self.0.try_lock() {
            Some(locked) => locked,
            None => self.lock_later(),
        }
    }

    /// None if it is taken.
    #[inline(always)]
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        self.0.try_lock()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    #[cold]
    #[inline(never)]
    fn lock_later(&self) -> Locked<'_, T> {
        for tries in 0_u32.. {
            if tries < SPINS {
                (0..1 << tries).for_each(|_| std::hint::spin_loop());
            } else if tries < SPINS + YIELDS {
                std::thread::yield_now();
            } else {
                std::thread::sleep(SLEEP);
            }
            // A look costs the holder nothing; an attempt takes the cache line away from it.
            if !self.0.is_locked()
                && let Some(locked) = self.0.try_lock()
            {
                return locked;
            }
        }
        unreachable!("it was tried for days")
    }
}

/// What loom knows of locks is enough: what is checked is what happens under them.
#[cfg(loom)]
pub(crate) struct Lock<T>(Mutex<T>);

#[cfg(loom)]
pub(crate) type Locked<'a, T> = MutexGuard<'a, T>;

#[cfg(loom)]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> Locked<'_, T> {
        self.0.lock().expect("nobody panics with it")
    }

    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        self.0.try_lock().ok()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("nobody panics with it")
    }
}
