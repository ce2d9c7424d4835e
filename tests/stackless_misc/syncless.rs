//! syncless, test/stackless_test.py: the ring and the queues, link by link.

use tasklets::{AnyTasklet, Channel, Preference, Reason, TaskletError, current, run_count, schedule, schedule_remove};

use crate::support::*;

/// `before` is the one before, `after` the one after `tasklet`.
#[track_caller]
fn check_links(tasklet: &AnyTasklet, before: &AnyTasklet, after: &AnyTasklet) {
    assert_eq!((tasklet.prev().as_ref(), tasklet.next().as_ref()), (Some(before), Some(after)));
    assert_eq!((before.next().as_ref(), after.prev().as_ref()), (Some(tasklet), Some(tasklet)));
}

struct Walk {
    log: Log,
    channel: Channel<&'static str>,
    workers: Vec<AnyTasklet>,
    main: AnyTasklet,
}

impl Walk {
    /// Four workers that receive for ever.
    fn new() -> Walk {
        let (log, channel) = (Log::default(), Channel::new());
        let worker = |name: &'static str| {
            let (log, channel) = (log.clone(), channel.clone());
            go(move || {
                loop {
                    log.add(format!("{name}.wait"));
                    let message = channel.receive().unwrap();
                    log.add(format!("{name}/{message}"));
                }
            })
        };
        let workers = ["A", "B", "C", "D"].map(worker).into();
        Walk { log, channel, workers, main: current() }
    }

    fn single(&self) -> AnyTasklet {
        let log = self.log.clone();
        paused(move || log.add("T.single"))
    }

    fn send(&self, message: &'static str) {
        self.channel.send(message).unwrap();
    }

    /// Yields until nobody else runs.
    fn pump(&self) {
        loop {
            self.log.add("schedule");
            let before = self.log.len();
            schedule().unwrap();
            if before == self.log.len() {
                return self.log.add("done");
            }
        }
    }

    #[track_caller]
    fn check_alone(&self) {
        check_links(&self.main, &self.main, &self.main);
    }
}

#[test]
fn ring_walk_of_sends() {
    checked(|| {
        let walk = Walk::new();
        let [a, .., c, d] = &walk.workers[..] else { unreachable!() };
        assert_eq!(run_count(), 5);
        check_links(&walk.main, d, a);
        check_links(d, c, &walk.main);

        walk.log.add("send");
        walk.send("msg");
        assert_eq!(run_count(), 1);
        walk.pump();
        assert_eq!(walk.log.take(), "send A.wait A/msg A.wait B.wait C.wait D.wait schedule done");
        assert_eq!(walk.channel.balance(), -4);

        walk.channel.set_preference(Preference::Neither);
        walk.send("msg");
        assert_eq!(run_count(), 2);
        walk.pump();
        assert_eq!(walk.log.take(), "schedule A/msg A.wait schedule done");

        walk.channel.set_preference(Preference::Sender);
        walk.send("msg");
        assert_eq!(run_count(), 2);
        walk.pump();
        assert_eq!(walk.log.take(), "schedule B/msg B.wait schedule done");

        walk.channel.set_preference(Preference::from(2));
        walk.send("msg");
        walk.send("msg");
        assert_eq!(run_count(), 3);
        walk.pump();
        assert_eq!(walk.log.take(), "schedule C/msg C.wait D/msg D.wait schedule done");
        assert_eq!(walk.channel.balance(), -4);
        drop(tasklets::kill_all());
    });
}

