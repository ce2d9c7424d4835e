//! Receiving in a loop. Reports name the place where the loop begins.

use std::panic::Location;

use crate::channel::Channel;
use crate::error::{ReceiveError, StopIteration};
use crate::transfer::FOREVER;

/// Where the loop is.
type Site = &'static Location<'static>;

/// Values and errors from a channel until it closes; see [`Channel::results`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct Results<'a, T: 'static> {
    channel: &'a Channel<T>,
    at: Site,
}

impl<'a, T: 'static> Results<'a, T> {
    pub(crate) fn new(channel: &'a Channel<T>, at: Site) -> Results<'a, T> {
        Results { channel, at }
    }
}

impl<T: 'static> Iterator for Results<'_, T> {
    type Item = Result<T, ReceiveError>;

    fn next(&mut self) -> Option<Result<T, ReceiveError>> {
        next_result(self.channel, self.at)
    }
}

fn next_result<T: 'static>(channel: &Channel<T>, at: Site) -> Option<Result<T, ReceiveError>> {
    if channel.is_closing() && channel.balance() <= 0 {
        return None;
    }
    match channel.receive_item(FOREVER, at) {
        // It was shut down while this waited.
        Err(error) if error.is_closed() => None,
        Err(ReceiveError::Exception(error)) if error.is::<StopIteration>() => None,
        result => Some(result),
    }
}

fn next_value<T: 'static>(channel: &Channel<T>, at: Site) -> Option<T> {
    match next_result(channel, at)? {
        Ok(value) => Some(value),
        Err(error) => panic!("cannot go on receiving: {error}"),
    }
}

/// Values from a channel until it closes; see [`Channel::iter`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct Iter<'a, T: 'static> {
    channel: &'a Channel<T>,
    at: Site,
}

impl<'a, T: 'static> Iter<'a, T> {
    pub(crate) fn new(channel: &'a Channel<T>, at: Site) -> Iter<'a, T> {
        Iter { channel, at }
    }
}

impl<T: 'static> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        next_value(self.channel, self.at)
    }
}

/// Values from a channel until it closes, with a handle of it.
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct IntoIter<T: 'static> {
    channel: Channel<T>,
    at: Site,
}

impl<T: 'static> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        next_value(&self.channel, self.at)
    }
}

impl<T: 'static> IntoIterator for Channel<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    #[track_caller]
    fn into_iter(self) -> IntoIter<T> {
        IntoIter { channel: self, at: Location::caller() }
    }
}

impl<'a, T: 'static> IntoIterator for &'a Channel<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
