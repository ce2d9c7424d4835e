//! The ring of runnable tasklets, which is linked through their entries.
//!
//! It is circular; its head is the tasklet that runs, or is about to. "Tail" means just before the head.

use std::hint::cold_path;

use greenlet::{Greenlet, Spot};

use crate::core::Scheduler;
use crate::link::Link;
use crate::table::{Key, Place, Table};

/// So many turns before its own, a tasklet that waits for its turn is brought nearer. With fewer than eight some come late.
const AHEAD: usize = 12;

/// The one whose turn comes as many turns later.
#[cold]
#[inline(never)]
fn scout_from(links: &[Link], key: Key) -> Key {
    (0..AHEAD).fold(key, |at, _| links.get(at as usize).map_or(key, |link| link.next))
}

impl Table {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn head(&self) -> Option<Key> {
        (self.len != 0).then_some(self.head)
    }

    pub(crate) fn in_ring(&self, key: Key) -> bool {
        self.get(key).place == Place::Ring
    }

    /// Yields: the head becomes the tail.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        if self.len != 0 {
            self.head = self.link(self.head).next;
        }
    }

    /// Moves the head to a member.
    pub(crate) fn jump(&mut self, key: Key) {
        debug_assert!(self.in_ring(key));
        self.head = key;
    }

    /// The head and its greenlet, if a switch from `me` to it needs no further care: it is another one, has begun, and `me`
    /// goes on in the greenlet that its entry names. The switch is counted.
    #[inline(always)]
    pub(crate) fn plain_head(&mut self, me: Key, here: Spot, scheduler: &Scheduler) -> Option<(Key, Greenlet<()>)> {
        let mine = self.link_mut(me);
        if !mine.greenlet.as_ref()?.is_current() {
            cold_path();
            return None;
        }
        mine.spot = here;
        if self.len == 0 || self.head == me {
            return None;
        }
        let key = self.head;
        // The one after that: where many take turns, its stack is far away.
        self.link(self.link(key).next).prefetch_target();
        let link = self.link_mut(key);
        let greenlet = link.greenlet.as_ref()?;
        link.switches += 1;
        scheduler.tick();
        Some((key, greenlet.clone()))
    }

    /// The same for the one after `me`, the head; it is the head then.
    #[inline(always)]
    pub(crate) fn plain_successor(&mut self, me: Key, scheduler: &Scheduler) -> Option<(Key, Greenlet<()>)> {
        let links = &mut self.links[..];
        let link = &mut links[me as usize];
        let key = link.next;
        if self.head != me || key == me || !link.greenlet.as_ref().is_some_and(|greenlet| greenlet.is_current()) {
            cold_path();
            return None;
        }
        link.spot = Spot::here();
        let greenlet = links[key as usize].greenlet.as_ref()?;
        // Where many take turns, stacks are far away: several switches take less time than it is until one is here.
        if let Some(scout) = links.get(self.scout as usize) {
            scout.prefetch_target();
            self.scout = scout.next;
        }
        // Before there is a handle that a panic would have to drop.
        if scheduler.tick() {
            self.scout = scout_from(links, key);
        }
        let greenlet = greenlet.clone();
        links[key as usize].switches += 1;
        self.head = key;
        Some((key, greenlet))
    }

    #[inline]
    pub(crate) fn append(&mut self, key: Key) {
        if self.len == 0 {
            self.link_alone(key);
        } else {
            self.link_before(key, self.head);
        }
    }

    /// Puts a tasklet before the head and makes it the head: the old head is next.
    pub(crate) fn push_head(&mut self, key: Key) {
        self.append(key);
        self.head = key;
    }

    /// Puts a tasklet right after the head.
    pub(crate) fn push_second(&mut self, key: Key) {
        if self.len == 0 {
            return self.link_alone(key);
        }
        let after = self.link(self.head).next;
        self.link_before(key, after);
    }

    /// Puts a tasklet right after the head and moves the head to it: the old head becomes the tail.
    #[inline]
    pub(crate) fn overtake(&mut self, key: Key) {
        if self.len == 0 {
            return self.link_alone(key);
        }
        let after = self.link(self.head).next;
        self.link_before(key, after);
        self.head = key;
    }

    #[inline]
    fn link_alone(&mut self, key: Key) {
        let link = self.link_mut(key);
        (link.next, link.prev) = (key, key);
        self.get_mut(key).place = Place::Ring;
        (self.head, self.len) = (key, 1);
    }

    #[inline]
    fn link_before(&mut self, key: Key, next: Key) {
        let prev = self.link(next).prev;
        self.link_mut(prev).next = key;
        self.link_mut(next).prev = key;
        let link = self.link_mut(key);
        (link.next, link.prev) = (next, prev);
        let entry = self.get_mut(key);
        debug_assert!(entry.place == Place::Nowhere);
        entry.place = Place::Ring;
        self.len += 1;
    }

    /// Takes a member out of the ring; if it was the head, the next one is.
    #[inline]
    pub(crate) fn unlink(&mut self, key: Key) {
        let entry = self.get_mut(key);
        if entry.place != Place::Ring {
            return;
        }
        entry.place = Place::Nowhere;
        let link = self.link(key);
        let (next, prev) = (link.next, link.prev);
        self.len -= 1;
        if self.len != 0 {
            self.link_mut(prev).next = next;
            self.link_mut(next).prev = prev;
            if self.head == key {
                self.head = next;
            }
        }
    }

    /// The neighbours in the ring, as `(previous, next)`.
    pub(crate) fn neighbours(&self, key: Key) -> Option<(Key, Key)> {
        let link = self.link(key);
        self.in_ring(key).then_some((link.prev, link.next))
    }
}
