//! Bringing nearer what those will need who go on soon, while the kernel is asked for something.
//!
//! Ten thousand tasklets that wait for descriptors are each met cold when they go on: a page of stack that the processor has to look up,
//! and lines of the cache all over the memory, and all of that within the little time that passes between two system calls. All that is
//! done here are hints: what is wrong, or out of date, is fetched in vain.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use mio::Events;
use mio::event::Iter;

use super::reactor::Reactor;
use crate::core::Scheduler;
use crate::table::{Key, NONE, Table};

/// These lines of the next one's stack are fetched with the first call after a wait: a processor waits for about so many at once, and what
/// is behind them waits for them.
const SOON: Range<isize> = 0..12;

/// These with the calls after that. Together they are the stack of one that reads in a call or two of the user's, into half a kilobyte
/// of it.
const LATER: Range<isize> = 12..24;

/// The pages of so many are looked up in a row. The processor goes on after a look-up only, but does several side by side.
const TOGETHER: u32 = 6;

/// With fewer descriptors, all that belongs to them is in the cache.
const MANY: usize = 512;

/// The seats of so many events are fetched ahead of the one that is told of, and for half as many what is known of who reads there.
const EVENTS: usize = 8;

#[derive(Default)]
pub(super) struct Foresight {
    /// The slot of the seat in which a tasklet waited last, by its key.
    seats: RefCell<Vec<u32>>,
    /// Calls since the last look-up.
    calls: Cell<u32>,
}

impl Foresight {
    /// A tasklet waits in a seat.
    #[inline]
    pub(super) fn note(&self, key: Key, slot: u32) {
        let mut seats = self.seats.borrow_mut();
        match seats.get_mut(key as usize) {
            Some(seat) => *seat = slot,
            None => {
                seats.resize(key as usize, NONE);
                seats.push(slot);
            }
        }
    }

    #[inline]
    fn seat_of(&self, key: Key) -> u32 {
        self.seats.borrow().get(key as usize).copied().unwrap_or(NONE)
    }

    /// Whether pages are to be looked up in this call.
    #[inline]
    fn is_due(&self) -> bool {
        let calls = self.calls.get() + 1;
        self.calls.set(calls % TOGETHER);
        calls == TOGETHER
    }
}

/// The events that come after the one that is told of.
pub(super) struct Coming<'a> {
    seats: Iter<'a>,
    readers: Iter<'a>,
}

impl<'a> Coming<'a> {
    /// None where there is no need to look ahead.
    pub(super) fn of(events: &'a Events, reactor: &Reactor, table: &Table) -> Option<Coming<'a>> {
        if reactor.seats.borrow().len() < MANY {
            return None;
        }
        let mut coming = Coming { seats: events.iter(), readers: events.iter() };
        (0..EVENTS).for_each(|_| coming.fetch_seat(reactor));
        (0..EVENTS / 2).for_each(|_| coming.fetch_reader(reactor, table));
        Some(coming)
    }

    /// An event is told of.
    #[inline]
    pub(super) fn go_on(&mut self, reactor: &Reactor, table: &Table) {
        self.fetch_seat(reactor);
        self.fetch_reader(reactor, table);
    }

    #[inline]
    fn fetch_seat(&mut self, reactor: &Reactor) {
        if let Some(event) = self.seats.next() {
            reactor.seats.borrow().prefetch(event.token().0 as u32);
        }
    }

    #[inline]
    fn fetch_reader(&mut self, reactor: &Reactor, table: &Table) {
        if let Some(key) = self.readers.next().and_then(|event| reactor.seats.borrow().reader(event.token().0 as u32)) {
            table.prefetch(key);
        }
    }
}

impl Scheduler {
    /// Before the kernel is asked for what was waited for.
    #[inline]
    pub(super) fn foresee_next(&self, reactor: &Reactor) {
        if reactor.seats.borrow().len() < MANY {
            return;
        }
        let (me, table) = (self.core.current.get(), self.core.table.borrow());
        if let Some((_, link)) = table.after(me).filter(|(next, _)| *next != me) {
            link.prefetch_block();
            link.spot.prefetch_lines(SOON);
        }
    }

    /// Before the kernel is asked for something else.
    #[inline]
    pub(super) fn foresee(&self, reactor: &Reactor) {
        if reactor.seats.borrow().len() >= MANY {
            self.foresee_many(reactor);
        }
    }

    #[inline(never)]
    fn foresee_many(&self, reactor: &Reactor) {
        let (foresight, seats) = (&reactor.foresight, reactor.seats.borrow());
        let (me, table) = (self.core.current.get(), self.core.table.borrow());
        let Some((next, link)) = table.after(me).filter(|(next, _)| *next != me) else { return };
        link.spot.prefetch_lines(LATER);
        seats.prefetch_source(foresight.seat_of(next));
        if !foresight.is_due() {
            return;
        }
        let mut last = next;
        for _ in 0..TOGETHER {
            let Some((key, link)) = table.after(last).filter(|(key, _)| *key != me) else { break };
            link.spot.prefetch_lines(0..1);
            link.prefetch_block();
            table.prefetch_entry(key);
            seats.prefetch_source(foresight.seat_of(key));
            last = key;
        }
    }
}
