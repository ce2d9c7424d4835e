//! What an operation does that finds its partner's side as it is: the names are those of crossbeam-channel's tests.

use tasklets::{bounded, now, rendezvous, run, schedule, sleep, spawn, with_virtual_time};

use crate::common::checked;
use crate::support::{Home, KINDS, MS, everywhere, job, make};

#[test]
fn smoke() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            let sender = spawn(move || tx.send(7).unwrap());
            assert_eq!(rx.recv().unwrap(), 7);
            sender.join().unwrap();
            assert!(rx.try_recv().unwrap_err().is_disconnected());
        }
    });
}

#[test]
fn capacity() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make::<()>(kind);
            assert_eq!((tx.capacity(), rx.capacity()), (kind, kind));
        }
        assert_eq!(bounded::<()>(0).0.capacity(), Some(0));
    });
}

#[test]
fn len_empty_full() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            for filled in 0..kind.unwrap_or(20) {
                assert_eq!((tx.len(), rx.len()), (filled, filled));
                assert_eq!((tx.is_empty(), rx.is_empty()), (filled == 0, filled == 0));
                assert!(!tx.is_full() && !rx.is_full());
                tx.try_send(filled).unwrap();
            }
            assert_eq!((tx.is_full(), rx.is_full()), (kind.is_some(), kind.is_some()));
            for left in (0..rx.len()).rev() {
                rx.recv().unwrap();
                assert_eq!(rx.len(), left);
            }
        }
    });
}

#[test]
fn try_recv() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            assert!(rx.try_recv().unwrap_err().is_empty());
            let sender = spawn(move || tx.send(7).unwrap());
            schedule().unwrap();
            assert_eq!(rx.try_recv().unwrap(), 7);
            sender.join().unwrap();
            assert!(rx.try_recv().unwrap_err().is_disconnected());
        }
    });
}

#[test]
fn try_send() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            for number in 0..kind.unwrap_or(20) {
                tx.try_send(number).unwrap();
            }
            if kind.is_some() {
                let error = tx.try_send(99).unwrap_err();
                assert!(error.is_full());
                assert_eq!(error.into_value(), 99);
            }
            while rx.try_recv().is_ok() {}
            // A receiver who waits gets it, whatever the capacity.
            let receiver = spawn(move || rx.recv().unwrap());
            schedule().unwrap();
            tx.try_send(100).unwrap();
            assert_eq!(receiver.join().unwrap(), 100);
            let error = tx.try_send(101).unwrap_err();
            assert!(error.is_disconnected());
            assert_eq!(error.into_value(), 101);
        }
    });
}

#[test]
fn recv_and_send_wait() {
    checked(|| {
        with_virtual_time(|| {
            for kind in KINDS {
                let (tx, rx) = make(kind);
                let sender = spawn(move || {
                    sleep(2 * MS).unwrap();
                    for number in 0..50 {
                        tx.send(number).unwrap();
                    }
                });
                let began = now();
                assert_eq!(rx.recv().unwrap(), 0);
                assert_eq!(now() - began, 2 * MS);
                for number in 1..50 {
                    assert_eq!(rx.recv().unwrap(), number);
                }
                assert!(rx.recv().unwrap_err().is_disconnected());
                sender.join().unwrap();
            }
        });
    });
}

#[test]
fn recv_timeout() {
    checked(|| {
        with_virtual_time(|| {
            for kind in KINDS {
                let (tx, rx) = make(kind);
                let began = now();
                assert!(rx.recv_timeout(MS).unwrap_err().is_timeout());
                assert!(rx.recv_deadline(began + 2 * MS).unwrap_err().is_timeout());
                assert_eq!(now() - began, 2 * MS);
                // What has come is a turn of nobody's.
                assert!(rx.recv_deadline(began).unwrap_err().is_timeout());
                let sender = spawn(move || {
                    sleep(MS).unwrap();
                    tx.send(7).unwrap();
                });
                assert_eq!(rx.recv_timeout(2 * MS).unwrap(), 7);
                assert_eq!(now() - began, 3 * MS);
                assert!(rx.recv_timeout(2 * MS).unwrap_err().is_disconnected());
                sender.join().unwrap();
            }
        });
    });
}

