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
    /// Its number in its thread's chair.
    pub(crate) wait: u32,
    /// What, as the primitive counts it; once it is served, what it got.
    pub(crate) want: u32,
    /// It has got that, and is to find out.
    pub(crate) served: bool,
    pub(crate) operation: &'static str,
}

/// Somebody to be woken, once the lock is released.
#[must_use = "who is not woken waits for ever"]
pub(crate) enum Wakeup {
    /// A tasklet of the running thread, which has left the queue: its wait in the chair that is kept under this number.
    Here { kept: u32, wait: u32, got: u32, id: TaskletId },
    /// One of another thread, whose node has what it got.
    There { inbox: Inbox, ticket: u32, id: TaskletId },
}

/// The threads that take part. A thread keeps its seat while it is used, and then until another one wants it, so that no inbox is
/// counted up and down at every operation, and threads that have gone do not add up.
pub(crate) struct Seats(Vec<Seat>);

struct Seat {
    inbox: Inbox,
    /// The inbox's.
    number: u64,
    uses: u32,
    /// Under which number the thread's scheduler keeps its chair.
    kept: u32,
}

/// In place of that: there is no chair.
const NO_CHAIR: u32 = u32::MAX;

/// Seats up to this number are not taken from threads that do not use them now.
const ROOMY: usize = 8;

impl Seats {
    /// The running thread's seat. It may be given away when the lock is released, unless it is [held](Seats::hold).
    #[inline]
    pub(crate) fn number(&mut self, inbox: &Inbox) -> u32 {
        let number = inbox.number();
        match self.0.iter().position(|seat| seat.number == number) {
            Some(seat) => seat as u32,
            None => self.sit(inbox),
        }
    }

    #[cold]
    #[inline(never)]
    fn sit(&mut self, inbox: &Inbox) -> u32 {
        let new = Seat { inbox: inbox.clone(), number: inbox.number(), uses: 0, kept: NO_CHAIR };
        let free = if self.0.len() < ROOMY { None } else { self.0.iter().position(|seat| seat.uses == 0) };
        let number = free.unwrap_or(self.0.len());
        match free {
            Some(free) => {
                let old = std::mem::replace(&mut self.0[free], new);
                if old.kept != NO_CHAIR {
                    old.inbox.discard_kept(old.kept);
                }
            }
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

    #[inline]
    fn is_here(&self, seat: u32, here: &Inbox) -> bool {
        self.0[seat as usize].number == here.number()
    }

    /// The number of the chair that is kept for the running thread's seat, if there is one.
    #[inline]
    pub(crate) fn kept(&self, seat: u32) -> u32 {
        self.0[seat as usize].kept
    }

    pub(crate) fn keep(&mut self, seat: u32, kept: u32) {
        self.0[seat as usize].kept = kept;
    }

    /// Lets go of every chair.
    pub(crate) fn discard(&mut self, scheduler: &Scheduler) {
        for seat in self.0.drain(..).filter(|seat| seat.kept != NO_CHAIR) {
            if seat.number == scheduler.inbox().number() {
                scheduler.discard_kept(seat.kept);
            } else {
                seat.inbox.discard_kept(seat.kept);
            }
        }
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
    pub(crate) fn first(&self) -> Option<&Waiter> {
        self.list.first().map(|ticket| self.list.get(ticket))
    }

    #[inline]
    pub(crate) fn get(&self, ticket: u32) -> &Waiter {
        self.list.get(ticket)
    }

    /// Whether a ticket is that of this waiter still, which was served.
    pub(crate) fn is_of(&self, ticket: u32, inbox: &Inbox, id: TaskletId) -> bool {
        self.list.find(ticket).is_some_and(|waiter| {
            waiter.served && waiter.party.id == id && self.seats.inbox(waiter.party.seat) == inbox
        })
    }

    pub(crate) fn unlink(&mut self, ticket: u32) {
        self.list.unlink(ticket);
    }

    /// Takes the first waiter out if it gets what it wants now.
    #[inline]
    pub(crate) fn serve_first(
        &mut self,
        here: &Inbox,
        admit: impl FnOnce(&Waiter, &mut Seats) -> Option<u32>,
    ) -> Option<Wakeup> {
        let ticket = self.list.first()?;
        let waiter = self.list.get(ticket);
        let got = admit(waiter, &mut self.seats)?;
        let Waiter { party: Party { seat, id, .. }, wait, .. } = *waiter;
        if self.seats.is_here(seat, here) {
            let kept = self.seats.kept(seat);
            self.take(ticket);
            return Some(Wakeup::Here { kept, wait, got, id });
        }
        self.list.unlink(ticket);
        let waiter = self.list.get_mut(ticket);
        (waiter.served, waiter.want) = (true, got);
        Some(Wakeup::There { inbox: self.seats.inbox(seat).clone(), ticket, id })
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
        self.seats.is_here(party.seat, here)
    }
}
