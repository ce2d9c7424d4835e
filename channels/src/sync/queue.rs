//! Who waits for a primitive, first come first, from any threads; to be kept under its lock.

use std::panic::Location;

use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Inbox, TaskletId};

use crate::list::List;

/// A tasklet that takes part, and where it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party {
    /// Its thread's number in [`Seats`].
    pub(crate) seat: u32,
    pub(crate) id: TaskletId,
    pub(crate) at: &'static Location<'static>,
}

/// Somebody who wants something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) party: Party,
    /// What, as the primitive counts it; once it is served, what it got.
    pub(crate) want: u32,
    /// It has got that, and is to find out.
    pub(crate) served: bool,
    pub(crate) operation: &'static str,
}

/// Somebody to be woken, once the lock is released.
#[must_use = "who is not woken waits for ever"]
pub(crate) struct Wakeup {
    pub(crate) ticket: u32,
    id: TaskletId,
    /// None for the running thread.
    inbox: Option<Inbox>,
}

impl Wakeup {
    /// Makes the tasklet runnable; false if its thread has ended.
    #[inline]
    pub(crate) fn wake(&self, scheduler: &Scheduler) -> bool {
        match &self.inbox {
            None => {
                scheduler.wake(self.id);
                true
            }
            Some(inbox) => inbox.wake(self.id),
        }
    }
}

/// The threads that take part. A thread keeps its seat while it is used, and then until another one wants it, so that no inbox is
/// counted up and down at every operation, and threads that have gone do not add up.
pub(crate) struct Seats(Vec<Seat>);

struct Seat {
    inbox: Inbox,
    uses: u32,
}

/// Seats up to this number are not taken from threads that do not use them now.
const ROOMY: usize = 8;

impl Seats {
    /// The running thread's seat. It may be given away when the lock is released, unless it is [held](Seats::hold).
    #[inline]
    pub(crate) fn number(&mut self, inbox: &Inbox) -> u32 {
        match self.0.iter().position(|seat| seat.inbox == *inbox) {
            Some(seat) => seat as u32,
            None => self.sit(inbox),
        }
    }

    #[cold]
    fn sit(&mut self, inbox: &Inbox) -> u32 {
        let new = Seat { inbox: inbox.clone(), uses: 0 };
        let free = if self.0.len() < ROOMY { None } else { self.0.iter().position(|seat| seat.uses == 0) };
        let number = free.unwrap_or(self.0.len());
        match free {
            Some(free) => self.0[free] = new,
            None => self.0.push(new),
        }
        u32::try_from(number).expect("more than four billion threads")
    }

    #[inline]
    pub(crate) fn hold(&mut self, seat: u32) {
        self.0[seat as usize].uses += 1;
    }

    #[inline]
    pub(crate) fn let_go(&mut self, seat: u32) {
        self.0[seat as usize].uses -= 1;
    }

    #[inline]
    pub(crate) fn inbox(&self, seat: u32) -> &Inbox {
        &self.0[seat as usize].inbox
    }
}

pub(crate) struct Queue {
    pub(crate) seats: Seats,
    list: List<Waiter>,
    /// Room for many to be woken.
    pub(crate) batch: Vec<Wakeup>,
}

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue { seats: Seats(Vec::new()), list: List::new(), batch: Vec::new() }
    }

    /// How many wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(crate) fn push(&mut self, waiter: Waiter) -> u32 {
        self.seats.hold(waiter.party.seat);
        self.list.push(waiter)
    }

    /// Gives up a ticket.
    #[inline]
    pub(crate) fn take(&mut self, ticket: u32) -> Waiter {
        let waiter = self.list.take(ticket);
        self.seats.let_go(waiter.party.seat);
        waiter
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<(u32, Waiter)> {
        self.list.first().map(|ticket| (ticket, *self.list.get(ticket)))
    }

    #[inline]
    pub(crate) fn get(&self, ticket: u32) -> &Waiter {
        self.list.get(ticket)
    }

    /// Whether a ticket is that of the waiter to be woken still.
    pub(crate) fn is_of(&self, wakeup: &Wakeup) -> bool {
        self.list.find(wakeup.ticket).is_some_and(|waiter| {
            let inbox = self.seats.inbox(waiter.party.seat);
            waiter.served && waiter.party.id == wakeup.id && Some(inbox) == wakeup.inbox.as_ref()
        })
    }

    pub(crate) fn unlink(&mut self, ticket: u32) {
        self.list.unlink(ticket);
    }

    /// Takes a waiter out because it has got what it wants.
    #[inline]
    pub(crate) fn serve(&mut self, ticket: u32, got: u32, here: &Inbox) -> Wakeup {
        self.list.unlink(ticket);
        let waiter = self.list.get_mut(ticket);
        (waiter.served, waiter.want) = (true, got);
        let (seat, id) = (waiter.party.seat, waiter.party.id);
        let inbox = self.seats.inbox(seat);
        Wakeup { ticket, id, inbox: (inbox != here).then(|| inbox.clone()) }
    }

    /// Those of the running thread before and after a waiter.
    pub(crate) fn neighbours(&self, ticket: u32, here: &Inbox) -> (Option<TaskletId>, Option<TaskletId>) {
        let (before, after) = self.list.neighbours(ticket);
        let local = |ticket| Some(self.list.get(ticket).party).filter(|party| self.is_here(party, here));
        (before.and_then(local).map(|party| party.id), after.and_then(local).map(|party| party.id))
    }

    /// Whether somebody is a tasklet of the running thread.
    #[inline]
    pub(crate) fn is_here(&self, party: &Party, here: &Inbox) -> bool {
        self.seats.inbox(party.seat) == here
    }
}
