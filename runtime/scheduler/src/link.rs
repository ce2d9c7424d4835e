//! A tasklet's place in the ring.

use std::ops::Range;

use greenlet::{Greenlet, Spot};

use crate::table::Key;

/// A tasklet's place in the ring, and all that a switch to it needs. Apart from the entries, so that many share a cache line.
#[derive(Default)]
#[repr(align(32))]
pub(crate) struct Link {
    /// Where it goes on: its own greenlet, or one that it made and was in when it last left. Only if it has begun.
    pub(crate) greenlet: Option<Greenlet<()>>,
    /// Where its stack was when it last left: a hint. It would take a look at the greenlet to know, which comes late itself where many
    /// take turns.
    pub(crate) spot: Spot,
    /// In the ring, the neighbours. Of one that is blocked or starved, when it became so.
    pub(crate) next: Key,
    pub(crate) prev: Key,
    pub(crate) switches: u64,
}

/// Two of them are a line of the cache.
const _: () = assert!(size_of::<Link>() <= 32);

/// So many lines of a stack are for what goes on several calls deep; what is beyond the stack is fetched in vain.
const DEEP: Range<isize> = 0..18;

impl Link {
    /// Notes the switches that there have been, for one that is blocked now or has found no stack.
    #[inline]
    pub(crate) fn stamp(&mut self, now: u64) {
        (self.next, self.prev) = (now as u32, (now >> 32) as u32);
    }

    /// What was noted.
    pub(crate) fn stamped(&self) -> u64 {
        u64::from(self.prev) << 32 | u64::from(self.next)
    }

    /// Brings nearer what a switch to it will need.
    #[inline(always)]
    pub(crate) fn prefetch_target(&self) {
        self.spot.prefetch();
        self.prefetch_block();
    }

    /// The same for one that goes on several calls deep, if there is time until then.
    #[inline]
    pub(crate) fn prefetch_target_deeply(&self) {
        self.prefetch_block();
        self.spot.prefetch_lines(DEEP);
    }

    #[inline(always)]
    pub(crate) fn prefetch_block(&self) {
        greenlet::prefetch_at(self.greenlet.as_ref().map_or(std::ptr::null(), |greenlet| greenlet.block()));
    }
}
