//! The same on channels that other threads may take part in, and on mixtures.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tasklets::select::{Arm, recv, send};
use tasklets::{
    Channel, Reason, Select, bounded, now, rendezvous, rendezvous_named, run, schedule, select, sleep, spawn,
    unbounded, with_virtual_time,
};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

#[test]
fn every_kind_receives_and_sends() {
    checked(|| {
        let (r_tx, r_rx) = rendezvous::<u8>();
        let (b_tx, b_rx) = bounded::<u8>(1);
        let (u_tx, u_rx) = unbounded::<u8>();
        let ch = Channel::<u8>::new();
        // There is room in two of them.
        assert_eq!(
            select! { biased; send(r_tx, 1) -> _ => 1, send(b_tx, 2) -> r => { r.unwrap(); 2 }, send(u_tx, 3) -> _ => 3 },
            2
        );
        assert_eq!(
            select! { biased; send(r_tx, 1) -> _ => 1, send(b_tx, 2) -> _ => 2, send(u_tx, 3) -> r => { r.unwrap(); 3 } },
            3
        );
        assert_eq!(select! { recv(r_rx) -> _ => 0, recv(b_rx) -> m => m.unwrap(), recv(ch) -> _ => 0 }, 2);
        assert_eq!(select! { recv(r_rx) -> _ => 0, recv(u_rx) -> m => m.unwrap(), recv(ch) -> _ => 0 }, 3);
        for sender in 0..4_u8 {
            let (r, b, u, c) = (r_tx.clone(), b_tx.clone(), u_tx.clone(), ch.clone());
            spawn(move || match sender {
                0 => r.send(10).unwrap(),
                1 => b.send(11).unwrap(),
                2 => u.send(12).unwrap(),
                _ => c.send(13).unwrap(),
            });
            let got = select! {
                recv(r_rx) -> m => m.unwrap(),
                recv(b_rx) -> m => m.unwrap(),
                recv(u_rx) -> m => m.unwrap(),
                recv(ch) -> m => m.unwrap(),
            };
            assert_eq!(got, 10 + sender);
            assert_eq!((b_rx.len(), u_rx.len(), ch.balance()), (0, 0, 0));
        }
    });
}

