//! Callbacks, error handlers and budgets that do more than look.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tasklets::{
    Budget, Channel, Ending, Preference, TaskletError, current, main_tasklet, run, run_count, run_for, schedule,
    schedule_callback, schedule_remove, set_channel_callback, set_error_handler, set_schedule_callback, switch_trap,
};

use crate::common::checked;
use crate::support::{DEAD, Log, PAUSED, flags, logged, pass, paused, raise, raised, tasklet, text};

#[test]
fn a_schedule_callback_may_drop_the_last_handle_of_a_paused_one() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let victim = tasklet(move || logged(&events, "victim", schedule_remove).unwrap());
        run();
        let (slot, events) = (Cell::new(Some(victim)), log.clone());
        let a = log.clone();
        tasklet(move || a.add("a"));
        set_schedule_callback(Some(Rc::new(move |_, _| {
            if let Some(victim) = slot.take() {
                drop(victim);
                events.add("dropped");
            }
        })));
        assert!(run().is_finished());
        set_schedule_callback(None);
        assert_eq!(log.take(), "victim:TaskletExit dropped a");
    });
}

#[test]
fn a_callback_may_replace_itself() {
    checked(|| {
        let log = Log::default();
        let (first, second) = (log.clone(), log.clone());
        set_schedule_callback(Some(Rc::new(move |_, _| {
            first.add("first");
            let second = second.clone();
            set_schedule_callback(Some(Rc::new(move |_, _| second.add("second"))));
        })));
        let (outer, inner) = (log.clone(), log.clone());
        set_channel_callback(Some(Rc::new(move |_| {
            outer.add("operation");
            let inner = inner.clone();
            set_channel_callback(Some(Rc::new(move |_| inner.add("next-operation"))));
        })));
        let ch = Channel::new();
        let sender = ch.clone();
        tasklet(move || sender.send(1).unwrap());
        ch.receive().unwrap();
        set_channel_callback(None);
        run();
        set_schedule_callback(None);
        assert!(schedule_callback().is_none());
        assert_eq!(log.take(), "operation first next-operation second second second");
    });
}

#[test]
fn a_channel_callback_cannot_switch() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, receiver) = (log.clone(), ch.clone());
        tasklet(move || events.add(receiver.receive().unwrap()));
        run();
        let events = log.clone();
        set_channel_callback(Some(Rc::new(move |_| {
            tasklet(|| ()).kill_pending().unwrap();
            events.add(matches!(schedule(), Err(TaskletError::SwitchTrap)));
        })));
        ch.send("received").unwrap();
        set_channel_callback(Some(Rc::new(|_| raise("refused"))));
        assert_eq!(raised(|| ch.send("not sent")), "refused");
        set_channel_callback(None);
        assert_eq!(switch_trap(0), 0, "a callback that raises leaves no trap behind");
        assert_eq!(log.take(), "true received");
        run();
    });
}

#[test]
fn an_error_handler_may_yield() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        set_error_handler(Some(Rc::new(move |payload| {
            events.add(format!("handler:{}", text(&*payload)));
            pass();
            events.add("handler-end");
        })));
        let failed = tasklet(|| raise("oh"));
        let events = log.clone();
        tasklet(move || {
            events.add("a0");
            pass();
            events.add("a1");
        });
        assert!(run().is_finished());
        set_error_handler(None);
        assert_eq!(log.take(), "handler:oh a0 handler-end a1");
        assert_eq!(flags(&failed), DEAD);
    });
}

#[test]
fn an_error_handler_may_send_and_block() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let reports = ch.clone();
        set_error_handler(Some(Rc::new(move |payload| {
            reports.send(text(&*payload).to_owned()).unwrap();
        })));
        for name in ["first", "second"] {
            tasklet(move || raise(name));
        }
        assert_eq!(run().blocked, 2, "both wait in the handler");
        for _ in 0..2 {
            log.add(ch.receive().unwrap());
        }
        assert!(run().is_finished());
        set_error_handler(None);
        assert_eq!(log.take(), "first second");
    });
}

#[test]
fn an_error_handler_that_is_killed_ends_quietly() {
    checked(|| {
        set_error_handler(Some(Rc::new(|_| schedule_remove().unwrap())));
        let failed = tasklet(|| raise("oh"));
        run();
        assert_eq!(flags(&failed), PAUSED);
        failed.kill().unwrap();
        set_error_handler(None);
        assert_eq!(flags(&failed), DEAD);
    });
}

