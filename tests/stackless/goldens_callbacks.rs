//! What callbacks see.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::{
    AnyTasklet, Channel, ChannelCallback, Reason, ScheduleCallback, TaskletError, current, main_tasklet, run, run_for,
    schedule, set_channel_callback, set_schedule_callback, switch_trap,
};
use tasklets::{Budget, Ending};

use crate::common::checked;
use crate::support::{Log, pass, raise, raised, tasklet};

/// Names of tasklets, to log them.
#[derive(Clone, Default)]
struct Names(Rc<RefCell<Vec<(AnyTasklet, &'static str)>>>);

impl Names {
    fn add(&self, t: &AnyTasklet, name: &'static str) {
        self.0.borrow_mut().push((t.clone(), name));
    }

    fn of(&self, t: &AnyTasklet) -> &'static str {
        let names = self.0.borrow();
        names.iter().find(|(named, _)| named == t).map_or("unknown", |(_, name)| name)
    }
}

/// Logs channel operations as `(who,sending,will_block)`.
fn log_channels(log: &Log, names: &Names) -> ChannelCallback {
    let (log, names) = (log.clone(), names.clone());
    Rc::new(move |event| {
        let (sending, will_block) = (u8::from(event.sending), u8::from(event.will_block));
        log.add(format!("({},{sending},{will_block})", names.of(&event.tasklet)));
    })
}

/// Logs switches as `(previous,next)`; the one that leaves must be the current one.
fn log_switches(log: &Log, names: &Names) -> ScheduleCallback {
    let (log, names) = (log.clone(), names.clone());
    Rc::new(move |prev, next| {
        let wrong = if *prev == current() { "" } else { "!" };
        log.add(format!("({},{}){wrong}", names.of(prev), names.of(next)));
    })
}

/// One transfer under `callback`.
fn transfer(receiver_first: bool, names: &Names) {
    let ch = Channel::new();
    let (sender, receiver) = (ch.clone(), ch.clone());
    let send = move || sender.send(1).unwrap();
    let receive = move || assert_eq!(receiver.receive().unwrap(), 1);
    let (r, s) = if receiver_first {
        let r = tasklet(receive);
        (r, tasklet(send))
    } else {
        let s = tasklet(send);
        (tasklet(receive), s)
    };
    names.add(&r, "r");
    names.add(&s, "s");
    run();
}

#[test]
fn channel_callback_receiver_first() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        set_channel_callback(Some(log_channels(&log, &names)));
        transfer(true, &names);
        set_channel_callback(None);
        assert_eq!(log.take(), "(r,0,1) (s,1,0)");
    });
}

#[test]
fn channel_callback_sender_first() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        set_channel_callback(Some(log_channels(&log, &names)));
        transfer(false, &names);
        set_channel_callback(None);
        assert_eq!(log.take(), "(s,1,1) (r,0,0)");
    });
}

#[test]
fn channel_callback_main_receives() {
    checked(|| {
        let (log, names, ch) = (Log::default(), Names::default(), Channel::new());
        let sender = ch.clone();
        let t = tasklet(move || {
            sender.send(1).unwrap();
            sender.receive().unwrap();
        });
        names.add(&t, "task");
        names.add(&main_tasklet(), "main");
        set_channel_callback(Some(log_channels(&log, &names)));
        assert_eq!(ch.receive().unwrap(), 1);
        // The tasklet has not gone on yet: this send waits for its receive.
        ch.send(2).unwrap();
        set_channel_callback(None);
        assert_eq!(log.take(), "(main,0,1) (task,1,0) (main,1,1) (task,0,0)");
        drop((t, names));
        run();
    });
}

#[test]
fn channel_callback_of_operations_that_fail() {
    checked(|| {
        let (log, names, ch) = (Log::default(), Names::default(), Channel::<()>::new());
        names.add(&main_tasklet(), "main");
        ch.close();
        set_channel_callback(Some(log_channels(&log, &names)));
        assert!(ch.send(()).is_err());
        assert!(ch.receive().is_err());
        assert!(ch.try_receive().is_err());
        set_channel_callback(None);
        assert_eq!(log.take(), "(main,1,1) (main,0,1) (main,0,1)");
    });
}

