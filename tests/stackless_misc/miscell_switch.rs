//! test_miscell.py, TestSwitch: going over to a tasklet, with the caller paused in exchange.

use tasklets::{AnyTasklet, Channel, TaskletError, current, run_count};

use crate::support::*;

/// What the target does: its source is paused; it makes it runnable again.
fn target(finished: &Flag) -> impl FnOnce() + use<> {
    let (source, flag) = (current(), finished.clone());
    move || {
        assert!(source.is_paused());
        source.insert().unwrap();
        flag.set();
    }
}

fn blocked_target(finished: &Flag) -> (AnyTasklet, Channel<()>) {
    let (channel, flag) = (Channel::new(), finished.clone());
    let receiver = channel.clone();
    let tasklet = go(move || {
        receiver.receive().unwrap();
        flag.set();
    });
    tasklet.run().unwrap();
    assert!(tasklet.is_blocked());
    (tasklet, channel)
}

#[test]
fn test_switch() {
    checked(|| {
        let finished = Flag::default();
        let tasklet = go(target(&finished));
        tasklet.switch().unwrap();
        assert!(finished.is_set());
        assert_eq!((state(&current()), run_count()), (RUNNABLE, 1));
    });
}

#[test]
fn test_switch_self() {
    checked(|| {
        current().switch().unwrap();
        assert_eq!(state(&current()), RUNNABLE);
    });
}

#[test]
fn test_switch_blocked() {
    checked(|| {
        let finished = Flag::default();
        let (tasklet, channel) = blocked_target(&finished);
        assert!(matches!(tasklet.switch(), Err(TaskletError::Blocked { .. })));
        assert_eq!((state(&tasklet), state(&current())), (BLOCKED, RUNNABLE));
        channel.send(()).unwrap();
        assert!(finished.is_set());
    });
}

#[test]
fn test_switch_paused() {
    checked(|| {
        let finished = Flag::default();
        let tasklet = paused(target(&finished));
        tasklet.switch().unwrap();
        assert!(finished.is_set());
    });
}

#[test]
fn test_switch_trapped() {
    checked(|| {
        let finished = Flag::default();
        let tasklet = go(target(&finished));
        assert!(matches!(trapped(|| tasklet.switch()), Err(TaskletError::SwitchTrap)));
        assert_eq!((state(&tasklet), state(&current())), (RUNNABLE, RUNNABLE));
        tasklet.switch().unwrap();
        assert!(finished.is_set());
    });
}

#[test]
fn test_switch_self_trapped() {
    checked(|| trapped(|| current().switch()).unwrap());
}

/// That the target is blocked is told, rather than the trap.
#[test]
fn test_switch_blocked_trapped() {
    checked(|| {
        let finished = Flag::default();
        let (tasklet, channel) = blocked_target(&finished);
        assert!(matches!(trapped(|| tasklet.switch()), Err(TaskletError::Blocked { .. })));
        assert_eq!(state(&tasklet), BLOCKED);
        channel.send(()).unwrap();
        assert!(finished.is_set());
    });
}

#[test]
fn test_switch_paused_trapped() {
    checked(|| {
        let finished = Flag::default();
        let tasklet = paused(target(&finished));
        assert!(matches!(trapped(|| tasklet.switch()), Err(TaskletError::SwitchTrap)));
        assert_eq!(state(&tasklet), PAUSED);
        tasklet.switch().unwrap();
        assert!(finished.is_set());
    });
}