#[test]
fn an_interrupted_one_whose_last_handle_is_dropped_is_killed() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || logged(&events, "t", || (0..10).for_each(|_| pass())));
        let outcome = run_for(Budget::switches(3).pausing());
        assert!(outcome.interrupted.is_some());
        assert_eq!(log.take(), "");
        drop(outcome);
        assert_eq!(log.take(), "t:TaskletExit");
    });
}

#[test]
fn a_workers_budget_may_interrupt_main() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let worker = tasklet(move || {
            let outcome = run_for(Budget::switches(3).pausing());
            assert!(matches!(outcome.ending, Ending::Expired), "{outcome}");
            let main = outcome.interrupted.unwrap();
            assert!(main.is_main() && main.is_paused());
            events.add("interrupted");
            main.insert().unwrap();
            events.add("end");
        });
        for i in 0..5 {
            pass();
            log.add(i);
        }
        assert_eq!(log.take(), "0 1 2 interrupted end 3 4");
        assert!(!worker.is_alive());
    });
}

#[test]
fn a_budget_that_is_used_up_wakes_inner_runs_too() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let inner = tasklet(move || {
            run();
            events.add("inner");
        });
        let hog = tasklet(|| {
            loop {
                pass();
            }
        });
        assert!(matches!(run_for(Budget::switches(5)).ending, Ending::Expired));
        assert!(inner.is_scheduled());
        assert_eq!(run_count(), 3);
        hog.kill().unwrap();
        run();
        assert_eq!(log.take(), "inner");
    });
}

#[test]
fn killing_an_outer_run_wakes_the_inner_ones() {
    checked(|| {
        let log = Log::default();
        let (events, inner_slot) = (log.clone(), Rc::new(RefCell::new(None)));
        let slot = inner_slot.clone();
        let outer = tasklet(move || {
            let inner_events = events.clone();
            let inner = tasklet(move || {
                run();
                inner_events.add("inner");
            });
            slot.replace(Some(inner));
            logged(&events, "outer", run);
        });
        outer.run().unwrap();
        let inner = inner_slot.take().unwrap();
        inner.run().unwrap();
        assert!(outer.is_paused() && inner.is_paused());
        outer.kill().unwrap();
        assert!(!outer.is_alive() && inner.is_scheduled());
        run();
        assert_eq!(log.take(), "outer:TaskletExit inner");
    });
}

#[test]
fn a_handle_of_one_inside_run_may_be_dropped() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let t = tasklet(move || {
            logged(&events, "t", run);
            events.add("t-end");
        });
        t.run().unwrap();
        assert!(t.is_paused());
        drop(t);
        assert_eq!(log.take(), "", "it is paused, but will be woken");
        schedule_remove().unwrap();
        assert_eq!(log.take(), "t-end");
    });
}

#[test]
fn schedule_remove_without_a_handle_ends_the_caller() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        drop(tasklet(move || {
            let _ = logged(&events, "t", schedule_remove);
            events.add("not reached");
        }));
        assert!(run().is_finished());
        assert_eq!(log.take(), "t:TaskletExit");
        // A handle of its own would do.
        let events = log.clone();
        tasklet(move || {
            let me = current();
            let waker = tasklet(move || me.insert().unwrap());
            schedule_remove().unwrap();
            drop(waker);
            events.add("goes on");
        });
        run();
        assert_eq!(log.take(), "goes on");
    });
}

#[test]
fn close_wakes_nobody_and_a_kill_can_make_it_closed() {
    checked(|| {
        let ch = Channel::<i32>::new();
        ch.set_preference(Preference::Sender);
        let [first, second] = [(); 2].map(|()| {
            let ch = ch.clone();
            tasklet(move || drop(ch.receive()))
        });
        run();
        ch.close();
        assert_eq!((run_count(), ch.balance()), (1, -2));
        assert!(first.is_blocked() && second.is_blocked());
        ch.send(1).unwrap();
        assert!(!ch.is_closed());
        second.kill().unwrap();
        assert!(ch.is_closed() && ch.is_closing());
        ch.open();
        assert!(!ch.is_closed() && !ch.is_closing());
        run();
        assert!(!first.is_alive());
        drop(paused(|| ()));
        assert!(main_tasklet().is_current());
    });
}
