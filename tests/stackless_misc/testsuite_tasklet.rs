//! stackless-testsuite, tasklet/test_functionality.py and test_functionality.py: the life cycle of a tasklet, its
//! neighbours, who is current and how many run.

use tasklets::{AnyTasklet, Builder, Channel, Preference, TaskletError, current, main_tasklet, run, run_count};

use crate::support::*;

const CURRENT: [bool; 4] = RUNNABLE;

fn unbound() -> AnyTasklet {
    Builder::new().unbound()
}

fn bound() -> AnyTasklet {
    let tasklet = unbound();
    tasklet.bind(|| ()).unwrap();
    tasklet
}

#[track_caller]
fn check_state(tasklet: &AnyTasklet, expected: [bool; 4]) {
    assert_eq!(state(tasklet), expected, "{tasklet:?}");
    assert!(!tasklet.is_main());
    assert!(!tasklet.atomic() && !tasklet.block_trap());
}

/// The state of the tasklet that runs, and of main meanwhile.
#[track_caller]
fn check_current(main: [bool; 4]) {
    let me = current();
    check_state(&me, CURRENT);
    assert!(me.is_current());
    assert_eq!(state(&main_tasklet()), main);
    assert!(main_tasklet().is_main() && !main_tasklet().is_current());
}

#[test]
fn lc_initial_notalive() {
    checked(|| check_state(&unbound(), DEAD));
}

#[test]
fn lc_initial_bound() {
    checked(|| {
        let tasklet = bound();
        check_state(&tasklet, DEAD);
        assert!(format!("{tasklet:?}").contains("bound"), "{tasklet:?}");
    });
}

#[test]
fn lc_notalive_bound() {
    checked(|| {
        let tasklet = unbound();
        assert!(format!("{tasklet:?}").contains("unbound"), "{tasklet:?}");
        tasklet.bind(|| ()).unwrap();
        check_state(&tasklet, DEAD);
        assert!(!format!("{tasklet:?}").contains("unbound"), "{tasklet:?}");
    });
}

#[test]
fn lc_bound_notalive() {
    checked(|| {
        let tasklet = bound();
        tasklet.unbind().unwrap();
        check_state(&tasklet, DEAD);
        assert!(matches!(tasklet.setup(), Err(TaskletError::Unbound { .. })));
    });
}

#[test]
fn lc_bound_scheduled() {
    checked(|| {
        let tasklet = bound();
        tasklet.setup().unwrap();
        check_state(&tasklet, RUNNABLE);
        run();
        check_state(&tasklet, DEAD);
    });
}

#[test]
fn lc_scheduled_paused() {
    checked(|| {
        let tasklet = go(|| ());
        check_state(&tasklet, RUNNABLE);
        tasklet.remove().unwrap();
        check_state(&tasklet, PAUSED);
    });
}

#[test]
fn lc_scheduled_notalive() {
    checked(|| {
        let tasklet = go(|| unreachable!("it is killed before it begins"));
        tasklet.kill().unwrap();
        check_state(&tasklet, DEAD);
    });
}

#[test]
fn lc_paused_scheduled() {
    checked(|| {
        let tasklet = paused(|| ());
        check_state(&tasklet, PAUSED);
        tasklet.insert().unwrap();
        check_state(&tasklet, RUNNABLE);
        run();

        let tasklet = paused(|| unreachable!("it is killed before it begins"));
        tasklet.kill_pending().unwrap();
        check_state(&tasklet, RUNNABLE);
        run();
        check_state(&tasklet, DEAD);
    });
}

#[test]
fn lc_notalive_paused() {
    checked(|| {
        let tasklet = unbound();
        check_state(&tasklet, DEAD);
        tasklet.bind_paused(|| ()).unwrap();
        check_state(&tasklet, PAUSED);
        // Of a bound one, and of one that has ended.
        let tasklet = bound();
        tasklet.bind_paused(|| ()).unwrap();
        check_state(&tasklet, PAUSED);
        tasklet.run().unwrap();
        tasklet.bind_paused(|| ()).unwrap();
        check_state(&tasklet, PAUSED);
    });
}

#[test]
fn lc_paused_notalive() {
    checked(|| {
        let tasklet = paused(|| ());
        tasklet.unbind().unwrap();
        check_state(&tasklet, DEAD);
        let tasklet = paused(|| ());
        tasklet.bind(|| ()).unwrap();
        check_state(&tasklet, DEAD);
        let tasklet = paused(|| ());
        tasklet.kill().unwrap();
        check_state(&tasklet, DEAD);
    });
}

#[test]
fn lc_paused_current_notalive() {
    checked(|| {
        let (ran, flag) = (Flag::default(), Flag::default());
        let tasklet = unbound();
        let count = ran.clone();
        tasklet
            .bind_paused(move || {
                check_current(RUNNABLE);
                count.set();
            })
            .unwrap();
        tasklet.run().unwrap();
        check_state(&tasklet, DEAD);
        assert!(ran.is_set());
        let count = flag.clone();
        tasklet
            .bind_paused(move || {
                check_current(PAUSED);
                count.set();
            })
            .unwrap();
        check_state(&tasklet, PAUSED);
        tasklet.switch().unwrap();
        assert!(flag.is_set());
        check_state(&tasklet, DEAD);
    });
}

/// Binds and sets up a tasklet that checks, when it runs, what state main is in.
fn scheduled(tasklet: &AnyTasklet, main: [bool; 4], ran: &Flag) {
    let flag = ran.clone();
    tasklet
        .bind(move || {
            check_current(main);
            flag.set();
        })
        .unwrap();
    tasklet.setup().unwrap();
    check_state(tasklet, RUNNABLE);
}

