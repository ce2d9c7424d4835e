//! The end of a runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tasklets::{Builder, Channel, JoinError, Runtime, SpawnRefusal, schedule, sleep, spawn, spawn_anywhere};

use crate::common::{checked, scale};
use crate::support::{LONG, MS, builder, until};

#[test]
fn shutdown_lets_everything_finish() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let count = scale(200);
        for n in 0..count {
            let done = done.clone();
            drop(runtime.spawn(move || {
                if n % 10 == 0 {
                    sleep(MS).unwrap()
                } else {
                    schedule().unwrap()
                }
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
        let end = runtime.shutdown();
        assert_eq!(end.to_string(), "all tasklets finished");
        assert_eq!(done.load(Ordering::Relaxed), count);
        leaks.check(2);
    });
}

#[test]
fn shutdown_waits_for_times_but_for_those_in_the_background() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for worker in 0..2 {
            Builder::new().background().spawn_on(&runtime.spawner(), worker, || sleep(100 * LONG)).unwrap();
        }
        let (background, theirs) = (Builder::new().background(), done.clone());
        let local = move || drop(spawn(move || sleep(100 * MS).map(|()| theirs.fetch_add(1, Ordering::Relaxed))));
        // What it spawns is not in the background.
        background.spawn_by(&runtime.spawner(), local).unwrap().join().unwrap();
        let end = runtime.shutdown();
        assert_eq!(end.to_string(), "all tasklets finished");
        assert_eq!(done.load(Ordering::Relaxed), 1);
        leaks.check(2);
    });
}

#[test]
fn new_work_is_refused_and_given_back() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        let spawner = runtime.spawner();
        let (go, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (theirs, mark) = (go.clone(), begun.clone());
        let inner = runtime.spawn(move || {
            mark.store(true, Ordering::Release);
            while !theirs.load(Ordering::Acquire) {
                sleep(MS).unwrap();
            }
            spawn_anywhere(|| 1).map(drop).unwrap_err().reason()
        });
        until("it begins", || begun.load(Ordering::Acquire));
        let end = std::thread::spawn(move || runtime.shutdown());
        let mut refused = None;
        until("it is closed", || {
            refused = spawner.spawn(|| "kept").err();
            refused.is_some()
        });
        let error = refused.unwrap();
        assert_eq!(error.to_string(), "the runtime is being shut down, and takes nothing new");
        assert_eq!(error.into_closure()(), "kept");
        assert_eq!(spawner.spawn_on(0, || ()).unwrap_err().reason(), SpawnRefusal::ShutDown);
        go.store(true, Ordering::Release);
        assert_eq!(inner.unwrap().join().unwrap(), SpawnRefusal::ShutDown);
        assert!(end.join().unwrap().is_clean());
        leaks.check(1);
    });
}

#[test]
fn what_has_not_ended_after_the_grace_is_killed() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let sleeper = runtime.spawn(|| sleep(LONG).unwrap()).unwrap();
        let spinner = runtime
            .spawn_on(1, || {
                loop {
                    schedule().unwrap()
                }
            })
            .unwrap();
        let quick = runtime.spawn(|| "done").unwrap();
        let began = Instant::now();
        until("both run", || sleeper.remote().is_some() && spinner.remote().is_some());
        let end = runtime.shutdown_timeout(10 * MS);
        assert!(began.elapsed() < LONG / 2);
        assert_eq!((end.killed, end.unstarted, end.survived), (2, 0, 0));
        assert_eq!(end.to_string(), "2 killed, 0 never begun");
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        assert!(matches!(spinner.join(), Err(JoinError::Killed)));
        assert_eq!(quick.join().unwrap(), "done");
        leaks.check(2);
    });
}

#[test]
fn what_could_never_go_on_is_killed_without_waiting() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let stuck = runtime.spawn(|| Channel::<()>::new().receive().map_err(drop)).unwrap();
        let end = runtime.shutdown();
        assert_eq!((end.killed, end.unstarted, end.survived), (1, 0, 0));
        assert!(matches!(stuck.join(), Err(JoinError::Killed)));
        leaks.check(2);
    });
}

#[test]
fn what_never_began_says_so() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        let (begun, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (mark, theirs) = (begun.clone(), go.clone());
        let busy = runtime.spawn(move || {
            mark.store(true, Ordering::Release);
            let inner = spawn_anywhere(|| ()).unwrap();
            while !theirs.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            inner
        });
        until("it begins", || begun.load(Ordering::Acquire));
        let (outer, on) = (runtime.spawn(|| ()).unwrap(), runtime.spawn_on(0, || ()).unwrap());
        let end = std::thread::spawn(move || runtime.shutdown_timeout(MS));
        std::thread::sleep(50 * MS);
        go.store(true, Ordering::Release);
        let end = end.join().unwrap();
        let inner = busy.unwrap().join().unwrap();
        for handle in [outer, inner] {
            let error = handle.join().unwrap_err();
            assert!(matches!(error, JoinError::NotStarted));
            assert_eq!(error.to_string(), "the tasklet never began: its runtime was shut down first");
        }
        // A worker's own is a tasklet of it as soon as the worker has looked.
        assert!(matches!(on.join(), Err(JoinError::NotStarted | JoinError::Killed) | Ok(())));
        assert!(end.unstarted >= 2, "{end:?}");
        leaks.check(1);
    });
}

