//! Waiting for results.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tasklets::{JoinError, run, schedule, sleep, spawn};

use crate::common::{checked, scale};
use crate::support::{LONG, MS, builder, until, with_runtime};

/// Says when it is dropped.
struct Told(Arc<AtomicBool>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn told() -> (Told, impl Fn() -> bool) {
    let flag = Arc::new(AtomicBool::new(false));
    (Told(flag.clone()), move || flag.load(Ordering::Acquire))
}

#[test]
fn any_thread_may_join() {
    checked(|| {
        with_runtime(2, |runtime| {
            let slow = || {
                sleep(MS).unwrap();
                7
            };
            // A thread that has no tasklets, and a tasklet of this one.
            let handle = runtime.spawn(slow).unwrap();
            assert_eq!(std::thread::spawn(move || handle.join().unwrap()).join().unwrap(), 7);
            let handle = runtime.spawn(slow).unwrap();
            let joiner = spawn(move || handle.join().unwrap());
            assert_eq!(joiner.join().unwrap(), 7);
            // A tasklet of the other worker.
            let handle = runtime.spawn_on(0, slow).unwrap();
            assert_eq!(runtime.spawn_on(1, move || handle.join().unwrap()).unwrap().join().unwrap(), 7);
        });
    });
}

#[test]
fn others_run_while_a_tasklet_joins() {
    checked(|| {
        with_runtime(1, |runtime| {
            let flag = Arc::new(AtomicBool::new(false));
            let theirs = flag.clone();
            let handle = runtime
                .spawn(move || {
                    while !theirs.load(Ordering::Acquire) {
                        schedule().unwrap()
                    }
                })
                .unwrap();
            spawn(move || flag.store(true, Ordering::Release)).detach();
            handle.join().unwrap();
        });
    });
}

#[test]
fn one_of_several_joiners_gets_the_result() {
    checked(|| {
        with_runtime(2, |runtime| {
            let handle = runtime.spawn(|| sleep(MS).map(|()| 5).unwrap()).unwrap();
            let joiners: Vec<_> = (0..4)
                .map(|_| {
                    let handle = handle.clone();
                    runtime.spawn(move || handle.join()).unwrap()
                })
                .collect();
            let results: Vec<_> = joiners.iter().map(|joiner| joiner.join().unwrap()).collect();
            assert_eq!(results.iter().filter(|result| matches!(result, Ok(5))).count(), 1);
            assert_eq!(results.iter().filter(|result| matches!(result, Err(JoinError::Taken))).count(), 3);
        });
    });
}

#[test]
fn a_join_gives_up_when_its_time_is_up_and_can_be_tried_again() {
    checked(|| {
        with_runtime(1, |runtime| {
            let go = Arc::new(AtomicBool::new(false));
            let theirs = go.clone();
            let handle = runtime
                .spawn(move || {
                    while !theirs.load(Ordering::Acquire) {
                        sleep(MS).unwrap()
                    }
                })
                .unwrap();
            let began = Instant::now();
            assert!(matches!(handle.join_timeout(2 * MS), Err(JoinError::TimedOut)));
            assert!(began.elapsed() >= 2 * MS);
            assert!(matches!(handle.join_deadline(Instant::now()), Err(JoinError::TimedOut)));
            go.store(true, Ordering::Release);
            handle.join_timeout(LONG).unwrap();
        });
    });
}

#[test]
fn a_panic_comes_back_through_the_handle() {
    checked(|| {
        with_runtime(2, |runtime| {
            let handle = runtime.spawn(|| -> () { std::panic::resume_unwind(Box::new("oh")) }).unwrap();
            let Err(JoinError::Panicked(payload)) = handle.join() else { panic!("it did") };
            assert_eq!(payload.downcast_ref(), Some(&"oh"));
            assert!(matches!(handle.join(), Err(JoinError::Taken)));
            // The worker goes on.
            assert_eq!(runtime.run(|| 1).unwrap(), 1);
        });
    });
}

#[test]
fn a_panic_that_nobody_can_join_goes_to_the_hook() {
    checked(|| {
        let (sender, panics) = std::sync::mpsc::channel();
        let (builder, leaks) = builder(1);
        let runtime = builder.on_panic(move |payload| sender.send(payload).unwrap()).build().unwrap();
        drop(runtime.spawn_on(0, || {
            schedule().unwrap();
            std::panic::resume_unwind(Box::new(1));
        }));
        // Whether it has ended before its handle goes away, or not.
        let late = runtime.spawn(|| std::panic::resume_unwind(Box::new(3))).unwrap();
        until("it has ended", || late.is_finished());
        drop::<tasklets::Handle>(late);
        drop(runtime.spawn_on(0, || {
            spawn(|| std::panic::resume_unwind(Box::new(2))).detach();
        }));
        let mut seen: Vec<i32> = (0..3).map(|_| *panics.recv_timeout(LONG).unwrap().downcast().unwrap()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3]);
        assert_eq!(runtime.run(|| 1).unwrap(), 1);
        assert!(runtime.shutdown().is_clean());
        leaks.check(1);
    });
}

