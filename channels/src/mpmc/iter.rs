//! Receiving in a loop. Reports name the place where the loop begins.

use std::panic::Location;

use super::error::Site;
use super::receiver::Receiver;

/// Values from a channel until it is empty and no sender is left; see [`Receiver::iter`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct Values<'a, T> {
    receiver: &'a Receiver<T>,
    at: Site,
}

impl<'a, T> Values<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>, at: Site) -> Values<'a, T> {
        Values { receiver, at }
    }
}

#[inline]
fn next<T: 'static>(receiver: &Receiver<T>, at: Site) -> Option<T> {
    match receiver.recv_at(at) {
        Ok(value) => Some(value),
        Err(error) if error.is_disconnected() => None,
        Err(error) => panic!("cannot go on receiving: {error}"),
    }
}

impl<T: 'static> Iterator for Values<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        next(self.receiver, self.at)
    }
}

/// Values that are there already; see [`Receiver::try_iter`].
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct TryValues<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<'a, T> TryValues<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> TryValues<'a, T> {
        TryValues { receiver }
    }
}

impl<T: 'static> Iterator for TryValues<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// Values from a channel until it is empty and no sender is left, with a handle of it.
#[derive(Debug)]
#[must_use = "iterators receive nothing unless they are asked"]
pub struct IntoValues<T> {
    receiver: Receiver<T>,
    at: Site,
}

impl<T: 'static> Iterator for IntoValues<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        next(&self.receiver, self.at)
    }
}

impl<T: 'static> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoValues<T>;

    #[track_caller]
    fn into_iter(self) -> IntoValues<T> {
        IntoValues { receiver: self, at: Location::caller() }
    }
}

impl<'a, T: 'static> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Values<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Values<'a, T> {
        self.iter()
    }
}
