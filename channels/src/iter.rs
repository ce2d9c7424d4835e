//! Receiving in a loop.

use crate::channel::Channel;
use crate::error::{ReceiveError, StopIteration};

/// Values and errors from a channel until it closes; see [`Channel::results`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct Results<'a, T: 'static> {
    channel: &'a Channel<T>,
}

impl<'a, T: 'static> Results<'a, T> {
    pub(crate) fn new(channel: &'a Channel<T>) -> Results<'a, T> {
        Results { channel }
    }
}

impl<T: 'static> Iterator for Results<'_, T> {
    type Item = Result<T, ReceiveError>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<T, ReceiveError>> {
        next_result(self.channel)
    }
}

#[track_caller]
fn next_result<T: 'static>(channel: &Channel<T>) -> Option<Result<T, ReceiveError>> {
    if channel.is_closing() && channel.balance() <= 0 {
        return None;
    }
    match channel.receive() {
        // It was shut down while this waited.
        Err(error) if error.is_closed() => None,
        Err(ReceiveError::Exception(error)) if error.is::<StopIteration>() => None,
        result => Some(result),
    }
}

#[track_caller]
fn next_value<T: 'static>(channel: &Channel<T>) -> Option<T> {
    match next_result(channel)? {
        Ok(value) => Some(value),
        Err(error) => panic!("cannot go on receiving: {error}"),
    }
}

/// Values from a channel until it closes; see [`Channel::iter`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct Iter<'a, T: 'static> {
    channel: &'a Channel<T>,
}

impl<'a, T: 'static> Iter<'a, T> {
    pub(crate) fn new(channel: &'a Channel<T>) -> Iter<'a, T> {
        Iter { channel }
    }
}

impl<T: 'static> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        next_value(self.channel)
    }
}

/// Values from a channel until it closes, with a handle of it.
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct IntoIter<T: 'static> {
    channel: Channel<T>,
}

impl<T: 'static> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        next_value(&self.channel)
    }
}

impl<T: 'static> IntoIterator for Channel<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { channel: self }
    }
}

impl<'a, T: 'static> IntoIterator for &'a Channel<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
