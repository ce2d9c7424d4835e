//! carbon-scheduler, test_channel.py: closing, and tasklets that are blocked.

use tasklets::{AnyTasklet, Channel, Reason, TaskletExit, current, run, run_count};

use crate::support::*;

#[test]
fn test_closing_and_open() {
    checked(|| {
        let channel = Channel::new();
        let sender = || {
            let out = channel.clone();
            go(move || out.send(101).unwrap());
            run();
        };
        sender();
        assert_eq!(channel.balance(), 1);
        channel.close();
        assert!(channel.is_closing() && !channel.is_closed());
        assert_eq!(channel.receive().unwrap(), 101);
        assert!(channel.is_closing() && channel.is_closed());
        assert!(channel.receive().unwrap_err().is_closed());
        assert!(matches!(channel.send(0).unwrap_err().reason, Reason::Closed));
        channel.open();
        assert!(!channel.is_closing() && !channel.is_closed());
        sender();
        assert_eq!(channel.receive().unwrap(), 101);
        run();
    });
}

/// Two that are blocked, in either direction.
fn two_blocked(channel: &Channel<i32>, sending: bool) -> [AnyTasklet; 2] {
    let tasklets = [0, 1].map(|_| {
        let end = channel.clone();
        go(move || if sending { drop(end.send(1)) } else { drop(end.receive()) })
    });
    run();
    tasklets
}

#[test]
fn test_kill_blocked_on_closed() {
    checked(|| {
        for (sending, throw) in [(true, false), (false, false), (true, true), (false, true)] {
            let channel = Channel::new();
            let tasklets = two_blocked(&channel, sending);
            channel.close();
            assert!(!channel.is_closed());
            for (tasklet, closed) in tasklets.iter().zip([false, true]) {
                if throw { tasklet.throw(TaskletExit) } else { tasklet.kill() }.unwrap();
                assert_eq!(channel.is_closed(), closed, "sending: {sending}, throw: {throw}");
            }
            assert_eq!(channel.balance(), 0);
        }
    });
}

/// The queue is corrected at once, before the tasklet has seen its exit.
#[test]
fn test_pending_kill_blocked_tasklet() {
    checked(|| {
        for (sending, balance) in [(true, 1), (false, -1)] {
            let channel = Channel::new();
            let end = channel.clone();
            let tasklet = go(move || if sending { drop(end.send(1)) } else { drop(end.receive()) });
            tasklet.run().unwrap();
            assert_eq!(channel.balance(), balance);
            tasklet.kill_pending().unwrap();
            assert_eq!((channel.balance(), state(&tasklet)), (0, RUNNABLE));
            run();
            assert_eq!(state(&tasklet), DEAD);
        }
    });
}

#[test]
fn test_attempting_on_block_trapped_tasklet_does_not_change_balance() {
    checked(|| {
        let channel = Channel::new();
        let old = current().set_block_trap(true);
        assert!(!old && current().block_trap());
        let error = channel.send(1).unwrap_err();
        assert!(matches!(error.reason, Reason::BlockTrap), "{error}");
        assert!(matches!(channel.receive().unwrap_err().reason(), Some(Reason::BlockTrap)));
        assert!(current().set_block_trap(old));
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn test_receive_on_channel_that_had_previously_been_blocked_and_continued_after_an_exception() {
    checked(|| {
        let (channel, log) = (Channel::new(), Log::default());
        let (end, entries) = (channel.clone(), log.clone());
        let blocker = go(move || {
            raised::<ZeroDivisionError, _>(|| end.receive());
            entries.add(format!("blocker {}", end.receive().unwrap()));
        });
        let (end, entries) = (channel.clone(), log.clone());
        go(move || entries.add(format!("receiver {}", end.receive().unwrap())));
        run();
        blocker.throw(ZeroDivisionError).unwrap();
        assert_eq!(channel.balance(), -2);
        channel.send(101).unwrap();
        channel.send(202).unwrap();
        assert_eq!(log.take(), "receiver 101 blocker 202");
    });
}

#[test]
fn test_send_on_channel_that_had_previously_been_blocked_and_continued_after_an_exception() {
    checked(|| {
        let channel = Channel::new();
        let out = channel.clone();
        let blocker = go(move || {
            raised::<ZeroDivisionError, _>(|| out.send(0));
            out.send(202).unwrap();
        });
        let out = channel.clone();
        go(move || out.send(101).unwrap());
        run();
        blocker.throw(ZeroDivisionError).unwrap();
        assert_eq!(channel.balance(), 2);
        assert_eq!(channel.receive().unwrap(), 101);
        assert_eq!(channel.receive().unwrap(), 202);
        run();
    });
}

#[test]
fn test_nested_channel_with_parent_death_running_fine_and_cleaning_up_correctly() {
    checked(|| {
        let channel = Channel::new();
        let end = channel.clone();
        go(move || {
            let inner = go(move || (0..2).for_each(|_| end.receive().unwrap()));
            inner.run().unwrap();
        });
        run();
        channel.send(()).unwrap();
        channel.send(()).unwrap();
        assert!(tasklets::stats().tasklets == 0 && channel.balance() == 0);
    });
}

/// There, a blocked tasklet has no `next`; in Stackless it is the next in the queue.
#[test]
fn test_blocked_tasklet_next() {
    checked(|| {
        let channel = Channel::new();
        let [first, second] = two_blocked(&channel, false);
        assert_eq!((first.next(), second.next()), (Some(second.clone()), None));
        channel.send(0).unwrap();
        channel.send(0).unwrap();
    });
}

#[test]
fn test_yielding_to_blocked_tasklet_yields_to_parent() {
    checked(|| {
        let (log, channel) = (Log::default(), Channel::new());
        let (entries, end) = (log.clone(), channel.clone());
        go(move || {
            for _ in 0..10 {
                let (entries, end) = (entries.clone(), end.clone());
                go(move || entries.add(end.receive().unwrap())).run().unwrap();
            }
            let value = end.receive().unwrap();
            assert_eq!(value, 10);
            entries.add(value);
        })
        .run()
        .unwrap();
        for i in 0..11 {
            channel.send(i).unwrap();
        }
        assert_eq!((channel.balance(), log.take().as_str()), (0, "0 1 2 3 4 5 6 7 8 9 10"));
    });
}

/// `clear()` and `unblock_all_channels()`: whoever waits is let go, with an error.
#[test]
fn test_clear() {
    checked(|| {
        for sending in [true, false] {
            let (channel, closed) = (Channel::new(), Flag::default());
            for i in 0..2 {
                let (end, flag) = (channel.clone(), closed.clone());
                go(move || {
                    let is_closed = match sending {
                        true => matches!(end.send(i).unwrap_err().reason, Reason::Closed),
                        false => end.receive().unwrap_err().is_closed(),
                    };
                    assert!(is_closed);
                    flag.set();
                });
            }
            run();
            channel.shutdown();
            assert_eq!((channel.balance(), closed.count(), run_count()), (0, 0, 3));
            run();
            assert_eq!(closed.count(), 2);
        }
    });
}
