//! What Go's runtime tests of `select` (chan_test.go), rewritten: the test's name is each test's.

use std::time::Duration;

use tasklets::select::{Arm, recv};
use tasklets::{Channel, Receiver, Sender, bounded, rendezvous, run, schedule, select, spawn, unbounded};

use crate::common::{checked, scale};

const MS: Duration = Duration::from_millis(1);

/// TestSelectFairness: of arms that are ready and those that never are.
#[test]
fn select_fairness() {
    checked(|| {
        let trials = scale(5_000);
        let ((c1, r1), (c2, r2)) = (unbounded::<u8>(), unbounded::<u8>());
        for _ in 0..trials + 1 {
            c1.send(1).unwrap();
            c2.send(2).unwrap();
        }
        let ((_c3, r3), (_c4, r4)) = (rendezvous::<u8>(), rendezvous::<u8>());
        let mut hits = [0_usize; 2];
        for _ in 0..trials {
            let from = select! {
                recv(r3) -> v => v,
                recv(r4) -> v => v,
                recv(r1) -> v => v,
                recv(r2) -> v => v,
            };
            hits[usize::from(from.unwrap() - 1)] += 1;
        }
        // Those behind ones that are never ready would come off worse if the search went on to the next.
        assert!(hits[0] > trials / 5 && hits[1] > trials / 30, "{hits:?}");
    });
}

/// TestSelectDuplicateChannel: one channel in two arms of one select.
#[test]
fn select_duplicate_channel() {
    checked(|| {
        let (c, d, e) = (Channel::<i32>::new(), Channel::<i32>::new(), Channel::<i32>::new());
        let (c1, d1, e1) = (c.clone(), d.clone(), e.clone());
        spawn(move || {
            select! {
                recv(c1) -> v => assert!(v.is_ok()),
                recv(c1) -> v => assert!(v.is_ok()),
                recv(d1) -> v => assert!(v.is_ok()),
            }
            e1.send(9).unwrap();
        });
        schedule().unwrap();
        let c2 = c.clone();
        let other = spawn(move || c2.receive().unwrap());
        schedule().unwrap();
        d.send(7).unwrap();
        assert_eq!(e.receive().unwrap(), 9);
        c.send(8).unwrap();
        assert_eq!(other.join().unwrap(), 8);
        assert_eq!((c.balance(), d.balance()), (0, 0));
    });
}

/// TestSelfSelect: everybody sends to and receives from the same channel; nobody gets its own value where there is no buffer.
#[test]
fn self_select() {
    checked(|| {
        for bound in [0, 10] {
            let (c, r) = bounded::<usize>(bound);
            let rounds = scale(1_000);
            for p in 0..2_usize {
                let (c, r): (Sender<usize>, Receiver<usize>) = (c.clone(), r.clone());
                spawn(move || {
                    for i in 0..rounds {
                        let v = if (p == 0) == (i % 2 == 0) {
                            select! { send(c, p) -> s => { s.unwrap(); None }, recv(r) -> v => Some(v.unwrap()) }
                        } else {
                            select! { recv(r) -> v => Some(v.unwrap()), send(c, p) -> s => { s.unwrap(); None } }
                        };
                        assert!(bound != 0 || v != Some(p), "self receive");
                    }
                });
            }
            drop((c, r));
            assert!(run().is_finished());
        }
        let ch = Channel::<usize>::new();
        for p in 0..2_usize {
            let ch = ch.clone();
            spawn(move || {
                for _ in 0..scale(1_000) {
                    let v = select! { send(ch, p) -> s => { s.unwrap(); None }, recv(ch) -> v => Some(v.unwrap()) };
                    assert_ne!(v, Some(p), "self receive");
                }
            });
        }
        assert!(run().is_finished());
    });
}

/// TestMultiConsumer: workers take from one queue and put into another.
#[test]
fn multi_consumer() {
    checked(|| {
        let (workers, niter) = (23, scale(2_000));
        let ((q, queue), (r, results)) = (bounded::<usize>(workers * 3), bounded::<usize>(workers * 3));
        for _ in 0..workers {
            let (queue, r) = (queue.clone(), r.clone());
            spawn(move || {
                loop {
                    let v = select! { recv(queue) -> v => v };
                    let Ok(v) = v else { return };
                    if v % 3 == 0 {
                        schedule().unwrap();
                    }
                    select! { send(r, v) -> s => s.unwrap(), default(1_000 * MS) => panic!() }
                }
            });
        }
        drop((queue, r));
        let feeder = spawn(move || {
            let mut expected = 0;
            for i in 0..niter {
                expected += i % 7;
                q.send(i % 7).unwrap();
            }
            expected
        });
        let (mut n, mut sum) = (0, 0);
        for v in &results {
            n += 1;
            sum += v;
        }
        assert_eq!((n, sum), (niter, feeder.join().unwrap()));
    });
}

/// TestSelectStackAdjust: values that arrive while a select waits deep in its stack.
#[test]
fn select_stack_adjust() {
    checked(|| {
        fn deep(ch: &Channel<Box<usize>>, other: &Channel<Box<usize>>, depth: usize) -> usize {
            let room = [depth; 16];
            if depth > 0 {
                return deep(ch, other, depth - 1) + std::hint::black_box(room)[3] - depth;
            }
            select! { recv(ch) -> v => *v.unwrap(), recv(other) -> v => *v.unwrap() + 1 }
        }
        let (ch, other) = (Channel::new(), Channel::new());
        let (c, o) = (ch.clone(), other.clone());
        let waiting = spawn(move || (0..20).map(|n| deep(&c, &o, n)).sum::<usize>());
        for n in 0..20 {
            if n % 2 == 0 { ch.send(Box::new(n)).unwrap() } else { other.send(Box::new(n)).unwrap() }
        }
        assert_eq!(waiting.join().unwrap(), 190 + 10);
        let arm = recv(&ch);
        assert!(arm.take().is_none());
    });
}
