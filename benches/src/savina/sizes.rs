//! How large Savina's programs are here and at the peers, and their chance.

/// Actors of fork-join, as there.
pub(crate) const FORKED: usize = 60;

/// Actors of big, as there.
pub(crate) const BIG: usize = 120;

/// Messages for which the mailboxes of big have room, where they are bounded: each actor may have one from every other.
pub(crate) const BIG_ROOM: usize = 2 * BIG;

/// Accounts of the bank, as there.
pub(crate) const ACCOUNTS: usize = 1_000;

/// Numbers that look like chance, the same everywhere.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: usize) -> Chance {
        Chance(seed as u64 + 42)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Two accounts; the first has the smaller number, so that nobody waits in a circle.
    pub(crate) fn transfer(&mut self) -> (usize, usize) {
        let from = self.below(ACCOUNTS - 1);
        (from, from + 1 + self.below(ACCOUNTS - from - 1))
    }
}
