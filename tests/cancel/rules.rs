//! Cancellation is a state, which every blocking point meets.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use tasklets::{
    Builder, Cancelled, Channel, JoinError, current, is_cancelled, main_tasklet, run, schedule, schedule_remove,
    shield, sleep, spawn, timeout, with_virtual_time,
};

use crate::common::checked;

const HOUR: Duration = Duration::from_secs(3600);

/// What is raised where `f` blocks, caught.
fn caught(f: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { return false };
    assert!(payload.is::<Cancelled>(), "something else was raised");
    true
}

#[test]
fn every_blocking_point_meets_it_again() {
    checked(|| {
        let met = Rc::new(Cell::new(0));
        let count = met.clone();
        let t = spawn(move || {
            let channel = Channel::<u8>::new();
            for _ in 0..5 {
                assert!(caught(|| drop(channel.receive())));
                assert!(caught(|| channel.send(1).unwrap()));
                assert!(caught(|| schedule().unwrap()));
                assert!(caught(|| schedule_remove().unwrap()));
                assert!(caught(|| sleep(HOUR).unwrap()));
                assert!(caught(|| sleep(Duration::ZERO).unwrap()));
                assert!(caught(|| drop(run())));
                count.set(count.get() + 7);
            }
            "survived"
        });
        t.cancel();
        assert!(t.is_cancelled());
        // It had not begun, and never does.
        assert!(matches!(t.join(), Err(JoinError::Killed)));
        assert!(!t.is_cancelled());

        let count = met.clone();
        let t = spawn(move || {
            current().cancel();
            let channel = Channel::<u8>::new();
            for _ in 0..5 {
                assert!(caught(|| drop(channel.receive())));
                assert!(caught(|| channel.send(1).unwrap()));
                assert!(caught(|| schedule().unwrap()));
                assert!(caught(|| schedule_remove().unwrap()));
                assert!(caught(|| sleep(HOUR).unwrap()));
                assert!(caught(|| sleep(Duration::ZERO).unwrap()));
                count.set(count.get() + 6);
            }
            assert_eq!(channel.balance(), 0);
            "survived"
        });
        assert_eq!(t.join().unwrap(), "survived");
        assert_eq!(met.get(), 30);
        assert_eq!(schedule().ok(), Some(()));
    });
}

#[test]
fn run_is_a_blocking_point_too() {
    checked(|| {
        let t = spawn(|| {
            spawn(|| schedule_remove().unwrap()).detach();
            let sleeper = spawn(|| sleep(HOUR).unwrap());
            assert!(caught(|| drop(run())));
            sleeper.kill().unwrap();
        });
        schedule().unwrap();
        t.cancel();
        t.join().unwrap();
    });
}

