//! Switching from a destructor while the thread unwinds.

use tasklets::{
    AnyTasklet, Channel, Ending, JoinError, Reason, TaskletError, TaskletExit, current, kill_all, run, run_count,
    schedule, schedule_remove, spawn,
};

use crate::support::*;

/// Runs `f` in a destructor while main unwinds, and once while a tasklet does.
fn while_unwinding(f: fn()) {
    checked(move || {
        let ran = Flag::default();
        for in_tasklet in [false, true] {
            let flag = ran.clone();
            let unwind = move || {
                let _scope = OnDrop(move || {
                    assert!(std::thread::panicking());
                    f();
                    flag.set();
                });
                raise(ZeroDivisionError);
            };
            match in_tasklet {
                false => drop(raised::<ZeroDivisionError, ()>(unwind)),
                true => {
                    go(unwind);
                    raised::<ZeroDivisionError, _>(run);
                }
            }
            assert!(current().is_main());
        }
        assert_eq!(ran.count(), 2);
        run();
    });
}

#[track_caller]
fn refused(result: Result<(), TaskletError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, TaskletError::Unwinding), "{error}");
    assert!(error.to_string().contains("unwinds"), "{error}");
}

#[test]
fn schedule_is_refused() {
    while_unwinding(|| {
        let other = go(|| ());
        refused(schedule());
        refused(schedule_remove());
        assert!(other.is_alive() && current().is_scheduled());
    });
}

#[test]
fn run_and_switch_are_refused() {
    while_unwinding(|| {
        let other = go(|| ());
        refused(other.run());
        refused(other.switch());
        let outcome = run();
        assert!(matches!(outcome.ending, Ending::Refused(TaskletError::Unwinding)), "{outcome}");
        assert_eq!(state(&other), RUNNABLE);
    });
}

/// The value comes back, and nobody is queued.
#[test]
fn send_is_refused() {
    while_unwinding(|| {
        let channel = Channel::new();
        let other = go(|| ());
        let error = channel.send("back").unwrap_err();
        assert!(matches!(error.reason, Reason::Unwinding), "{error}");
        assert_eq!((error.into_value(), channel.balance()), ("back", 0));
        assert!(other.is_alive());
    });
}

#[test]
fn receive_is_refused() {
    while_unwinding(|| {
        let channel = Channel::<()>::new();
        let _other = go(|| ());
        let error = channel.receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::Unwinding)), "{error}");
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn join_is_refused() {
    while_unwinding(|| {
        let other = spawn(|| 1);
        assert!(matches!(other.join(), Err(JoinError::Refused(TaskletError::Unwinding))));
        assert!(other.is_alive());
    });
}

/// A throw is refused; a pending one switches nowhere and is possible.
#[test]
fn throw_is_refused() {
    while_unwinding(|| {
        let other = go(|| drop(caught(schedule)));
        refused(other.throw(ValueError(1)));
        assert!(other.is_alive());
        other.throw_pending(TaskletExit).unwrap();
        refused(current().kill());
    });
}

/// Waiting partners, where a channel would not switch: the operation happens.
#[test]
fn a_meeting_that_does_not_switch_happens() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        let sender = go(move || end.send(3).unwrap());
        run();
        let end = channel.clone();
        raised::<ZeroDivisionError, ()>(move || {
            let _scope = OnDrop(move || assert_eq!(end.receive().unwrap(), 3));
            raise(ZeroDivisionError);
        });
        assert_eq!((channel.balance(), state(&sender)), (0, RUNNABLE));
        run();
    });
}

fn sleeper(log: &Log, name: &'static str) -> AnyTasklet {
    let log = log.clone();
    let tasklet = go(move || {
        let _scope = OnDrop(move || log.add(name));
        schedule_remove().unwrap();
    });
    tasklet.run().unwrap();
    tasklet
}

