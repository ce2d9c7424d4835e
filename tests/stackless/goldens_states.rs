//! The states of a tasklet, and what leads from one to another.

use tasklets::{AnyTasklet, Builder, Channel, Preference, current, main_tasklet, run, schedule_remove};

use crate::common::checked;
use crate::support::{BLOCKED, CURRENT, DEAD, Log, PAUSED, SCHEDULED, flags, pass, paused, raise, raised, tasklet};

/// Notes its own flags while it runs.
fn noting(log: &Log) -> impl FnOnce() + 'static {
    let log = log.clone();
    move || {
        assert_eq!(flags(&current()), CURRENT);
        log.add("ran");
    }
}

#[test]
fn from_nothing_to_bound_to_scheduled_to_the_end_and_again() {
    checked(|| {
        let log = Log::default();
        let t = Builder::new().unbound();
        assert_eq!(flags(&t), DEAD);
        for _ in 0..3 {
            t.bind(noting(&log)).unwrap();
            assert_eq!(flags(&t), DEAD, "bound is not alive");
            t.setup().unwrap();
            assert_eq!(flags(&t), SCHEDULED);
            run();
            assert_eq!(flags(&t), DEAD);
            assert_eq!(log.take(), "ran");
        }
        t.bind_paused(noting(&log)).unwrap();
        assert_eq!(flags(&t), PAUSED);
        t.run().unwrap();
        assert_eq!((flags(&t), log.take().as_str()), (DEAD, "ran"));
    });
}

#[test]
fn between_paused_and_scheduled() {
    checked(|| {
        let log = Log::default();
        let t = paused(noting(&log));
        assert_eq!(flags(&t), PAUSED);
        t.insert().unwrap();
        assert_eq!(flags(&t), SCHEDULED);
        t.remove().unwrap();
        assert_eq!(flags(&t), PAUSED);
        run();
        assert_eq!(log.take(), "");
        t.insert().unwrap();
        run();
        assert_eq!((flags(&t), log.take().as_str()), (DEAD, "ran"));
    });
}

#[test]
fn to_current_by_run_switch_and_schedule() {
    checked(|| {
        let log = Log::default();
        for start in [AnyTasklet::run, AnyTasklet::switch, |_: &AnyTasklet| tasklets::schedule()] {
            let t = tasklet(noting(&log));
            start(&t).unwrap();
            assert_eq!((flags(&t), log.take().as_str()), (DEAD, "ran"));
        }
        for start in [AnyTasklet::run, AnyTasklet::switch] {
            let t = paused(noting(&log));
            start(&t).unwrap();
            assert_eq!((flags(&t), log.take().as_str()), (DEAD, "ran"));
        }
    });
}

#[test]
fn from_current_to_paused() {
    checked(|| {
        let by_schedule_remove = tasklet(|| schedule_remove().unwrap());
        run();
        assert_eq!(flags(&by_schedule_remove), PAUSED);
        by_schedule_remove.insert().unwrap();
        run();
        assert_eq!(flags(&by_schedule_remove), DEAD);

        let target = paused(|| main_tasklet().switch().unwrap());
        target.run().unwrap();
        assert_eq!(flags(&target), PAUSED, "by switch");
        target.kill().unwrap();

        let log = Log::default();
        let events = log.clone();
        let by_run = tasklet(move || {
            run();
            events.add("out");
        });
        by_run.run().unwrap();
        assert_eq!(flags(&by_run), PAUSED, "by run");
        run();
        assert_eq!(flags(&by_run), PAUSED, "main's own run is the innermost one");
        schedule_remove().unwrap();
        assert_eq!((flags(&by_run), log.take().as_str()), (DEAD, "out"));
    });
}

/// A receiver or a sender, blocked.
fn blocked(sending: bool, ch: &Channel<()>) -> AnyTasklet {
    let inner = ch.clone();
    let t = tasklet(move || {
        if sending {
            inner.send(()).unwrap()
        } else {
            inner.receive().unwrap()
        };
    });
    t.run().unwrap();
    assert_eq!(flags(&t), BLOCKED);
    t
}

