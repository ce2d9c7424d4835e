//! `Event`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{Call, Core, FOREVER, Holder, Lazy, Rules, Site, until, within};
use super::error::WaitError;
use super::queue::{Seats, Waiter};

/// A flag that tasklets of any threads wait for.
///
/// Who waits when it is set goes on, even if it is cleared before that one runs. While it is set, nobody waits.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tasklets_channels::sync::Event;
/// use tasklets_runtime::enter;
///
/// let ready = Arc::new(Event::new());
/// let theirs = ready.clone();
/// let thread = std::thread::spawn(move || enter(|| theirs.wait().unwrap()));
/// ready.set();
/// thread.join().unwrap();
/// ```
pub struct Event {
    core: Lazy<Flag>,
}

#[derive(Default)]
struct Flag(bool);

impl Rules for Flag {
    const KIND: &'static str = "event";

    #[inline]
    fn admit(&mut self, _waiter: &Waiter, _seats: &mut Seats, _ahead: usize) -> Option<u32> {
        self.0.then_some(0)
    }

    fn revoke(&mut self, _got: u32, _seats: &mut Seats, _waiting: usize) {}

    fn state(&self, _waiting: usize) -> Holder {
        if self.0 { Holder::Text("set".to_owned()) } else { Holder::Nobody }
    }
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Event {
        Event { core: Lazy::new() }
    }

    /// An event with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Event {
        Event { core: Lazy::named(name.into(), Flag(false)) }
    }

    /// Sets it, and wakes everyone who waits for it.
    pub fn set(&self) {
        self.core().change(|state| state.rules.0 = true);
    }

    /// Clears it: from now on, [`wait`](Event::wait) waits.
    pub fn clear(&self) {
        self.core().state.lock().rules.0 = false;
    }

    /// Whether it is set at this moment.
    pub fn is_set(&self) -> bool {
        self.core().state.lock().rules.0
    }

    /// Waits until it is set, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if it is not set and the caller may not block: its block trap is set, or switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile; nothing has changed then.
    #[track_caller]
    pub fn wait(&self) -> Result<(), WaitError> {
        self.wait_for("wait", FOREVER, Location::caller())
    }

    /// Looks whether it is set.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if it is not.
    #[track_caller]
    pub fn try_wait(&self) -> Result<(), WaitError> {
        self.wait_for("try_wait", None, Location::caller())
    }

    /// Waits until it is set, for this long at most.
    ///
    /// # Errors
    ///
    /// As [`wait`](Event::wait), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`wait`](Event::wait).
    #[track_caller]
    pub fn wait_timeout(&self, time: Duration) -> Result<(), WaitError> {
        self.wait_for("wait", within(time), Location::caller())
    }

    /// Waits until it is set, until this moment of [`now`](tasklets_runtime::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Event::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait`](Event::wait).
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<(), WaitError> {
        self.wait_for("wait", until(deadline), Location::caller())
    }

    fn wait_for(&self, operation: &'static str, terms: Option<Terms>, at: Site) -> Result<(), WaitError> {
        self.core().get(Call { operation, want: 0, terms, at }).map(drop)
    }

    fn core(&self) -> &Arc<Core<Flag>> {
        self.core.get(Flag::default)
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", self.core().report())
    }
}
