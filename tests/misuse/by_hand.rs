//! Panics and exits that come to a tasklet by way of its greenlet, not of the scheduler.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use greenlet::Greenlet;
use tasklets::{Channel, current, enter, run, run_count, schedule, spawn};

use crate::common::checked;
use crate::process::{child, is_child};

#[test]
fn a_panic_that_reaches_main_through_a_raw_greenlet_leaves_main_current() {
    checked(|| {
        let child = Greenlet::new(|()| resume_unwind(Box::new("raw")));
        let tasklet = spawn(move || child.switch(()).is_ok()).detach();
        let raised = catch_unwind(AssertUnwindSafe(run));
        assert_eq!(raised.err().and_then(|payload| payload.downcast_ref::<&str>().copied()), Some("raw"));
        assert!(current().is_main());
        assert_eq!(run_count(), 2, "the tasklet waits for its greenlet, in the ring");
        run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn a_tasklet_that_refuses_every_exit_does_not_keep_enter_from_returning() {
    let test = "by_hand::a_tasklet_that_refuses_every_exit_does_not_keep_enter_from_returning";
    if !is_child(test) {
        // What is given up is counted process-wide.
        let out = child(test);
        assert!(out.status.success(), "{out:?}");
        return;
    }
    let refusals = std::thread::spawn(|| {
        let mut refused = None;
        enter(|| {
            let stubborn = spawn(|| {
                for _ in 0..100 {
                    let _ = catch_unwind(|| {
                        loop {
                            schedule().expect("somebody to yield to");
                        }
                    });
                }
            });
            stubborn.run().expect("a start");
            refused = Some(tasklets::kill_all().len());
        });
        (refused, tasklets::stats().greenlets.leaked)
    });
    let (refused, leaked) = refusals.join().expect("enter returns");
    assert_eq!(refused, Some(1));
    assert!(leaked >= 1, "what refuses is given up, and counted");
}

#[test]
fn a_tasklet_killed_by_its_greenlet_leaves_its_channel_and_the_ring_in_order() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let place = std::rc::Rc::new(std::cell::RefCell::new(None));
        let slot = place.clone();
        let victim = spawn(move || {
            slot.replace(Some(greenlet::current::<()>()));
            inbox.receive().map(drop)
        });
        let other = spawn(|| schedule().is_ok());
        schedule().expect("the others");
        assert!(victim.is_blocked());
        let greenlet = place.take().expect("the victim has run");
        greenlet.kill().expect("a greenlet that can be killed");
        assert!(!victim.is_alive() && current().is_main());
        assert_eq!(channel.balance(), 0);
        assert!(other.join().expect("its end"));
    });
}
