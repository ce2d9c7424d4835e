//! The ends of such a channel in futures: the same operations, on any executor.
//!
//! A future that has to wait stands in the channel's queue as a select does, with what is handed over in its node; in place of a thread it has
//! the one that stands for all futures. Whatever a tasklet that is killed does with its node, a future does when it is dropped.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::shared::lock::Locked;
use futures_core::Stream;
use tasklets_runtime::park::{Proxy, TaskletId};

use super::core::{Core, NO_SLOT, Parcel, State};
use super::error::{RecvError, Site};
use super::receiver::Receiver;
use super::recv::Missed;
use super::sender::Sender;
use crate::error::{Reason, SendError};

/// What a future is told that polls once more after it was ready.
const OVER: &str = "a future of a channel was polled after it was ready";

/// How far an operation has come.
enum Stage<S> {
    /// It is in no queue.
    Begins(S),
    /// It waits, with this ticket.
    Queued(u32),
    Over,
}

/// The state of a channel, where a future may join a queue now; none if that was in vain, as the operation need not wait any more.
type Room<'a, T> = Option<(Locked<'a, State<T>>, u32)>;

impl<T: 'static> Core<T> {
    /// Locks the channel for a receiver that found nothing.
    fn lock_to_await_value(&self, me: TaskletId) -> Room<'_, T> {
        let mut state = self.lock();
        let thread = state.thread_of(Proxy::inbox());
        let ready = !state.buffer.is_empty() || state.senders == 0 || state.sending.has_other(thread, me);
        (!ready).then_some((state, thread))
    }

    /// Locks the channel for a sender that found no room.
    fn lock_to_await_room(&self, me: TaskletId) -> Room<'_, T> {
        let mut state = self.lock();
        let thread = state.thread_of(Proxy::inbox());
        let room = state.buffer.len() < self.capacity;
        let ready = room || state.receivers == 0 || state.receiving.has_other(thread, me);
        (!ready).then_some((state, thread))
    }
}

/// A receive as a future, made by [`Receiver::recv_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct RecvFuture<'a, T: 'static> {
    core: &'a Arc<Core<T>>,
    stage: Stage<()>,
    proxy: Proxy,
    at: Site,
}

impl<T: 'static> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = match this.stage {
            Stage::Begins(()) => this.begin(context),
            Stage::Queued(ticket) => this.look(ticket, context),
            Stage::Over => panic!("{OVER}"),
        };
        if result.is_ready() {
            this.stage = Stage::Over;
        }
        result
    }
}

impl<T: 'static> RecvFuture<'_, T> {
    fn begin(&mut self, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        loop {
            match self.core.poll_recv() {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(Missed::Disconnected) => {
                    let error = self.core.recv_error(self.core.lock(), Reason::Disconnected, self.at);
                    return Poll::Ready(Err(error));
                }
                Err(Missed::Empty) => {}
            }
            let me = self.proxy.await_by(context.waker());
            if let Some((mut state, thread)) = self.core.lock_to_await_value(me) {
                let parcel = Parcel { value: None, slot: NO_SLOT };
                self.stage = Stage::Queued(state.receiving.push(thread, me, None, parcel));
                return Poll::Pending;
            }
        }
    }

    fn look(&mut self, ticket: u32, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        // Before the look: who serves it after that calls this waker.
        self.proxy.await_by(context.waker());
        let mut state = self.core.lock();
        if state.receiving.is_queued(ticket) {
            return Poll::Pending;
        }
        match state.receiving.take(ticket).value {
            Some(value) => Poll::Ready(Ok(value)),
            None => Poll::Ready(Err(self.core.recv_error(state, Reason::Disconnected, self.at))),
        }
    }
}

/// Leaves the queue. A value that it was handed goes to whoever receives next.
impl<T: 'static> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        if let Stage::Queued(ticket) = self.stage {
            let value = self.core.lock().receiving.take(ticket).value;
            if let Some(value) = value {
                self.core.give_back(value);
            }
        }
    }
}

/// A send as a future, made by [`Sender::send_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendFuture<'a, T: 'static> {
    core: &'a Arc<Core<T>>,
    stage: Stage<T>,
    proxy: Proxy,
    at: Site,
}

