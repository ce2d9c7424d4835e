//! The order of a channel operation's checks, and that a failed one changes nothing.

use std::rc::Rc;

use tasklets::{AnyTasklet, Channel, Preference, Reason, current, run, run_count, set_channel_callback, switch_trap};

use crate::common::checked;
use crate::support::{BLOCKED, Drops, Log, flags, pass, raise, raised, tasklet, with_block_trap};

/// Which check a failed operation names.
fn why(reason: &Reason) -> &'static str {
    match reason {
        Reason::Closed => "closed",
        Reason::Deadlock(_) => "deadlock",
        Reason::BlockTrap => "block_trap",
        Reason::SwitchTrap => "switch_trap",
        Reason::WouldBlock => "would_block",
        _ => "other",
    }
}

/// Sends and receives, both of which must fail without a trace; why.
#[track_caller]
fn both_fail(ch: &Channel<usize>) -> &'static str {
    let before = (ch.balance(), run_count(), ch.is_closing(), ch.waiters());
    let sent = ch.send(5).unwrap_err();
    assert_eq!(sent.value, 5);
    let received = ch.receive().unwrap_err();
    let after = (ch.balance(), run_count(), ch.is_closing(), ch.waiters());
    assert_eq!(before, after);
    assert!(!current().is_blocked());
    let reasons = [why(&sent.reason), why(received.reason().unwrap())];
    assert_eq!(reasons[0], reasons[1]);
    reasons[0]
}

#[test]
fn without_a_partner_block_trap_closed_deadlock_switch_trap() {
    checked(|| {
        let ch = Channel::new();
        ch.close();
        switch_trap(1);
        assert_eq!(with_block_trap(|| both_fail(&ch)), "block_trap");
        assert_eq!(both_fail(&ch), "closed");
        ch.open();
        assert_eq!(with_block_trap(|| both_fail(&ch)), "block_trap");
        assert_eq!(both_fail(&ch), "deadlock");
        let other = tasklet(|| ());
        assert_eq!(both_fail(&ch), "switch_trap");
        ch.close();
        assert_eq!(both_fail(&ch), "closed");
        switch_trap(-1);
        assert_eq!(both_fail(&ch), "closed");
        assert!(other.is_alive());
    });
}

/// A tasklet that waits to receive, and one that waits to send.
fn waiting(log: &Log) -> [(AnyTasklet, Channel<usize>); 2] {
    let (to, from) = (Channel::new(), Channel::new());
    let (events, receiver) = (log.clone(), to.clone());
    let r = tasklet(move || events.add(format!("received{}", receiver.receive().unwrap())));
    let (events, sender) = (log.clone(), from.clone());
    let s = tasklet(move || {
        sender.send(2).unwrap();
        events.add("sent");
    });
    run();
    [(r, to), (s, from)]
}

#[test]
fn a_partner_makes_it_possible_whatever_else_holds() {
    checked(|| {
        let log = Log::default();
        let [(r, to), (s, from)] = waiting(&log);
        to.close();
        from.close();
        assert!(to.is_closing() && !to.is_closed());
        with_block_trap(|| {
            assert_eq!(from.receive().unwrap(), 2);
            to.send(1).unwrap();
        });
        // The send has switched, block trap or not.
        assert_eq!(log.take(), "received1 sent");
        assert!(to.is_closed() && from.is_closed());
        assert!(!r.is_alive() && !s.is_alive());
    });
}

#[test]
fn a_partner_and_a_switch_trap() {
    checked(|| {
        let log = Log::default();
        let [(r, to), (s, from)] = waiting(&log);
        from.set_preference(Preference::Sender);
        switch_trap(1);
        let error = to.send(1).unwrap_err();
        assert_eq!((why(&error.reason), error.value), ("switch_trap", 1));
        let error = from.receive().unwrap_err();
        assert_eq!(why(error.reason().unwrap()), "switch_trap");
        assert_eq!((to.balance(), from.balance(), run_count()), (-1, 1, 1));
        assert_eq!((flags(&r), flags(&s)), (BLOCKED, BLOCKED));
        // The other preference needs no switch.
        to.set_preference(Preference::Sender);
        from.set_preference(Preference::Receiver);
        to.send(1).unwrap();
        assert_eq!(from.receive().unwrap(), 2);
        switch_trap(-1);
        assert_eq!(log.take(), "");
        run();
        assert_eq!(log.take(), "received1 sent");
    });
}

