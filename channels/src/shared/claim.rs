//! The one decision of a waiter that stands in several queues.

#[cfg(not(loom))]
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

#[cfg(loom)]
use loom::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Nobody has decided yet.
const OPEN: u32 = u32::MAX;

/// The waiter itself has decided that it does not wait any more.
const WITHDRAWN: u32 = u32::MAX - 1;

/// What a select waits with: whoever can complete one of its arms claims it, and only the first one does.
#[derive(Clone)]
pub(crate) struct Ballot(Arc<AtomicU32>);

impl Ballot {
    pub(crate) fn new() -> Ballot {
        Ballot(Arc::new(AtomicU32::new(OPEN)))
    }

    /// Opens it again; for the owner alone, when it stands in no queue.
    pub(crate) fn reopen(&self) {
        self.0.store(OPEN, Ordering::Release);
    }

    /// The claim that stands in the queue of an arm.
    #[inline]
    pub(crate) fn arm(self, arm: u32) -> Claim {
        Claim { ballot: self, arm }
    }

    /// Which arm was claimed.
    #[cfg(all(test, loom))]
    pub(crate) fn claimed(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|arm| *arm < WITHDRAWN)
    }

    /// Decides for an arm; false if it was decided before.
    #[inline]
    pub(crate) fn decide(&self, arm: u32) -> bool {
        self.0.compare_exchange(OPEN, arm, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it is not decided yet.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire) == OPEN
    }

    /// Ends it without an arm. The arm, if one was claimed before.
    #[inline]
    pub(crate) fn withdraw(&self) -> Option<u32> {
        let decided = self.0.load(Ordering::Acquire);
        if decided < WITHDRAWN {
            return Some(decided);
        }
        match self.0.compare_exchange(OPEN, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(WITHDRAWN) => None,
            Err(arm) => Some(arm),
        }
    }
}

/// One arm's place in a queue.
pub(crate) struct Claim {
    ballot: Ballot,
    arm: u32,
}

impl Claim {
    /// What it was made of.
    #[inline]
    pub(crate) fn into_ballot(self) -> Ballot {
        self.ballot
    }

    /// Decides for this arm; false if it was decided before.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Of a select's places in queues, most are found when it was decided elsewhere: a look costs less than an attempt.
        self.is_open() && self.ballot.decide(self.arm)
    }

    /// Whether it is not decided yet.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.ballot.is_open()
    }
}
