//! `OnceLock`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use tasklets_runtime::park::Terms;

use super::core::{FOREVER, Site, until, within};
use super::error::WaitError;
use super::once::Once;

/// A value that is made once, by whichever tasklet of whichever thread wants it first; the others wait for it.
///
/// The names are those of [`std::sync::OnceLock`]. If what makes the value unwinds, by a panic or because its tasklet is killed, there
/// is none, and the next one makes it. Who makes it may block and yield meanwhile.
///
/// # Examples
///
/// ```
/// use tasklets_channels::sync::OnceLock;
///
/// static CONFIGURATION: OnceLock<String> = OnceLock::new();
/// let configuration = CONFIGURATION.get_or_init(|| "by default".to_owned())?;
/// assert_eq!(configuration, "by default");
/// assert!(CONFIGURATION.set("too late".to_owned()).is_err());
/// # Ok::<(), tasklets_channels::sync::WaitError>(())
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// One without a value.
    pub const fn new() -> OnceLock<T> {
        OnceLock { once: Once::new(), value: std::sync::OnceLock::new() }
    }

    /// One without a value, with a name for reports and errors.
    pub fn named(name: impl Into<Cow<'static, str>>) -> OnceLock<T> {
        OnceLock { once: Once::named(name), value: std::sync::OnceLock::new() }
    }

    /// The value, if there is one. It does not wait for one that is being made.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, which nobody else has access to now.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Puts a value in. It does not wait: what is being made meanwhile comes too late then, and is dropped.
    ///
    /// # Errors
    ///
    /// The value, if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)
    }

    /// The value; makes it, if there is none. Waits, if somebody is making it, for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`] if somebody is making it and could not come to an end while the caller waits (a deadlock, as in a call from `f`
    /// itself), or the caller may not block: its block trap is set, or switching is refused. `f` was not called then.
    ///
    /// # Panics
    ///
    /// If `f` does; and unwinds with what is thrown into the caller meanwhile: if that was in the midst of `f`, there is no value, and the next
    /// caller makes one.
    #[track_caller]
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.make("get_or_init", FOREVER, Location::caller(), f)
    }

    /// [`get_or_init`](OnceLock::get_or_init) that does not wait for another one.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with [`WouldBlock`](super::WaitReason::WouldBlock) if somebody is making it.
    ///
    /// # Panics
    ///
    /// If `f` does.
    #[track_caller]
    pub fn try_get_or_init(&self, f: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.make("try_get_or_init", None, Location::caller(), f)
    }

    /// [`get_or_init`](OnceLock::get_or_init) that waits for another one for this long at most.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](OnceLock::get_or_init), and [`TimedOut`](super::WaitReason::TimedOut).
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](OnceLock::get_or_init).
    #[track_caller]
    pub fn get_or_init_timeout(&self, time: Duration, f: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.make("get_or_init", within(time), Location::caller(), f)
    }

    /// [`get_or_init`](OnceLock::get_or_init) that waits for another one until this moment of [`now`](tasklets_runtime::now()) at
    /// most.
    ///
    /// # Errors
    ///
    /// As [`get_or_init_timeout`](OnceLock::get_or_init_timeout).
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](OnceLock::get_or_init).
    #[track_caller]
    pub fn get_or_init_deadline(&self, deadline: Instant, f: impl FnOnce() -> T) -> Result<&T, WaitError> {
        self.make("get_or_init", until(deadline), Location::caller(), f)
    }

    #[inline]
    fn make(
        &self,
        operation: &'static str,
        terms: Option<Terms>,
        at: Site,
        f: impl FnOnce() -> T,
    ) -> Result<&T, WaitError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let mut late = None;
        self.once.call(operation, terms, at, || {
            if self.value.get().is_none() {
                late = self.value.set(f()).err();
            }
        })?;
        drop(late);
        Ok(self.value.get().expect("it was made, by this one or by another"))
    }

    /// The value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one; another one can be made then.
    pub fn take(&mut self) -> Option<T> {
        self.once = Once::new();
        self.value.take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        OnceLock { once: Once::new(), value: std::sync::OnceLock::from(value) }
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceLock").field("once", &self.once).field("value", &self.get()).finish()
    }
}
