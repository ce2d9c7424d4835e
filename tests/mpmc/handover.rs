//! Kills and deadlines at every step of a hand-over: before it, after it while the waiter has not run, and after that.

use tasklets::{Receiver, Sender, Tasklet, advance, now, schedule, sleep, spawn, with_virtual_time};

use crate::common::checked;
use crate::support::{Census, Counted, KINDS, MS, make};

type Ends = (Sender<Counted>, Receiver<Counted>);

/// A channel without room: what is sent waits.
fn full(kind: Option<usize>, census: &Census) -> Ends {
    let (tx, rx) = make(kind);
    for number in 0..kind.expect("one with a bound") {
        tx.send(census.value(number)).unwrap();
    }
    (tx, rx)
}

/// A tasklet that waits for a value, and says its number.
fn receiver(rx: &Receiver<Counted>) -> Tasklet<usize> {
    let rx = rx.clone();
    let tasklet = spawn(move || rx.recv().unwrap().number);
    schedule().unwrap();
    assert!(tasklet.is_blocked());
    tasklet
}

/// A tasklet that waits to send a value.
fn sender(tx: &Sender<Counted>, value: Counted) -> Tasklet<bool> {
    let tx = tx.clone();
    let tasklet = spawn(move || tx.send(value).is_ok());
    schedule().unwrap();
    assert!(tasklet.is_blocked());
    tasklet
}

#[test]
fn a_receiver_killed_before_it_was_served_leaves_the_queue() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let killed = receiver(&rx);
            let next = receiver(&rx);
            killed.kill().unwrap();
            tx.send(census.value(1)).unwrap();
            assert_eq!(next.join().unwrap(), 1);
            let error = tx.try_send(census.value(2)).err();
            assert_eq!(error.is_some(), kind == Some(0), "nobody waits any more");
            drop((error, tx, rx));
            assert_eq!((census.alive(), census.dropped()), (0, 2));
        }
    });
}

#[test]
fn a_receiver_killed_after_it_was_served_hands_the_value_on() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let killed = receiver(&rx);
            let next = receiver(&rx);
            tx.send(census.value(1)).unwrap();
            killed.kill().unwrap();
            assert_eq!(census.alive(), 1);
            drop(tx.try_send(census.value(2)));
            assert_eq!(next.join().unwrap(), 1, "the one that waited longest gets what was sent first");
            drop((tx, rx));
            assert_eq!((census.alive(), census.dropped()), (0, 2));
        }
    });
}

#[test]
fn what_no_receiver_waits_for_goes_to_the_head() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let killed = receiver(&rx);
            tx.send(census.value(1)).unwrap();
            let behind = tx.try_send(census.value(2)).is_ok();
            assert_eq!(behind, kind != Some(0));
            killed.kill().unwrap();
            assert_eq!(rx.len(), 1 + usize::from(behind));
            assert!(rx.is_full() || kind.is_none_or(|capacity| capacity > 2));
            assert_eq!(rx.recv().unwrap().number, 1);
            assert_eq!(rx.try_recv().map(|value| value.number).ok(), behind.then_some(2));
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn what_nobody_receives_any_more_is_dropped_with_the_last_handle() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let killed = receiver(&rx);
            drop(rx);
            tx.send(census.value(1)).unwrap();
            // Its handle is the last one: it gives the value back before it drops that.
            killed.kill().unwrap();
            assert!(tx.try_send(census.value(2)).unwrap_err().is_disconnected());
            assert_eq!((census.alive(), census.dropped()), (0, 2));
        }
    });
}

#[test]
fn a_receiver_killed_after_it_ran_has_the_value() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let theirs = rx.clone();
            let killed = spawn(move || {
                let _value = theirs.recv().unwrap();
                sleep(MS).unwrap();
            });
            schedule().unwrap();
            tx.send(census.value(1)).unwrap();
            schedule().unwrap();
            assert_eq!(census.alive(), 1);
            killed.kill().unwrap();
            assert_eq!((census.alive(), rx.len()), (0, 0));
        }
    });
}