#[test]
fn a_full_channel_takes_a_select_s_value_when_there_is_room() {
    checked(|| {
        let (tx, rx) = bounded(1);
        tx.send("first".to_owned()).unwrap();
        let ch = Channel::<()>::new();
        let (their_tx, theirs) = (tx.clone(), ch.clone());
        let selecting = spawn(move || {
            select! { send(their_tx, "second".to_owned()) -> r => r.is_ok(), recv(theirs) -> _ => false }
        });
        schedule().unwrap();
        assert!(selecting.is_blocked());
        assert_eq!(rx.recv().unwrap(), "first");
        assert_eq!(rx.recv().unwrap(), "second");
        assert!(selecting.join().unwrap());
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn disconnected_channels_are_ready_with_an_error() {
    checked(|| {
        let (tx, rx) = rendezvous::<u8>();
        let (other_tx, other_rx) = rendezvous::<u8>();
        drop(tx);
        assert!(select! { recv(rx) -> m => m.unwrap_err().is_disconnected(), recv(other_rx) -> _ => false });
        let (tx, rx) = bounded::<u8>(1);
        drop(rx);
        let error = select! { send(tx, 9) -> r => r.unwrap_err(), recv(other_rx) -> _ => unreachable!() };
        assert!(error.is_disconnected() && error.into_value() == 9);
        // The same for one that waits.
        let waiting = spawn(move || select! { recv(other_rx) -> m => m.is_err_and(|error| error.is_disconnected()) });
        schedule().unwrap();
        drop(other_tx);
        assert!(waiting.join().unwrap());
        let (tx, rx) = rendezvous::<Rc<u8>>();
        let waiting = spawn(move || select! { send(tx, Rc::new(4)) -> r => r.unwrap_err().into_value() });
        schedule().unwrap();
        drop(rx);
        assert_eq!(*waiting.join().unwrap(), 4);
    });
}

#[test]
fn two_selects_meet_on_a_rendezvous() {
    checked(|| {
        let (tx, rx) = rendezvous::<u8>();
        let (other_tx, other_rx) = rendezvous::<u8>();
        let theirs =
            spawn(move || select! { recv(rx) -> m => m.unwrap(), send(other_tx, 2) -> r => { r.unwrap(); 0 } });
        schedule().unwrap();
        let ours = select! { send(tx, 1) -> r => { r.unwrap(); 0 }, recv(other_rx) -> m => m.unwrap() };
        let theirs = theirs.join().unwrap();
        assert!((theirs, ours) == (1, 0) || (theirs, ours) == (0, 2), "{theirs} {ours}");
    });
}

#[test]
fn a_select_does_not_match_itself() {
    checked(|| {
        let (tx, rx) = rendezvous::<u8>();
        let selecting = {
            let (tx, rx) = (tx.clone(), rx.clone());
            spawn(move || select! { recv(rx) -> m => m.unwrap(), send(tx, 7) -> r => { r.unwrap(); 0 } })
        };
        schedule().unwrap();
        assert!(selecting.is_blocked());
        assert_eq!(rx.recv().unwrap(), 7);
        assert_eq!(selecting.join().unwrap(), 0);
        assert!(select! { recv(rx) -> _ => false, send(tx, 1) -> _ => false, default(MS) => true });
        let (tx, rx) = bounded::<u8>(1);
        tx.send(1).unwrap();
        assert_eq!(select! { recv(rx) -> m => m.unwrap(), send(tx, 7) -> _ => 0 }, 1);
    });
}

#[test]
fn a_mixture_waits_in_all_queues_and_leaves_them() {
    checked(|| {
        with_virtual_time(|| {
            let (tx, rx) = rendezvous::<u8>();
            let ch = Channel::<u8>::new();
            assert_eq!(select! { recv(rx) -> _ => 1, recv(ch) -> _ => 2, send(ch, 1) -> _ => 3, default(MS) => 4 }, 4);
            assert_eq!(ch.balance(), 0);
            assert!(tx.try_send(1).is_err());
            let theirs = ch.clone();
            let sender = spawn(move || {
                sleep(MS).unwrap();
                theirs.send(5).unwrap();
            });
            assert_eq!(select! { recv(rx) -> m => m.unwrap(), recv(ch) -> m => m.unwrap() }, 5);
            sender.join().unwrap();
            assert!(tx.try_send(1).is_err());
            let began = now();
            let theirs = tx.clone();
            spawn(move || {
                sleep(3 * MS).unwrap();
                theirs.send(6).unwrap();
            });
            assert_eq!(select! { recv(ch) -> m => m.unwrap(), recv(rx) -> m => m.unwrap() }, 6);
            assert_eq!((now() - began, ch.balance()), (3 * MS, 0));
        });
    });
}

#[test]
fn a_killed_select_s_value_goes_to_the_next_receiver() {
    checked(|| {
        let (tx, rx) = rendezvous::<u8>();
        let ch = Channel::<()>::new();
        let (their_rx, theirs) = (rx.clone(), ch.clone());
        let selecting = spawn(move || select! { recv(their_rx) -> _ => {}, recv(theirs) -> _ => {} });
        schedule().unwrap();
        tx.send(3).unwrap();
        assert!(!selecting.is_blocked() && selecting.is_alive());
        selecting.kill().unwrap();
        assert_eq!(rx.try_recv().unwrap(), 3);
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn what_was_not_sent_is_dropped_or_comes_back() {
    checked(|| {
        let (tx, rx) = rendezvous::<Rc<u8>>();
        let ch = Channel::<()>::new();
        ch.close();
        let value = Rc::new(1);
        let (copy, count) = (value.clone(), Rc::downgrade(&value));
        assert_eq!(select! { biased; send(tx, copy) -> _ => 0, recv(ch) -> _ => count.strong_count() }, 1);
        let sending = send(&tx, || value);
        let mut set = Select::new();
        set.add(&sending);
        assert_eq!(set.select_timeout(MS).unwrap(), None);
        assert_eq!(count.strong_count(), 1);
        assert_eq!(*sending.take_value().unwrap(), 1);
        assert_eq!(count.strong_count(), 0);
        drop(rx);
    });
}

#[test]
fn reports_name_channels_of_several_threads() {
    checked(|| {
        let (tx, rx) = rendezvous_named::<u8>("far");
        let near = Channel::<u8>::named("near");
        let (r, n) = (rx.clone(), near.clone());
        let selecting = spawn(move || select! { recv(r) -> _ => {} send(n, 1) -> _ => {} });
        schedule().unwrap();
        let text = tasklets::dump().to_string();
        assert!(text.contains("select on rendezvous channel"), "{text}");
        assert!(text.contains("\"far\" (1 sender, 2 receivers) (recv), channel 1 \"near\" (send)"), "{text}");
        selecting.kill().unwrap();
        drop(tx);
    });
}

#[test]
fn a_wait_that_others_may_end_is_no_deadlock() {
    checked(|| {
        let (tx, rx) = rendezvous::<u8>();
        let ch = Channel::<u8>::new();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(20 * MS);
            tx.send(1).unwrap();
        });
        let got = select! { recv(ch) -> _ => 0, recv(rx) -> m => m.unwrap() };
        thread.join().unwrap();
        assert_eq!(got, 1);
    });
}

#[test]
fn selects_of_two_threads_meet_each_other() {
    checked(|| {
        let rounds = scale(3_000);
        let (there, from_here) = rendezvous::<usize>();
        let (back, from_there) = rendezvous::<usize>();
        let sum = Arc::new(AtomicUsize::new(0));
        let theirs = sum.clone();
        // Each side sends and receives in the same select, so that they cross.
        let thread = std::thread::spawn(move || {
            tasklets::enter(|| {
                for round in 0..rounds {
                    select! {
                        recv(from_here) -> m => { theirs.fetch_add(m.unwrap(), Ordering::Relaxed); }
                        send(back, round) -> r => r.unwrap(),
                    }
                }
            });
        });
        let (mut got, mut sent) = (0, 0);
        for _ in 0..rounds {
            select! {
                send(there, 1) -> r => { r.unwrap(); sent += 1; }
                recv(from_there) -> m => { m.unwrap(); got += 1; }
            }
        }
        thread.join().unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), sent);
        assert_eq!(sent + got, rounds);
    });
}

#[test]
fn nothing_is_lost_between_selects_of_three_threads() {
    checked(|| {
        let each = scale(4_000);
        let (a_tx, a_rx) = rendezvous::<usize>();
        let (b_tx, b_rx) = bounded::<usize>(3);
        let (c_tx, c_rx) = unbounded::<usize>();
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                let (a, b, c) = (a_tx.clone(), b_tx.clone(), c_tx.clone());
                std::thread::spawn(move || {
                    tasklets::enter(|| {
                        for n in 0..each {
                            let n = thread * each + n;
                            select! {
                                send(a, n) -> r => r.unwrap(),
                                send(b, n) -> r => r.unwrap(),
                                send(c, n) -> r => r.unwrap(),
                            }
                        }
                    });
                })
            })
            .collect();
        drop((a_tx, b_tx, c_tx));
        let mut seen = vec![false; 2 * each];
        let arms = [recv(&a_rx), recv(&b_rx), recv(&c_rx)];
        let mut set = Select::new();
        for arm in &arms {
            set.add(arm);
        }
        while !set.is_empty() {
            let taken = set.select().unwrap();
            match arms[taken].take().unwrap() {
                Ok(n) => assert!(!std::mem::replace(&mut seen[n], true), "{n} came twice"),
                Err(error) => {
                    assert!(matches!(error.reason, Reason::Disconnected) && set.remove(taken));
                }
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(seen.iter().all(|seen| *seen));
        assert!(run().is_finished());
    });
}
