//! Values come in the order in which they were sent, and each once: test/chan/fifo.go, test/range.go.

use tasklets::{Channel, schedule, spawn};

use crate::common::{checked, scale};
use crate::support::{everywhere, make};

/// fifo.go, `AsynchFifo`: what fits into the buffer, then all of it out again.
#[test]
fn asynch_fifo() {
    checked(|| {
        everywhere(|_, kind| {
            let (tx, rx) = make(kind);
            let room = kind.unwrap_or(1_000);
            (0..room).for_each(|number| tx.send(number).unwrap());
            (0..room).for_each(|number| assert_eq!(rx.recv().unwrap(), number));
            assert!(rx.try_recv().unwrap_err().is_empty());
        });
    });
}

/// fifo.go, `SynchFifo`: a chain of tasklets, each of which receives when the one before it has. A broken order would make
/// one of them receive another's number.
#[test]
fn synch_fifo() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make(kind);
            let (begin, mut before) = make::<()>(kind);
            for number in 0..10 {
                let (rx, (done, after)) = (rx.clone(), make(kind));
                go.go(move || {
                    before.recv().unwrap();
                    assert_eq!(rx.recv().unwrap(), number);
                    done.send(()).unwrap();
                });
                before = after;
            }
            begin.send(()).unwrap();
            for number in 0..10 {
                tx.send(number).unwrap();
            }
            before.recv().unwrap();
        });
    });
}

/// The same on a `Channel`: the order is that of the waiting, whoever is first at it.
#[test]
fn synch_fifo_on_a_channel() {
    checked(|| {
        let ch = Channel::new();
        let receivers: Vec<_> = (0..10)
            .map(|_| {
                let ch = ch.clone();
                spawn(move || ch.receive().unwrap())
            })
            .collect();
        schedule().unwrap();
        (0..10).for_each(|number| ch.send(number).unwrap());
        let got: Vec<i32> = receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
    });
}

/// test/range.go, `testchan`: a loop over a channel ends when nothing more can come.
#[test]
fn range_over_a_channel() {
    checked(|| {
        everywhere(|go, kind| {
            let (tx, rx) = make(kind);
            let letters = || 'a'..='z';
            go.go(move || letters().for_each(|letter| tx.send(letter).unwrap()));
            assert!((&rx).into_iter().eq(letters()));
            assert_eq!(rx.into_iter().next(), None);
        });
    });
}

/// runtime/chan_test.go, `TestChan`: a tasklet sends a hundred numbers, which come in order; then the same for a receiver who
/// only looks whether there is one.
#[test]
fn numbers_come_in_order() {
    checked(|| {
        everywhere(|go, kind| {
            let count = scale(100);
            let ((tx, rx), (also, looking)) = (make(kind), make(kind));
            go.go(move || (0..count).for_each(|number| tx.send(number).unwrap()));
            (0..count).for_each(|number| assert_eq!(rx.recv().unwrap(), number));
            go.go(move || (0..count).for_each(|number| also.send(number).unwrap()));
            for number in 0..count {
                let got = loop {
                    match looking.try_recv() {
                        Ok(got) => break got,
                        // The last handle goes with the sender, right after the last number.
                        Err(error) => assert!(error.is_empty(), "{error}"),
                    }
                    schedule().unwrap();
                };
                assert_eq!(got, number);
            }
        });
    });
}
