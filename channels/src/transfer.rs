//! One send and one receive: find a partner or wait for one.
//!
//! The order of checks is Stackless's: the callback; then a partner, who makes the operation possible whatever else holds;
//! then the block trap, the closed channel, the deadlock and the switch trap. On any failure nothing has changed.

use std::any::Any;
use std::error::Error;
use std::panic::{Location, resume_unwind};
use std::rc::Rc;

use tasklets_runtime::park::{TaskletId, Terms, Unwoken};
use tasklets_runtime::{Payload, now};

use crate::callback::{self, ChannelEvent};
use crate::channel::{Channel, Inner, Preference};
use crate::error::{Failed, Origin, Place, Reason, ReceiveError, SendError};
use crate::queue::{Direction, Item};

type Site = &'static Location<'static>;

/// What an operation waits for that is to wait.
pub(crate) const FOREVER: Option<Terms> = Some(Terms::LOCAL);

impl<T: 'static> Channel<T> {
    pub(crate) fn send_item(&self, item: Item<T>, terms: Option<Terms>, at: Site) -> Result<(), SendError<Item<T>>> {
        let inner = &*self.inner;
        let refused =
            |item, reason| Err(SendError { value: item, reason, place: Origin::Local(inner.place("send", at)) });
        if callback::any()
            && let Err(reason) = inner.announce(Some(&item))
        {
            return refused(item, reason);
        }
        if inner.queue.borrow().waiting(Direction::Receive) != 0 {
            if let Err(reason) = inner.check_meeting(Preference::Receiver) {
                return refused(item, reason);
            }
            let partner = inner.queue.borrow_mut().meet().map(|node| {
                node.item = Some(item);
                node.waiter
            });
            if let Some(partner) = partner {
                inner.met(partner, Preference::Receiver);
            }
            return Ok(());
        }
        let (me, terms) = match inner.check_waiting(terms) {
            Ok(me) => me,
            Err(reason) => return refused(item, reason),
        };
        let ticket = self.enqueue(me, Direction::Send, Some(item));
        let waited = inner.wait(self.inner.clone(), ticket.ticket, at, terms);
        match (ticket.redeem(), waited) {
            (item, Err(Unwoken::Thrown(payload))) => raise(item, payload),
            (None, _) => Ok(()),
            // Woken with the value still here: the channel was shut down.
            (Some(item), Ok(())) => refused(item, Reason::Closed),
            (Some(item), Err(Unwoken::Deadlock(report))) => refused(item, Reason::Deadlock(report)),
            (Some(item), Err(Unwoken::TimedOut)) => refused(item, Reason::TimedOut),
        }
    }

    pub(crate) fn receive_item(&self, terms: Option<Terms>, at: Site) -> Result<T, ReceiveError> {
        let inner = &*self.inner;
        let refused = |reason| Err(ReceiveError::Failed(Failed { reason, place: inner.place("receive", at) }));
        if callback::any()
            && let Err(reason) = inner.announce(None)
        {
            return refused(reason);
        }
        if inner.queue.borrow().waiting(Direction::Send) != 0 {
            if let Err(reason) = inner.check_meeting(Preference::Sender) {
                return refused(reason);
            }
            let met = inner.queue.borrow_mut().meet().map(|node| (node.item.take(), node.waiter));
            if let Some((Some(item), partner)) = met {
                inner.met(partner, Preference::Sender);
                return item.open();
            }
        }
        let (me, terms) = match inner.check_waiting(terms) {
            Ok(me) => me,
            Err(reason) => return refused(reason),
        };
        let ticket = self.enqueue(me, Direction::Receive, None);
        let waited = inner.wait(self.inner.clone(), ticket.ticket, at, terms);
        match (ticket.redeem(), waited) {
            (item, Err(Unwoken::Thrown(payload))) => raise(item, payload),
            (Some(item), _) => item.open(),
            (None, Ok(())) => refused(Reason::Closed),
            (None, Err(Unwoken::Deadlock(report))) => refused(Reason::Deadlock(report)),
            (None, Err(Unwoken::TimedOut)) => refused(Reason::TimedOut),
        }
    }

    #[inline]
    fn enqueue(&self, me: TaskletId, direction: Direction, item: Option<Item<T>>) -> Ticket<'_, T> {
        let ticket = self.inner.queue.borrow_mut().push(me, direction, item);
        Ticket { inner: &self.inner, ticket }
    }
}

/// A place in the queue. Given up by an unwinding, too: what lies there is dropped then.
struct Ticket<'a, T> {
    inner: &'a Inner<T>,
    ticket: u32,
}

