//! The deadlines of a thread's tasklets, earliest first; of equal ones the one that was set first.
//!
//! A heap: what is set goes to its end, in most cases, and what has most timers, operations with a limit of time, cancels them before
//! they come near its top. Where there are thousands, only those are in it that are soon due. A timer that is cancelled is marked; those
//! that are marked leave when they are the first, or when they are most.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::time::{Duration, Instant};

use crate::keys::Keys;
use crate::park::TaskletId;
use crate::wakeup::far::{Far, Moment};
use crate::wakeup::heap::Heap;

/// A deadline that is in the queue, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    place: u32,
    /// Whose the place is, as long as the timer is set.
    ticket: u32,
}

/// What is to happen at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A tasklet's wait ends.
    Wait(TaskletId),
    /// The time of a scope is up.
    Limit(u32),
}

/// A timer in the queue: two to a cache line.
#[derive(Clone, Copy)]
struct Node {
    /// In nanoseconds since the queue was made. It ends after 584 years, and deadlines beyond that are then.
    at: u64,
    /// Counts the timers.
    number: u64,
    /// That of the tasklet; 0, which none has, for the limit of a scope.
    generation: u64,
    /// The tasklet or the scope.
    key: u32,
    place: u32,
}

const _: () = assert!(size_of::<Node>() == 32);

impl Node {
    fn order(&self) -> u128 {
        u128::from(self.at) << 64 | u128::from(self.number)
    }

    fn timer(&self) -> Timer {
        Timer { place: self.place, ticket: self.number as u32 }
    }

    fn alarm(&self) -> Alarm {
        match self.generation {
            0 => Alarm::Limit(self.key),
            generation => Alarm::Wait(TaskletId { key: self.key, generation }),
        }
    }
}

impl Moment for Node {
    fn at(&self) -> u64 {
        self.at
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Node) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Node) -> Ordering {
        self.order().cmp(&other.order())
    }
}

/// The ticket of a place whose timer was cancelled.
const CANCELLED: u32 = 0;

/// More than so many are not kept in the heap alone.
const CROWD: usize = 1024;

#[derive(Default)]
struct Queue {
    heap: Heap<Node>,
    /// Those that come after all in the heap.
    far: Far<Node>,
    /// How many there were in the heap when it was last made smaller.
    crowd: usize,
    /// By place: the ticket of the timer whose place it is. A timer is in the queue until its place is free.
    tickets: Vec<u32>,
    places: Keys,
    /// Timers in the queue that were cancelled.
    cancelled: usize,
    numbers: u64,
}

impl Queue {
    fn len(&self) -> usize {
        self.heap.len() + self.far.len() - self.cancelled
    }

    #[inline]
    fn place(&mut self) -> u32 {
        let place = self.places.take();
        if place as usize == self.tickets.len() {
            self.tickets.push(CANCELLED);
        }
        place
    }

    #[inline]
    fn insert(&mut self, at: u64, alarm: Alarm) -> Timer {
        self.numbers += 1;
        if self.numbers as u32 == CANCELLED {
            self.numbers += 1;
        }
        let (key, generation) = match alarm {
            Alarm::Wait(id) => (id.key, id.generation),
            Alarm::Limit(scope) => (scope, 0),
        };
        let node = Node { at, number: self.numbers, generation, key, place: self.place() };
        let timer = node.timer();
        self.tickets[timer.place as usize] = timer.ticket;
        if self.far.takes(at) {
            self.far.push(node);
        } else {
            self.heap.push(node);
            if self.heap.len() > CROWD && self.far.len() == 0 && self.heap.len() / 2 >= self.crowd {
                self.part();
            }
        }
        timer
    }

    /// Keeps the earliest ones in the heap, and puts the others elsewhere.
    #[cold]
    #[inline(never)]
    fn part(&mut self) {
        self.far.begin(self.heap.take_all(), &mut self.heap);
        self.crowd = self.heap.len();
    }

    /// Whether a timer in the heap was not cancelled.
    #[inline]
    fn is_set(&self, node: &Node) -> bool {
        self.tickets[node.place as usize] != CANCELLED
    }