#[test]
fn from_blocked_to_scheduled_or_current() {
    checked(|| {
        for (sending, preference) in [(false, Preference::Receiver), (true, Preference::Sender)] {
            let ch = Channel::new();
            ch.set_preference(preference);
            let t = blocked(sending, &ch);
            if sending {
                ch.receive().unwrap()
            } else {
                ch.send(()).unwrap()
            };
            assert_eq!(flags(&t), DEAD, "it was current");
        }
        for (sending, preference) in [(false, Preference::Sender), (true, Preference::Receiver)] {
            let ch = Channel::new();
            ch.set_preference(preference);
            let t = blocked(sending, &ch);
            if sending {
                ch.receive().unwrap()
            } else {
                ch.send(()).unwrap()
            };
            assert_eq!(flags(&t), SCHEDULED);
            run();
            assert_eq!(flags(&t), DEAD);
        }
    });
}

#[test]
fn to_the_end_by_return_kill_and_error() {
    checked(|| {
        let returned = tasklet(|| ());
        run();
        let failed = tasklet(|| raise("oh"));
        assert_eq!(raised(run), "oh");
        let ch = Channel::new();
        let unstarted = paused(|| ());
        let runnable = tasklet(pass);
        let killed = [unstarted, runnable, blocked(true, &ch), blocked(false, &Channel::new())];
        for t in &killed {
            t.kill().unwrap();
        }
        assert_eq!(flags(&returned), DEAD);
        assert_eq!(flags(&failed), DEAD);
        assert_eq!(killed.each_ref().map(flags), [DEAD; 4]);
        assert_eq!(ch.balance(), 0);
    });
}

#[test]
fn to_the_end_by_its_own_kill() {
    checked(|| {
        let log = Log::default();
        let events = log.clone();
        let t = tasklet(move || {
            crate::support::logged(&events, "self", || current().kill()).unwrap();
            events.add("not reached");
        });
        run();
        assert_eq!((flags(&t), log.take().as_str()), (DEAD, "self:TaskletExit"));
    });
}

#[test]
fn main_in_each_state() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        assert_eq!(flags(&main_tasklet()), CURRENT);
        let look = |log: &Log| {
            let log = log.clone();
            move || log.add(format!("{:?}", flags(&main_tasklet())))
        };
        tasklet(look(&log));
        pass();
        assert_eq!(log.take(), format!("{SCHEDULED:?}"));
        tasklet(look(&log));
        run();
        assert_eq!(log.take(), format!("{PAUSED:?}"));
        tasklet(look(&log));
        schedule_remove().unwrap();
        assert_eq!(log.take(), format!("{PAUSED:?}"));
        tasklet(look(&log));
        let sender = ch.clone();
        tasklet(move || sender.send(()).unwrap());
        ch.receive().unwrap();
        assert_eq!(log.take(), format!("{BLOCKED:?}"));
        assert!(main_tasklet().is_main() && main_tasklet().is_current());
        run();
    });
}

#[test]
fn neighbours_in_the_ring_in_a_queue_and_nowhere() {
    checked(|| {
        let ch = Channel::new();
        let [a, b] = [tasklet(pass), tasklet(pass)];
        let main = main_tasklet();
        assert_eq!((main.next(), main.prev()), (Some(a.clone()), Some(b.clone())));
        assert_eq!((a.next(), a.prev()), (Some(b.clone()), Some(main.clone())));
        assert_eq!((b.next(), b.prev()), (Some(main), Some(a)));
        b.remove().unwrap();
        assert_eq!((b.next(), b.prev()), (None, None));
        let [x, y] = [blocked(true, &ch), blocked(true, &ch)];
        assert_eq!((x.prev(), x.next()), (None, Some(y.clone())));
        assert_eq!((y.prev(), y.next()), (Some(x), None));
        y.kill().unwrap();
        assert_eq!((y.next(), y.prev()), (None, None));
    });
}
