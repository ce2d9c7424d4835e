//! Handles that are dropped in every state of their tasklet and in every order.

use std::any::Any;

use tasklets::{AnyTasklet, Builder, Channel, kill_all, run, schedule, schedule_remove, spawn, stats};

use crate::support::*;

#[derive(Clone, Copy, Debug)]
enum State {
    Unbound,
    Bound,
    Unstarted,
    Removed,
    Begun,
    Paused,
    Blocked,
    Dead,
    Killed,
}

use State::*;

const STATES: [State; 9] = [Unbound, Bound, Unstarted, Removed, Begun, Paused, Blocked, Dead, Killed];

/// A tasklet in a state, its ends counted by the flag; three handles of it.
fn make(state: State, ends: &Flag) -> [Box<dyn Any>; 3] {
    let guard = flagging(ends);
    let channel = Channel::<()>::new();
    let body = move || {
        let _guard = guard;
        match state {
            Begun => schedule().unwrap(),
            Paused => schedule_remove().unwrap(),
            Blocked => drop(channel.receive()),
            _ => {}
        }
    };
    if let Unbound | Bound = state {
        let tasklet = Builder::new().unbound();
        tasklet.bind(body).unwrap();
        if let Unbound = state {
            tasklet.unbind().unwrap();
        }
        return [Box::new(tasklet.clone()), Box::new(tasklet.clone()), Box::new(tasklet)];
    }
    let tasklet = spawn(body);
    match state {
        Removed => tasklet.remove().unwrap(),
        Begun | Paused | Blocked | Dead => tasklet.run().unwrap(),
        Killed => tasklet.kill().unwrap(),
        _ => {}
    }
    let any: &AnyTasklet = &tasklet;
    let handles = [any.clone(), any.clone()].map(|handle| Box::new(handle) as Box<dyn Any>);
    let [first, second] = handles;
    [Box::new(tasklet), first, second]
}

/// Whether the scheduler keeps a tasklet in that state without handles.
fn stays(state: State) -> bool {
    matches!(state, Unstarted | Begun | Blocked)
}

#[test]
fn dropped_in_every_state_and_order() {
    for state in STATES {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            checked(move || {
                let ends = Flag::default();
                let mut handles = make(state, &ends).map(Some);
                let before = ends.count();
                for which in order {
                    assert_eq!(ends.count(), before, "{state:?}: a handle is left");
                    drop(handles[which].take());
                }
                assert_eq!(stats().tasklets, usize::from(stays(state)), "{state:?} {order:?}");
                assert_eq!(ends.count(), usize::from(!stays(state)), "{state:?} {order:?}");
                run();
                assert!(kill_all().is_empty());
                assert_eq!(ends.count(), 1, "{state:?} {order:?}");
            });
        }
    }
}

/// A tasklet that drops the last handle of itself, and then pauses: it is killed, as nobody could make it go on.
#[test]
fn dropped_by_itself() {
    checked(|| {
        let (ends, slot) = (Flag::default(), std::rc::Rc::new(std::cell::RefCell::new(None)));
        let (guard, own) = (flagging(&ends), slot.clone());
        *slot.borrow_mut() = Some(go(move || {
            let _guard = guard;
            drop(own.take());
            let _ = schedule_remove();
            unreachable!("it was killed");
        }));
        run();
        assert_eq!((ends.count(), stats().tasklets), (1, 0));
    });
}

/// A handle that is dropped by the tasklet that its drop kills.
#[test]
fn dropped_in_a_circle() {
    checked(|| {
        let ends = Flag::default();
        let slots: std::rc::Rc<std::cell::RefCell<Vec<AnyTasklet>>> = std::rc::Rc::default();
        for _ in 0..3 {
            let (guard, others) = (flagging(&ends), slots.clone());
            let tasklet = go(move || {
                let _guard = guard;
                let _drops = OnDrop(move || drop(others.take()));
                schedule_remove().unwrap();
            });
            tasklet.run().unwrap();
            slots.borrow_mut().push(tasklet);
        }
        let all = slots.take();
        *slots.borrow_mut() = all.clone();
        drop(all);
        let last = slots.borrow_mut().pop();
        drop(last);
        assert_eq!((ends.count(), stats().tasklets), (3, 0));
    });
}

/// Handles outlive what they name, and answer.
#[test]
fn of_the_dead() {
    checked(|| {
        let tasklet = Builder::new().name("late").spawn(|| 5);
        run();
        let any = tasklet.clone().detach();
        assert_eq!(tasklet.join().unwrap(), 5);
        assert!(matches!(tasklet.join(), Err(tasklets::JoinError::Taken)));
        assert_eq!((any.next(), any.prev(), state(&any)), (None, None, DEAD));
        assert_eq!(any.name().as_deref(), Some("late"));
        any.kill().unwrap();
        any.remove().unwrap();
        assert!(any.insert().is_err() && any.run().is_err() && any.throw(1).is_err());
    });
}
