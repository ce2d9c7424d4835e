//! Timers that are far away, where there are thousands: a heap of them would be looked through from top to bottom for each, and lies in
//! memory that is not in the cache.
//!
//! A pile for each digit of a deadline in which it first differs from the *edge*, up to which all are elsewhere. When those have gone, the
//! nearest pile is next: it is spread over the piles of its next digit, or, if there are few in it, handed over whole. So a timer is moved
//! a few times, and always together with those that lie next to it.

use super::heap::Heap;

/// What has a moment.
pub(super) trait Moment {
    fn at(&self) -> u64;
}

/// The bits of a digit.
const BITS: usize = 4;
/// The piles of a digit's place.
const FAN: usize = 1 << BITS;
const PILES: usize = u64::BITS as usize / BITS * FAN;

/// So many at most are handed over together, unless they are all due at the same moment.
const FEW: usize = 512;

pub(super) struct Far<T> {
    /// Those until then, itself included, are not here.
    edge: u64,
    len: usize,
    /// A bit for each pile with something in it. The first one has the earliest ones.
    filled: [u64; PILES / 64],
    /// Made when first needed.
    piles: Vec<Vec<T>>,
}

impl<T> Default for Far<T> {
    fn default() -> Far<T> {
        Far { edge: u64::MAX, len: 0, filled: [0; PILES / 64], piles: Vec::new() }
    }
}

impl<T: Moment + Copy + Ord> Far<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether what is at this moment belongs here.
    #[inline]
    pub(super) fn takes(&self, at: u64) -> bool {
        at > self.edge
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.piles.iter().flatten()
    }

    /// Takes in one that [belongs](Far::takes) here.
    #[inline]
    pub(super) fn push(&mut self, node: T) {
        let pile = self.pile(node.at());
        self.filled[pile / 64] |= 1 << (pile % 64);
        self.piles[pile].push(node);
        self.len += 1;
    }

    /// Begins to take in what is far, where nothing is here yet: all of these but the earliest ones, which are left in `near`.
    pub(super) fn begin(&mut self, all: Vec<T>, near: &mut Heap<T>) {
        debug_assert!(self.len == 0);
        let Some(edge) = all.iter().map(T::at).min() else { return };
        self.piles.resize_with(PILES, Vec::new);
        self.spread(all, edge, near);
    }

    /// Hands over the earliest ones, if there are any.
    pub(super) fn hand_over(&mut self, near: &mut Heap<T>) {
        while self.len != 0 && near.len() == 0 {
            let word = self.filled.iter().position(|word| *word != 0).expect("what is here is in a pile");
            let pile = word * 64 + self.filled[word].trailing_zeros() as usize;
            self.filled[word] &= self.filled[word] - 1;
            let nodes = std::mem::take(&mut self.piles[pile]);
            self.len -= nodes.len();
            let (shift, digit) = (pile / FAN * BITS, (pile % FAN) as u64);
            let start = (self.edge >> shift & !(FAN as u64 - 1) | digit) << shift;
            if nodes.len() <= FEW {
                self.edge = start + ((1 << shift) - 1);
                nodes.into_iter().for_each(|node| near.push(node));
            } else {
                self.spread(nodes, start, near);
            }
        }
        if self.len == 0 {
            self.edge = u64::MAX;
        }
    }

    /// Moves the edge, and puts these where they belong. There is nothing here between the old edge and the new one.
    fn spread(&mut self, nodes: Vec<T>, edge: u64, near: &mut Heap<T>) {
        self.edge = edge;
        for node in nodes {
            if self.takes(node.at()) { self.push(node) } else { near.push(node) }
        }
    }

    /// That of a moment after the edge.
    #[inline]
    fn pile(&self, at: u64) -> usize {
        let place = (at ^ self.edge).ilog2() as usize / BITS;
        place * FAN + (at >> (place * BITS)) as usize % FAN
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.len = 0;
        for (number, pile) in self.piles.iter_mut().enumerate() {
            pile.retain(&mut stays);
            self.len += pile.len();
            if pile.is_empty() {
                *pile = Vec::new();
                self.filled[number / 64] &= !(1 << (number % 64));
            }
        }
        if self.len == 0 {
            self.edge = u64::MAX;
        }
    }
}
