//! test_miscell.py, TestSwitchTrap: each operation fails with `SwitchTrap`, changes nothing, and works afterwards.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::{
    AnyTasklet, Channel, Ending, Reason, ReceiveError, TaskletError, TaskletExit, current, run, run_count, schedule,
    schedule_remove,
};

use crate::support::*;

#[track_caller]
fn check_trapped(result: Result<(), TaskletError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, TaskletError::SwitchTrap));
    assert!(error.to_string().contains("switch_trap"), "{error}");
}

#[track_caller]
fn check_reason(reason: &Reason) {
    assert!(matches!(reason, Reason::SwitchTrap), "{reason}");
    assert!(reason.to_string().contains("switch_trap"), "{reason}");
}

#[test]
fn test_schedule() {
    checked(|| {
        let tasklet = go(|| ());
        trapped(|| check_trapped(schedule()));
        assert_eq!((state(&tasklet), run_count()), (RUNNABLE, 2));
        run();
        assert!(!tasklet.is_alive());
        // Alone, there is nobody to switch to.
        trapped(schedule).unwrap();
    });
}

#[test]
fn test_schedule_remove() {
    checked(|| {
        let main: Rc<RefCell<Option<AnyTasklet>>> = Rc::default();
        let handle = main.clone();
        go(move || handle.borrow().as_ref().unwrap().insert().unwrap());
        trapped(|| check_trapped(schedule_remove()));
        assert_eq!(run_count(), 2);
        *main.borrow_mut() = Some(current());
        schedule_remove().unwrap();
        assert_eq!(run_count(), 1);
    });
}

#[test]
fn test_run() {
    checked(|| {
        let tasklet = go(|| ());
        let outcome = trapped(run);
        assert!(matches!(outcome.ending, Ending::Refused(TaskletError::SwitchTrap)));
        assert!(outcome.to_string().contains("switch_trap"), "{outcome}");
        assert_eq!((outcome.finished, outcome.runnable), (0, 1));
        assert!(tasklet.is_alive());
        run();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_run_specific() {
    checked(|| {
        let tasklet = go(|| ());
        trapped(|| check_trapped(tasklet.run()));
        assert_eq!(state(&tasklet), RUNNABLE);
        tasklet.run().unwrap();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_run_paused() {
    checked(|| {
        let tasklet = paused(|| ());
        trapped(|| check_trapped(tasklet.run()));
        assert_eq!(state(&tasklet), PAUSED);
        run();
        assert_eq!(state(&tasklet), PAUSED);
        tasklet.run().unwrap();
        assert_eq!(state(&tasklet), DEAD);
    });
}

/// As test_run_specific, for a tasklet that was set up in another way.
#[test]
fn test_run2() {
    checked(|| {
        let tasklet = tasklets::Builder::new().unbound();
        tasklet.bind(|| ()).unwrap();
        tasklet.setup().unwrap();
        trapped(|| check_trapped(tasklet.run()));
        tasklet.run().unwrap();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_send() {
    checked(|| {
        let channel = Channel::new();
        let receiver = channel.clone();
        let got = Flag::default();
        let flag = got.clone();
        go(move || {
            assert_eq!(receiver.receive().unwrap(), 7);
            flag.set();
        });
        let error = trapped(|| channel.send(7)).unwrap_err();
        check_reason(&error.reason);
        assert_eq!((error.into_value(), channel.balance()), (7, 0));
        channel.send(7).unwrap();
        assert!(got.is_set());
    });
}

/// A partner waits, whom the channel prefers: the send would switch. The partner goes on waiting.
#[test]
fn test_send_to_waiting() {
    checked(|| {
        let channel = Channel::new();
        let receiver = channel.clone();
        let tasklet = go(move || drop(receiver.receive()));
        run();
        check_reason(&trapped(|| channel.send(7)).unwrap_err().reason);
        assert_eq!((state(&tasklet), channel.balance()), (BLOCKED, -1));
        channel.send(7).unwrap();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_send_throw() {
    checked(|| {
        let channel = Channel::<()>::new();
        let receiver = channel.clone();
        let got = Flag::default();
        let flag = got.clone();
        go(move || {
            assert!(receiver.receive().unwrap_err().into_exception().unwrap().is::<ValueError>());
            flag.set();
        });
        let error = trapped(|| channel.send_exception(ValueError(1))).unwrap_err();
        check_reason(&error.reason);
        assert!(error.into_value().is::<ValueError>());
        channel.send_exception(ValueError(1)).unwrap();
        assert!(got.is_set());
    });
}

#[test]
fn test_receive() {
    checked(|| {
        let channel = Channel::new();
        let sender = channel.clone();
        go(move || sender.send(1).unwrap());
        check_reason(trapped(|| channel.receive()).unwrap_err().reason().unwrap());
        assert_eq!(channel.receive().unwrap(), 1);
        run();
    });
}

#[test]
fn test_receive_throw() {
    checked(|| {
        let channel = Channel::<()>::new();
        let sender = channel.clone();
        go(move || sender.send_exception(ValueError(2)).unwrap());
        check_reason(trapped(|| channel.receive()).unwrap_err().reason().unwrap());
        let Err(ReceiveError::Exception(error)) = channel.receive() else { panic!("an error was sent") };
        assert_eq!(error.downcast_ref(), Some(&ValueError(2)));
        run();
    });
}

#[test]
fn test_raise_exception() {
    checked(|| {
        let channel = Channel::<()>::new();
        let receiver = channel.clone();
        let tasklet = go(move || assert_eq!(raised::<IndexError, _>(|| receiver.receive()).0, [0; 3]));
        tasklet.run().unwrap();
        trapped(|| check_trapped(tasklet.throw(ZeroDivisionError)));
        assert_eq!((state(&tasklet), channel.balance()), (BLOCKED, -1));
        tasklet.throw(IndexError([0; 3])).unwrap();
        assert!(!tasklet.is_alive());
    });
}

#[test]
fn test_kill() {
    checked(|| {
        let channel = Channel::<()>::new();
        let receiver = channel.clone();
        let tasklet = go(move || assert_eq!(raised::<TaskletExit, _>(|| receiver.receive()), TaskletExit));
        tasklet.run().unwrap();
        trapped(|| check_trapped(tasklet.kill()));
        assert_eq!((state(&tasklet), channel.balance()), (BLOCKED, -1));
        tasklet.kill().unwrap();
        assert!(!tasklet.is_alive());
    });
}
