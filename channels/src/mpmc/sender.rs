//! The sending end.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::patience::{FOREVER, until, within};
use crate::error::SendError;

/// The sending end of a channel that any thread may hold; see [`rendezvous`](crate::rendezvous), [`bounded`](crate::bounded) and
/// [`unbounded`](crate::unbounded).
///
/// A clone is another handle of the same end. When the last one is dropped, receivers get what is buffered, and then an error.
///
/// A send that returned `Ok` has happened; one that failed gives its value back. A value that was handed to a receiver who is then
/// killed goes to the next one. Cancellations and limits of time interrupt only what has not happened.
///
/// It cannot receive:
///
/// ```compile_fail,E0599
/// let (tx, _rx) = tasklets_channels::rendezvous::<i32>();
/// tx.recv();
/// ```
pub struct Sender<T> {
    core: Arc<Core<T>>,
}

impl<T> Sender<T> {
    /// The handle that a new channel counts already.
    pub(super) fn first(core: Arc<Core<T>>) -> Sender<T> {
        Sender { core }
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

    /// Whether no receiver is left.
    pub fn is_disconnected(&self) -> bool {
        self.core.lock_state().receivers == 0
    }

    /// The name that the channel was made with.
    pub fn name(&self) -> Option<&str> {
        self.core.label.name.as_deref()
    }

    /// Whether both are handles of one channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl<T: 'static> Sender<T> {
    /// Sends a value. Waits while the buffer is full, or for a receiver if there is none; it does not switch otherwise.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value; the reason is [`Disconnected`](crate::Reason::Disconnected) if no receiver is left.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile: the value is not sent then, and dropped. If a receiver has it already, only a kill or a
    /// thrown panic is raised; a cancellation waits for the next blocking point, and the send has happened.
    #[track_caller]
    #[inline]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.core.send(value, FOREVER, Location::caller())
    }

    /// Sends a value if that is possible without waiting. Never switches.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value; the reason is [`Full`](crate::Reason::Full) if it would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = tasklets_channels::bounded_named("orders", 1);
    /// tx.try_send("first")?;
    /// let error = tx.try_send("second").unwrap_err();
    /// assert!(error.is_full() && error.to_string().contains("\"orders\" (1 sender, 1 receiver)"));
    /// assert_eq!(error.into_value(), "second");
    /// # Ok::<(), tasklets_channels::SendError<&str>>(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), SendError<T>> {
        self.core.send(value, None, Location::caller())
    }

    /// [`send`](Sender::send) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send); the reason is [`TimedOut`](crate::Reason::TimedOut) if its time was up. A value that was
    /// received just in time was sent.
    ///
    /// # Panics
    ///
    /// As [`send`](Sender::send).
    #[track_caller]
    pub fn send_timeout(&self, value: T, time: Duration) -> Result<(), SendError<T>> {
        self.core.send(value, within(time), Location::caller())
    }

    /// [`send`](Sender::send) that waits until this moment of [`now`](tasklets_runtime::now) at most.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    ///
    /// # Panics
    ///
    /// As [`send`](Sender::send).
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.core.send(value, until(deadline), Location::caller())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.core.lock_state().senders += 1;
        Sender { core: self.core.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.core.lock_state();
            state.senders -= 1;
            if state.senders == 0 {
                self.core.stir();
            }
            state.senders
        };
        if left == 0 {
            self.core.wake_receivers();
        }
    }
}

/// Handles are equal if they are of the same channel.
impl<T> PartialEq for Sender<T> {
    fn eq(&self, other: &Sender<T>) -> bool {
        self.same_channel(other)
    }
}

impl<T> Eq for Sender<T> {}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.show("Sender", f)
    }
}