#[test]
fn lc_scheduled_current_notalive() {
    checked(|| {
        let (tasklet, ran) = (unbound(), Flag::default());
        scheduled(&tasklet, RUNNABLE, &ran);
        tasklet.run().unwrap();
        assert_eq!((state(&tasklet), ran.count()), (DEAD, 1));
        scheduled(&tasklet, PAUSED, &ran);
        tasklet.switch().unwrap();
        assert_eq!((state(&tasklet), ran.count()), (DEAD, 2));
        scheduled(&tasklet, PAUSED, &ran);
        run();
        assert_eq!((state(&tasklet), ran.count()), (DEAD, 3));
    });
}

#[test]
fn lc_current_notalive() {
    checked(|| {
        let ran = Flag::default();
        let flag = ran.clone();
        let tasklet = go(move || {
            check_current(RUNNABLE);
            flag.set();
            let _ = current().kill();
            unreachable!("it was killed");
        });
        tasklet.run().unwrap();
        assert_eq!((state(&tasklet), ran.count()), (DEAD, 1));
    });
}

/// Blocks a tasklet in `operation`.
fn blocked(operation: impl FnOnce() + 'static) -> AnyTasklet {
    let tasklet = go(move || {
        check_current(RUNNABLE);
        operation();
    });
    check_state(&tasklet, RUNNABLE);
    tasklet.run().unwrap();
    check_state(&tasklet, BLOCKED);
    tasklet
}

#[test]
fn lc_current_blocked_scheduled() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        let sender = blocked(move || end.send(123).unwrap());
        assert_eq!(channel.receive().unwrap(), 123);
        check_state(&sender, RUNNABLE);
        sender.kill().unwrap();
        check_state(&sender, DEAD);

        let end = channel.clone();
        let receiver = blocked(move || assert_eq!(end.receive().unwrap(), 456));
        channel.send(456).unwrap();
        check_state(&receiver, DEAD);

        let end = channel.clone();
        let thrower = blocked(move || end.send_exception(ValueError(7)).unwrap());
        let error = channel.receive().unwrap_err().into_exception().unwrap();
        assert_eq!(error.downcast_ref(), Some(&ValueError(7)));
        check_state(&thrower, RUNNABLE);
        thrower.kill().unwrap();
        check_state(&thrower, DEAD);
    });
}

#[test]
fn lc_blocked_current() {
    checked(|| {
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        let receiver = blocked(move || {
            assert_eq!(end.receive().unwrap(), 123);
            check_current(RUNNABLE);
            entries.add("r");
        });
        channel.send(123).unwrap();
        log.add("main");
        assert_eq!(log.take(), "r main");
        check_state(&receiver, DEAD);

        channel.set_preference(Preference::Sender);
        let (end, entries) = (channel.clone(), log.clone());
        let sender = blocked(move || {
            end.send(123).unwrap();
            check_current(RUNNABLE);
            entries.add("s");
        });
        assert_eq!(channel.receive().unwrap(), 123);
        log.add("main");
        assert_eq!(log.take(), "s main");
        check_state(&sender, DEAD);
    });
}

#[test]
fn unbind_scheduled() {
    checked(|| {
        let tasklet = go(|| ());
        let error = tasklet.unbind().unwrap_err();
        assert!(matches!(error, TaskletError::Scheduled { .. }));
        assert!(error.to_string().contains("is scheduled"), "{error}");
        check_state(&tasklet, RUNNABLE);
        run();
    });
}

#[test]
fn attr_prev_next() {
    checked(|| {
        let main = current();
        assert_eq!((main.prev(), main.next()), (Some(main.clone()), Some(main.clone())));
        let first = unbound();
        assert_eq!((first.prev(), first.next()), (None, None));
        first.bind(|| ()).unwrap();
        assert_eq!((first.prev(), first.next()), (None, None));
        first.setup().unwrap();
        assert_eq!((first.prev(), first.next()), (Some(main.clone()), Some(main.clone())));
        let second = go(|| ());
        assert_eq!((first.prev(), first.next()), (Some(main.clone()), Some(second.clone())));
        assert_eq!((second.prev(), second.next()), (Some(first.clone()), Some(main.clone())));
        assert_eq!((main.prev(), main.next()), (Some(second), Some(first)));
        run();
    });
}

#[test]
fn main_and_current() {
    checked(|| {
        assert_eq!(main_tasklet(), current());
        let tasklet = paused(|| assert_ne!(main_tasklet(), current()));
        let again = tasklet.clone();
        tasklet.run().unwrap();
        assert_ne!(tasklet, current());
        again.bind_paused(|| ()).unwrap();
        again.unbind().unwrap();
    });
}

#[test]
fn current_2() {
    checked(|| {
        let seen = std::rc::Rc::new(std::cell::RefCell::new(None));
        let note = seen.clone();
        let tasklet = paused(move || *note.borrow_mut() = Some(current()));
        tasklet.run().unwrap();
        assert_eq!(seen.take().as_ref(), Some(&tasklet));
        assert_ne!(tasklet, current());
    });
}

#[test]
fn runcount() {
    checked(|| {
        assert_eq!(run_count(), 1);
        let tasklet = go(|| assert_eq!(run_count(), 2));
        assert_eq!(run_count(), 2);
        tasklet.run().unwrap();
        assert_eq!(run_count(), 1);
        let tasklet = go(|| assert_eq!(run_count(), 1));
        run();
        assert!(!tasklet.is_alive());
    });
}

/// `run` with an empty ring, as often as one likes.
#[test]
fn run_args() {
    checked(|| {
        for _ in 0..3 {
            let outcome = run();
            assert!(outcome.is_finished());
            assert_eq!((outcome.finished, outcome.runnable, outcome.blocked), (0, 0, 0));
        }
    });
}
