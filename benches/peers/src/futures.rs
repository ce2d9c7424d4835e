//! Workloads over channels for peers whose tasks are futures, for any executor and any kind of channel.
//!
//! Values are numbers and tasks are `Send`, as an executor of several threads demands; on one thread that costs nothing.

pub(crate) mod many;
pub(crate) mod pair;
pub(crate) mod tree;

use std::ops::DerefMut;

use futures_lite::Stream;

/// Where tasks run. A type without data, so that tasks can take it along.
pub(crate) trait Place: Copy + Send + Sync + 'static {
    fn spawn(self, task: impl Future<Output = ()> + Send + 'static);

    fn yield_now(self) -> impl Future<Output = ()> + Send;

    /// Runs a task to its end. What it has spawned may be dropped then.
    fn enter<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R;
}

/// A kind of channel with any number of senders, and one receiver.
pub(crate) trait Channels: 'static {
    type Sender: Clone + Send + Sync + 'static;
    type Receiver: Send + Sync + 'static;

    /// A capacity of 0 asks for a rendezvous, and gets what comes nearest.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Whether there is a receiver still.
    fn send(sender: &Self::Sender, value: usize) -> impl Future<Output = bool> + Send;

    /// Nothing if there is no sender left.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<usize>> + Send;

    /// What a task selects over: unlike a future, it can be polled again after another one was ready.
    fn stream(receiver: &mut Self::Receiver) -> impl Stream<Item = usize> + Send + Unpin;
}

/// A lock that a task can wait for.
pub(crate) trait Lock: Default + Send + Sync + 'static {
    fn lock(&self) -> impl Future<Output = impl DerefMut<Target = usize> + Send> + Send;
}