#[test]
fn channel_operations_in_a_channel_callback_fail() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, inner) = (log.clone(), ch.clone());
        let callback: ChannelCallback = Rc::new(move |_| {
            let error = inner.send(2).unwrap_err();
            assert!(matches!(error.reason, Reason::Recursive) && error.value == 2);
            let error = inner.receive().unwrap_err();
            assert!(matches!(error.reason(), Some(Reason::Recursive)));
            events.add(error.to_string().rsplit(": ").next().unwrap_or_default());
        });
        let sender = ch.clone();
        tasklet(move || sender.send(1).unwrap());
        run();
        set_channel_callback(Some(callback));
        assert_eq!(ch.receive().unwrap(), 1);
        set_channel_callback(None);
        assert_eq!(log.take(), "recursive channel call due to callbacks");
        run();
    });
}

#[test]
fn a_channel_callback_that_raises_makes_the_operation_fail() {
    checked(|| {
        let ch = Channel::new();
        let receiver = ch.clone();
        let r = tasklet(move || assert_eq!(receiver.receive().unwrap(), 2));
        run();
        set_channel_callback(Some(Rc::new(|_| raise("refused"))));
        assert_eq!(raised(|| ch.send(1)), "refused");
        set_channel_callback(None);
        assert_eq!((ch.balance(), r.is_blocked()), (-1, true));
        ch.send(2).unwrap();
        assert!(!r.is_alive());
    });
}

#[test]
fn schedule_callback_of_two_that_yield() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        let (a, b) = (tasklet(pass), tasklet(pass));
        for (t, name) in [(&a, "a"), (&b, "b"), (&main_tasklet(), "main")] {
            names.add(t, name);
        }
        set_schedule_callback(Some(log_switches(&log, &names)));
        run();
        set_schedule_callback(None);
        assert_eq!(log.take(), "(main,a) (a,b) (b,a) (a,b) (b,main)");
    });
}

#[test]
fn schedule_callback_of_a_rendezvous() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        names.add(&main_tasklet(), "main");
        set_schedule_callback(Some(log_switches(&log, &names)));
        transfer(true, &names);
        set_schedule_callback(None);
        assert_eq!(log.take(), "(main,r) (r,s) (s,r) (r,s) (s,main)");
    });
}

#[test]
fn no_schedule_callback_without_a_switch() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        set_schedule_callback(Some(log_switches(&log, &names)));
        schedule().unwrap();
        main_tasklet().run().unwrap();
        main_tasklet().switch().unwrap();
        run();
        set_schedule_callback(None);
        assert_eq!(log.take(), "");
    });
}

#[test]
fn a_schedule_callback_that_raises_is_ignored() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(move || events.add("ran"));
        set_schedule_callback(Some(Rc::new(|_, _| raise("ignored"))));
        let outcome = run();
        set_schedule_callback(None);
        assert!(outcome.is_finished());
        assert_eq!(log.take(), "ran");
    });
}

#[test]
fn a_schedule_callback_cannot_switch() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        tasklet(pass);
        tasklet(pass);
        set_schedule_callback(Some(Rc::new(move |_, next| {
            events.add(matches!(next.run(), Err(TaskletError::SwitchTrap)));
        })));
        run();
        set_schedule_callback(None);
        assert_eq!(log.take(), "true true true true true");
        assert_eq!(switch_trap(0), 0);
    });
}

#[test]
fn a_budget_and_a_schedule_callback_together() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        let a = tasklet(|| (0..3).for_each(|_| pass()));
        names.add(&a, "a");
        names.add(&main_tasklet(), "main");
        let b = tasklet(|| (0..3).for_each(|_| pass()));
        names.add(&b, "b");
        set_schedule_callback(Some(log_switches(&log, &names)));
        let outcome = run_for(Budget::switches(3));
        set_schedule_callback(None);
        assert!(matches!(outcome.ending, Ending::Expired), "{outcome}");
        assert_eq!(log.take(), "(main,a) (a,b) (b,a) (a,main)");
        run();
    });
}

#[test]
fn callbacks_of_one_thread_are_not_called_on_another() {
    checked(|| {
        let (log, names) = (Log::default(), Names::default());
        set_channel_callback(Some(log_channels(&log, &names)));
        set_schedule_callback(Some(log_switches(&log, &names)));
        checked(|| {
            assert!(tasklets::channel_callback().is_none());
            assert!(tasklets::schedule_callback().is_none());
            transfer(true, &Names::default());
        });
        set_channel_callback(None);
        set_schedule_callback(None);
        assert_eq!(log.take(), "");
    });
}
