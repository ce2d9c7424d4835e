//! The rest of what crossbeam-channel tests of its `Select`: many rounds, several threads, everybody at once.

use std::time::Duration;

use tasklets::select::{Arm, recv, send};
use tasklets::{Receiver, Select, bounded, rendezvous, schedule, spawn, unbounded};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

#[test]
fn stress_mixed() {
    checked(|| {
        let rounds = scale(2_000);
        let ((s1, r1), (s2, r2), (s3, r3)) = (rendezvous::<usize>(), rendezvous::<usize>(), rendezvous::<()>());
        let thread = std::thread::spawn(move || {
            for round in 0..rounds {
                s1.send(round).unwrap();
                assert_eq!(r2.recv().unwrap(), round);
                r3.recv().unwrap();
            }
        });
        for round in 0..rounds {
            let (got, sent) = (recv(&r1), send(&s2, || round));
            let mut set = Select::new();
            let (i, j) = (set.add(&got), set.add(&sent));
            // They become ready one after the other; what is done is no arm any more.
            for _ in 0..2 {
                let taken = set.select().unwrap();
                assert!(taken == i || taken == j);
                set.remove(taken);
            }
            assert_eq!(got.take().unwrap().unwrap(), round);
            assert!(sent.take().unwrap().is_ok());
            s3.send(()).unwrap();
        }
        thread.join().unwrap();
    });
}

#[test]
fn stress_timeout_two_threads() {
    checked(|| {
        let rounds = scale(20);
        let (s, r) = bounded::<usize>(2);
        let thread = std::thread::spawn(move || {
            for round in 0..rounds {
                if round % 2 == 0 {
                    std::thread::sleep(2 * MS);
                }
                let arm = send(&s, || round);
                let mut set = Select::new();
                set.add(&arm);
                while set.select_timeout(MS).unwrap().is_none() {}
                arm.take().unwrap().unwrap();
            }
        });
        for round in 0..rounds {
            if round % 3 == 0 {
                std::thread::sleep(3 * MS);
            }
            let arm = recv(&r);
            let mut set = Select::new();
            set.add(&arm);
            while set.select_timeout(MS).unwrap().is_none() {}
            assert_eq!(arm.take().unwrap().unwrap(), round);
        }
        thread.join().unwrap();
    });
}

#[test]
fn send_recv_same_channel() {
    checked(|| {
        for (s, r) in [rendezvous::<i32>(), unbounded()] {
            let (sent, got) = (send(&s, || 1), recv(&r));
            let mut set = Select::new();
            let j = set.add(&sent);
            set.add(&got);
            let taken = set.select_timeout(MS).unwrap();
            assert_eq!(taken, s.capacity().is_none().then_some(j));
        }
    });
}

/// Everybody sends and receives on one channel: nobody must match itself.
fn matched(count: usize) -> usize {
    let (s, r) = rendezvous::<usize>();
    let matched = std::rc::Rc::new(std::cell::Cell::new(0));
    let tasklets: Vec<_> = (0..count)
        .map(|number| {
            let (s, r, matched) = (s.clone(), r.clone(), matched.clone());
            spawn(move || {
                let (got, sent) = (recv(&r), send(&s, || number));
                let mut set = Select::new();
                set.add(&got);
                set.add(&sent);
                set.select().unwrap();
                if let Some(other) = got.take() {
                    assert_ne!(other.unwrap(), number);
                }
                matched.set(matched.get() + 1);
            })
        })
        .collect();
    schedule().unwrap();
    while tasklets.iter().any(|tasklet| tasklet.is_alive() && !tasklet.is_blocked()) {
        schedule().unwrap();
    }
    if count % 2 == 1 {
        s.send(usize::MAX).unwrap();
    }
    tasklets.into_iter().for_each(|tasklet| tasklet.join().unwrap());
    assert!(r.try_recv().unwrap_err().is_empty());
    matched.get()
}

