//! Arms on a [`Channel`]: nobody races, so that the value of a send is made when it is sent.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::Terms;

use super::arm::{Arm, Attempt, Kind, Operate, Site};
use super::stand::Stand;
use crate::callback;
use crate::channel::{Channel, Preference};
use crate::error::{Failed, Origin, Reason, ReceiveError, SendError};
use crate::queue::{Direction, Item, Met, Sender, Slot};

/// In place of a ticket: not in the queue.
const NOWHERE: u32 = u32::MAX;

/// A receive from a [`Channel`], as an arm; see [`recv`](super::recv).
pub struct LocalRecv<'a, T: 'static> {
    channel: &'a Channel<T>,
    ticket: Cell<u32>,
    output: Cell<Option<Result<T, ReceiveError>>>,
}

impl<'a, T: 'static> LocalRecv<'a, T> {
    #[inline]
    pub(super) fn new(channel: &'a Channel<T>) -> LocalRecv<'a, T> {
        LocalRecv { channel, ticket: Cell::new(NOWHERE), output: Cell::new(None) }
    }

    #[inline]
    fn finish(&self, output: Result<T, ReceiveError>) -> Attempt {
        self.output.set(Some(output));
        Attempt::Done
    }

    #[cold]
    fn refuse(&self, reason: Reason, at: Site) -> Attempt {
        let place = self.channel.inner.place("select receive", at);
        self.finish(Err(ReceiveError::Failed(Failed { reason, place })))
    }

    fn leave_queue(&self) {
        if self.ticket.get() != NOWHERE {
            let slot = self.take_slot();
            drop(slot);
        }
    }

    fn take_slot(&self) -> Slot<T> {
        self.channel.inner.queue.borrow_mut().take_arm(self.ticket.replace(NOWHERE)).slot
    }
}

impl<T: 'static> Operate for LocalRecv<'_, T> {
    fn attempt(&self, at: Site) -> Attempt {
        let inner = &*self.channel.inner;
        let mut missed = Attempt::NotReady;
        while inner.queue.borrow_mut().any(Direction::Send) {
            if callback::any()
                && let Err(reason) = inner.announce(Direction::Receive, None)
            {
                return self.refuse(reason, at);
            }
            if let Err(reason) = inner.check_meeting(Preference::Sender) {
                return self.refuse(reason, at);
            }
            let met = inner.queue.borrow_mut().meet_sender();
            match met {
                Sender::Waiting(item, waiter) => {
                    self.finish(item.open());
                    inner.met(Met { waiter, selects: false }, Preference::Sender);
                    return Attempt::Done;
                }
                Sender::Offering => match self.channel.accept_offer(Terms::LOCAL, at) {
                    Ok(Some(item)) => return self.finish(item.open()),
                    Ok(None) => missed = Attempt::Disturbed,
                    Err(reason) => return self.refuse(reason, at),
                },
                Sender::Nobody => {}
            }
        }
        if inner.closing.get() { self.refuse(Reason::Closed, at) } else { missed }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, _scheduler: &Scheduler) -> bool {
        let inner = &self.channel.inner;
        let ticket = inner.queue.borrow_mut().push_arm(stand, number, Direction::Receive);
        self.ticket.set(ticket);
        stand.add(number, inner.clone(), ticket);
        true
    }

    fn leave(&self, _stand: &Stand) {
        self.leave_queue();
    }

    fn collect(&self, _stand: Option<&Stand>, at: Site) -> bool {
        match self.take_slot().into_item() {
            Some(item) => self.finish(item.open()),
            None => self.refuse(Reason::Closed, at),
        };
        true
    }

    /// What was received is dropped, as with any receiver that is killed.
    fn abandon(&self) {
        self.leave_queue();
    }

    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        self.refuse(reason, at);
        None
    }
}

impl<T: 'static> Arm for LocalRecv<'_, T> {
    type Output = Result<T, ReceiveError>;

    const KIND: Kind = Kind::Local;

    #[inline]
    fn take(&self) -> Option<Self::Output> {
        self.output.take()
    }
}

/// What is to be sent.
enum Pending<T, F> {
    /// Nothing: the arm is never ready.
    Nothing,
    /// To be made when it is sent.
    Unmade(F),
    /// It was made, for a receiver that then went away.
    Made(T),
}

/// A send to a [`Channel`], as an arm; see [`send`](super::send).
pub struct LocalSend<'a, T: 'static, F> {
    channel: &'a Channel<T>,
    ticket: Cell<u32>,
    pending: Cell<Pending<T, F>>,
    output: Cell<Option<Result<(), SendError<T>>>>,
}

