//! `unblock`: who waits, and what becomes of the work.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tasklets::{
    BlockOnReason, JoinError, Runtime, advance, current, schedule, spawn, timeout, unblock, unblock_deadline,
    unblock_timeout, with_virtual_time,
};

use crate::common::{checked, scale};

#[test]
fn work_is_done_elsewhere_while_others_run() {
    checked(|| {
        let (go, wait) = mpsc::channel::<()>();
        let here = thread::current().id();
        let worker = spawn(move || {
            unblock(move || {
                wait.recv().unwrap();
                thread::current().id()
            })
            .unwrap()
        });
        schedule().unwrap();
        assert!(worker.is_blocked());
        // The work goes on because this tasklet does.
        go.send(()).unwrap();
        assert_ne!(worker.join().unwrap(), here);
    });
}

#[test]
fn a_panic_of_the_work_is_the_callers() {
    checked(|| {
        let worker = spawn(|| unblock(|| resume_unwind(Box::new("oh"))).unwrap());
        let Err(JoinError::Panicked(payload)) = worker.join() else { panic!("it did") };
        assert_eq!(payload.downcast_ref(), Some(&"oh"));
    });
}

/// Says when it is dropped.
struct Told(mpsc::Sender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[test]
fn a_killed_waiter_leaves_the_work_to_its_end_and_the_result_to_nobody() {
    checked(|| {
        let (say, hear) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let worker = spawn(move || {
            let result = unblock(move || {
                say.send("begun").unwrap();
                wait.recv().unwrap();
                say.send("done").unwrap();
                Told(say)
            });
            drop(result);
            unreachable!("it is killed");
        });
        schedule().unwrap();
        assert_eq!(hear.recv().unwrap(), "begun");
        worker.kill().unwrap();
        assert!(matches!(worker.join(), Err(JoinError::Killed)));
        go.send(()).unwrap();
        assert_eq!(hear.iter().collect::<Vec<_>>(), ["done", "dropped"]);
    });
}

#[test]
fn a_limit_of_time_leaves_the_work_to_its_end() {
    checked(|| {
        let (say, hear) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let late = timeout(Duration::from_millis(100), move || {
            unblock(move || {
                say.send("begun").unwrap();
                wait.recv().unwrap();
                say.send("done").unwrap();
            })
        });
        assert!(late.is_err());
        // Where everything is slow it has not begun, and never does.
        if hear.recv().is_ok() {
            go.send(()).unwrap();
            assert_eq!(hear.iter().collect::<Vec<_>>(), ["done"]);
        }
    });
}

#[test]
fn a_runtime_whose_tasklets_wait_for_work_does_not_stand_still() {
    checked(|| {
        let (stalls, told) = mpsc::channel();
        let hook = move |report: &_| stalls.send(format!("{report}")).unwrap();
        let runtime = Runtime::builder().threads(2).closed().on_stall(hook).build().unwrap();
        let slow = || thread::sleep(Duration::from_millis(50));
        let handles = [(); 4].map(|()| runtime.spawn(move || unblock(slow)).unwrap());
        handles.iter().for_each(|handle| handle.join().unwrap().unwrap());
        runtime.shutdown();
        assert_eq!(told.iter().next(), None);
    });
}

#[test]
fn many_wait_at_once() {
    checked(|| {
        let tasklets: Vec<_> =
            (0..scale(200)).map(|number| spawn(move || unblock(move || number * 2).unwrap())).collect();
        for (number, tasklet) in tasklets.iter().enumerate() {
            assert_eq!(tasklet.join().unwrap(), number * 2);
        }
    });
}

#[test]
fn a_block_trap_refuses_it_before_it_begins() {
    checked(|| {
        let (say, hear) = mpsc::channel();
        let tasklet = spawn(move || {
            current().set_block_trap(true);
            let error = unblock(move || say.send("begun").unwrap()).unwrap_err();
            assert!(matches!(error.reason, BlockOnReason::BlockTrap), "{error}");
        });
        tasklet.join().unwrap();
        assert_eq!(hear.iter().next(), None);
    });
}

#[test]
fn threads_without_tasklets_may_use_it() {
    assert_eq!(unblock(|| 6 * 7).unwrap(), 42);
}

#[test]
fn work_is_waited_for_for_a_limited_time() {
    struct Told(mpsc::Sender<&'static str>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    checked(|| {
        let (say, hear) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let told = Told(say.clone());
        with_virtual_time(|| {
            let waiting = spawn(move || {
                unblock_timeout(Duration::from_secs(60), move || {
                    say.send("begun").unwrap();
                    wait.recv().unwrap();
                    told
                })
                .map(drop)
            });
            schedule().unwrap();
            assert_eq!(hear.recv().unwrap(), "begun");
            advance(Duration::from_secs(60));
            let error = waiting.join().unwrap().unwrap_err();
            assert!(error.is_timeout(), "{error}");
        });
        // It goes on, and its result is nobody's.
        assert!(hear.try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(hear.recv().unwrap(), "dropped");
        assert_eq!(unblock_timeout(Duration::from_secs(600), || 7).unwrap(), 7);
        assert_eq!(unblock_deadline(tasklets::now() + Duration::from_secs(600), || 8).unwrap(), 8);
        let late = unblock_deadline(tasklets::now(), || std::thread::sleep(Duration::from_millis(300)));
        assert!(late.is_err_and(|error| error.is_timeout()));
    });
}
