//! Callbacks that panic or call back in.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{
    Channel, Reason, TaskletError, current, run, run_count, schedule, set_channel_callback, set_error_handler,
    set_schedule_callback,
};

use crate::deeds::*;
use crate::support::*;

/// Says yes once.
fn once() -> impl Fn() -> bool {
    let left = Cell::new(true);
    move || left.replace(false)
}

fn between_tasklets(deed: Deed, clear: bool) {
    let first = once();
    set_schedule_callback(Some(Rc::new(move |_, _| {
        if first() {
            if clear {
                drop(set_schedule_callback(None));
            }
            act(deed);
        }
    })));
    go(|| drop(schedule()));
    go(|| drop(schedule()));
    let result = caught(run);
    set_schedule_callback(None);
    drop(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
}

#[test]
fn deeds_in_a_schedule_callback() {
    each_deed(|deed| between_tasklets(deed, false));
}

#[test]
fn deeds_in_a_schedule_callback_that_unsets_itself() {
    each_deed(|deed| between_tasklets(deed, true));
}

/// In a tasklet's last switch, after which it is gone.
#[test]
fn deeds_in_the_schedule_callback_of_an_end() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        let (first, watched) = (once(), tasklet.clone());
        set_schedule_callback(Some(Rc::new(move |prev, _| {
            if *prev == watched && first() {
                act(deed);
            }
        })));
        let result = caught(|| tasklet.run());
        set_schedule_callback(None);
        drop(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
        let _ = caught(run);
    });
}

/// It must not switch, and is told so.
#[test]
fn a_schedule_callback_cannot_switch() {
    checked(|| {
        let seen = Flag::default();
        let flag = seen.clone();
        let other = go(|| drop(schedule()));
        let third = other.clone();
        go(|| drop(schedule()));
        set_schedule_callback(Some(Rc::new(move |_, _| {
            // With nobody else runnable there is nothing to be refused.
            assert!(run_count() == 1 || matches!(schedule(), Err(TaskletError::SwitchTrap)));
            assert!(!third.is_alive() || third.is_current() || third.run().is_err());
            assert!(matches!(Channel::new().send(1).unwrap_err().reason, Reason::SwitchTrap | Reason::Deadlock(_)));
            flag.set();
        })));
        run();
        set_schedule_callback(None);
        assert_eq!((seen.count(), other.is_alive()), (5, false));
    });
}

fn on_a_channel(deed: Deed, sending: bool) {
    let channel = Channel::new();
    let end = channel.clone();
    let partner = go(move || if sending { drop(end.receive()) } else { drop(end.send(1)) });
    partner.run().unwrap();
    let first = once();
    set_channel_callback(Some(Rc::new(move |_| {
        if first() {
            act(deed);
        }
    })));
    let result = caught(|| if sending { drop(channel.send(1)) } else { drop(channel.receive()) });
    set_channel_callback(None);
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

#[test]
fn deeds_in_a_channel_callback_of_a_send() {
    each_deed(|deed| on_a_channel(deed, true));
}

#[test]
fn deeds_in_a_channel_callback_of_a_receive() {
    each_deed(|deed| on_a_channel(deed, false));
}

/// A panic in it: the operation has not happened, and the value is dropped once.
#[test]
fn a_channel_callback_that_panics() {
    checked(|| {
        let (channel, drops) = (Channel::new(), Flag::default());
        let end = channel.clone();
        let receiver = go(move || drop(end.receive()));
        run();
        set_channel_callback(Some(Rc::new(|_| raise(ValueError(3)))));
        assert_eq!(raised::<ValueError, _>(|| channel.send(flagging(&drops))), ValueError(3));
        assert_eq!(raised::<ValueError, _>(|| channel.receive()), ValueError(3));
        set_channel_callback(None);
        assert_eq!((drops.count(), channel.balance(), state(&receiver)), (1, -1, BLOCKED));
        channel.send(flagging(&drops)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(drops.count(), 2);
    });
}

/// A channel operation in a channel callback is refused, and the next one outside works.
#[test]
fn a_channel_callback_that_sends() {
    checked(|| {
        let channel = Channel::new();
        let (end, seen) = (channel.clone(), Flag::default());
        let flag = seen.clone();
        set_channel_callback(Some(Rc::new(move |_| {
            let error = end.send(2).unwrap_err();
            assert!(matches!(error.reason, Reason::Recursive), "{error}");
            flag.set();
        })));
        let end = channel.clone();
        go(move || assert_eq!(end.receive().unwrap(), 1));
        channel.send(1).unwrap();
        set_channel_callback(None);
        assert_eq!(seen.count(), 2);
    });
}

#[test]
fn deeds_in_an_error_handler() {
    each_deed(|deed| {
        drop(go(|| raise("handled")));
        let first = once();
        set_error_handler(Some(Rc::new(move |_| {
            if first() {
                act(deed);
            }
        })));
        let result = caught(run);
        set_error_handler(None);
        drop(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
    });
}

#[test]
fn deeds_in_an_error_handler_of_an_unstarted_one() {
    each_deed(|deed| {
        let tasklet = go(|| ());
        let first = once();
        set_error_handler(Some(Rc::new(move |_| {
            if first() {
                act(deed);
            }
        })));
        let result = caught(|| tasklet.throw(ValueError(1)));
        set_error_handler(None);
        drop(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
    });
}

/// A tracer of greenlets sees every switch of tasklets, and calls back in where the switch goes to.
#[test]
fn deeds_in_a_greenlet_tracer() {
    each_deed(|deed| {
        let first = once();
        greenlet::set_tracer(Some(Rc::new(move |_| {
            if first() {
                let _ = caught(|| act(deed));
            }
        })));
        go(|| drop(schedule()));
        let result = caught(run);
        greenlet::set_tracer(None);
        drop(result.unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
        assert!(current().is_main());
    });
}
