//! The channel, as its users see it.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use tasklets_runtime::park::{Description, TaskletId, Wait};
use tasklets_runtime::{AnyTasklet, Scheduler};

use crate::error::{ReceiveError, SendError};
use crate::iter::{Iter, Results};
use crate::queue::{self, Direction, Item, Queue};
use crate::transfer::FOREVER;

/// Who runs when a send and a receive meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// The receiver runs at once: a sender that finds one waiting becomes the last of the runnable ones. Stackless's -1.
    #[default]
    Receiver,
    /// Whoever came second goes on; its partner becomes the last of the runnable ones. Stackless's 0.
    Neither,
    /// The sender runs at once. Stackless's 1.
    Sender,
}

/// By sign, as in Stackless.
impl From<i32> for Preference {
    fn from(sign: i32) -> Preference {
        match sign.signum() {
            -1 => Preference::Receiver,
            0 => Preference::Neither,
            _ => Preference::Sender,
        }
    }
}

/// A synchronous channel between tasklets of one thread.
///
/// It holds no values: [`send`](Channel::send) waits for a receiver and [`receive`](Channel::receive) for a sender, first
/// come first served. A clone is another handle of the same channel.
///
/// A value that was handed over belongs to the receiver: if the receiver is killed before it runs, the value is dropped. A
/// value that was not handed over comes back in the error, or is dropped by the unwinding of its sender.
///
/// The behaviour is that of Stackless Python's channel.
///
/// Both ends belong to one thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(tasklets_channels::Channel::<i32>::new());
/// ```
///
/// # Examples
///
/// ```
/// use tasklets_channels::Channel;
/// use tasklets_runtime::spawn;
///
/// let ch = Channel::new();
/// let answers = ch.clone();
/// spawn(move || answers.send(42).unwrap()).detach();
/// assert_eq!(ch.receive()?, 42);
/// # Ok::<(), tasklets_channels::ReceiveError>(())
/// ```
pub struct Channel<T: 'static> {
    pub(crate) inner: Rc<Inner<T>>,
}

pub(crate) struct Inner<T> {
    pub(crate) scheduler: Scheduler,
    pub(crate) queue: RefCell<Queue<T>>,
    pub(crate) preference: Cell<Preference>,
    pub(crate) schedule_all: Cell<bool>,
    pub(crate) closing: Cell<bool>,
    label: u64,
    name: Option<Rc<str>>,
}

