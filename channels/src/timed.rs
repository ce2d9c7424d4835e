//! Sending and receiving for a limited time.

use std::panic::Location;
use std::time::{Duration, Instant};

use tasklets_runtime::now;
use tasklets_runtime::park::Terms;

use crate::channel::Channel;
use crate::error::{ReceiveError, SendError};
use crate::queue::Item;
use crate::transfer::FOREVER;

/// Until a moment of [`now`].
fn until(deadline: Instant) -> Option<Terms> {
    Some(Terms { deadline: Some(deadline), ..Terms::LOCAL })
}

/// For so long; for ever if the clock cannot tell the end of it.
fn within(time: Duration) -> Option<Terms> {
    now().checked_add(time).map_or(FOREVER, until)
}

impl<T: 'static> Channel<T> {
    /// [`send`](Channel::send) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value; the reason is [`TimedOut`](crate::Reason::TimedOut) if nobody came to receive it. A value that was
    /// received just in time was sent.
    ///
    /// # Panics
    ///
    /// As [`send`](Channel::send).
    #[track_caller]
    pub fn send_timeout(&self, value: T, time: Duration) -> Result<(), SendError<T>> {
        self.send_item(Item::Value(value), within(time), Location::caller()).map_err(SendError::into_sent)
    }

    /// [`send`](Channel::send) that waits until this moment of [`now`] at most.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Channel::send_timeout).
    ///
    /// # Panics
    ///
    /// As [`send`](Channel::send).
    #[track_caller]
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendError<T>> {
        self.send_item(Item::Value(value), until(deadline), Location::caller()).map_err(SendError::into_sent)
    }

    /// [`receive`](Channel::receive) that waits for this long at most.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`]; the reason is [`TimedOut`](crate::Reason::TimedOut) if nobody sent anything.
    ///
    /// # Panics
    ///
    /// As [`receive`](Channel::receive).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tasklets_channels::Channel;
    ///
    /// let ch = Channel::<()>::named("quiet");
    /// let error = ch.receive_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(error.to_string().ends_with("its time was up before anybody came to the other side"));
    /// ```
    #[track_caller]
    pub fn receive_timeout(&self, time: Duration) -> Result<T, ReceiveError> {
        self.receive_item(within(time), Location::caller())
    }

    /// [`receive`](Channel::receive) that waits until this moment of [`now`] at most.
    ///
    /// # Errors
    ///
    /// As [`receive_timeout`](Channel::receive_timeout).
    ///
    /// # Panics
    ///
    /// As [`receive`](Channel::receive).
    #[track_caller]
    pub fn receive_deadline(&self, deadline: Instant) -> Result<T, ReceiveError> {
        self.receive_item(until(deadline), Location::caller())
    }
}
