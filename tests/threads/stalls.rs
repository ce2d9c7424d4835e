//! What is said when nothing goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use tasklets::{Channel, JoinError, Runtime, RuntimeReport, rendezvous, select, sleep, spawn};

use crate::common::{checked, scale};
use crate::support::{LONG, MS, builder, until};

/// Where a line of this file is.
macro_rules! at {
    ($line:expr, $column:expr) => {
        format!("{}:{}:{}", file!(), $line, $column)
    };
}

#[test]
fn a_stall_is_told_once_and_nothing_fails() {
    checked(|| {
        let (sender, stalls) = mpsc::channel();
        let (builder, leaks) = builder(2);
        let hook = move |report: &RuntimeReport| sender.send(report.to_string()).unwrap();
        let runtime = builder.on_stall(hook).build().unwrap();
        let line = line!() + 1;
        let waiter = runtime.spawn_on(1, || Channel::<()>::new().receive().map_err(drop)).unwrap();
        let text = stalls.recv_timeout(LONG).unwrap();
        let expected = format!(
            "1 tasklet blocked:\n  tasklet 1 of worker-1: receive on channel 1 at {}, spawned at {}",
            at!(line, 66),
            at!(line, 30)
        );
        assert_eq!(text, expected);
        assert_eq!(runtime.dump().to_string(), expected);
        assert!(stalls.recv_timeout(20 * MS).is_err(), "once");
        assert!(!waiter.is_finished());
        // It goes on, and stalls again.
        runtime.run(|| ()).unwrap();
        assert_eq!(stalls.recv_timeout(LONG).unwrap(), expected);
        drop(runtime);
        leaks.check(2);
    });
}

#[test]
fn there_is_no_stall_while_anybody_sleeps() {
    checked(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let (builder, leaks) = builder(2);
        let runtime = builder.on_stall(move |_| _ = counter.fetch_add(1, Ordering::Relaxed)).build().unwrap();
        let blocked = runtime.spawn(|| Channel::<()>::new().receive_timeout(20 * MS).map_err(drop)).unwrap();
        let sleeper = runtime.spawn(|| sleep(20 * MS).unwrap()).unwrap();
        sleeper.join().unwrap();
        assert!(blocked.join().unwrap().is_err());
        assert_eq!(count.load(Ordering::Relaxed), 0);
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}

#[test]
#[cfg(unix)]
fn who_selects_on_a_socket_is_not_stuck_even_in_a_closed_runtime() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.closed().build().unwrap();
        let (here, there) = tasklets::net::UnixStream::pair().unwrap();
        let (_sender, receiver) = rendezvous::<()>();
        let waiting = runtime.spawn(move || {
            select! {
                readable(here) -> ready => ready.map_err(|error| error.to_string()),
                recv(receiver) -> message => message.map_err(|error| error.to_string()),
            }
        });
        // Longer than it takes to find out that nothing goes on.
        std::thread::sleep(50 * MS);
        there.try_write(b"x").unwrap();
        assert_eq!(waiting.unwrap().join().unwrap(), Ok(()));
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}

#[test]
fn in_a_closed_runtime_every_waiter_fails_and_knows_all_others() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.closed().build().unwrap();
        let spawner = runtime.spawner();
        let result = runtime.run(move || {
            let wait = || Channel::<()>::new().receive().unwrap_err().to_string();
            let children = [0, 1].map(|worker| spawner.spawn_on(worker, wait).unwrap());
            let mine = children[0].join();
            (mine.map_err(|error| error.to_string()), children)
        });
        let (first, children) = result.unwrap();
        // Its own wait failed, although its child's did, too.
        let mut texts = vec![first.unwrap_err()];
        texts.extend(children.iter().map(|child| child.join().unwrap()));
        for text in texts {
            assert!(text.contains("3 tasklets blocked:"), "{text}");
            assert!(text.contains("receive on channel") && text.contains("join on tasklet"), "{text}");
            assert!(text.contains("of worker-0") && text.contains("of worker-1"), "{text}");
        }
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}

