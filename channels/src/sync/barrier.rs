//! `Barrier`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Seats, Waiter};

/// Where a number of tasklets of any threads wait for each other; then it is as new.
///
/// The names are those of [`std::sync::Barrier`]. Who is killed while it waits, or whose time is up, is not counted any more: another
/// one has to come in its place.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tasklets_channels::sync::Barrier;
/// use tasklets_runtime::{run, spawn};
///
/// let barrier = Arc::new(Barrier::new(3));
/// let comers: Vec<_> = (0..3)
///     .map(|_| {
///         let barrier = barrier.clone();
///         spawn(move || barrier.wait().unwrap().is_leader())
///     })
///     .collect();
/// assert!(run().is_finished());
/// let leaders = comers.into_iter().filter(|comer| comer.join().unwrap()).count();
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    core: Lazy<Meeting>,
    size: usize,
}

/// Returned to everyone who has met at a [`Barrier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether the caller was the last one to come, which is so for exactly one at each meeting.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

struct Meeting {
    size: usize,
    /// How many of those in the queue may go.
    leaving: usize,
}

const LEADS: u32 = 1;

impl Rules for Meeting {
    const KIND: &'static str = "barrier";
    const SPREADS: bool = true;

    fn admit(&mut self, _waiter: &Waiter, _seats: &mut Seats, ahead: usize) -> Option<u32> {
        if self.leaving != 0 {
            self.leaving -= 1;
            return Some(0);
        }
        if ahead + 1 < self.size {
            return None;
        }
        self.leaving = ahead;
        Some(LEADS)
    }

    fn revoke(&mut self, _got: u32, _seats: &mut Seats, _waiting: usize) {}

    fn state(&self, waiting: usize) -> Holder {
        Holder::Text(format!("{waiting} of {} there", self.size))
    }
}

impl Barrier {
    /// A barrier for so many. With 0 it is as with 1: nobody waits.
    pub const fn new(size: usize) -> Barrier {
        Barrier { core: Lazy::new(), size }
    }

    /// A barrier with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>, size: usize) -> Barrier {
        Barrier { core: Lazy::named(name.into(), Meeting { size, leaving: 0 }), size }
    }

    /// Waits until all are there, for as long as it takes. The last one to come goes on at once.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if others are missing and the caller may not block: its block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile. It does not count then, unless the others have met it already and go on: after that only
    /// a kill or a thrown panic is raised.
    #[track_caller]
    pub fn wait(&self) -> Result<BarrierWaitResult, WaitError> {
        self.meet("wait", FOREVER, Location::caller())
    }

    /// Lets the others go if only the caller was missing.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if others are missing.
    #[track_caller]
    pub fn try_wait(&self) -> Result<BarrierWaitResult, WaitError> {
        self.meet("try_wait", None, Location::caller())
    }

    /// Waits until all are there, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`wait`](Barrier::wait), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`wait`](Barrier::wait).
    #[track_caller]
    pub fn wait_timeout(&self, time: Duration) -> Result<BarrierWaitResult, WaitError> {
        self.meet("wait", within(time), Location::caller())
    }

    /// Waits until all are there, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Barrier::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait`](Barrier::wait).
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult, WaitError> {
        self.meet("wait", until(deadline), Location::caller())
    }

    fn meet(&self, operation: &'static str, terms: Option<Terms>, at: Site) -> Result<BarrierWaitResult, WaitError> {
        let got = self.core().get(Call { operation, want: 0, terms, at })?;
        Ok(BarrierWaitResult(got == LEADS))
    }

    fn core(&self) -> &Arc<Core<Meeting>> {
        self.core.get(|| Meeting { size: self.size, leaving: 0 })
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Barrier({})", self.core().report())
    }
}