#[test]
fn schedule_all_and_a_switch_trap() {
    checked(|| {
        let log = Log::default();
        let [(r, to), (s, from)] = waiting(&log);
        for ch in [&to, &from] {
            ch.set_preference(Preference::Neither);
            ch.set_schedule_all(true);
        }
        switch_trap(1);
        assert_eq!(why(&to.send(1).unwrap_err().reason), "switch_trap");
        assert_eq!(why(from.receive().unwrap_err().reason().unwrap()), "switch_trap");
        switch_trap(-1);
        assert_eq!((flags(&r), flags(&s)), (BLOCKED, BLOCKED));
        to.send(1).unwrap();
        assert_eq!(log.take(), "received1");
        assert_eq!(from.receive().unwrap(), 2);
        assert_eq!(log.take(), "sent");
    });
}

#[test]
fn the_callback_comes_first() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let events = log.clone();
        ch.close();
        switch_trap(1);
        set_channel_callback(Some(Rc::new(move |event| events.add(if event.sending { "send" } else { "receive" }))));
        assert_eq!(with_block_trap(|| both_fail(&ch)), "block_trap");
        assert_eq!(both_fail(&ch), "closed");
        ch.open();
        assert_eq!(both_fail(&ch), "deadlock");
        assert_eq!(log.take(), "send receive send receive send receive");
        set_channel_callback(Some(Rc::new(|_| raise("the callback"))));
        assert_eq!(raised(|| with_block_trap(|| ch.send(1))), "the callback");
        set_channel_callback(None);
        current().set_block_trap(false);
        switch_trap(-1);
    });
}

#[test]
fn a_block_trap_comes_before_would_block_only_for_those_that_wait() {
    checked(|| {
        let ch = Channel::new();
        with_block_trap(|| {
            assert_eq!(why(&ch.try_send(1).unwrap_err().reason), "would_block");
            assert_eq!(why(ch.try_receive().unwrap_err().reason().unwrap()), "would_block");
        });
        ch.close();
        assert_eq!(why(&ch.try_send(1).unwrap_err().reason), "closed");
        assert_eq!(why(ch.try_receive().unwrap_err().reason().unwrap()), "closed");
    });
}

#[test]
fn a_worker_fails_as_main_does() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let events = log.clone();
        tasklet(move || {
            events.add(with_block_trap(|| both_fail(&ch)));
            ch.close();
            events.add(both_fail(&ch));
            ch.open();
            tasklet(pass);
            switch_trap(1);
            events.add(both_fail(&ch));
            switch_trap(-1);
        });
        run();
        assert_eq!(log.take(), "block_trap closed switch_trap");
    });
}

#[test]
fn no_failing_check_loses_the_value() {
    checked(|| {
        let (drops, ch) = (Drops::default(), Channel::new());
        let mut made = 0;
        let mut fails = |ch: &Channel<_>, reason: &str| {
            made += 1;
            let error = ch.send(drops.value(made)).unwrap_err();
            assert_eq!((why(&error.reason), error.value.id), (reason, made));
            assert_eq!(drops.dropped(), made - 1, "it came back alive");
            drop(error);
            assert_eq!(drops.dropped(), made);
        };
        with_block_trap(|| fails(&ch, "block_trap"));
        fails(&ch, "deadlock");
        ch.close();
        fails(&ch, "closed");
        ch.open();
        let other = tasklet(|| ());
        switch_trap(1);
        fails(&ch, "switch_trap");
        switch_trap(-1);
        other.kill().unwrap();
        tasklet(|| ());
        fails(&ch, "deadlock");
        assert_eq!((drops.made(), drops.dropped()), (5, 5));
    });
}
