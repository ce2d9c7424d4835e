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
use crate::queue::{Direction, Item, Met, Sender, Slot};

type Site = &'static Location<'static>;

/// What an operation waits for that is to wait.
pub(crate) const FOREVER: Option<Terms> = Some(Terms::LOCAL);

impl<T: 'static> Channel<T> {
    pub(crate) fn send_item(&self, item: Item<T>, terms: Option<Terms>, at: Site) -> Result<(), SendError<Item<T>>> {
        let inner = &*self.inner;
        let refused =
            |item, reason| Err(SendError { value: item, reason, place: Origin::Local(inner.place("send", at)) });
        if callback::any()
            && let Err(reason) = inner.announce(Direction::Send, Some(&item))
        {
            return refused(item, reason);
        }
        let mut item = item;
        if inner.queue.borrow_mut().any(Direction::Receive) {
            if let Err(reason) = inner.check_meeting(Preference::Receiver) {
                return refused(item, reason);
            }
            let met = inner.queue.borrow_mut().meet_receiver(item);
            match met {
                Ok(partner) => {
                    inner.met(partner, Preference::Receiver);
                    return Ok(());
                }
                Err(back) => item = back,
            }
        }
        let (me, terms) = match inner.check_waiting(terms) {
            Ok(me) => me,
            Err(reason) => return refused(item, reason),
        };
        let ticket = self.enqueue(me, Direction::Send, item.into());
        let waited = inner.wait(self.inner.clone(), ticket.ticket, at, terms);
        match (ticket.redeem(Direction::Send).into_item(), waited) {
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
            && let Err(reason) = inner.announce(Direction::Receive, None)
        {
            return refused(reason);
        }
        while inner.queue.borrow_mut().any(Direction::Send) {
            if let Err(reason) = inner.check_meeting(Preference::Sender) {
                return refused(reason);
            }
            let met = inner.queue.borrow_mut().meet_sender();
            match met {
                Sender::Waiting(item, waiter) => {
                    inner.met(Met { waiter, selects: false }, Preference::Sender);
                    return item.open();
                }
                Sender::Offering => match self.accept_offer(terms.unwrap_or(Terms::LOCAL), at) {
                    Ok(None) => {}
                    Ok(Some(item)) => return item.open(),
                    Err(reason) => return refused(reason),
                },
                Sender::Nobody => break,
            }
        }
        let (me, terms) = match inner.check_waiting(terms) {
            Ok(me) => me,
            Err(reason) => return refused(reason),
        };
        let ticket = self.enqueue(me, Direction::Receive, Slot::Empty);
        let waited = inner.wait(self.inner.clone(), ticket.ticket, at, terms);
        match (ticket.redeem(Direction::Receive).into_item(), waited) {
            (item, Err(Unwoken::Thrown(payload))) => raise(item, payload),
            (Some(item), _) => item.open(),
            (None, Ok(())) => refused(Reason::Closed),
            (None, Err(Unwoken::Deadlock(report))) => refused(Reason::Deadlock(report)),
            (None, Err(Unwoken::TimedOut)) => refused(Reason::TimedOut),
        }
    }

    #[inline(always)]
    fn enqueue(&self, me: TaskletId, direction: Direction, slot: Slot<T>) -> Ticket<'_, T> {
        let ticket = self.inner.queue.borrow_mut().push(me.into(), direction, slot);
        Ticket { inner: &self.inner, ticket }
    }

    /// Receives from a select, which is the first sender and has to make its value yet. None if it could not; look again then.
    #[cold]
    pub(crate) fn accept_offer(&self, terms: Terms, at: Site) -> Result<Option<Item<T>>, Reason> {
        let inner = &*self.inner;
        // The select will be runnable: it is no deadlock.
        let me = inner.scheduler.check_wait(false, Terms { outside: true, ..terms }).map_err(Reason::from_refusal)?;
        let Some((ticket, sender)) = inner.queue.borrow_mut().accept_offer(me.into()) else { return Ok(None) };
        let ticket = Ticket { inner, ticket };
        inner.scheduler.wake_waiter(sender);
        let waited = inner.wait(self.inner.clone(), ticket.ticket, at, terms);
        match (ticket.redeem(Direction::Receive).into_item(), waited) {
            (item, Err(Unwoken::Thrown(payload))) => raise(item, payload),
            (Some(item), _) => Ok(Some(item)),
            (None, Ok(())) => Ok(None),
            (None, Err(Unwoken::Deadlock(report))) => Err(Reason::Deadlock(report)),
            (None, Err(Unwoken::TimedOut)) => Err(Reason::TimedOut),
        }
    }
}

/// A place in the queue. Given up by an unwinding, too: what lies there is dropped then.
struct Ticket<'a, T> {
    inner: &'a Inner<T>,
    ticket: u32,
}

impl<T> Ticket<'_, T> {
    /// Gives it up for what lies there.
    #[inline(always)]
    fn redeem(self, direction: Direction) -> Slot<T> {
        let node = self.inner.queue.borrow_mut().take_from(direction, self.ticket);
        std::mem::forget(self);
        node.slot
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
    pub(crate) fn check_meeting(&self, partner: Preference) -> Result<(), Reason> {
        if self.schedule_all.get() || self.preference.get() == partner {
            return self.scheduler.check_switch().map_err(Reason::from_error);
        }
        Ok(())
    }

    /// After the partner got its value, or gave it: decides who runs.
    #[inline(always)]
    pub(crate) fn met(&self, met: Met, partner: Preference) {
        if self.schedule_all.get() {
            self.scheduler.wake_and_schedule(met.waiter);
        } else if self.preference.get() == partner && !met.selects {
            self.scheduler.wake_and_switch(met.waiter);
        } else {
            // A select that waits for its turn may find more of its arms ready then.
            self.scheduler.wake_waiter(met.waiter);
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

    /// Tells the callback of an operation, and of the item where there is one already.
    #[cold]
    pub(crate) fn announce(&self, operation: Direction, sent: Option<&Item<T>>) -> Result<(), Reason> {
        if callback::calling() {
            return Err(Reason::Recursive);
        }
        let Some(callback) = callback::channel_callback() else { return Ok(()) };
        let sending = operation == Direction::Send;
        let partners = if sending { Direction::Receive } else { Direction::Send };
        let will_block = self.queue.borrow().waiting(partners) == 0;
        let value: Option<&dyn Any> = match sent {
            Some(Item::Value(value)) => Some(value),
            Some(Item::Exception(error)) => Some(&**error),
            None => None,
        };
        let (channel, tasklet) = (self.label(), self.scheduler.current());
        callback::call(&callback, &ChannelEvent { channel: &channel, tasklet, sending, will_block, value });
        Ok(())
    }

    #[cold]
    pub(crate) fn place(&self, operation: &'static str, at: Site) -> Box<Place> {
        let tasklet = self.scheduler.current().to_string();
        Box::new(Place { operation, channel: self.label(), tasklet, at })
    }
}

impl<T> Item<T> {
    pub(crate) fn open(self) -> Result<T, ReceiveError> {
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
