//! What crossbeam-channel tests of its `select!`, by the same names, rewritten for ours.

use std::time::Duration;

use tasklets::{Sender, bounded, rendezvous, select, spawn, unbounded};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

#[test]
fn smoke1() {
    checked(|| {
        let ((s1, r1), (s2, r2)) = (unbounded::<usize>(), unbounded::<usize>());
        s1.send(1).unwrap();
        select! {
            recv(r1) -> v => assert_eq!(v.unwrap(), 1),
            recv(r2) -> _ => panic!(),
        }
        s2.send(2).unwrap();
        select! {
            recv(r1) -> _ => panic!(),
            recv(r2) -> v => assert_eq!(v.unwrap(), 2),
        }
    });
}

#[test]
fn default_when_disconnected() {
    checked(|| {
        let (s, r) = unbounded::<i32>();
        drop(s);
        assert!(select! { recv(r) -> v => v.is_err(), default => false });
        assert!(select! { recv(r) -> v => v.is_err(), default(1_000 * MS) => false });
        let (s, r) = rendezvous::<i32>();
        drop(r);
        assert!(select! { send(s, 0) -> v => v.is_err(), default => false });
    });
}

#[test]
fn cloning() {
    checked(|| {
        let (s1, r1) = unbounded::<i32>();
        let (_s2, r2) = unbounded::<i32>();
        let (s3, r3) = unbounded::<()>();
        spawn(move || {
            r3.recv().unwrap();
            drop(s1.clone());
            s1.send(1).unwrap();
            r3.recv().unwrap();
        });
        s3.send(()).unwrap();
        select! {
            recv(r1) -> v => assert_eq!(v.unwrap(), 1),
            recv(r2) -> _ => panic!(),
        }
        s3.send(()).unwrap();
    });
}

#[test]
fn stress_recv() {
    checked(|| {
        let rounds = scale(2_000);
        let ((s1, r1), (s2, r2), (s3, r3)) = (unbounded::<usize>(), bounded::<usize>(5), bounded::<()>(0));
        let thread = std::thread::spawn(move || {
            for round in 0..rounds {
                s1.send(round).unwrap();
                r3.recv().unwrap();
                s2.send(round).unwrap();
                r3.recv().unwrap();
            }
        });
        for round in 0..rounds {
            for _ in 0..2 {
                select! {
                    recv(r1) -> v => assert_eq!(v.unwrap(), round),
                    recv(r2) -> v => assert_eq!(v.unwrap(), round),
                }
                s3.send(()).unwrap();
            }
        }
        thread.join().unwrap();
    });
}

#[test]
fn stress_send() {
    checked(|| {
        let rounds = scale(2_000);
        let ((s1, r1), (s2, r2), (s3, r3)) = (rendezvous::<usize>(), rendezvous::<usize>(), bounded::<()>(100));
        let thread = std::thread::spawn(move || {
            for round in 0..rounds {
                assert_eq!(r1.recv().unwrap(), round);
                assert_eq!(r2.recv().unwrap(), round);
                r3.recv().unwrap();
            }
        });
        for round in 0..rounds {
            for _ in 0..2 {
                select! {
                    send(s1, round) -> v => v.unwrap(),
                    send(s2, round) -> v => v.unwrap(),
                }
            }
            s3.send(()).unwrap();
        }
        thread.join().unwrap();
    });
}

#[test]
fn fairness1() {
    checked(|| {
        let count = scale(2_000);
        let ((s1, r1), (s2, r2)) = (bounded::<()>(count), unbounded::<()>());
        for _ in 0..count {
            s1.send(()).unwrap();
            s2.send(()).unwrap();
        }
        let mut hits = [0_usize; 2];
        for _ in 0..count {
            select! { recv(r1) -> _ => hits[0] += 1, recv(r2) -> _ => hits[1] += 1 }
        }
        assert!(hits.iter().all(|hits| *hits >= count / 4), "{hits:?}");
    });
}

#[test]
fn fairness2() {
    checked(|| {
        let count = scale(3_000);
        let ((s1, r1), (s2, r2), (s3, r3)) = (unbounded::<()>(), bounded::<()>(1), rendezvous::<()>());
        // An arm whose senders are gone would be ready.
        let _senders = (s1.clone(), s2.clone(), s3.clone());
        spawn(move || {
            let (mut hole, _other) = (Some(s1), ());
            for _ in 0..count {
                match hole.take() {
                    Some(s1) if r_is_empty(&s1) => {
                        select! {
                            send(s1, ()) -> v => v.unwrap(),
                            send(s2, ()) -> v => v.unwrap(),
                            send(s3, ()) -> v => v.unwrap(),
                        }
                        hole = Some(s1);
                    }
                    s1 => {
                        select! {
                            send(s2, ()) -> v => v.unwrap(),
                            send(s3, ()) -> v => v.unwrap(),
                        }
                        hole = s1;
                    }
                }
            }
        });
        let mut hits = [0_usize; 3];
        for _ in 0..count {
            select! {
                recv(r1) -> v => { v.unwrap(); hits[0] += 1; }
                recv(r2) -> v => { v.unwrap(); hits[1] += 1; }
                recv(r3) -> v => { v.unwrap(); hits[2] += 1; }
            }
        }
        assert!(hits.iter().all(|hits| *hits >= count / 30), "{hits:?}");
    });
}

fn r_is_empty(sender: &Sender<()>) -> bool {
    sender.is_empty()
}

#[test]
fn fairness_send() {
    checked(|| {
        let count = scale(2_000);
        let ((s1, _r1), (s2, _r2)) = (bounded::<()>(count), unbounded::<()>());
        let mut hits = [0_usize; 2];
        for _ in 0..count {
            select! { send(s1, ()) -> _ => hits[0] += 1, send(s2, ()) -> _ => hits[1] += 1 }
        }
        assert!(hits.iter().all(|hits| *hits >= count / 4), "{hits:?}");
    });
}

#[test]
fn unfairness() {
    checked(|| {
        let ((s1, r1), (s2, r2), (_s3, r3)) = (unbounded::<()>(), unbounded::<()>(), unbounded::<()>());
        for _ in 0..200 {
            s1.send(()).unwrap();
            s2.send(()).unwrap();
        }
        let mut hits = [0_usize; 2];
        for _ in 0..200 {
            select! { biased; recv(r1) -> _ => hits[0] += 1, recv(r2) -> _ => hits[1] += 1, recv(r3) -> _ => panic!() }
        }
        assert_eq!(hits, [200, 0]);
    });
}
