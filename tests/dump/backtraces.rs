//! Where tasklets are: backtraces of others, taken from anywhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasklets::{Channel, dump, dump_with_backtraces, kill_all, run, schedule, spawn};

use crate::common::{checked, scale};
use crate::{backtrace, find, have_a_rest, named, wait_for_an_order};

#[test]
fn a_backtrace_names_what_a_tasklet_is_in() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let clerk = named("clerk").spawn(move || wait_for_an_order(&inbox));
        let resting = named("resting").spawn(have_a_rest);
        let ready = named("ready").spawn(|| schedule().map_err(drop));
        let later = named("later").paused(|| ());
        schedule().expect("the others");
        let dump = dump_with_backtraces();
        assert!(backtrace(&find(&dump, "clerk")).contains("wait_for_an_order"), "{dump:#}");
        assert!(backtrace(&find(&dump, "resting")).contains("have_a_rest"), "{dump:#}");
        assert!(backtrace(&find(&dump, "ready")).contains("backtraces.rs"), "{dump:#}");
        assert!(backtrace(&dump.tasklets[0]).contains("a_backtrace_names_what_a_tasklet_is_in"), "{dump:#}");
        assert!(find(&dump, "later").backtrace.is_none());
        let (short, long) = (dump.to_string(), format!("{dump:#}"));
        assert!(short.contains("wait_for_an_order") && long.contains("wait_for_an_order"), "{long}");
        assert!(!short.contains("catch_unwind") && long.contains("catch_unwind"), "{short}");
        // The thread's own flow begins in the system's libraries, which may have no names.
        let ours = dump.tasklets.iter().skip(1).filter_map(|tasklet| tasklet.backtrace.as_ref());
        assert!(ours.into_iter().all(|backtrace| !backtrace.to_string().contains("<unknown>")), "{long}");
        // It is plain data.
        let printed = std::thread::spawn(move || dump.to_string()).join().expect("a text");
        assert_eq!(printed, short);
        channel.send(1).expect("the clerk waits");
        assert_eq!(clerk.join().expect("its end"), 2);
        assert!(kill_all().is_empty());
        drop((resting, ready, later));
    });
}

/// A tasklet may wait on a stack that it made itself.
#[test]
fn a_backtrace_is_of_the_greenlet_that_a_tasklet_is_in() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let tasklet = named("outer").spawn(move || {
            let inner = greenlet::Greenlet::new(move |()| {
                wait_for_an_order(&inbox);
            });
            inner.switch(()).map(drop).expect("the inner one");
        });
        schedule().expect("the others");
        let dump = dump_with_backtraces();
        assert!(backtrace(&find(&dump, "outer")).contains("wait_for_an_order"), "{dump:#}");
        channel.send(1).expect("it waits");
        tasklet.join().expect("its end");
    });
}

#[test]
fn a_thousand_tasklets_are_looked_at() {
    checked(|| {
        let count = scale(1_000);
        let channel = Channel::<u32>::new();
        let total = Rc::new(std::cell::Cell::new(0));
        for _ in 0..count {
            let (inbox, total) = (channel.clone(), total.clone());
            spawn(move || {
                let got = wait_for_an_order(&inbox);
                total.set(total.get() + got);
            });
        }
        run();
        for _ in 0..2 {
            let dump = dump_with_backtraces();
            assert_eq!(dump.tasklets.len(), count + 1);
            for tasklet in dump.tasklets.iter().skip(1).step_by(count.div_ceil(20)) {
                assert!(backtrace(tasklet).contains("wait_for_an_order"));
            }
            assert!(dump.tasklets.iter().all(|tasklet| tasklet.backtrace.is_some()));
        }
        assert_eq!(dump().to_string().lines().count(), (count + 3).min(1_003));
        (0..count).for_each(|_| channel.send(1).expect("one waits"));
        run();
        assert_eq!(total.get(), 2 * count as u32);
    });
}

/// In callbacks, in destructors of what unwinds, and in the midst of an end.
#[test]
fn looking_is_possible_anywhere() {
    struct Looks;
    impl Drop for Looks {
        fn drop(&mut self) {
            let dump = dump_with_backtraces();
            let refused = std::thread::panicking();
            assert!(dump.tasklets.iter().all(|tasklet| tasklet.backtrace.is_none() == refused || !tasklet.begun));
        }
    }
    checked(|| {
        let looks = Rc::new(AtomicUsize::new(0));
        let count = looks.clone();
        tasklets::set_schedule_callback(Some(Rc::new(move |_, _| {
            let dump = dump_with_backtraces();
            assert!(dump.tasklets.iter().any(|tasklet| tasklet.backtrace.is_some()));
            count.fetch_add(1, Ordering::Relaxed);
        })));
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let killed = spawn(move || {
            let _looks = Looks;
            wait_for_an_order(&inbox)
        });
        spawn(|| {
            let _looks = Looks;
        });
        run();
        killed.kill().expect("a blocked tasklet");
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _looks = Looks;
            std::panic::resume_unwind(Box::new("a panic"));
        }));
        assert!(caught.is_err());
        drop(tasklets::set_schedule_callback(None));
        assert!(looks.load(Ordering::Relaxed) >= 4, "{looks:?}");
    });
}
