//! `Event` and `Barrier`.

use std::sync::Arc;
use std::time::Duration;

use tasklets::sync::{Barrier, Event};
use tasklets::{run, schedule, spawn, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{fails, thread, timed_out, without_numbers, would_block};

const MS: Duration = Duration::from_millis(1);

#[test]
fn an_event_is_set_and_cleared() {
    static READY: Event = Event::new();
    checked(|| {
        assert!(!READY.is_set());
        fails(READY.try_wait(), would_block);
        READY.set();
        READY.set();
        READY.wait().unwrap();
        READY.try_wait().unwrap();
        READY.clear();
        fails(READY.try_wait(), would_block);
        with_virtual_time(|| fails(READY.wait_timeout(MS), timed_out));
        with_virtual_time(|| fails(READY.wait_deadline(tasklets::now() + MS), timed_out));
    });
}

#[test]
fn everyone_who_waits_goes_even_if_it_is_cleared_at_once() {
    checked(|| {
        let e = Arc::new(Event::default());
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let e = e.clone();
                spawn(move || e.wait().unwrap())
            })
            .collect();
        schedule().unwrap();
        waiters[3].kill().unwrap();
        e.set();
        e.clear();
        let late = {
            let e = e.clone();
            spawn(move || e.wait().unwrap())
        };
        waiters[7].kill().unwrap();
        schedule().unwrap();
        assert!(waiters.iter().all(|waiter| !waiter.is_alive()));
        assert!(late.is_blocked());
        e.set();
        late.join().unwrap();
    });
}

#[test]
fn an_event_of_several_threads() {
    checked(|| {
        for _ in 0..scale(100) {
            let (go, gone) = (Arc::new(Event::named("go")), Arc::new(Event::new()));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (go, gone) = (go.clone(), gone.clone());
                    thread(move || {
                        for _ in 0..3 {
                            let go = go.clone();
                            spawn(move || go.wait().unwrap());
                        }
                        assert!(run().is_finished());
                        gone.set();
                    })
                })
                .collect();
            go.set();
            gone.wait().unwrap();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    });
}

#[test]
fn a_barrier_has_one_leader_at_each_meeting() {
    checked(|| {
        let b = Arc::new(Barrier::new(4));
        for _ in 0..3 {
            let comers: Vec<_> = (0..4)
                .map(|_| {
                    let b = b.clone();
                    spawn(move || b.wait().unwrap().is_leader())
                })
                .collect();
            assert!(run().is_finished());
            // Whoever comes last.
            let leaders: Vec<bool> = comers.into_iter().map(|comer| comer.join().unwrap()).collect();
            assert_eq!(leaders, [false, false, false, true]);
        }
        assert!(Barrier::new(0).wait().unwrap().is_leader());
        assert!(Barrier::new(1).try_wait().unwrap().is_leader());
    });
}

#[test]
fn who_leaves_a_barrier_is_not_counted() {
    checked(|| {
        with_virtual_time(|| {
            let b = Arc::new(Barrier::named("start", 3));
            let comers: Vec<_> = (0..2)
                .map(|_| {
                    let b = b.clone();
                    spawn(move || b.wait().unwrap())
                })
                .collect();
            schedule().unwrap();
            comers[0].kill().unwrap();
            fails(b.try_wait(), would_block);
            let error = b.wait_timeout(MS).unwrap_err().to_string();
            let place = "tests/sync/event_barrier.rs:#:#";
            assert_eq!(
                without_numbers(&error),
                format!("wait on barrier # \"start\" (# of # there) at {place}: its time was up")
            );
            let theirs = b.clone();
            let third = spawn(move || theirs.wait().unwrap().is_leader());
            schedule().unwrap();
            assert!(third.is_blocked());
            assert!(b.wait_deadline(tasklets::now()).unwrap().is_leader());
            assert!(!third.join().unwrap());
            run();
            assert!(!comers[1].is_alive());
        });
    });
}

#[test]
fn a_barrier_of_several_threads() {
    checked(|| {
        let rounds = scale(200);
        let b = Arc::new(Barrier::new(6));
        let work = |b: Arc<Barrier>| {
            move || {
                let comers: Vec<_> = (0..2)
                    .map(|_| {
                        let b = b.clone();
                        spawn(move || (0..rounds).filter(|_| b.wait().unwrap().is_leader()).count())
                    })
                    .collect();
                assert!(run().is_finished());
                comers.into_iter().map(|comer| comer.join().unwrap()).sum::<usize>()
            }
        };
        let threads: Vec<_> = (0..2).map(|_| thread(work(b.clone()))).collect();
        let mine = work(b.clone())();
        let theirs: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(mine + theirs, rounds);
    });
}