    /// Takes the first one out of the heap, whether it was cancelled or not.
    #[inline]
    fn pop(&mut self) -> Option<Node> {
        let node = self.heap.pop()?;
        self.vacate(&node);
        Some(node)
    }

    /// Frees the place of a timer that leaves the heap.
    #[inline]
    fn vacate(&mut self, node: &Node) {
        let ticket = std::mem::replace(&mut self.tickets[node.place as usize], CANCELLED);
        self.places.put(node.place);
        self.cancelled -= usize::from(ticket == CANCELLED);
    }

    /// Whether there was such a timer.
    #[inline]
    fn cancel(&mut self, timer: Timer) -> bool {
        let ticket = &mut self.tickets[timer.place as usize];
        if *ticket != timer.ticket {
            return false;
        }
        *ticket = CANCELLED;
        self.cancelled += 1;
        true
    }

    /// Takes out those that were cancelled.
    #[cold]
    #[inline(never)]
    fn sweep(&mut self) {
        let (mut heap, mut far) = (std::mem::take(&mut self.heap), std::mem::take(&mut self.far));
        let mut stays = |node: &Node| {
            let stays = self.is_set(node);
            if !stays {
                self.vacate(node);
            }
            stays
        };
        heap.retain(&mut stays);
        far.retain(&mut stays);
        (self.heap, self.far) = (heap, far);
    }

    /// When the first one is that was not cancelled. None that were come before it then, nor are they most.
    #[inline]
    fn first(&mut self) -> Option<u64> {
        if self.cancelled > (self.heap.len() + self.far.len()) / 2 {
            self.sweep();
        }
        loop {
            if self.heap.len() == 0 {
                self.crowd = 0;
                self.far.hand_over(&mut self.heap);
            }
            let node = self.heap.peek()?;
            if self.cancelled == 0 || self.is_set(node) {
                return Some(node.at);
            }
            self.pop();
        }
    }
}

pub(crate) struct Timers {
    queue: RefCell<Queue>,
    /// What time is counted from.
    origin: Instant,
    next: Cell<Option<Instant>>,
    /// When one last fired.
    fired: Cell<Option<Instant>>,
}

/// With so many timers a thread does not get up for each: an interrupt of the processor's clock, and the way out of the kernel, take as
/// long as some twenty tasklets.
const MANY: usize = 64;

/// How long it sleeps at the least then.
const NAP: Duration = Duration::from_micros(500);

impl Default for Timers {
    fn default() -> Timers {
        Timers { queue: RefCell::default(), origin: Instant::now(), next: Cell::new(None), fired: Cell::new(None) }
    }
}

impl Timers {
    /// Sets a timer.
    pub(crate) fn set(&self, at: Instant, alarm: Alarm) -> Timer {
        let timer = self.queue.borrow_mut().insert(self.nanos(at), alarm);
        if self.next.get().is_none_or(|next| at < next) {
            self.next.set(Some(at));
        }
        timer
    }

    /// Takes a timer away; nothing if it has fired.
    pub(crate) fn cancel(&self, timer: Timer) {
        let mut queue = self.queue.borrow_mut();
        if queue.cancel(timer) {
            self.next.set(queue.first().map(|at| self.instant(at)));
        }
    }

