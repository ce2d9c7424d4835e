//! What became of every value.

use std::cell::RefCell;
use std::rc::Rc;

/// What is known of a value that was to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its send returned `Ok`.
    pub(crate) sent: bool,
    /// Its send gave it back.
    pub(crate) returned: bool,
    pub(crate) received: bool,
    /// It was made for a select, which may not have sent it.
    pub(crate) offered: bool,
    /// Its destructor has run, and nobody had received it or got it back.
    pub(crate) dropped: bool,
}

/// The values of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Rc<RefCell<Vec<Entry>>>);

/// A value: it notes what becomes of it.
#[derive(Debug)]
pub(crate) struct Token {
    number: usize,
    ledger: Ledger,
    settled: bool,
}

impl Ledger {
    pub(crate) fn token(&self) -> Token {
        self.0.borrow_mut().push(Entry::default());
        Token { number: self.0.borrow().len() - 1, ledger: self.clone(), settled: false }
    }

    /// A value for a select.
    pub(crate) fn offer(&self) -> Token {
        let token = self.token();
        self.note(token.number, |entry| entry.offered = true);
        token
    }

    pub(crate) fn note(&self, number: usize, change: impl FnOnce(&mut Entry)) {
        change(&mut self.0.borrow_mut()[number]);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.borrow().clone()
    }
}

impl Token {
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn receive(mut self) -> usize {
        self.settled = true;
        self.ledger.note(self.number, |entry| {
            assert!(!entry.received && !entry.returned, "received twice, or after it came back");
            entry.received = true;
        });
        self.number
    }

    pub(crate) fn come_back(mut self) {
        self.settled = true;
        self.ledger.note(self.number, |entry| {
            assert!(!entry.received && !entry.sent, "it came back and was sent");
            entry.returned = true;
        });
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.settled {
            self.ledger.note(self.number, |entry| entry.dropped = true);
        }
    }
}
