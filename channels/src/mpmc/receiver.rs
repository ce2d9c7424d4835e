//! The receiving end.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::error::{RecvError, Site};
use super::iter::{TryValues, Values};
use super::patience::{FOREVER, until, within};

/// The receiving end of a channel that any thread may hold; see [`rendezvous`](crate::rendezvous), [`bounded`](crate::bounded) and
/// [`unbounded`](crate::unbounded).
///
/// A clone is another handle of the same end: every value goes to one of them. When the last one is dropped, what is buffered is
/// dropped, and senders get an error with their values.
///
/// It cannot send:
///
/// ```compile_fail,E0599
/// let (_tx, rx) = tasklets_channels::rendezvous();
/// rx.send(1);
/// ```
pub struct Receiver<T> {
    core: Arc<Core<T>>,
}

impl<T> Receiver<T> {
    /// The handle that a new channel counts already.
    pub(super) fn first(core: Arc<Core<T>>) -> Receiver<T> {
        Receiver { core }
    }

    pub(crate) fn core(&self) -> &Arc<Core<T>> {
        &self.core
    }

    /// How many values are buffered.
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether no value is buffered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the buffer is full; that of a rendezvous channel, which has none, always is.
    pub fn is_full(&self) -> bool {
        self.core.is_full()
    }

    /// How many values can be buffered; none if there is no bound.
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// The name that the channel was made with.
    pub fn name(&self) -> Option<&str> {
        self.core.label.name.as_deref()
    }

    /// Whether both are handles of one channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl<T: 'static> Receiver<T> {
    /// Receives a value. Waits for one if there is none; it does not switch otherwise.
    ///
    /// # Errors
    ///
    /// [`RecvError`]; the reason is [`Disconnected`](crate::Reason::Disconnected) if nothing is buffered and no sender is left.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile: nothing is received then. If it has been handed a value already, only a kill or
    /// a thrown panic is raised, and the value goes to whoever receives next; a cancellation waits for the next blocking point, and the
    /// value is received.
    #[track_caller]
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.core.recv(FOREVER, Location::caller())
    }

    /// Receives a value if that is possible without waiting. Never switches.
    ///
    /// # Errors
    ///
    /// [`RecvError`]; the reason is [`Empty`](crate::Reason::Empty) if it would have to wait.
    #[track_caller]
    #[inline]
    pub fn try_recv(&self) -> Result<T, RecvError> {
        self.core.recv(None, Location::caller())
    }

    /// [`recv`](Receiver::recv) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv); the reason is [`TimedOut`](crate::Reason::TimedOut) if its time was up.
    ///
    /// # Panics
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (_tx, rx) = tasklets_channels::unbounded::<()>();
    /// assert!(rx.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn recv_timeout(&self, time: Duration) -> Result<T, RecvError> {
        self.core.recv(within(time), Location::caller())
    }

    /// [`recv`](Receiver::recv) that waits until this moment of [`now`](tasklets_runtime::now) at most.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Receiver::recv_timeout).
    ///
    /// # Panics
    ///
    /// As [`recv`](Receiver::recv).
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvError> {
        self.core.recv(until(deadline), Location::caller())
    }

    #[inline]
    pub(super) fn recv_at(&self, at: Site) -> Result<T, RecvError> {
        self.core.recv(FOREVER, at)
    }

    /// Receives until the channel is empty and no sender is left.
    ///
    /// The iterator panics if a receive fails for another reason, as with the caller's block trap set.
    #[track_caller]
    pub fn iter(&self) -> Values<'_, T> {
        Values::new(self, Location::caller())
    }

    /// Receives what is there, and waits for nothing.
    pub fn try_iter(&self) -> TryValues<'_, T> {
        TryValues::new(self)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.core.lock_state().receivers += 1;
        Receiver { core: self.core.clone() }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.core.lock_state();
            state.receivers -= 1;
            state.receivers
        };
        if left == 0 {
            self.core.wake_senders();
        }
    }
}

/// Handles are equal if they are of the same channel.
impl<T> PartialEq for Receiver<T> {
    fn eq(&self, other: &Receiver<T>) -> bool {
        self.same_channel(other)
    }
}

impl<T> Eq for Receiver<T> {}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.show("Receiver", f)
    }
}
