//! What happens when the last handle of a side goes away.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Receiver, Sender, bounded, rendezvous, run, schedule, spawn, unbounded};

use crate::common::checked;

/// One of each kind.
fn kinds<T>() -> [(Sender<T>, Receiver<T>); 4] {
    [rendezvous(), bounded(1), bounded(3), unbounded()]
}

#[test]
fn ping_pong_on_one_thread() {
    checked(|| {
        for ((tx, rx), (back, answers)) in kinds().into_iter().zip(kinds()) {
            spawn(move || {
                for number in rx {
                    back.send(number + 1).unwrap();
                }
            });
            for number in 0..1_000 {
                tx.send(number).unwrap();
                assert_eq!(answers.recv().unwrap(), number + 1);
            }
            drop(tx);
            assert!(answers.recv().unwrap_err().is_disconnected());
            assert!(run().is_finished());
        }
    });
}

#[test]
fn ping_pong_on_two_threads() {
    checked(|| {
        for ((tx, rx), (back, answers)) in kinds().into_iter().zip(kinds()) {
            let thread = std::thread::spawn(move || {
                for number in rx {
                    back.send(number + 1).unwrap();
                }
            });
            for number in 0..1_000 {
                tx.send(number).unwrap();
                assert_eq!(answers.recv().unwrap(), number + 1);
            }
            drop(tx);
            assert!(answers.recv().unwrap_err().is_disconnected());
            thread.join().unwrap();
        }
    });
}

#[test]
fn disconnect_wakes_receivers() {
    checked(|| {
        for (tx, rx) in kinds::<()>() {
            let woken = Rc::new(Cell::new(0));
            for _ in 0..3 {
                let (rx, woken) = (rx.clone(), woken.clone());
                spawn(move || {
                    assert!(rx.recv().unwrap_err().is_disconnected());
                    woken.set(woken.get() + 1);
                });
            }
            schedule().unwrap();
            drop(tx);
            assert_eq!(woken.get(), 0);
            assert!(run().is_finished());
            assert_eq!(woken.get(), 3);
        }
    });
}

#[test]
fn disconnect_wakes_senders_and_gives_values_back() {
    checked(|| {
        for (tx, rx) in kinds() {
            let Some(capacity) = rx.capacity() else { continue };
            for number in 0..capacity {
                tx.send(number).unwrap();
            }
            let came_back = Rc::new(Cell::new(0));
            for number in 0..3 {
                let (tx, came_back) = (tx.clone(), came_back.clone());
                spawn(move || {
                    let error = tx.send(number).unwrap_err();
                    assert!(error.is_disconnected());
                    assert_eq!(error.into_value(), number);
                    came_back.set(came_back.get() + 1);
                });
            }
            schedule().unwrap();
            drop(rx);
            assert!(run().is_finished());
            assert_eq!(came_back.get(), 3);
        }
    });
}

#[test]
fn a_receiver_gets_what_is_buffered_first() {
    checked(|| {
        let (tx, rx) = unbounded();
        for number in 0..10 {
            tx.send(number).unwrap();
        }
        drop(tx);
        assert_eq!(rx.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(rx.try_recv().unwrap_err().is_disconnected());
    });
}
