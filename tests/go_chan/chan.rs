//! Parts of `TestChan` in runtime/chan_test.go: when an operation waits, and what becomes of a channel that is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::{schedule, sleep, spawn};

use crate::common::{checked, scale};
use crate::support::{Go, KINDS, PLACES, everywhere, make};

/// Long enough for a tasklet that does not wait to have gone on.
const A_WHILE: Duration = Duration::from_millis(2);

/// Starts an operation elsewhere; the mark is set when it is over.
fn start(go: &Go, operation: impl FnOnce() + Send + 'static) -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let mark = over.clone();
    go.go(move || {
        operation();
        mark.store(true, Ordering::Release);
    });
    over
}

fn is_over(mark: &AtomicBool) -> bool {
    mark.load(Ordering::Acquire)
}

fn until_over(mark: &AtomicBool) {
    while !is_over(mark) {
        schedule().unwrap();
        std::thread::yield_now();
    }
}

/// All capacities up to a hundred: what is known of a channel that is filled and emptied by one tasklet, at each step.
#[test]
fn filling_and_draining() {
    checked(|| {
        for capacity in 0..=scale(100) {
            let (tx, rx) = make(Some(capacity));
            assert!(rx.try_recv().unwrap_err().is_empty());
            for number in 0..capacity {
                assert_eq!((tx.len(), rx.capacity(), tx.is_full()), (number, Some(capacity), false));
                tx.try_send(number).unwrap();
            }
            assert_eq!(tx.try_send(capacity).unwrap_err().into_value(), capacity);
            let late = spawn(move || tx.send(capacity).unwrap());
            schedule().unwrap();
            assert!(late.is_blocked(), "there was room for one more than {capacity}");
            // The one who waits takes the first place that becomes free.
            for number in 0..=capacity {
                assert_eq!(rx.recv().unwrap(), number);
                schedule().unwrap();
                assert!(!late.is_alive());
            }
            assert!(rx.try_recv().unwrap_err().is_disconnected());
        }
    });
}

/// A receive from an empty channel waits, by every form; a look at it does not.
#[test]
fn a_receive_waits_while_there_is_nothing() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make(kind);
            let (one, other) = (rx.clone(), rx.clone());
            let first = start(go, move || assert_eq!(one.recv().unwrap(), 7));
            let second = start(go, move || assert_eq!(other.recv_timeout(Duration::from_secs(100)).unwrap(), 7));
            sleep(A_WHILE).unwrap();
            assert!(!is_over(&first) && !is_over(&second), "received what nobody sent");
            assert!(rx.try_recv().unwrap_err().is_empty());
            tx.send(7).unwrap();
            tx.send(7).unwrap();
            until_over(&first);
            until_over(&second);
        });
    });
}

/// A send to a full channel waits, by every form; a try does not, and its value comes back.
#[test]
fn a_send_waits_while_there_is_no_room() {
    checked(|| {
        for place in PLACES {
            for capacity in [0, 1, 3, 100] {
                place.run(move |go| {
                    let (tx, rx) = make(Some(capacity));
                    (0..capacity).for_each(|_| tx.send(7).unwrap());
                    let (one, other) = (tx.clone(), tx.clone());
                    let first = start(go, move || one.send(8).unwrap());
                    let second = start(go, move || other.send_timeout(8, Duration::from_secs(100)).unwrap());
                    sleep(A_WHILE).unwrap();
                    assert!(!is_over(&first) && !is_over(&second), "sent more than there was room for");
                    assert_eq!(tx.try_send(9).unwrap_err().into_value(), 9);
                    drop(tx);
                    assert_eq!(rx.iter().filter(|number| *number == 7).count(), capacity);
                    until_over(&first);
                    until_over(&second);
                });
            }
        }
    });
}

/// Closing wakes a receiver who waits. There is no `close`: the last sender goes.
#[test]
fn closing_wakes_receivers() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make::<u8>(kind);
            let waiting: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    start(go, move || assert!(rx.recv().unwrap_err().is_disconnected()))
                })
                .collect();
            sleep(A_WHILE).unwrap();
            assert!(waiting.iter().all(|mark| !is_over(mark)));
            drop(tx);
            waiting.iter().for_each(|mark| until_over(mark));
        });
    });
}

/// What is buffered when a channel is closed can be received; after that, nothing can, any number of times (also test/closedchan.go).
#[test]
fn a_closed_channel_gives_what_it_has() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make(kind);
            let room = kind.unwrap_or(50);
            (0..room).for_each(|number| tx.send(number).unwrap());
            drop(tx);
            let end = start(go, move || {
                (0..room).for_each(|number| assert_eq!(rx.recv().unwrap(), number));
                for _ in 0..3 {
                    assert!(rx.recv().unwrap_err().is_disconnected());
                    assert!(rx.try_recv().unwrap_err().is_disconnected());
                }
            });
            until_over(&end);
        });
    });
}

/// test/closedchan.go: a send to a closed channel fails; here it does not panic, and the value comes back.
#[test]
fn nothing_is_sent_to_a_closed_channel() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make(kind);
            let end = start(go, move || drop(rx));
            until_over(&end);
            for error in [tx.send(1), tx.try_send(1), tx.send_timeout(1, A_WHILE)] {
                let error = error.unwrap_err();
                assert!(error.is_disconnected());
                assert_eq!(error.into_value(), 1);
            }
        });
    });
}

/// Senders and receivers, four of each: each value is received as often as it is sent.
#[test]
fn several_senders_and_receivers() {
    const ENDS: usize = 4;
    checked(|| {
        everywhere(|go, kind| {
            let values = scale(500);
            let (tx, rx) = make(kind);
            let got: Arc<Vec<AtomicUsize>> = Arc::new((0..values).map(|_| AtomicUsize::new(0)).collect());
            let over: Vec<_> = (0..ENDS)
                .map(|_| {
                    let (tx, rx, got) = (tx.clone(), rx.clone(), got.clone());
                    go.go(move || (0..values).for_each(|value| tx.send(value).unwrap()));
                    start(go, move || {
                        // Each takes as many as each of the others sends, so that none is left for nobody.
                        for _ in 0..values {
                            got[rx.recv().unwrap()].fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            over.iter().for_each(|mark| until_over(mark));
            assert!(got.iter().all(|count| count.load(Ordering::Relaxed) == ENDS), "{got:?}");
            assert!(rx.try_recv().unwrap_err().is_empty(), "there was more than what was sent");
        });
    });
}

/// test/chancap.go: the length and the capacity that both ends see; a capacity of zero is a rendezvous, as if none were given.
#[test]
fn length_and_capacity() {
    checked(|| {
        for kind in KINDS {
            let (tx, rx) = make(kind);
            assert_eq!((tx.len(), tx.capacity(), rx.len(), rx.capacity()), (0, kind, 0, kind));
            let room = kind.unwrap_or(10).min(10);
            (0..room).for_each(|number| tx.send(number).unwrap());
            assert_eq!((tx.len(), tx.capacity(), rx.len(), rx.capacity()), (room, kind, room, kind));
        }
    });
}