#[test]
fn a_closed_runtime_names_a_deadlock_of_joins_over_two_threads() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.closed().build().unwrap();
        let cell: Arc<Mutex<Option<tasklets::Handle<bool>>>> = Arc::default();
        let spawner = runtime.spawner();
        let result = runtime.run(move || {
            let theirs = cell.clone();
            let a = spawner.spawn_on(0, move || {
                let b = loop {
                    if let Some(b) = theirs.lock().unwrap().take() {
                        break b;
                    }
                    sleep(MS).unwrap();
                };
                matches!(b.join(), Err(JoinError::Deadlock(_)))
            });
            let a = a.unwrap();
            let other = a.clone();
            let b = spawner.spawn_on(1, move || matches!(other.join(), Err(JoinError::Deadlock(_)))).unwrap();
            *cell.lock().unwrap() = Some(b.clone());
            // A third one, that waits for nobody in the cycle.
            (a, b)
        });
        let (a, b) = result.unwrap();
        until("both have ended", || a.is_finished() && b.is_finished());
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}

#[test]
fn a_runtime_that_is_not_closed_waits_for_other_threads() {
    checked(|| {
        let (builder, leaks) = builder(1);
        let first = builder.build().unwrap();
        let second = Runtime::builder().threads(1).build().unwrap();
        let slow = second.spawn(|| sleep(10 * MS).map(|()| 3).unwrap()).unwrap();
        let waiter = first.spawn(move || slow.join().unwrap()).unwrap();
        // It waits for the other runtime, which nobody here knows of.
        assert!(first.shutdown().is_clean());
        assert_eq!(waiter.join().unwrap(), 3);
        leaks.check(1);
    });
}

#[test]
fn a_local_deadlock_of_a_plain_thread_is_an_error_still() {
    checked(|| {
        let _runtime = Runtime::builder().threads(1).build().unwrap();
        assert!(Channel::<()>::new().receive().is_err());
        let t = spawn(|| ());
        t.join().unwrap();
    });
}

#[test]
fn dump_names_workers_that_do_not_answer() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).build().unwrap();
        let (sender, receiver) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let busy = runtime.spawn_on(1, move || {
            begun.send(()).unwrap();
            receiver.recv().unwrap_err();
        });
        has_begun.recv().unwrap();
        let report = runtime.dump();
        assert_eq!(report.silent, ["worker-1"]);
        let text = report.to_string();
        assert_eq!(text, "no tasklet is blocked\nworker-1 does not answer: what it runs does not switch");
        drop(sender);
        busy.unwrap().join().unwrap();
    });
}

#[test]
fn a_cycle_of_joins_on_one_worker_is_an_error_that_names_it() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.build().unwrap();
        let (first, second) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let joiner = |mine: &Arc<Mutex<Option<tasklets::Handle<String>>>>| {
            let other = mine.clone();
            move || {
                let other = loop {
                    if let Some(other) = other.lock().unwrap().take() {
                        break other;
                    }
                    sleep(MS).unwrap();
                };
                other.join().unwrap_or_else(|error| error.to_string())
            }
        };
        let a = runtime.spawn_on(0, joiner(&second)).unwrap();
        let b = runtime.spawn_on(0, joiner(&first)).unwrap();
        *first.lock().unwrap() = Some(a.clone());
        *second.lock().unwrap() = Some(b.clone());
        // Whoever closes the cycle gets the error, and the other one takes its result, which is the error's text.
        until("both have ended", || a.is_finished() && b.is_finished());
        let texts = [a, b].map(|handle| handle.join().unwrap_or_default());
        let text = texts.iter().find(|text| text.starts_with("deadlock")).unwrap();
        assert!(text.contains("2 tasklets blocked:") && text.matches("join on tasklet").count() == 2, "{text}");
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}

#[test]
fn many_waiters_share_one_report() {
    checked(|| {
        let (builder, leaks) = builder(2);
        let runtime = builder.closed().build().unwrap();
        let count = scale(5_000);
        let failed = runtime.run(move || {
            let wait = || Channel::<()>::new().receive().unwrap_err();
            let waiters: Vec<_> = (0..count).map(|_| spawn(wait)).collect();
            let errors = waiters.iter().filter(|waiter| matches!(waiter.join(), Ok(_) | Err(JoinError::Deadlock(_))));
            errors.count()
        });
        assert_eq!(failed.unwrap(), count);
        assert!(runtime.shutdown().is_clean());
        leaks.check(2);
    });
}
