//! Values whose drop calls back into the channel that they were sent through, at every point where they are dropped.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Receiver, Sender, schedule, spawn};

use crate::common::checked;
use crate::support::{KINDS, make};

/// Uses both ends of its channel when it is dropped.
struct Meddler {
    ends: Option<(Sender<Meddler>, Receiver<Meddler>)>,
    drops: Rc<Cell<usize>>,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        let Some((tx, rx)) = self.ends.take() else { return };
        let plain = Meddler { ends: None, drops: self.drops.clone() };
        let refused = tx.try_send(plain).is_err();
        let _ = (rx.try_recv().is_ok(), tx.len(), rx.is_full(), format!("{tx:?} {rx:?}"), refused);
        drop((tx.clone(), rx.clone()));
    }
}

/// Meddlers of a channel, and how many were dropped.
struct Makers {
    tx: Sender<Meddler>,
    rx: Receiver<Meddler>,
    drops: Rc<Cell<usize>>,
}

impl Makers {
    fn new(kind: Option<usize>) -> Makers {
        let (tx, rx) = make(kind);
        Makers { tx, rx, drops: Rc::default() }
    }

    fn meddler(&self) -> Meddler {
        Meddler { ends: Some((self.tx.clone(), self.rx.clone())), drops: self.drops.clone() }
    }
}

#[test]
fn received_and_dropped() {
    checked(|| {
        for kind in KINDS {
            let makers = Makers::new(kind);
            let (tx, value) = (makers.tx.clone(), makers.meddler());
            let sender = spawn(move || tx.send(value).is_ok());
            drop(makers.rx.recv().unwrap());
            assert!(sender.join().unwrap());
            assert!(makers.drops.get() >= 2);
        }
    });
}

#[test]
fn refused() {
    checked(|| {
        let makers = Makers::new(Some(0));
        assert!(makers.tx.try_send(makers.meddler()).is_err());
        assert_eq!(makers.drops.get(), 2);
    });
}

#[test]
fn the_unwinding_of_a_killed_sender() {
    checked(|| {
        for kind in [Some(0), Some(1)] {
            let makers = Makers::new(kind);
            if kind == Some(1) {
                makers.tx.send(Meddler { ends: None, drops: makers.drops.clone() }).unwrap();
            }
            let (tx, value) = (makers.tx.clone(), makers.meddler());
            let killed = spawn(move || tx.send(value).is_ok());
            schedule().unwrap();
            assert!(killed.is_blocked());
            killed.kill().unwrap();
            assert!(makers.drops.get() >= 2);
        }
    });
}

#[test]
fn what_a_killed_receiver_was_handed() {
    checked(|| {
        for kind in KINDS {
            let makers = Makers::new(kind);
            let rx = makers.rx.clone();
            let killed = spawn(move || drop(rx.recv()));
            schedule().unwrap();
            makers.tx.try_send(makers.meddler()).unwrap();
            killed.kill().unwrap();
            assert_eq!((makers.drops.get(), makers.rx.len()), (0, 1));
            drop(makers.rx.recv().unwrap());
            assert!(makers.drops.get() >= 2);
        }
    });
}

/// Uses the sending end only: it keeps no receiver.
struct Echo {
    tx: Sender<Echo>,
    drops: Rc<Cell<usize>>,
    deep: bool,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        if !self.deep {
            let echo = Echo { tx: self.tx.clone(), drops: self.drops.clone(), deep: true };
            let error = self.tx.try_send(echo).map_err(|error| error.is_disconnected());
            assert_eq!(error, Err(true), "the last receiver is gone before its values are");
        }
    }
}

#[test]
fn what_the_last_receiver_leaves() {
    checked(|| {
        for kind in [Some(1), Some(10), None] {
            let (tx, rx) = make(kind);
            let drops = Rc::new(Cell::new(0));
            for _ in 0..kind.unwrap_or(20) {
                tx.send(Echo { tx: tx.clone(), drops: drops.clone(), deep: false }).unwrap();
            }
            drop(rx);
            assert_eq!(drops.get(), 2 * kind.unwrap_or(20));
        }
    });
}

#[test]
fn what_comes_back_from_a_disconnected_channel() {
    checked(|| {
        let (tx, rx) = make(Some(0));
        let drops = Rc::new(Cell::new(0));
        let value = Echo { tx: tx.clone(), drops: drops.clone(), deep: false };
        let sender = spawn(move || tx.send(value).map_err(|error| error.is_disconnected()));
        schedule().unwrap();
        drop(rx);
        assert_eq!(sender.join().unwrap(), Err(true));
        assert_eq!(drops.get(), 2);
    });
}

#[test]
fn a_receiver_that_is_sent_through_its_own_channel() {
    checked(|| {
        let (tx, rx) = make::<Receiver<()>>(None);
        let (inner, values) = make(Some(1));
        tx.send(values).unwrap();
        drop(rx);
        assert!(inner.send(()).unwrap_err().is_disconnected());
    });
}