#[test]
fn matching() {
    checked(|| assert_eq!(matched(44), 44));
}

#[test]
fn matching_with_leftover() {
    checked(|| assert_eq!(matched(55), 55));
}

#[test]
fn channel_through_channel() {
    checked(|| {
        type Link = Box<dyn std::any::Any>;
        for bound in 0..3 {
            let (s, r) = bounded::<Link>(bound);
            let rounds = scale(500);
            spawn(move || {
                let mut s = s;
                for _ in 0..rounds {
                    let (next, inbox) = bounded::<Link>(bound);
                    {
                        let arm = send(&s, || Box::new(inbox) as Link);
                        let mut set = Select::new();
                        set.add(&arm);
                        set.select().unwrap();
                        arm.take().unwrap().unwrap();
                    }
                    s = next;
                }
            });
            let mut r = r;
            for _ in 0..rounds {
                let link = {
                    let arm = recv(&r);
                    let mut set = Select::new();
                    set.add(&arm);
                    set.select().unwrap();
                    arm.take().unwrap().unwrap()
                };
                r = *link.downcast::<Receiver<Link>>().unwrap();
            }
            assert!(r.recv().is_err());
        }
    });
}

#[test]
fn linearizable_try() {
    checked(|| {
        let rounds = scale(2_000);
        let ((s1, r1), (s2, r2)) = (bounded::<i32>(1), bounded::<i32>(1));
        let (begin, begun) = rendezvous::<()>();
        let (finish, finished) = rendezvous::<()>();
        let their_r1 = r1.clone();
        let thread = std::thread::spawn(move || {
            for _ in 0..rounds {
                begun.recv().unwrap();
                // One value is taken only after the other was put in: there is always one.
                s2.send(1).unwrap();
                let _ = their_r1.try_recv();
                finish.send(()).unwrap();
            }
        });
        for _ in 0..rounds {
            s1.send(1).unwrap();
            begin.send(()).unwrap();
            let (one, two) = (recv(&r1), recv(&r2));
            let mut set = Select::new();
            set.add(&one);
            set.add(&two);
            let taken = set.try_select().unwrap();
            finished.recv().unwrap();
            // One look at each, in any order, may miss both only if the value that was there first had been taken.
            assert!(taken.is_some() || r2.try_recv().is_ok());
            while r1.try_recv().is_ok() || r2.try_recv().is_ok() {}
        }
        thread.join().unwrap();
    });
}

#[test]
fn fairness() {
    checked(|| {
        let ((s1, r1), (s2, r2)) = (unbounded::<()>(), unbounded::<()>());
        let count = scale(1_000);
        for _ in 0..count {
            s1.send(()).unwrap();
            s2.send(()).unwrap();
        }
        let (one, two) = (recv(&r1), recv(&r2));
        let mut set = Select::new();
        set.add(&one);
        set.add(&two);
        let mut hits = [0; 2];
        for _ in 0..count {
            hits[set.select().unwrap()] += 1;
            drop((one.take(), two.take()));
        }
        assert!(hits.iter().all(|hits| *hits >= count / 4), "{hits:?}");
    });
}

#[test]
fn reuse() {
    checked(|| {
        let rounds = scale(1_000);
        let ((s1, r1), (s2, r2)) = (rendezvous::<usize>(), rendezvous::<usize>());
        spawn(move || {
            for round in 0..rounds {
                s1.send(round).unwrap();
                assert_eq!(r2.recv().unwrap(), round);
            }
        });
        let (got, sent) = (recv(&r1), send(&s2, || 0));
        let mut set = Select::new();
        let (i, j) = (set.add(&got), set.add(&sent));
        for round in 0..rounds {
            for _ in 0..2 {
                let taken = set.select().unwrap();
                if taken == i {
                    assert_eq!(got.take().unwrap().unwrap(), round);
                } else {
                    assert_eq!(taken, j);
                    sent.take().unwrap().unwrap();
                }
            }
            sent.refill(round + 1);
        }
    });
}