impl<T> Ticket<'_, T> {
    /// Gives it up for what lies there.
    #[inline]
    fn redeem(self) -> Option<Item<T>> {
        let node = self.inner.queue.borrow_mut().take(self.ticket);
        std::mem::forget(self);
        node.item
    }
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        let node = self.inner.queue.borrow_mut().take(self.ticket);
        drop(node);
    }
}

/// Raises what was thrown into a waiter. The unwinding drops what it had or would have got.
#[inline(always)]
fn raise<T>(item: Option<Item<T>>, payload: Payload) -> ! {
    match item {
        None => resume_unwind(payload),
        Some(item) => raise_with(item, payload),
    }
}

#[cold]
#[inline(never)]
fn raise_with<T>(item: Item<T>, payload: Payload) -> ! {
    let _item = item;
    resume_unwind(payload)
}

impl<T: 'static> Inner<T> {
    /// Whether a meeting may happen: it switches, if the channel prefers the partner.
    #[inline]
    fn check_meeting(&self, partner: Preference) -> Result<(), Reason> {
        if self.schedule_all.get() || self.preference.get() == partner {
            return self.scheduler.check_switch().map_err(Reason::from_error);
        }
        Ok(())
    }

    /// After the partner got its value, or gave it: decides who runs.
    #[inline]
    fn met(&self, waiter: TaskletId, partner: Preference) {
        if self.schedule_all.get() {
            self.scheduler.wake_and_schedule(waiter);
        } else if self.preference.get() == partner {
            self.scheduler.wake_and_switch(waiter);
        } else {
            self.scheduler.wake(waiter);
        }
    }

    #[inline]
    fn check_waiting(&self, terms: Option<Terms>) -> Result<(TaskletId, Terms), Reason> {
        let Some(terms) = terms else {
            return Err(if self.closing.get() { Reason::Closed } else { Reason::WouldBlock });
        };
        let me = self.scheduler.check_wait(self.closing.get(), terms).map_err(Reason::from_refusal)?;
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(Reason::TimedOut);
        }
        Ok((me, terms))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wait(&self, on: Rc<Inner<T>>, ticket: u32, at: Site, terms: Terms) -> Result<(), Unwoken> {
        if terms == Terms::LOCAL {
            return self.scheduler.wait(on, ticket, at);
        }
        self.wait_briefly(on, ticket, at, terms)
    }

    #[inline(never)]
    fn wait_briefly(&self, on: Rc<Inner<T>>, ticket: u32, at: Site, terms: Terms) -> Result<(), Unwoken> {
        self.scheduler.wait_on(on, ticket, at, terms)
    }

    /// Tells the callback of an operation.
    #[cold]
    fn announce(&self, sent: Option<&Item<T>>) -> Result<(), Reason> {
        if callback::calling() {
            return Err(Reason::Recursive);
        }
        let Some(callback) = callback::channel_callback() else { return Ok(()) };
        let partners = if sent.is_some() { Direction::Receive } else { Direction::Send };
        let will_block = self.queue.borrow().waiting(partners) == 0;
        let value: Option<&dyn Any> = match sent {
            Some(Item::Value(value)) => Some(value),
            Some(Item::Exception(error)) => Some(&**error),
            None => None,
        };
        let (channel, tasklet) = (self.label(), self.scheduler.current());
        callback::call(
            &callback,
            &ChannelEvent { channel: &channel, tasklet, sending: sent.is_some(), will_block, value },
        );
        Ok(())
    }

    #[cold]
    fn place(&self, operation: &'static str, at: Site) -> Box<Place> {
        let tasklet = self.scheduler.current().to_string();
        Box::new(Place { operation, channel: self.label(), tasklet, at })
    }
}

impl<T> Item<T> {
    fn open(self) -> Result<T, ReceiveError> {
        match self {
            Item::Value(value) => Ok(value),
            Item::Exception(error) => Err(ReceiveError::Exception(*error)),
        }
    }
}

impl<T> SendError<Item<T>> {
    pub(crate) fn into_sent(self) -> SendError<T> {
        self.map(|item| match item {
            Item::Value(value) => value,
            Item::Exception(error) => unreachable!("a value was sent, not {error}"),
        })
    }

    pub(crate) fn into_exception(self) -> SendError<Box<dyn Error>> {
        self.map(|item| match item {
            Item::Exception(error) => *error,
            Item::Value(_) => unreachable!("an error was sent, not a value"),
        })
    }
}
