//! Commands from other threads.

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::rc::Rc;

use tasklets::{Channel, RemoteTasklet, TaskletExit, main_tasklet, run, schedule, schedule_remove, spawn};

use crate::common::checked;

/// Does something with a tasklet on another thread, and waits until that has been said.
fn elsewhere(remote: RemoteTasklet, command: impl FnOnce(&RemoteTasklet) + Send + 'static) {
    std::thread::spawn(move || command(&remote)).join().unwrap();
}

/// A tasklet that has begun, and is paused now.
fn paused(log: &Rc<RefCell<Vec<&'static str>>>) -> tasklets::Tasklet {
    let log = log.clone();
    let t = spawn(move || {
        schedule_remove().unwrap();
        log.borrow_mut().push("went on");
    });
    t.run().unwrap();
    assert!(t.is_paused());
    t
}

#[test]
fn insert_makes_a_paused_tasklet_the_last_runnable_one() {
    checked(|| {
        let log = Rc::default();
        let t = paused(&log);
        elsewhere(t.remote(), |t| t.insert().unwrap());
        assert!(t.is_paused(), "not before its thread has looked");
        schedule().unwrap();
        assert_eq!(*log.borrow(), ["went on"]);
        assert!(!t.is_alive());
    });
}

#[test]
fn remove_pauses_a_runnable_tasklet() {
    checked(|| {
        let t = spawn(|| 1);
        elsewhere(t.remote(), |t| t.remove().unwrap());
        schedule().unwrap();
        // The look comes before the switch, or after the first one at the latest.
        let ran = !t.is_alive();
        assert!(ran || t.is_paused());
        if !ran {
            t.insert().unwrap();
        }
        assert_eq!(t.join().unwrap(), 1);
    });
}

#[test]
fn run_puts_a_tasklet_right_behind_the_current_one() {
    checked(|| {
        let log = Rc::default();
        let t = paused(&log);
        let theirs = log.clone();
        // Main is alone until its thread has looked, and so the look is made by its schedule().
        elsewhere(t.remote(), |t| t.run().unwrap());
        schedule().unwrap();
        let later = spawn(move || theirs.borrow_mut().push("later"));
        later.join().unwrap();
        assert_eq!(*log.borrow(), ["went on", "later"]);
    });
}

#[test]
fn several_runs_and_inserts_keep_their_places() {
    checked(|| {
        let log: Rc<RefCell<Vec<&'static str>>> = Rc::default();
        let make = |name: &'static str| {
            let log = log.clone();
            let t = spawn(move || {
                schedule_remove().unwrap();
                log.borrow_mut().push(name);
            });
            t.run().unwrap();
            t
        };
        let tasklets = ["a", "b", "c"].map(make);
        let remotes = tasklets.each_ref().map(|t| t.remote());
        let [a, b, c] = remotes;
        elsewhere(a, move |a| {
            a.insert().unwrap();
            b.run().unwrap();
            c.run().unwrap();
        });
        run();
        schedule().unwrap();
        // Each run goes before all others.
        assert_eq!(*log.borrow(), ["c", "b", "a"]);
    });
}

#[test]
fn kill_unwinds_a_blocked_tasklet_and_takes_it_out_of_its_queue() {
    checked(|| {
        let ch = Channel::<()>::new();
        let theirs = ch.clone();
        let t = spawn(move || {
            let unwound = catch_unwind(std::panic::AssertUnwindSafe(|| theirs.receive()));
            unwound.is_err_and(|payload| payload.is::<TaskletExit>())
        });
        schedule().unwrap();
        assert_eq!(ch.balance(), -1);
        elsewhere(t.remote(), |t| t.kill().unwrap());
        schedule().unwrap();
        assert_eq!(ch.balance(), 0);
        assert!(t.join().unwrap());
    });
}

#[test]
fn a_throw_is_raised_when_the_tasklet_runs_next() {
    checked(|| {
        let t = spawn(|| catch_unwind(|| schedule_remove().unwrap()).unwrap_err().downcast::<i32>().map(|n| *n).ok());
        t.run().unwrap();
        elsewhere(t.remote(), |t| t.throw(5).unwrap());
        assert_eq!(t.join_after_look(), Some(5));
    });
}

trait JoinAfterLook<R> {
    fn join_after_look(&self) -> R;
}

impl<R> JoinAfterLook<R> for tasklets::Tasklet<R> {
    /// A join is a wait for this thread's own tasklets: its thread has to look first.
    fn join_after_look(&self) -> R {
        schedule().unwrap();
        self.join().unwrap()
    }
}

#[test]
fn a_thread_that_runs_one_tasklet_can_have_that_killed() {
    checked(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            tasklets::enter(|| {
                let spinner = spawn(move || {
                    sender.send(tasklets::current().remote()).unwrap();
                    loop {
                        schedule().unwrap();
                    }
                });
                run();
                assert!(!spinner.is_alive());
            });
        });
        receiver.recv().unwrap().kill().unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn main_can_be_thrown_into() {
    checked(|| {
        let main = main_tasklet().remote();
        let caught = catch_unwind(|| {
            elsewhere(main, |main| main.throw("from afar").unwrap());
            loop {
                schedule().unwrap();
            }
        });
        let Err(payload) = caught;
        assert_eq!(payload.downcast_ref(), Some(&"from afar"));
    });
}

#[test]
fn commands_to_what_has_ended_do_nothing() {
    checked(|| {
        let t = spawn(|| ());
        let remote = t.remote();
        run();
        elsewhere(remote.clone(), |t| {
            t.insert().unwrap();
            t.run().unwrap();
            t.remove().unwrap();
            t.kill().unwrap();
            t.throw("nobody is there").unwrap();
        });
        schedule().unwrap();
        assert!(!t.is_alive());
        assert_eq!(remote, t.remote());
    });
}

#[test]
fn a_blocked_tasklet_is_neither_inserted_nor_run_nor_removed() {
    checked(|| {
        let ch = Channel::<()>::new();
        let theirs = ch.clone();
        let t = spawn(move || theirs.receive().unwrap());
        schedule().unwrap();
        elsewhere(t.remote(), |t| {
            t.insert().unwrap();
            t.run().unwrap();
            t.remove().unwrap();
        });
        schedule().unwrap();
        assert!(t.is_blocked());
        ch.send(()).unwrap();
    });
}

#[test]
fn a_command_to_a_thread_that_has_ended_is_an_error() {
    checked(|| {
        let thread = std::thread::Builder::new().name("gone".to_owned());
        let remote = thread.spawn(|| tasklets::enter(|| spawn(|| ()).remote())).unwrap().join().unwrap();
        for result in [remote.kill(), remote.insert(), remote.run(), remote.remove(), remote.throw(1)] {
            assert_eq!(result.unwrap_err().to_string(), "tasklet 1 of gone is gone: its thread has ended");
        }
    });
}