#[test]
fn send_timeout() {
    checked(|| {
        with_virtual_time(|| {
            for kind in KINDS {
                let (tx, rx) = make(kind);
                for number in 0..kind.unwrap_or(20) {
                    tx.send_timeout(number, MS).unwrap();
                }
                let began = now();
                if kind.is_some() {
                    let error = tx.send_timeout(98, MS).unwrap_err();
                    assert!(error.is_timeout());
                    assert_eq!(error.into_value(), 98);
                    assert!(tx.send_deadline(99, began + 2 * MS).unwrap_err().is_timeout());
                    assert_eq!(now() - began, 2 * MS);
                }
                let receiver = spawn(move || {
                    sleep(MS).unwrap();
                    (rx.iter().last(), rx.len())
                });
                tx.send_timeout(100, 2 * MS).unwrap();
                drop(tx);
                assert_eq!(receiver.join().unwrap(), (Some(100), 0));
            }
        });
    });
}

#[test]
fn a_timeout_that_is_too_long_is_none() {
    checked(|| {
        everywhere(|home, kind| {
            let (tx, rx) = make(kind);
            let forever = std::time::Duration::MAX;
            home.run(vec![
                job(move || assert_eq!(rx.recv_timeout(forever).unwrap(), 7)),
                job(move || tx.send_timeout(7, forever).unwrap()),
            ]);
        });
    });
}

#[test]
fn send_after_disconnect() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            if kind != Some(0) {
                tx.send(0).unwrap();
            }
            drop(rx);
            for error in [tx.send(1), tx.try_send(1), tx.send_timeout(1, MS)] {
                let error = error.unwrap_err();
                assert!(error.is_disconnected());
                assert_eq!(error.into_value(), 1);
            }
            assert!(tx.is_empty(), "nobody can receive what was buffered");
        }
    });
}

#[test]
fn recv_after_disconnect() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            let filled = kind.unwrap_or(20);
            for number in 0..filled {
                tx.send(number).unwrap();
            }
            drop(tx);
            assert_eq!(rx.try_iter().collect::<Vec<_>>(), (0..filled).collect::<Vec<_>>());
            assert!(rx.recv().unwrap_err().is_disconnected());
            assert!(rx.try_recv().unwrap_err().is_disconnected());
            assert!(rx.recv_timeout(MS).unwrap_err().is_disconnected());
            assert_eq!(rx.into_iter().count(), 0);
        }
    });
}

#[test]
fn handles_count_on_each_side() {
    checked(|| {
        let (tx, rx) = rendezvous::<i32>();
        let (other, same, also) = (rendezvous::<i32>().0, tx.clone(), rx.clone());
        assert!(tx.same_channel(&same) && rx.same_channel(&also) && !tx.same_channel(&other));
        assert_eq!((tx == same, tx == other, rx == also), (true, false, true));
        drop((tx, also));
        assert!(rx.try_recv().unwrap_err().is_empty(), "a sender is left");
        assert!(same.try_send(1).unwrap_err().is_full(), "a receiver is left");
        drop(same);
        assert!(rx.try_recv().unwrap_err().is_disconnected());
    });
}

#[test]
fn a_block_trap_refuses_to_wait() {
    checked(|| {
        for kind in [Some(0), Some(1)] {
            let (tx, rx) = make(kind);
            let blocked = spawn(move || {
                tasklets::current().set_block_trap(true);
                assert!(rx.recv().unwrap_err().to_string().contains("block trap"));
                while tx.try_send(7).is_ok() {}
                let error = tx.send(8).unwrap_err();
                assert!(error.to_string().contains("block trap"));
                assert_eq!(error.into_value(), 8);
            });
            blocked.join().unwrap();
        }
        assert!(run().is_finished());
    });
}

#[test]
fn nobody_waits_in_a_home_of_its_own() {
    // The places that the other tests use do run what they are given.
    checked(|| {
        for home in [Home::OneThread, Home::Tasklets, Home::Plain] {
            let (tx, rx) = make(None);
            home.run((0..4).map(|n| (n, tx.clone())).map(|(n, tx)| job(move || tx.send(n).unwrap())).collect());
            drop(tx);
            let mut ran: Vec<i32> = rx.iter().collect();
            ran.sort_unstable();
            assert_eq!(ran, [0, 1, 2, 3]);
        }
    });
}