#[test]
fn a_tasklet_cannot_join_itself() {
    checked(|| {
        with_runtime(1, |runtime| {
            let (sender, receiver) = std::sync::mpsc::channel::<tasklets::Handle>();
            let (result, results) = std::sync::mpsc::channel();
            let me = runtime.spawn(move || {
                let me = receiver.recv().unwrap();
                result.send(matches!(me.join(), Err(JoinError::Current))).unwrap();
            });
            sender.send(me.unwrap()).unwrap();
            assert!(results.recv_timeout(LONG).unwrap());
        });
    });
}

#[test]
fn a_kill_from_another_thread_unwinds() {
    checked(|| {
        with_runtime(2, |runtime| {
            let (guard, dropped) = told();
            let (begun, has_begun) = told();
            let handle = runtime
                .spawn(move || {
                    let _guard = guard;
                    drop(begun);
                    loop {
                        sleep(LONG).unwrap();
                    }
                })
                .unwrap();
            until("it begins", has_begun);
            assert!(!dropped());
            handle.kill();
            assert!(matches!(handle.join_timeout(LONG), Err(JoinError::Killed)));
            assert!(dropped());
            // Again: nothing.
            handle.kill();
        });
    });
}

#[test]
fn what_is_killed_before_it_begins_never_does() {
    checked(|| {
        with_runtime(1, |runtime| {
            let hold = Arc::new(AtomicBool::new(true));
            let theirs = hold.clone();
            let (begun, has_begun) = told();
            // The only worker does not switch meanwhile.
            let busy = runtime.spawn(move || {
                drop(begun);
                while theirs.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
            });
            until("it begins", has_begun);
            let (guard, dropped) = told();
            let handle = runtime.spawn(move || drop(guard)).unwrap();
            assert!(handle.remote().is_none());
            handle.kill();
            assert!(dropped() && handle.is_finished());
            hold.store(false, Ordering::Release);
            assert!(matches!(handle.join(), Err(JoinError::Killed)));
            busy.unwrap().join().unwrap();
        });
    });
}

#[test]
fn a_joiner_that_is_killed_leaves_the_others() {
    checked(|| {
        with_runtime(1, |runtime| {
            let go = Arc::new(AtomicBool::new(false));
            let theirs = go.clone();
            let handle = runtime
                .spawn(move || {
                    while !theirs.load(Ordering::Acquire) {
                        sleep(MS).unwrap()
                    }
                })
                .unwrap();
            let joiners: Vec<_> = (0..3)
                .map(|_| {
                    let handle = handle.clone();
                    spawn(move || handle.join())
                })
                .collect();
            schedule().unwrap();
            joiners[1].kill().unwrap();
            assert!(!joiners[1].is_alive());
            go.store(true, Ordering::Release);
            run();
            let served = [0, 2].map(|n| joiners[n].join().unwrap());
            assert_eq!(served.iter().filter(|result| result.is_ok()).count(), 1);
        });
    });
}

#[test]
fn a_result_that_nobody_wants_is_dropped() {
    checked(|| {
        with_runtime(2, |runtime| {
            for _ in 0..scale(200) {
                let (guard, dropped) = told();
                let (early, was_dropped) = told();
                drop(runtime.spawn(move || guard).unwrap());
                let handle = runtime.spawn(move || early).unwrap();
                until("it has ended", || handle.is_finished());
                assert!(!was_dropped());
                drop(handle);
                until("both are dropped", || dropped() && was_dropped());
            }
        });
    });
}

#[test]
fn a_result_may_do_anything_when_it_is_dropped() {
    struct Busy;
    impl Drop for Busy {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                spawn(|| ()).join().unwrap();
            }
        }
    }
    checked(|| {
        with_runtime(1, |runtime| {
            drop(runtime.spawn(|| Busy).unwrap());
            drop(runtime.spawn(|| Busy).unwrap().join());
        });
    });
}