impl<T: 'static> Channel<T> {
    /// A channel that prefers receivers.
    pub fn new() -> Channel<T> {
        Channel::make(None)
    }

    /// A channel with a name for reports and errors.
    pub fn named(name: impl Into<Rc<str>>) -> Channel<T> {
        Channel::make(Some(name.into()))
    }

    fn make(name: Option<Rc<str>>) -> Channel<T> {
        let scheduler = Scheduler::local();
        let label = scheduler.next_label();
        let inner = Inner {
            scheduler,
            queue: RefCell::new(Queue::new()),
            preference: Cell::default(),
            schedule_all: Cell::new(false),
            closing: Cell::new(false),
            label,
            name,
        };
        Channel { inner: Rc::new(inner) }
    }

    /// Sends a value. Waits for a receiver if none is there; who runs then is decided by the [preference](Preference).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if nobody received it.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile. The value is dropped then, unless it was received before: only a kill or a
    /// thrown panic comes after that.
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_item(Item::Value(value), FOREVER, Location::caller()).map_err(SendError::into_sent)
    }

    /// Sends a value to a receiver that waits already.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value; the reason is [`WouldBlock`](crate::Reason::WouldBlock) if none waits.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_item(Item::Value(value), None, Location::caller()).map_err(SendError::into_sent)
    }

    /// Sends an error: the partner's receive fails with it. For the sender it is like any other send.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the error, if nobody received it.
    ///
    /// # Panics
    ///
    /// As [`send`](Channel::send).
    #[track_caller]
    pub fn send_exception(&self, error: impl Into<Box<dyn Error>>) -> Result<(), SendError<Box<dyn Error>>> {
        self.send_item(Item::Exception(Box::new(error.into())), FOREVER, Location::caller())
            .map_err(SendError::into_exception)
    }

    /// Sends the values of a sequence, one after the other; how many they were. The iterator runs in the caller.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the first value that was not received. To keep the rest of the sequence, lend the iterator.
    ///
    /// # Panics
    ///
    /// As [`send`](Channel::send). Those before that one have been received.
    #[track_caller]
    pub fn send_sequence(&self, values: impl IntoIterator<Item = T>) -> Result<usize, SendError<T>> {
        let mut count = 0;
        for value in values {
            self.send(value)?;
            count += 1;
        }
        Ok(count)
    }

    /// Receives a value. Waits for a sender if none is there; who runs then is decided by the [preference](Preference).
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], if there is none or the sender sent an error.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile: nothing is received then. A value that it had been handed before is dropped, as in
    /// Stackless; only a kill or a thrown panic comes after that.
    #[track_caller]
    pub fn receive(&self) -> Result<T, ReceiveError> {
        self.receive_item(FOREVER, Location::caller())
    }

    /// Receives the value of a sender that waits already.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`]; the reason is [`WouldBlock`](crate::Reason::WouldBlock) if none waits.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn try_receive(&self) -> Result<T, ReceiveError> {
        self.receive_item(None, Location::caller())
    }

    /// Receives until the channel is closed and no sender waits.
    ///
    /// The iterator panics if a receive fails for another reason than that, or than a [`StopIteration`](crate::StopIteration)
    /// that was sent; [`results`](Channel::results) hands the error out instead.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self, Location::caller())
    }

    /// Receives until the channel is closed and no sender waits; values and errors.
    #[track_caller]
    pub fn results(&self) -> Results<'_, T> {
        Results::new(self, Location::caller())
    }

    /// How many senders wait; or, as a negative number, how many receivers.
    pub fn balance(&self) -> isize {
        let queue = self.inner.queue.borrow();
        queue.waiting(Direction::Send) as isize - queue.waiting(Direction::Receive) as isize
    }

    /// The tasklet that waits longest.
    pub fn queue(&self) -> Option<AnyTasklet> {
        self.waiters().into_iter().next()
    }

    /// The tasklets that wait, first come first.
    pub fn waiters(&self) -> Vec<AnyTasklet> {
        let (queue, scheduler) = (self.inner.queue.borrow(), &self.inner.scheduler);
        queue.waiters().filter_map(|waiter| scheduler.tasklet(scheduler.id_of_waiter(waiter))).collect()
    }

    /// Who runs when a send and a receive meet.
    pub fn preference(&self) -> Preference {
        self.inner.preference.get()
    }

    /// Sets who runs when a send and a receive meet, from now on.
    pub fn set_preference(&self, preference: Preference) {
        self.inner.preference.set(preference);
    }

    /// Whether every operation that finds a partner yields to the next in the ring.
    pub fn schedule_all(&self) -> bool {
        self.inner.schedule_all.get()
    }

    /// Makes every operation that finds a partner yield to the next in the ring, whatever the preference.
    pub fn set_schedule_all(&self, schedule_all: bool) {
        self.inner.schedule_all.set(schedule_all);
    }

    /// Closes the channel: from now on, an operation that would have to wait fails. It wakes nobody: who waits can still meet
    /// a partner. See [`shutdown`](Channel::shutdown).
    pub fn close(&self) {
        self.inner.closing.set(true);
    }

    /// Closes the channel and wakes everyone who waits: their operations fail with [`Reason::Closed`](crate::Reason::Closed).
    /// They become runnable in the order in which they came. Never switches.
    pub fn shutdown(&self) {
        self.close();
        loop {
            let Some(waiter) = self.inner.queue.borrow_mut().shut_first() else { return };
            self.inner.scheduler.wake_waiter(waiter);
        }
    }

    /// Opens a closed channel.
    pub fn open(&self) {
        self.inner.closing.set(false);
    }

    /// Whether the channel was closed, whoever waits still.
    pub fn is_closing(&self) -> bool {
        self.inner.closing.get()
    }

    /// Whether the channel was closed and nobody waits.
    pub fn is_closed(&self) -> bool {
        self.is_closing() && self.balance() == 0
    }

    /// The name that it was made with.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }
}

impl<T> Inner<T> {
    /// How it is called in messages.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("channel {} \"{name}\"", self.label),
            None => format!("channel {}", self.label),
        }
    }
}

impl<T: 'static> Wait for Inner<T> {
    fn unlink(&self, ticket: u32) {
        self.queue.borrow_mut().unlink(ticket);
    }

    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.queue.borrow().neighbours(ticket);
        let id = |waiter| self.scheduler.id_of_waiter(waiter);
        (before.map(id), after.map(id))
    }

    fn describe(&self, ticket: u32) -> Description {
        let operation = match queue::direction(ticket) {
            Direction::Send => "send",
            Direction::Receive => "receive",
        };
        Description { operation, on: self.label() }
    }
}

impl<T: 'static> Default for Channel<T> {
    fn default() -> Channel<T> {
        Channel::new()
    }
}

impl<T: 'static> Clone for Channel<T> {
    fn clone(&self) -> Channel<T> {
        Channel { inner: self.inner.clone() }
    }
}

/// Handles are equal if they are of the same channel.
impl<T: 'static> PartialEq for Channel<T> {
    fn eq(&self, other: &Channel<T>) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl<T: 'static> Eq for Channel<T> {}

impl<T: 'static> fmt::Display for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.label())
    }
}

impl<T: 'static> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Channel");
        out.field("id", &self.inner.label);
        if let Some(name) = self.name() {
            out.field("name", &name);
        }
        out.field("balance", &self.balance());
        if self.is_closing() {
            out.field("closing", &true);
        }
        out.finish()
    }
}
