//! Many values, from many ends to many, wherever those are: the names are those of crossbeam-channel's tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasklets::{Receiver, Sender, schedule, spawn};

use crate::common::{checked, scale};
use crate::support::{Census, Counted, Home, Job, MS, everywhere, job, make};

#[test]
fn spsc() {
    checked(|| {
        everywhere(|home, kind| {
            let count = scale(3_000);
            let (tx, rx) = make(kind);
            home.run(vec![
                job(move || {
                    for number in 0..count {
                        assert_eq!(rx.recv().unwrap(), number);
                    }
                    assert!(rx.recv().unwrap_err().is_disconnected());
                }),
                job(move || (0..count).for_each(|number| tx.send(number).unwrap())),
            ]);
        });
    });
}

#[test]
fn mpmc() {
    const ENDS: usize = 4;
    checked(|| {
        everywhere(|home, kind| {
            let count = scale(800);
            let seen: Arc<Vec<AtomicUsize>> = Arc::new((0..count).map(|_| AtomicUsize::new(0)).collect());
            let (tx, rx) = make(kind);
            let mut jobs = Vec::new();
            for _ in 0..ENDS {
                let (tx, rx, seen) = (tx.clone(), rx.clone(), seen.clone());
                jobs.push(job(move || (0..count).for_each(|number| tx.send(number).unwrap())));
                jobs.push(job(move || {
                    for number in rx {
                        seen[number].fetch_add(1, Ordering::SeqCst);
                    }
                }));
            }
            drop((tx, rx));
            home.run(jobs);
            assert!(seen.iter().all(|times| times.load(Ordering::SeqCst) == ENDS));
        });
    });
}

#[test]
fn values_of_one_sender_stay_in_order() {
    checked(|| {
        everywhere(|home, kind| {
            let count = scale(1_000);
            let (tx, rx) = make(kind);
            let mut jobs: Vec<Job> = Vec::new();
            for sender in 0..3 {
                let tx = tx.clone();
                jobs.push(job(move || (0..count).for_each(|number| tx.send((sender, number)).unwrap())));
            }
            for _ in 0..2 {
                let rx = rx.clone();
                jobs.push(job(move || {
                    let mut last = [None; 3];
                    for (sender, number) in rx {
                        assert!(last[sender] < Some(number), "{sender} sent {number} before {last:?}");
                        last[sender] = Some(number);
                    }
                }));
            }
            drop((tx, rx));
            home.run(jobs);
        });
    });
}

#[test]
fn stress_oneshot() {
    checked(|| {
        everywhere(|home, kind| {
            for _ in 0..scale(30) {
                let (tx, rx) = make(kind);
                home.run(vec![job(move || assert_eq!(rx.recv().unwrap(), 7)), job(move || tx.send(7).unwrap())]);
            }
        });
    });
}

#[test]
fn stress_iter() {
    checked(|| {
        everywhere(|home, kind| {
            let count = scale(300);
            let ((requests, inbox), (replies, answers)) = (make(kind), make(kind));
            home.run(vec![
                job(move || {
                    for () in inbox {
                        if replies.send(1).is_err() {
                            return;
                        }
                    }
                }),
                job(move || {
                    let mut sum = 0;
                    while sum < count {
                        sum += answers.try_iter().take(count - sum).sum::<usize>();
                        // There may be no room, or nobody there yet.
                        let _ = requests.try_send(());
                        schedule().unwrap();
                        std::thread::yield_now();
                    }
                }),
            ]);
        });
    });
}

#[test]
fn stress_timeout_two_threads() {
    checked(|| {
        for kind in [Some(0), Some(2), None] {
            for home in [Home::Tasklets, Home::Plain] {
                let count = scale(60);
                let (tx, rx) = make(kind);
                home.run(vec![
                    job(move || {
                        for number in 0..count {
                            if number % 2 == 0 {
                                std::thread::sleep(MS / 4);
                            }
                            let mut value = number;
                            while let Err(error) = tx.send_timeout(value, MS / 10) {
                                assert!(error.is_timeout());
                                value = error.into_value();
                            }
                        }
                    }),
                    job(move || {
                        for number in 0..count {
                            if number % 2 == 1 {
                                std::thread::sleep(MS / 4);
                            }
                            let value = loop {
                                match rx.recv_timeout(MS / 10) {
                                    Ok(value) => break value,
                                    Err(error) => assert!(error.is_timeout(), "{error}"),
                                }
                            };
                            assert_eq!(value, number);
                        }
                    }),
                ]);
            }
        }
    });
}

#[test]
fn drops() {
    checked(|| {
        everywhere(|home, kind| {
            for received in [0, 1, 5, 50] {
                let census = Census::default();
                let (tx, rx) = make::<Counted>(kind);
                let theirs = census.clone();
                home.run(vec![
                    job(move || {
                        for number in 0..received {
                            assert_eq!(rx.recv().unwrap().number, number);
                        }
                    }),
                    job(move || {
                        // What is sent to nobody comes back, and what is buffered for nobody is dropped.
                        let sent = (0..100).take_while(|number| tx.send(theirs.value(*number)).is_ok()).count();
                        assert!(sent >= received);
                    }),
                ]);
                assert_eq!(census.alive(), 0);
                assert!(census.dropped() >= received);
            }
        });
    });
}