/// Nothing in it is pinned: the value moves on.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T: 'static> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match std::mem::replace(&mut this.stage, Stage::Over) {
            Stage::Begins(value) => this.begin(value, context),
            Stage::Queued(ticket) => this.look(ticket, context),
            Stage::Over => panic!("{OVER}"),
        }
    }
}

impl<T: 'static> SendFuture<'_, T> {
    fn begin(&mut self, mut value: T, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        loop {
            value = match self.core.poll_send(value, self.at) {
                Ok(result) => return Poll::Ready(result),
                Err(value) => value,
            };
            let me = self.proxy.await_by(context.waker());
            if let Some((mut state, thread)) = self.core.lock_to_await_room(me) {
                let parcel = Parcel { value: Some(value), slot: NO_SLOT };
                self.stage = Stage::Queued(state.sending.push(thread, me, None, parcel));
                self.core.stir();
                return Poll::Pending;
            }
        }
    }

    fn look(&mut self, ticket: u32, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.proxy.await_by(context.waker());
        let mut state = self.core.lock();
        if state.sending.is_queued(ticket) {
            self.stage = Stage::Queued(ticket);
            return Poll::Pending;
        }
        match state.sending.take(ticket).value {
            None => Poll::Ready(Ok(())),
            Some(value) => Poll::Ready(Err(self.core.send_error(state, value, Reason::Disconnected, self.at))),
        }
    }
}

/// Leaves the queue, with the value if it was not sent.
impl<T: 'static> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Stage::Queued(ticket) = self.stage {
            let value = self.core.lock().sending.take(ticket);
            drop(value);
        }
    }
}

/// The values of a channel as a [`Stream`], made by [`Receiver::stream`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct ValueStream<'a, T: 'static> {
    from: &'a Receiver<T>,
    /// The receive that waits.
    next: Option<RecvFuture<'a, T>>,
    at: Site,
}

impl<T: 'static> Stream for ValueStream<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let next = this.next.get_or_insert_with(|| this.from.recv_future(this.at));
        let result = Pin::new(next).poll(context);
        if result.is_ready() {
            this.next = None;
        }
        result.map(Result::ok)
    }
}

impl<T: 'static> Sender<T> {
    /// [`send`](Sender::send) in a future, for any executor: it takes its turn among the tasklets and threads that send.
    ///
    /// Dropping the future ends the wait, and drops the value unless it was received before. It is `Send` if the value is.
    ///
    /// # Errors
    ///
    /// As [`send`](Sender::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_channels::rendezvous;
    /// use tasklets_runtime::{block_on, spawn};
    ///
    /// let (tx, rx) = rendezvous();
    /// spawn(move || assert_eq!(rx.recv().unwrap(), 42)).detach();
    /// block_on(async { tx.send_async(42).await })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn send_async(&self, value: T) -> SendFuture<'_, T> {
        SendFuture { core: self.core(), stage: Stage::Begins(value), proxy: Proxy::new(), at: Location::caller() }
    }
}

impl<T: 'static> Receiver<T> {
    /// [`recv`](Receiver::recv) in a future, for any executor: it takes its turn among the tasklets and threads that receive.
    ///
    /// Dropping the future ends the wait; a value that it was handed meanwhile goes to whoever receives next. It is `Send` if the values
    /// are.
    ///
    /// # Errors
    ///
    /// As [`recv`](Receiver::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// use tasklets_channels::rendezvous;
    /// use tasklets_runtime::{block_on, spawn};
    ///
    /// let (tx, rx) = rendezvous();
    /// spawn(move || tx.send(42).unwrap()).detach();
    /// assert_eq!(block_on(rx.recv_async())??, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        self.recv_future(Location::caller())
    }

    fn recv_future(&self, at: Site) -> RecvFuture<'_, T> {
        RecvFuture { core: self.core(), stage: Stage::Begins(()), proxy: Proxy::new(), at }
    }

    /// What is received as a stream, of `futures-core`, until the channel is empty and no sender is left.
    #[track_caller]
    pub fn stream(&self) -> ValueStream<'_, T> {
        ValueStream { from: self, next: None, at: Location::caller() }
    }
}

impl<T: 'static> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvFuture({})", self.core.label)
    }
}

impl<T: 'static> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendFuture({})", self.core.label)
    }
}

impl<T: 'static> fmt::Debug for ValueStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueStream({:?})", self.from)
    }
}