/// Kills work in every state, nobody else runs, and control returns.
#[test]
fn kill_works() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::<()>::new());
        let paused = sleeper(&log, "paused");
        let (end, entries) = (channel.clone(), log.clone());
        let blocked = go(move || {
            let _scope = OnDrop(move || entries.add("blocked"));
            let _ = end.receive();
        });
        let entries = log.clone();
        let runnable = go(move || {
            let _scope = OnDrop(move || entries.add("runnable"));
            schedule().unwrap();
        });
        schedule().unwrap();
        let unstarted = go(|| unreachable!("it is killed before it begins"));
        let entries = log.clone();
        let other = go(move || entries.add("other"));
        let victims = [paused, blocked, runnable, unstarted];
        let killed = victims.clone();
        let entries = log.clone();
        raised::<ZeroDivisionError, ()>(move || {
            let _scope = OnDrop(move || {
                killed.iter().for_each(|tasklet| tasklet.kill().unwrap());
                entries.add("killed");
            });
            raise(ZeroDivisionError);
        });
        assert_eq!(log.take(), "paused blocked runnable killed");
        assert!(victims.iter().all(|tasklet| !tasklet.is_alive()));
        assert_eq!((channel.balance(), run_count(), other.is_alive()), (0, 2, true));
        run();
        assert_eq!(log.take(), "other");
    });
}

/// So do the drop of a last handle, and kill_all.
#[test]
fn drops_and_kill_all_work() {
    checked(|| {
        let log = Log::default();
        let (first, second, third) = (sleeper(&log, "first"), sleeper(&log, "second"), sleeper(&log, "third"));
        let entries = log.clone();
        raised::<ZeroDivisionError, ()>(move || {
            let (mut first, mut second) = (Some(first), Some(second));
            let _scope = OnDrop(move || {
                drop(second.take());
                drop(first.take());
                assert!(kill_all().is_empty());
                entries.add("all");
            });
            raise(ZeroDivisionError);
        });
        assert_eq!(log.take(), "second first third all");
        assert!(!third.is_alive() && current().is_main());
    });
}

/// A chain: who is killed kills the next while it unwinds.
#[test]
fn kills_within_kills() {
    checked(|| {
        let log = Log::default();
        let mut last = sleeper(&log, "end");
        for _ in 0..20 {
            let next = last.clone();
            last = go(move || {
                let _scope = OnDrop(move || next.kill().unwrap());
                schedule_remove().unwrap();
            });
            last.run().unwrap();
        }
        raised::<ZeroDivisionError, ()>(move || {
            let _scope = OnDrop(move || last.kill().unwrap());
            raise(ZeroDivisionError);
        });
        assert_eq!((log.take().as_str(), tasklets::stats().tasklets), ("end", 0));
    });
}

/// A target that catches its exit there and wants to wait gets an error, and goes on after the unwinding.
#[test]
fn a_refuser_goes_on_later() {
    checked(|| {
        let log = Log::default();
        let entries = log.clone();
        let tasklet = go(move || {
            drop(caught(schedule_remove).unwrap_err());
            entries.add(matches!(schedule(), Err(TaskletError::Unwinding)));
            entries.add(matches!(schedule_remove(), Err(TaskletError::Unwinding)));
        });
        tasklet.run().unwrap();
        let victim = tasklet.clone();
        raised::<ZeroDivisionError, ()>(move || {
            let _scope = OnDrop(move || victim.kill().unwrap());
            raise(ZeroDivisionError);
        });
        assert_eq!((log.take().as_str(), state(&tasklet)), ("true true", DEAD));
    });
}

/// A panic of the target while it is killed there has no receiver that could bear it: it is printed, or waits for a join.
#[test]
fn a_target_that_panics() {
    checked(|| {
        let body = || {
            drop(caught(schedule_remove).unwrap_err());
            raise(ValueError(9));
        };
        let (joined, detached) = (spawn(body), spawn(body).detach());
        schedule().unwrap();
        let victims: [AnyTasklet; 2] = [joined.clone().detach(), detached.clone()];
        raised::<ZeroDivisionError, ()>(move || {
            let _scope = OnDrop(move || victims.iter().for_each(|tasklet| tasklet.kill().unwrap()));
            raise(ZeroDivisionError);
        });
        assert!(!detached.is_alive());
        let payload = joined.join().unwrap_err().into_panic().unwrap();
        assert_eq!(payload.downcast_ref(), Some(&ValueError(9)));
        run();
    });
}
