//! `WaitGroup`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Seats, Waiter};

/// Waits until every [`Worker`] that was taken from it has been dropped, by whatever tasklet of whatever thread.
///
/// A worker that is killed or panics drops what it has, so that nobody waits for it any more. A clone is another handle of the same
/// group, and is not waited for.
///
/// # Examples
///
/// ```
/// use tasklets_channels::sync::WaitGroup;
/// use tasklets_runtime::{schedule, spawn};
///
/// let group = WaitGroup::new();
/// for _ in 0..3 {
///     let worker = group.worker();
///     spawn(move || {
///         schedule().unwrap();
///         drop(worker);
///     })
///     .detach();
/// }
/// assert_eq!(group.working(), 3);
/// group.wait()?;
/// assert_eq!(group.working(), 0);
/// # Ok::<(), tasklets_channels::sync::WaitError>(())
/// ```
#[derive(Clone)]
pub struct WaitGroup {
    core: Arc<Core<Working>>,
}

/// What a [`WaitGroup`] waits for the end of. A clone is waited for, too.
#[must_use = "if it is dropped at once, nobody waits for it"]
pub struct Worker {
    core: Arc<Core<Working>>,
}

struct Working(usize);

impl Rules for Working {
    const KIND: &'static str = "wait group";

    fn admit(&mut self, _waiter: &Waiter, _seats: &mut Seats, _ahead: usize) -> Option<u32> {
        (self.0 == 0).then_some(0)
    }

    fn revoke(&mut self, _got: u32, _seats: &mut Seats, _waiting: usize) {}

    fn state(&self, _waiting: usize) -> Holder {
        Holder::Text(format!("{} working", self.0))
    }
}

impl WaitGroup {
    /// A group without workers.
    pub fn new() -> WaitGroup {
        WaitGroup { core: Core::make(None, Working(0)) }
    }

    /// A group with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>) -> WaitGroup {
        WaitGroup { core: Core::make(Some(name.into()), Working(0)) }
    }

    /// One more to wait for.
    pub fn worker(&self) -> Worker {
        Worker::of(&self.core)
    }

    /// How many workers there are at this moment.
    pub fn working(&self) -> usize {
        self.core.state.lock().rules.0
    }

    /// Waits until there are no workers, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if there are some and the caller may not block: its block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; nothing has changed then.
    #[track_caller]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.wait_for("wait", FOREVER, Location::caller())
    }

    /// Looks whether there are no workers.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if there are some.
    #[track_caller]
    pub fn try_wait(&self) -> Result<(), WaitError> {
        self.wait_for("try_wait", None, Location::caller())
    }

    /// Waits until there are no workers, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`wait`](WaitGroup::wait), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`wait`](WaitGroup::wait).
    #[track_caller]
    pub fn wait_timeout(&self, time: Duration) -> Result<(), WaitError> {
        self.wait_for("wait", within(time), Location::caller())
    }

    /// Waits until there are no workers, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](WaitGroup::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait`](WaitGroup::wait).
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), WaitError> {
        self.wait_for("wait", until(deadline), Location::caller())
    }

    fn wait_for(&self, operation: &'static str, terms: Option<Terms>, at: Site) -> Result<(), WaitError> {
        self.core.get(Call { operation, want: 0, terms, at }).map(drop)
    }
}

impl Worker {
    fn of(core: &Arc<Core<Working>>) -> Worker {
        core.state.lock().rules.0 += 1;
        Worker { core: core.clone() }
    }
}

impl Clone for Worker {
    fn clone(&self) -> Worker {
        Worker::of(&self.core)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.core.change(|state| state.rules.0 -= 1);
    }
}

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitGroup({})", self.core.report())
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker(of {})", self.core.report())
    }
}