#[test]
fn who_was_served_goes_on_with_what_it_got() {
    checked(|| {
        let channel = Channel::new();
        let got = Rc::new(RefCell::new(Vec::new()));
        let (rx, seen) = (channel.clone(), got.clone());
        let t = spawn(move || {
            loop {
                let value: u32 = rx.receive().unwrap();
                seen.borrow_mut().push(value);
            }
        });
        schedule().unwrap();
        channel.set_preference(tasklets::Preference::Sender);
        channel.send(1).unwrap();
        t.cancel();
        assert!(t.is_alive());
        assert!(matches!(t.join(), Err(JoinError::Killed)));
        assert_eq!(*got.borrow(), [1]);
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn what_does_not_block_is_not_interrupted() {
    checked(|| {
        let channel = Channel::new();
        let tx = channel.clone();
        let t = spawn(move || {
            let other = spawn(move || channel.receive().unwrap());
            schedule().unwrap();
            current().cancel();
            tx.set_preference(tasklets::Preference::Sender);
            tx.send(7).unwrap(); // a receiver waits
            assert!(is_cancelled());
            other
        });
        let other = t.join().unwrap();
        assert_eq!(other.join().unwrap(), 7);
    });
}

#[test]
fn a_shield_keeps_it_off_until_it_is_over() {
    checked(|| {
        with_virtual_time(|| {
            let order = Rc::new(RefCell::new(Vec::new()));
            let log = order.clone();
            let t = spawn(move || {
                shield(|| {
                    sleep(HOUR).unwrap();
                    log.borrow_mut().push("slept");
                    shield(|| sleep(HOUR).unwrap());
                    sleep(HOUR).unwrap();
                    log.borrow_mut().push("slept thrice");
                });
                log.borrow_mut().push("after");
                sleep(HOUR).unwrap();
                log.borrow_mut().push("never");
            });
            schedule().unwrap();
            t.cancel();
            assert!(t.is_blocked());
            assert!(matches!(t.join(), Err(JoinError::Killed)));
            assert_eq!(*order.borrow(), ["slept", "slept thrice", "after"]);
        });
    });
}

#[test]
fn a_timeout_inside_a_shield_works() {
    checked(|| {
        with_virtual_time(|| {
            let t = spawn(|| {
                current().cancel();
                let slow = shield(|| timeout(Duration::from_secs(1), || sleep(HOUR).unwrap()));
                assert!(slow.is_err());
                shield(|| timeout(HOUR, || sleep(Duration::from_secs(1)).unwrap())).unwrap();
                "cleaned up"
            });
            assert_eq!(t.join().unwrap(), "cleaned up");
        });
    });
}

#[test]
fn a_kill_is_one_delivery_as_ever() {
    checked(|| {
        let t = spawn(|| {
            assert!(catch_unwind(|| schedule_remove().unwrap()).is_err());
            schedule().unwrap();
            "lives"
        });
        schedule().unwrap();
        t.kill().unwrap();
        assert!(t.is_alive() && !t.is_cancelled());
        assert_eq!(t.join().unwrap(), "lives");
    });
}

#[test]
fn a_kill_reaches_into_a_shield() {
    checked(|| {
        let t = spawn(|| shield(|| schedule_remove().unwrap()));
        schedule().unwrap();
        t.cancel();
        assert!(t.is_paused());
        t.kill().unwrap();
        assert!(!t.is_alive());
    });
}

#[test]
fn a_destructor_that_blocks_is_refused_while_unwinding() {
    struct Blocks(Rc<RefCell<Vec<String>>>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            let channel = Channel::<u8>::new();
            let error = channel.receive().unwrap_err();
            self.0.borrow_mut().push(error.to_string());
            self.0.borrow_mut().push(sleep(HOUR).unwrap_err().to_string());
            assert!(schedule_remove().is_err());
            let limited = timeout(Duration::ZERO, || sleep(HOUR).is_err());
            assert_eq!(limited, Ok(true));
        }
    }
    checked(|| {
        let errors = Rc::new(RefCell::new(Vec::new()));
        let log = errors.clone();
        let t = spawn(move || {
            let _blocks = Blocks(log);
            schedule_remove().unwrap();
        });
        schedule().unwrap();
        t.cancel();
        assert!(matches!(t.join(), Err(JoinError::Killed)));
        assert_eq!(errors.borrow().len(), 2);
        assert!(errors.borrow().iter().all(|error| error.contains("unwinds")), "{errors:?}");
    });
}

#[test]
fn what_it_panics_with_instead_is_its_panic() {
    checked(|| {
        let t = spawn(|| {
            let payload = catch_unwind(|| schedule_remove().unwrap()).unwrap_err();
            assert!(payload.is::<Cancelled>());
            resume_unwind(Box::new("its own"))
        });
        schedule().unwrap();
        t.cancel();
        let payload = t.join().unwrap_err().into_panic().unwrap();
        assert_eq!(payload.downcast_ref(), Some(&"its own"));
    });
}

#[test]
fn main_can_be_cancelled() {
    checked(|| {
        let main = main_tasklet();
        spawn(move || main.cancel()).detach();
        assert!(caught(|| drop(Channel::<u8>::new().receive())));
        assert!(is_cancelled());
        // A joiner that does not have to wait is not interrupted.
        let t = Builder::new().paused(|| 5);
        shield(|| t.insert().and_then(|()| schedule()).unwrap());
        assert_eq!(t.join().unwrap(), 5);
    });
}

#[test]
fn a_tasklet_that_is_bound_again_begins_anew() {
    checked(|| {
        let t = Builder::new().unbound();
        t.bind_paused(|| ()).unwrap();
        t.cancel();
        schedule().unwrap();
        assert!(!t.is_alive());
        let done = Rc::new(Cell::new(false));
        let flag = done.clone();
        t.bind(move || {
            schedule().unwrap();
            flag.set(true);
        })
        .unwrap();
        t.setup().unwrap();
        assert!(run().is_finished());
        assert!(done.get());
    });
}