#[test]
fn linearizable() {
    checked(|| {
        for home in [Home::OneThread, Home::Tasklets, Home::Plain] {
            for kind in [Some(4), None] {
                // Each puts one in before it takes one out: there always is one.
                let (tx, rx) = make(kind);
                let ends = (0..4).map(|_| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    job(move || {
                        for _ in 0..scale(2_000) {
                            tx.send(0).unwrap();
                            rx.try_recv().unwrap();
                        }
                    })
                });
                home.run(ends.collect());
            }
        }
    });
}

/// How many of the values each receiver got.
fn shares(home: Home, kind: Option<usize>, senders: usize, receivers: usize, count: usize) -> Vec<usize> {
    let (tx, rx) = make(kind);
    let got: Arc<Vec<AtomicUsize>> = Arc::new((0..receivers).map(|_| AtomicUsize::new(0)).collect());
    let mut jobs = Vec::new();
    for _ in 0..senders {
        let tx: Sender<()> = tx.clone();
        jobs.push(job(move || (0..count / senders).for_each(|_| tx.send(()).unwrap())));
    }
    for place in 0..receivers {
        let (rx, got): (Receiver<()>, _) = (rx.clone(), got.clone());
        jobs.push(job(move || {
            for () in rx {
                got[place].fetch_add(1, Ordering::SeqCst);
                schedule().unwrap();
            }
        }));
    }
    drop((tx, rx));
    home.run(jobs);
    got.iter().map(|count| count.load(Ordering::SeqCst)).collect()
}

#[test]
fn fairness() {
    checked(|| {
        for kind in [Some(0), Some(1), Some(10), None] {
            let count = 1_000;
            let got = shares(Home::OneThread, kind, 2, 4, count);
            assert_eq!(got.iter().sum::<usize>(), count);
            assert!(got.iter().all(|share| *share >= count / 16), "{kind:?}: {got:?}");
        }
    });
}

#[test]
fn who_waits_first_is_served_first() {
    checked(|| {
        for kind in [Some(0), Some(1), None] {
            let (tx, rx) = make(kind);
            let (order, served) = make(None);
            for place in 0..5 {
                let (rx, order) = (rx.clone(), order.clone());
                spawn(move || order.send((place, rx.recv().unwrap())).unwrap()).detach();
            }
            schedule().unwrap();
            for value in 0..5 {
                tx.send(value).unwrap();
            }
            assert_eq!(served.iter().take(5).collect::<Vec<_>>(), (0..5).map(|n| (n, n)).collect::<Vec<_>>());
        }
    });
}

#[test]
fn senders_who_wait_keep_their_order() {
    checked(|| {
        for kind in [Some(0), Some(1), Some(3)] {
            let (tx, rx) = make(kind);
            for number in 0..10 {
                let tx = tx.clone();
                spawn(move || tx.send(number).unwrap()).detach();
            }
            drop(tx);
            schedule().unwrap();
            assert_eq!(rx.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        }
    });
}

#[test]
fn recv_in_send() {
    checked(|| {
        everywhere(|home, kind| {
            // A value is made while the send of another one waits.
            let ((tx, rx), (inner, values)) = (make(kind), make(kind));
            home.run(vec![
                job(move || tx.send(values.recv().unwrap()).unwrap()),
                job(move || inner.send(7).unwrap()),
                job(move || assert_eq!(rx.recv().unwrap(), 7)),
            ]);
        });
    });
}

#[test]
fn channel_through_channel() {
    checked(|| {
        everywhere(|home, kind| {
            let (tx, rx) = make::<Receiver<usize>>(kind);
            home.run(vec![
                job(move || {
                    for number in 0..scale(200) {
                        let (inner, values) = make(kind);
                        tx.send(values).unwrap();
                        inner.send(number).unwrap();
                    }
                }),
                job(move || {
                    for (number, values) in rx.into_iter().enumerate() {
                        assert_eq!(values.recv().unwrap(), number);
                    }
                }),
            ]);
        });
    });
}

#[test]
fn both_ends_in_one_hand() {
    checked(|| {
        for kind in [Some(1), Some(10), None] {
            let (tx, rx) = make(kind);
            for number in 0..scale(1_000) {
                tx.send(number).unwrap();
                assert_eq!(rx.recv().unwrap(), number);
            }
        }
    });
}

#[test]
fn zero_sized_values() {
    checked(|| {
        everywhere(|home, kind| {
            let (tx, rx) = make::<()>(kind);
            home.run(vec![
                job(move || assert_eq!(rx.iter().count(), 500)),
                job(move || (0..500).for_each(|_| tx.send(()).unwrap())),
            ]);
        });
    });
}