#[test]
fn drop_ends_what_can_go_on_and_kills_what_waits() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..scale(100) {
            let done = done.clone();
            drop(runtime.spawn(move || {
                schedule().unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
        let sleeper = runtime.spawn(|| sleep(LONG)).unwrap();
        drop(runtime);
        assert_eq!(done.load(Ordering::Relaxed), scale(100));
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        leaks.check(2);
    });
}

#[test]
fn a_panic_that_drops_the_runtime_kills_at_once() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        let spinner = runtime
            .spawn(|| {
                loop {
                    schedule().unwrap()
                }
            })
            .unwrap();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _runtime = runtime;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
        assert!(spinner.join().is_err());
        leaks.check(1);
    });
}

#[test]
fn a_runtime_that_is_dropped_by_its_own_tasklet_ends_after_it() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel::<Runtime>();
        let last = runtime.spawn(move || {
            let runtime = receiver.recv().unwrap();
            runtime.shutdown()
        });
        sender.send(runtime).unwrap();
        assert!(last.unwrap().join().unwrap().unfinished);
        until("the worker has ended", || leaks.ended() == 1);
        leaks.check(1);
    });
}

#[test]
fn spawning_while_it_shuts_down_loses_nothing() {
    checked(|| {
        for round in 0..scale(50) {
            let (builder, leaks) = builder(2);
            let runtime = builder.build().unwrap();
            let spawner = runtime.spawner();
            let spawning = std::thread::spawn(move || {
                let mut handles = Vec::new();
                while let Ok(handle) = spawner.spawn(|| schedule().unwrap()) {
                    handles.push(handle);
                }
                handles
            });
            std::thread::sleep(MS / 10 * (round as u32 % 5));
            if round % 2 == 0 {
                drop(runtime)
            } else {
                let _ = runtime.shutdown_timeout(MS / 10);
            }
            for handle in spawning.join().unwrap() {
                let result = handle.join_timeout(LONG);
                assert!(matches!(result, Ok(()) | Err(JoinError::Killed | JoinError::NotStarted)), "{result:?}");
            }
            leaks.check(2);
        }
    });
}

#[test]
fn local_tasklets_of_workers_are_ended_too() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        runtime
            .run(|| {
                spawn(|| {
                    loop {
                        sleep(LONG).unwrap()
                    }
                })
                .detach()
                .is_alive()
            })
            .unwrap();
        drop(runtime);
        leaks.check(1);
    });
}

/// Does what it may when it is dropped.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
        if !std::thread::panicking() {
            assert!(spawn_anywhere(|| ()).is_err());
            spawn(|| schedule().unwrap()).join().unwrap();
            spawn(|| {
                loop {
                    sleep(LONG).unwrap()
                }
            })
            .detach();
        }
    }
}

#[test]
fn closures_that_never_begin_may_do_anything_when_they_are_dropped() {
    checked(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (builder, leaks) = builder(1);
        let runtime = builder.build().unwrap();
        let (begun, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (mark, theirs) = (begun.clone(), go.clone());
        let busy = Busy(dropped.clone());
        let blocker = runtime.spawn(move || {
            let inner = spawn_anywhere(move || drop(busy)).unwrap();
            mark.store(true, Ordering::Release);
            while !theirs.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            inner
        });
        until("it begins", || begun.load(Ordering::Acquire));
        let (outer, on) = (Busy(dropped.clone()), Busy(dropped.clone()));
        drop(runtime.spawn(move || drop(outer)).unwrap());
        drop(runtime.spawn_on(0, move || drop(on)).unwrap());
        let end = std::thread::spawn(move || runtime.shutdown_timeout(MS));
        std::thread::sleep(20 * MS);
        go.store(true, Ordering::Release);
        end.join().unwrap();
        assert!(blocker.unwrap().join().unwrap().is_finished());
        assert_eq!(dropped.load(Ordering::Acquire), 3);
        leaks.check(1);
    });
}

#[test]
fn hooks_that_panic_do_no_harm() {
    checked(|| {
        let quiet = || std::panic::resume_unwind(Box::new("a hook"));
        let runtime = Runtime::builder()
            .threads(2)
            .on_thread_start(move |_| quiet())
            .on_thread_stop(move |_| quiet())
            .on_stall(move |_| quiet())
            .on_panic(move |_| quiet())
            .build()
            .unwrap();
        drop(runtime.spawn(|| std::panic::resume_unwind(Box::new("a tasklet"))).map(|handle: tasklets::Handle| handle));
        let stuck = runtime.spawn(|| drop(Channel::<()>::new().receive())).unwrap();
        for n in 0..20 {
            assert_eq!(runtime.run(move || n).unwrap(), n);
        }
        stuck.kill();
        assert!(matches!(stuck.join(), Err(JoinError::Killed)));
        assert!(runtime.shutdown().is_clean());
    });
}
