//! Of channels that threads share.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tasklets::{
    Channel, JoinError, Preference, Receiver, Sender, bounded, now, rendezvous, schedule, select, spawn, unbounded,
};

use super::{HOUR, case, in_all_ways, later};
use crate::common::checked;

/// A receive of the one value that there is.
fn receiver(name: &'static str, make: fn() -> (Sender<u8>, Receiver<u8>), receive: fn(&Receiver<u8>) -> u8) {
    in_all_ways(name, move || {
        let (tx, rx) = make();
        let theirs = rx.clone();
        let serve = later(move || tx.send(7).unwrap());
        case(move || receive(&theirs) == 7, serve, move |killed| assert_eq!(rx.try_recv().ok(), killed.then_some(7)))
    });
}

#[test]
fn receivers() {
    receiver("rendezvous recv", rendezvous, |rx| rx.recv().unwrap());
    receiver("bounded recv", || bounded(1), |rx| rx.recv().unwrap());
    receiver("recv_timeout", rendezvous, |rx| rx.recv_timeout(HOUR).unwrap());
    in_all_ways("unbounded recv, of two values", || {
        let (tx, rx) = unbounded();
        let theirs = rx.clone();
        let serve = later(move || (7..9).for_each(|n| tx.send(n).unwrap()));
        case(
            move || theirs.recv().unwrap() == 7,
            serve,
            move |killed| assert_eq!(rx.iter().collect::<Vec<_>>(), if killed { vec![7, 8] } else { vec![8] }),
        )
    });
    in_all_ways("recv, and another one waits behind", || {
        let (tx, rx) = rendezvous();
        let (first, second) = (rx.clone(), rx.clone());
        let got = Rc::new(Cell::new(None));
        let theirs = got.clone();
        // It comes after the case's tasklet, which has not begun.
        let next = spawn(move || {
            schedule().unwrap();
            theirs.set(second.recv().ok());
        });
        let their_tx = tx.clone();
        let serve = later(move || their_tx.send(7).unwrap());
        case(
            move || first.recv().unwrap() == 7,
            serve,
            move |killed| {
                drop((tx, rx));
                next.join().unwrap();
                assert_eq!(got.get(), killed.then_some(7));
            },
        )
    });
}

#[test]
fn senders() {
    in_all_ways("rendezvous send", || {
        let (tx, rx) = rendezvous::<Arc<u8>>();
        let value = Arc::new(7);
        let sent = value.clone();
        let serve = later(move || assert_eq!(*rx.recv().unwrap(), 7));
        case(move || tx.send(sent).is_ok(), serve, move |_| assert_eq!(Arc::strong_count(&value), 1))
    });
    in_all_ways("bounded send", || {
        let (tx, rx) = bounded(1);
        tx.send(1).unwrap();
        let theirs = tx.clone();
        let serve = later(move || assert_eq!(rx.recv().unwrap(), 1));
        // Killed or not, the value was taken into the buffer.
        case(move || tx.send(7).is_ok(), serve, move |_| assert!(theirs.try_send(8).is_err()))
    });
    in_all_ways("send_deadline", || {
        let (tx, rx) = rendezvous();
        let serve = later(move || assert_eq!(rx.recv().unwrap(), 7));
        case(move || tx.send_deadline(7, now() + HOUR).is_ok(), serve, |_| ())
    });
}

#[test]
fn selects() {
    in_all_ways("a select that receives", || {
        let ((tx, rx), here) = (rendezvous(), Channel::<u8>::new());
        let (theirs, channel) = (rx.clone(), here.clone());
        let serve = later(move || tx.send(7).unwrap());
        let wait = move || {
            select! {
                recv(theirs) -> value => value.unwrap() == 7,
                recv(channel) -> _value => false,
            }
        };
        case(wait, serve, move |killed| {
            assert_eq!(here.balance(), 0);
            assert_eq!(rx.try_recv().ok(), killed.then_some(7));
        })
    });
    in_all_ways("a select that sends", || {
        let ((tx, rx), (other_tx, other)) = (rendezvous::<Arc<u8>>(), bounded::<u8>(1));
        let value = Arc::new(7);
        let (sent, theirs) = (value.clone(), other.clone());
        let serve = later(move || assert_eq!(*rx.recv().unwrap(), 7));
        let wait = move || {
            select! {
                send(tx, sent) -> sent => sent.is_ok(),
                recv(theirs) -> _value => false,
            }
        };
        case(wait, serve, move |_| {
            other_tx.try_send(1).unwrap();
            assert_eq!(other.try_recv().unwrap(), 1);
            assert_eq!(Arc::strong_count(&value), 1);
        })
    });
    in_all_ways("a select whose other arm is a channel of this thread", || {
        let ((tx, rx), here) = (rendezvous::<u8>(), Channel::<u8>::new());
        let channel = here.clone();
        let serve = later(move || assert_eq!(rx.recv().unwrap(), 7));
        let wait = move || {
            select! {
                recv(channel) -> _value => false,
                send(tx, 7) -> sent => sent.is_ok(),
            }
        };
        case(wait, serve, move |_| assert!(here.balance() == 0 && here.try_send(1).is_err()))
    });
}

/// On a channel of one thread nobody else serves, and a kill after that is Stackless's: the receiver has the value, and dies.
#[test]
fn a_kill_after_a_hand_over_within_a_thread() {
    checked(|| {
        let value = Rc::new(7);
        let channel = Channel::new();
        channel.set_preference(Preference::Neither);
        let rx = channel.clone();
        let receiver = spawn(move || drop(rx.receive().unwrap()));
        schedule().unwrap();
        channel.send(value.clone()).unwrap();
        assert!(receiver.is_scheduled() && Rc::strong_count(&value) == 2);
        receiver.kill().unwrap();
        assert!(matches!(receiver.join(), Err(JoinError::Killed)));
        assert_eq!(Rc::strong_count(&value), 1);

        let (tx, sent) = (channel.clone(), value.clone());
        let sender = spawn(move || tx.send(sent).unwrap());
        schedule().unwrap();
        let received = channel.receive().unwrap();
        assert!(sender.is_scheduled());
        sender.kill().unwrap();
        assert!(matches!(sender.join(), Err(JoinError::Killed)));
        assert_eq!((*received, Rc::strong_count(&value)), (7, 2));
    });
}