#[test]
fn send_insert() {
    checked(|| {
        let walk = Walk::new();
        schedule().unwrap();
        walk.log.take();
        walk.channel.set_preference(Preference::from(5));
        assert_eq!(run_count(), 1);
        let t = walk.single();
        assert_eq!(run_count(), 1);
        t.insert().unwrap();
        assert_eq!(run_count(), 2);
        t.remove().unwrap();
        assert_eq!(run_count(), 1);
        t.insert().unwrap();
        for (message, balance) in [("msg1", -3), ("msg2", -2), ("msg3", -1), ("msg4", 0)] {
            walk.send(message);
            assert_eq!(walk.channel.balance(), balance);
        }
        assert_eq!(run_count(), 6);
        walk.log.add("a4");
        // Nobody waits: main blocks until A receives again, and goes on at its end of the ring.
        walk.send("msg5");
        assert_eq!(run_count(), 5);
        walk.log.add("a5");
        walk.send("msg6");
        assert_eq!(run_count(), 5);
        walk.pump();
        let expected = "a4 T.single A/msg1 A.wait a5 B/msg2 B.wait schedule C/msg3 C.wait D/msg4 D.wait \
                        A/msg5 A.wait B/msg6 B.wait schedule done";
        assert_eq!(walk.log.take(), expected);
        walk.check_alone();
        drop(tasklets::kill_all());
    });
}

#[test]
fn ring_walk_of_links() {
    checked(|| {
        let walk = Walk::new();
        schedule().unwrap();
        walk.log.take();
        walk.channel.set_preference(Preference::from(42));
        let [a, b, c, _] = &walk.workers[..] else { unreachable!() };
        let main = &walk.main;
        walk.check_alone();
        walk.send("msg1");
        assert_eq!(walk.channel.balance(), -3);
        check_links(a, main, main);
        walk.send("msg2");
        assert_eq!(walk.channel.balance(), -2);
        check_links(a, main, b);
        check_links(b, a, main);
        walk.send("msg3");
        assert_eq!(walk.channel.balance(), -1);
        check_links(main, c, a);
        check_links(b, a, c);
        assert_eq!((walk.log.take().as_str(), run_count()), ("", 4));

        let t = walk.single();
        t.insert().unwrap();
        check_links(&t, c, main);
        assert_eq!((t.is_alive(), run_count()), (true, 5));
        t.remove().unwrap();
        assert_eq!((t.prev(), t.next()), (None, None));
        check_links(main, c, a);
        assert_eq!((t.is_alive(), run_count()), (true, 4));
        t.run().unwrap();
        assert_eq!((t.is_alive(), run_count(), walk.log.take().as_str()), (false, 4, "T.single"));
        b.run().unwrap();
        assert_eq!(walk.log.take(), "B/msg2 B.wait C/msg3 C.wait");
        assert_eq!(walk.channel.balance(), -3);
        check_links(a, main, main);
        a.run().unwrap();
        assert_eq!(walk.log.take(), "A/msg1 A.wait");
        assert_eq!(walk.channel.balance(), -4);
        walk.check_alone();
        for (worker, balance) in walk.workers.iter().zip([-3, -2, -1, 0]) {
            worker.kill().unwrap();
            assert_eq!(walk.channel.balance(), balance);
        }
    });
}

/// Cooperative workers, one of them pausing itself; runcount after each kill.
#[test]
fn runcount_after_kills() {
    checked(|| {
        let log = Log::default();
        let worker = |name: &'static str, remove: bool| {
            let log = log.clone();
            go(move || {
                loop {
                    log.add(name);
                    if remove { schedule_remove() } else { schedule() }.unwrap();
                }
            })
        };
        let [t, r, u] = [("T", false), ("R", true), ("U", false)].map(|(name, remove)| worker(name, remove));
        assert_eq!(run_count(), 4);
        schedule().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("T R U", 3));
        schedule().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("T U", 3));
        // The ring's head jumps to the killed one, so that what follows it runs, too.
        t.kill().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("U", 2));
        r.kill().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("", 2));
        r.kill().unwrap();
        assert_eq!(run_count(), 2);
        u.kill().unwrap();
        assert_eq!((log.take().as_str(), run_count()), ("", 1));
    });
}

