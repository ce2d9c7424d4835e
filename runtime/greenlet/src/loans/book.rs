//! What a scope has lent: closures that have not begun, and the places of those that run.

use std::fmt;
use std::thread::ThreadId;

use slab::Slab;

use crate::thread;

/// How far a scope has come. It only advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Stage {
    #[default]
    New,
    /// It lends.
    Open,
    /// It is being left: what is lent is got back.
    Closing,
    /// It was left: nothing is lent.
    Closed,
}

/// Where a closure runs, or is being dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) thread: ThreadId,
    /// The address of the greenlet's block: to find it by, among those that are active.
    pub(super) greenlet: usize,
}

impl Site {
    pub(super) fn here() -> Site {
        let greenlet = std::ptr::from_ref(thread::this().current()).addr();
        Site { thread: std::thread::current().id(), greenlet }
    }
}

enum Loan<B> {
    Waiting(B),
    Running(Site),
}

/// Nothing of a user's is called or dropped in here. A number is given to another loan only when its own has ended.
pub(super) struct Book<B> {
    stage: Stage,
    loans: Slab<Loan<B>>,
}

impl<B> Book<B> {
    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Goes on to a stage; false if it is not in the one before.
    pub(super) fn advance(&mut self, from: Stage, to: Stage) -> bool {
        let there = self.stage == from;
        if there {
            self.stage = to;
        }
        there
    }

    /// Enters a closure; its number. Only while the scope is open.
    pub(super) fn enter(&mut self, body: B) -> usize {
        debug_assert!(self.is_open());
        self.loans.insert(Loan::Waiting(body))
    }

    /// Takes a closure out, to be run or dropped here, unless that was done. Its place goes on being occupied.
    pub(super) fn begin(&mut self, number: usize, site: Site) -> Option<B> {
        let loan = self.loans.get_mut(number).filter(|loan| matches!(loan, Loan::Waiting(_)))?;
        match std::mem::replace(loan, Loan::Running(site)) {
            Loan::Waiting(body) => Some(body),
            Loan::Running(_) => None,
        }
    }

    /// The closure with this number, which was begun, and all that it captured, are gone.
    pub(super) fn end(&mut self, number: usize) {
        let loan = self.loans.try_remove(number);
        debug_assert!(matches!(loan, Some(Loan::Running(_))));
        // It holds nothing of a user's.
        drop(loan);
    }

    /// The first closure that has not begun, with this number or a greater one.
    pub(super) fn waiting_from(&self, number: usize) -> Option<usize> {
        let waits = |number: &usize| matches!(self.loans.get(*number), Some(Loan::Waiting(_)));
        (number..self.loans.capacity()).find(waits)
    }

    /// Where closures run.
    pub(super) fn running(&self) -> impl Iterator<Item = Site> {
        self.loans.iter().filter_map(|(_, loan)| match loan {
            Loan::Running(site) => Some(*site),
            Loan::Waiting(_) => None,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.loans.is_empty()
    }
}

impl<B> Default for Book<B> {
    fn default() -> Book<B> {
        Book { stage: Stage::New, loans: Slab::new() }
    }
}

impl<B> fmt::Debug for Book<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running().count();
        write!(f, "{:?}, {running} running, {} waiting", self.stage, self.loans.len() - running)
    }
}