    /// The earliest deadline.
    #[inline]
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next.get()
    }

    /// Whether there is such a one among all that are set.
    pub(crate) fn any(&self, wanted: impl Fn(Alarm) -> bool) -> bool {
        let queue = self.queue.borrow();
        queue.heap.iter().chain(queue.far.iter()).any(|node| queue.is_set(node) && wanted(node.alarm()))
    }

    /// When an idle thread is to get up for the earliest one: exactly then, or a little later if it has many.
    pub(crate) fn get_up(&self) -> Option<Instant> {
        let next = self.next.get()?;
        let fired = self.fired.get().filter(|_| self.queue.borrow().len() >= MANY);
        // The last one may have fired at a virtual time, hours from now.
        let later = fired.and_then(|fired| fired.checked_add(NAP).min(next.checked_add(NAP)));
        Some(later.map_or(next, |later| next.max(later)))
    }

    /// Takes out the first one that is due.
    pub(crate) fn take_due(&self, now: Instant) -> Option<Alarm> {
        if self.next.get().is_none_or(|next| next > now) {
            return None;
        }
        let mut queue = self.queue.borrow_mut();
        queue.first()?;
        let node = queue.pop()?;
        self.fired.set(Some(now));
        self.next.set(queue.first().map(|at| self.instant(at)));
        Some(node.alarm())
    }

    /// A deadline before there was a clock counts as its first moment.
    #[inline]
    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        since.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(since.subsec_nanos()))
    }

    #[inline]
    fn instant(&self, nanos: u64) -> Instant {
        self.origin + Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A small generator of numbers that look like chance.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }
    }

    /// Sets, cancels and fires timers, beside a model. `after` draws how long from now a timer is, in nanoseconds; of each that is set,
    /// fewer than `cancelled` on average are cancelled; `step` is about how far time goes on meanwhile.
    fn compare(timers: &Timers, after: impl Fn(&mut Chance) -> u64, cancelled: u64, step: u64, most: usize) {
        let mut chance = Chance(7);
        let (mut model, mut set, mut now) = (BTreeMap::new(), Vec::new(), timers.origin);
        for number in 0..20_000_u32 {
            let at = now + Duration::from_nanos(after(&mut chance));
            let alarm = match chance.below(2) {
                0 => Alarm::Limit(number),
                _ => Alarm::Wait(TaskletId { key: number, generation: u64::from(number) + 1 }),
            };
            set.push((timers.set(at, alarm), at, number));
            model.insert((at, number), alarm);
            // Some of them after they have fired.
            for _ in 0..chance.below(cancelled) {
                let (timer, at, number) = set.swap_remove(chance.below(set.len() as u64) as usize);
                timers.cancel(timer);
                model.remove(&(at, number));
                if set.is_empty() {
                    break;
                }
            }
            now += Duration::from_nanos(chance.below(step));
            assert_eq!(timers.next(), model.first_key_value().map(|((at, _), _)| *at));
            while let Some(due) = model.first_entry().filter(|due| due.key().0 <= now) {
                assert_eq!(timers.take_due(now), Some(due.remove()));
            }
            assert_eq!(timers.take_due(now), None);
            let queue = timers.queue.borrow();
            assert_eq!(queue.len(), model.len());
            assert!(queue.heap.len() + queue.far.len() <= 2 * model.len() + 1 && queue.tickets.len() <= most);
        }
        let mut number = 20_000;
        while let Some(due) = model.pop_first() {
            assert!(timers.any(|alarm| alarm == due.1));
            assert_eq!(timers.next(), Some(due.0.0));
            assert_eq!(timers.take_due(due.0.0), Some(due.1));
            if chance.below(8) == 0 {
                // One that comes before most of those that are there, and one that comes after.
                number += 1;
                let at = due.0.0 + Duration::from_nanos(after(&mut chance));
                timers.set(at, Alarm::Limit(number));
                model.insert((at, number), Alarm::Limit(number));
            }
        }
        assert_eq!((timers.next(), timers.queue.borrow().len()), (None, 0));
    }

    #[test]
    fn they_fire_in_the_order_of_their_deadlines_and_then_of_their_setting() {
        compare(&Timers::default(), |chance| chance.below(500), 3, 4, 2_000);
    }

    #[test]
    fn thousands_do_whether_they_are_close_together_or_far_apart_or_at_one_moment() {
        let timers = Timers::default();
        compare(&timers, |chance| chance.below(1 << 20), 1, 40, 40_000);
        compare(&timers, |chance| chance.below(1 << 20), 2, 4, 40_000);
        let any = |chance: &mut Chance| {
            let bits = chance.below(50);
            chance.below(1 << bits)
        };
        compare(&timers, any, 2, 1_000, 40_000);
        compare(&timers, |chance| 1_000_000_000 * chance.below(3), 2, 2, 40_000);
    }
}
