//! Channels whose ends any thread may hold: rendezvous, bounded and unbounded.
//!
//! What is known of a channel is under one lock. It is never held over a switch, while somebody is woken, or while a value of the
//! user is dropped. Who finds a partner waiting puts the value into the partner's node, or takes it from there, and wakes it; the
//! partner looks at its node when it runs. `core.rs` has the state, `send.rs` and `recv.rs` what happens to it.

pub(crate) mod core;
pub(crate) mod error;
pub(crate) mod future;
pub(crate) mod iter;
mod outlet;
pub(crate) mod patience;
pub(crate) mod receiver;
pub(crate) mod recv;
mod send;
pub(crate) mod sender;
pub(crate) mod waiting;

use std::sync::Arc;

use self::core::{Core, Kind};
use self::receiver::Receiver;
use self::sender::Sender;

/// A channel that holds no values: a send waits until somebody receives, and a receive until somebody sends.
///
/// The ends may be in tasklets of any threads, and in threads that have no tasklets otherwise. Whoever finds a partner waiting
/// does not wait itself, and goes on; the partner becomes runnable.
///
/// # Examples
///
/// ```
/// use tasklets_channels::rendezvous;
/// use tasklets_runtime::spawn;
///
/// let (tx, rx) = rendezvous();
/// spawn(move || tx.send(42).unwrap()).detach();
/// assert_eq!(rx.recv()?, 42);
/// assert!(rx.recv().is_err(), "the sender is gone");
/// # Ok::<(), tasklets_channels::RecvError>(())
/// ```
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    make(Kind::Rendezvous, 0, None)
}

/// [`rendezvous`] with a name for reports and errors.
pub fn rendezvous_named<T>(name: impl Into<Arc<str>>) -> (Sender<T>, Receiver<T>) {
    make(Kind::Rendezvous, 0, Some(name.into()))
}

/// A channel that holds up to `capacity` values; a send waits while it is full. With a capacity of 0 it is a [`rendezvous`].
///
/// # Examples
///
/// ```
/// use tasklets_channels::bounded;
///
/// let (tx, rx) = bounded(2);
/// let producer = std::thread::spawn(move || (0..10).try_for_each(|number| tx.send(number)));
/// assert_eq!(rx.iter().sum::<i32>(), 45);
/// producer.join().unwrap()?;
/// # Ok::<(), tasklets_channels::SendError<i32>>(())
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    make(Kind::Bounded, capacity, None)
}

/// [`bounded`] with a name for reports and errors.
pub fn bounded_named<T>(name: impl Into<Arc<str>>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    make(Kind::Bounded, capacity, Some(name.into()))
}

/// A channel that holds any number of values; a send never waits.
///
/// # Examples
///
/// ```
/// use tasklets_channels::unbounded;
///
/// let (tx, rx) = unbounded();
/// for number in 0..1000 {
///     tx.send(number)?;
/// }
/// assert_eq!(rx.len(), 1000);
/// # Ok::<(), tasklets_channels::SendError<i32>>(())
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    make(Kind::Unbounded, usize::MAX, None)
}

/// [`unbounded`] with a name for reports and errors.
pub fn unbounded_named<T>(name: impl Into<Arc<str>>) -> (Sender<T>, Receiver<T>) {
    make(Kind::Unbounded, usize::MAX, Some(name.into()))
}

fn make<T>(kind: Kind, capacity: usize, name: Option<Arc<str>>) -> (Sender<T>, Receiver<T>) {
    let core = Arc::new(Core::new(kind, capacity, name));
    (Sender::first(core.clone()), Receiver::first(core))
}