impl<'a, T: 'static, F: FnOnce() -> T> LocalSend<'a, T, F> {
    #[inline]
    pub(super) fn new(channel: &'a Channel<T>, value: F) -> LocalSend<'a, T, F> {
        let pending = Cell::new(Pending::Unmade(value));
        LocalSend { channel, ticket: Cell::new(NOWHERE), pending, output: Cell::new(None) }
    }

    /// What it did not send, made if need be; the arm is never ready then.
    pub fn take_value(&self) -> Option<T> {
        match self.pending.replace(Pending::Nothing) {
            Pending::Nothing => None,
            Pending::Unmade(make) => Some(make()),
            Pending::Made(value) => Some(value),
        }
    }

    /// Gives it another value to send; the one that it did not send comes back, if it was made already.
    pub fn refill(&self, value: T) -> Option<T> {
        match self.pending.replace(Pending::Made(value)) {
            Pending::Made(old) => Some(old),
            _ => None,
        }
    }

    fn holds_something(&self) -> bool {
        let pending = self.pending.replace(Pending::Nothing);
        let holds = !matches!(pending, Pending::Nothing);
        self.pending.set(pending);
        holds
    }

    #[cold]
    fn refuse(&self, reason: Reason, at: Site) -> Attempt {
        let Some(value) = self.take_value() else { return Attempt::NotReady };
        let place = Origin::Local(self.channel.inner.place("select send", at));
        self.output.set(Some(Err(SendError { value, reason, place })));
        Attempt::Done
    }

    /// Gives up the place of an arm that was claimed. What comes back was not handed over.
    fn keep_promise(&self, ticket: u32, item: Option<Item<T>>) -> Result<Met, Option<Item<T>>> {
        let kept = self.channel.inner.queue.borrow_mut().keep_promise(ticket, item);
        kept.map(|waiter| Met { waiter, selects: false })
    }

    fn break_promise(&self, ticket: u32) {
        if let Ok(met) = self.keep_promise(ticket, None) {
            self.channel.inner.scheduler.wake_waiter(met.waiter);
        }
    }
}

/// A select owes its value to a receiver; if it cannot be made, the receiver looks for another one.
struct Promise<'a, 'b, T: 'static, F: FnOnce() -> T> {
    arm: &'a LocalSend<'b, T, F>,
    ticket: u32,
}

impl<T: 'static, F: FnOnce() -> T> Drop for Promise<'_, '_, T, F> {
    fn drop(&mut self) {
        self.arm.break_promise(self.ticket);
    }
}

impl<T: 'static, F: FnOnce() -> T> Operate for LocalSend<'_, T, F> {
    fn attempt(&self, at: Site) -> Attempt {
        let inner = &*self.channel.inner;
        if !inner.queue.borrow_mut().any(Direction::Receive) {
            return if inner.closing.get() { self.refuse(Reason::Closed, at) } else { Attempt::NotReady };
        }
        if !self.holds_something() {
            return Attempt::NotReady;
        }
        if callback::any()
            && let Err(reason) = inner.announce(Direction::Send, None)
        {
            return self.refuse(reason, at);
        }
        if let Err(reason) = inner.check_meeting(Preference::Receiver) {
            return self.refuse(reason, at);
        }
        let Some(value) = self.take_value() else { return Attempt::NotReady };
        let met = inner.queue.borrow_mut().meet_receiver(Item::Value(value));
        match met {
            Ok(met) => {
                self.output.set(Some(Ok(())));
                inner.met(met, Preference::Receiver);
                Attempt::Done
            }
            // Making the value has let others run, and there is no receiver any more.
            Err(item) => {
                self.keep(item);
                Attempt::Disturbed
            }
        }
    }

    fn enlist(&self, stand: &Rc<Stand>, number: u32, _scheduler: &Scheduler) -> bool {
        let inner = &self.channel.inner;
        if self.holds_something() {
            let ticket = inner.queue.borrow_mut().push_arm(stand, number, Direction::Send);
            self.ticket.set(ticket);
            stand.add(number, inner.clone(), ticket);
        }
        true
    }

    fn leave(&self, _stand: &Stand) {
        let ticket = self.ticket.replace(NOWHERE);
        if ticket != NOWHERE {
            let node = self.channel.inner.queue.borrow_mut().take_arm(ticket);
            drop(node);
        }
    }

    fn collect(&self, _stand: Option<&Stand>, at: Site) -> bool {
        let ticket = self.ticket.replace(NOWHERE);
        let inner = &*self.channel.inner;
        let shut = matches!(inner.queue.borrow().node(ticket).slot, Slot::Arm(..));
        if shut {
            self.break_promise(ticket);
            return self.refuse(Reason::Closed, at) == Attempt::Done;
        }
        let promise = Promise { arm: self, ticket };
        let value = self.take_value();
        std::mem::forget(promise);
        match self.keep_promise(ticket, value.map(Item::Value)) {
            Ok(met) => {
                self.output.set(Some(Ok(())));
                inner.met(met, Preference::Receiver);
                true
            }
            Err(item) => {
                item.into_iter().for_each(|item| self.keep(item));
                false
            }
        }
    }

    fn abandon(&self) {
        let ticket = self.ticket.replace(NOWHERE);
        if ticket != NOWHERE {
            self.break_promise(ticket);
        }
    }

    fn fail(&self, reason: Reason, at: Site) -> Option<Reason> {
        if !self.holds_something() {
            return Some(reason);
        }
        self.refuse(reason, at);
        None
    }
}

impl<T: 'static, F> LocalSend<'_, T, F> {
    /// Keeps a value that was made for nobody.
    fn keep(&self, item: Item<T>) {
        if let Item::Value(value) = item {
            self.pending.set(Pending::Made(value));
        }
    }
}

impl<T: 'static, F: FnOnce() -> T> Arm for LocalSend<'_, T, F> {
    type Output = Result<(), SendError<T>>;

    const KIND: Kind = Kind::Local;

    #[inline]
    fn take(&self) -> Option<Self::Output> {
        self.output.take()
    }
}

impl<T: 'static> fmt::Debug for LocalRecv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRecv").field("channel", self.channel).finish_non_exhaustive()
    }
}

impl<T: 'static, F> fmt::Debug for LocalSend<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSend").field("channel", self.channel).finish_non_exhaustive()
    }
}