/// What a tasklet throws into main arrives in main's `schedule`; what it sends as an error, in its `receive`.
#[test]
fn errors_reach_main() {
    checked(|| {
        let main = current();
        go(move || drop(main.throw(ValueError(42))));
        assert_eq!(raised::<ValueError, _>(schedule), ValueError(42));
        let channel = Channel::<()>::new();
        channel.set_preference(Preference::Sender);
        let sender = channel.clone();
        go(move || sender.send_exception(ValueError(43)).unwrap());
        let error = channel.receive().unwrap_err().into_exception().unwrap();
        assert_eq!(error.to_string(), "43");
    });
}

#[test]
fn test_kill_jumps_in_runnables_list() {
    checked(|| {
        let log = Log::default();
        let dead = go(|| unreachable!("it is killed before it begins"));
        let entries = log.clone();
        go(move || entries.add("worker"));
        log.add("before");
        dead.kill().unwrap();
        log.add("after");
        assert_eq!(log.take(), "before worker after");
    });
}

#[test]
fn test_channel_receive_linked_list() {
    checked(|| {
        let channel = Channel::<()>::new();
        let receiver = || {
            let end = channel.clone();
            go(move || drop(end.receive()))
        };
        let first = receiver();
        assert_eq!(first.next(), Some(current()));
        schedule().unwrap();
        assert_eq!((first.prev(), first.next()), (None, None));
        let second = receiver();
        schedule().unwrap();
        assert_eq!((first.prev(), first.next()), (None, Some(second.clone())));
        let third = receiver();
        schedule().unwrap();
        assert_eq!((first.prev(), first.next()), (None, Some(second.clone())));
        assert_eq!((second.prev(), second.next()), (Some(first.clone()), Some(third.clone())));
        assert_eq!((third.prev(), third.next()), (Some(second.clone()), None));
        second.kill().unwrap();
        assert_eq!((first.next(), third.prev()), (Some(third.clone()), Some(first.clone())));
        drop(tasklets::kill_all());
    });
}

#[test]
fn test_run_blocked_tasklet() {
    checked(|| {
        let channel = Channel::<()>::new();
        let receiver = channel.clone();
        let tasklet = go(move || drop(receiver.receive()));
        assert!(!tasklet.is_blocked());
        schedule().unwrap();
        assert!(tasklet.is_blocked());
        assert!(matches!(tasklet.insert(), Err(TaskletError::Blocked { .. })));
        assert!(matches!(tasklet.run(), Err(TaskletError::Blocked { .. })));
        assert!(matches!(tasklet.remove(), Err(TaskletError::Blocked { .. })));
        tasklet.kill().unwrap();
    });
}

#[test]
fn test_runnables_order_at_kill() {
    checked(|| {
        let log = Log::default();
        schedule().unwrap();
        let first = go(|| raise(ZeroDivisionError));
        let entries = log.clone();
        let second = go(move || {
            entries.add("start");
            raised::<ValueError, _>(schedule);
            entries.add("caught");
        });
        second.run().unwrap();
        assert_eq!(log.take(), "start");
        let third = go(|| raise(ZeroDivisionError));
        second.remove().unwrap();
        second.remove().unwrap();
        second.throw(ValueError(0)).unwrap();
        assert_eq!(log.take(), "caught");
        assert_eq!([&first, &second, &third].map(|t| t.is_alive()), [true, false, true]);
        first.remove().unwrap();
        first.kill().unwrap();
        assert!(third.is_alive());
        third.kill().unwrap();
        second.kill().unwrap();
    });
}

/// The last tasklet cannot be blocked; nothing has changed then.
#[test]
fn test_last_channel() {
    checked(|| {
        let channel = Channel::new();
        let error = channel.receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::Deadlock(_))));
        let error = channel.send(5).unwrap_err();
        assert!(matches!(error.reason, Reason::Deadlock(_)));
        assert_eq!((error.into_value(), channel.balance(), run_count()), (5, 0, 1));
        // Main blocks, the last other one ends: the same.
        go(|| ());
        let error = channel.receive().unwrap_err();
        assert!(matches!(error.reason(), Some(Reason::Deadlock(_))), "{error}");
        assert_eq!((channel.balance(), run_count()), (0, 1));
    });
}