#[test]
fn a_sender_killed_before_it_was_served_drops_its_value() {
    checked(|| {
        for kind in [Some(0), Some(1), Some(3)] {
            let census = Census::default();
            let (tx, rx) = full(kind, &census);
            let killed = sender(&tx, census.value(10));
            let next = sender(&tx, census.value(11));
            killed.kill().unwrap();
            assert_eq!((census.dropped(), rx.len()), (1, kind.unwrap()));
            drop(tx);
            let numbers: Vec<usize> = rx.iter().map(|value| value.number).collect();
            assert_eq!(numbers, (0..kind.unwrap()).chain([11]).collect::<Vec<_>>());
            assert!(next.join().unwrap());
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn a_sender_killed_after_its_value_was_taken_has_sent_it() {
    checked(|| {
        for kind in [Some(0), Some(1), Some(3)] {
            let census = Census::default();
            let (tx, rx) = full(kind, &census);
            let killed = sender(&tx, census.value(10));
            let first = rx.recv().unwrap();
            killed.kill().unwrap();
            drop(tx);
            let numbers: Vec<usize> = [first].into_iter().chain(&rx).map(|value| value.number).collect();
            assert_eq!(numbers, (0..kind.unwrap()).chain([10]).collect::<Vec<_>>());
            assert_eq!((census.alive(), census.dropped()), (0, kind.unwrap() + 1));
        }
    });
}

#[test]
fn a_deadline_before_the_hand_over_gives_up() {
    checked(|| {
        with_virtual_time(|| {
            for kind in [Some(0), Some(2)] {
                let census = Census::default();
                let (tx, rx) = full(kind, &census);
                let value = census.value(10);
                let (theirs, mine) = (tx.clone(), rx.clone());
                let late = spawn(move || theirs.send_timeout(value, MS).unwrap_err().into_value().number);
                assert_eq!(late.join().unwrap(), 10);
                assert_eq!(rx.try_iter().count(), kind.unwrap());
                let late = spawn(move || mine.recv_timeout(MS).err().expect("nobody sends").is_timeout());
                assert!(late.join().unwrap());
                assert_eq!(tx.try_send(census.value(11)).is_err(), kind == Some(0), "neither waits any more");
                drop((tx, rx));
                assert_eq!(census.alive(), 0);
            }
        });
    });
}

#[test]
fn a_deadline_after_the_hand_over_comes_too_late() {
    checked(|| {
        with_virtual_time(|| {
            for kind in [Some(0), Some(2)] {
                let census = Census::default();
                let (tx, rx) = full(kind, &census);
                let deadline = now() + MS;
                let (theirs, value) = (tx.clone(), census.value(10));
                let in_time = spawn(move || theirs.send_deadline(value, deadline).is_ok());
                schedule().unwrap();
                assert_eq!(rx.try_recv().unwrap().number, if kind == Some(0) { 10 } else { 0 });
                advance(2 * MS);
                assert!(in_time.join().unwrap());
                rx.try_iter().for_each(drop);

                let deadline = now() + MS;
                let theirs = rx.clone();
                let in_time = spawn(move || theirs.recv_deadline(deadline).unwrap().number);
                schedule().unwrap();
                tx.try_send(census.value(11)).unwrap();
                advance(2 * MS);
                assert_eq!(in_time.join().unwrap(), 11);
                assert_eq!(census.alive(), 0);
            }
        })
    });
}

/// Does something on another thread, to its end, while nothing switches here.
fn elsewhere<R: Send + 'static>(deed: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(deed).join().unwrap()
}

#[test]
fn a_receiver_killed_after_another_thread_served_it_hands_the_value_on() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            let killed = receiver(&rx);
            let (theirs, value) = (tx.clone(), census.value(1));
            elsewhere(move || theirs.try_send(value).unwrap());
            // The wake-up is under way still.
            assert!(killed.is_blocked());
            killed.kill().unwrap();
            assert_eq!(rx.try_recv().unwrap().number, 1);

            let killed = receiver(&rx);
            let next = receiver(&rx);
            let (theirs, value) = (tx.clone(), census.value(2));
            elsewhere(move || theirs.try_send(value).unwrap());
            killed.kill().unwrap();
            assert_eq!(next.join().unwrap(), 2);
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn a_sender_killed_after_another_thread_took_its_value_has_sent_it() {
    checked(|| {
        for kind in [Some(0), Some(2)] {
            let census = Census::default();
            let (tx, rx) = full(kind, &census);
            let killed = sender(&tx, census.value(10));
            let theirs = rx.clone();
            let first = elsewhere(move || theirs.try_recv().unwrap().number);
            assert!(killed.is_blocked());
            killed.kill().unwrap();
            drop(tx);
            let numbers: Vec<usize> = [first].into_iter().chain(rx.iter().map(|value| value.number)).collect();
            assert_eq!(numbers, (0..kind.unwrap()).chain([10]).collect::<Vec<_>>());
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn a_deadline_that_passes_while_another_thread_serves_comes_too_late() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make::<Counted>(kind);
            let deadline = now() + 2 * MS;
            let theirs = rx.clone();
            let in_time = spawn(move || theirs.recv_deadline(deadline).map(|value| value.number));
            schedule().unwrap();
            let value = census.value(1);
            let sent = elsewhere(move || tx.try_send(value).is_ok());
            std::thread::sleep(3 * MS);
            // Unless this thread was held up for longer than that before the other one sent.
            assert_eq!(in_time.join().unwrap().is_ok(), sent && rx.is_empty());
            rx.try_iter().for_each(drop);
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn the_end_of_a_thread_is_a_kill_of_those_that_wait_there() {
    checked(|| {
        let census = Census::default();
        let ((tx, rx), (back, answers)) = (make::<Counted>(Some(0)), make::<Counted>(Some(0)));
        let (theirs, value) = ((rx.clone(), back.clone()), census.value(1));
        elsewhere(move || {
            tasklets::enter(|| {
                let (rx, back) = theirs;
                receiver(&rx).detach();
                sender(&back, value).detach();
            });
        });
        assert!(tx.try_send(census.value(2)).err().is_some_and(|error| error.is_full()), "nobody waits for it");
        assert!(answers.try_recv().err().is_some_and(|error| error.is_empty()), "nobody waits with it");
        assert_eq!((census.alive(), census.dropped()), (0, 2));
        drop((rx, back));
        assert!(tx.try_send(census.value(3)).err().is_some_and(|error| error.is_disconnected()));
        assert!(answers.try_recv().err().is_some_and(|error| error.is_disconnected()));
    });
}

#[test]
fn kills_from_where_nobody_may_switch_lose_nothing() {
    checked(|| {
        for kind in KINDS {
            let census = Census::default();
            let (tx, rx) = make(kind);
            receiver(&rx).detach();
            tx.try_send(census.value(1)).unwrap();
            drop(tasklets::kill_all());
            assert_eq!(rx.try_recv().unwrap().number, 1, "it was served, and had not run");
            receiver(&rx).detach();
            let (theirs, value) = (tx.clone(), census.value(2));
            elsewhere(move || theirs.try_send(value).unwrap());
            drop(tasklets::kill_all());
            assert_eq!(rx.try_recv().unwrap().number, 2, "it was served by another thread");
            receiver(&rx).detach();
            drop(tasklets::kill_all());
            assert_eq!(tx.try_send(census.value(3)).is_err(), kind == Some(0), "it does not wait any more");
            drop((tx, rx));
            assert_eq!((census.alive(), census.dropped()), (0, 3));
        }
        for kind in [Some(0), Some(2)] {
            let census = Census::default();
            let (tx, rx) = full(kind, &census);
            sender(&tx, census.value(10)).detach();
            drop(tasklets::kill_all());
            assert_eq!((census.dropped(), rx.len()), (1, kind.unwrap()));
            sender(&tx, census.value(11)).detach();
            let first = rx.recv().unwrap();
            drop(tasklets::kill_all());
            drop(tx);
            let numbers: Vec<usize> = [first].into_iter().chain(&rx).map(|value| value.number).collect();
            assert_eq!(numbers, (0..kind.unwrap()).chain([11]).collect::<Vec<_>>());
            assert_eq!(census.alive(), 0);
        }
    });
}
