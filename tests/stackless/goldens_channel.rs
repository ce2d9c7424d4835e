//! Who runs when a send and a receive meet.

use tasklets::{AnyTasklet, Channel, Outcome, Preference, run, run_count};

use crate::common::checked;
use crate::support::{Log, logged, pass, tasklet};

/// How a channel is set: a preference, or `schedule_all` beside it.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Prefer(i32),
    All(i32),
}

impl Setting {
    fn channel<T>(self) -> Channel<T> {
        let ch = Channel::new();
        let (Setting::Prefer(sign) | Setting::All(sign)) = self;
        ch.set_preference(sign.into());
        ch.set_schedule_all(matches!(self, Setting::All(_)));
        ch
    }
}

/// Which party is created first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    SenderFirst,
    ReceiverFirst,
}

use Order::{ReceiverFirst, SenderFirst};
use Setting::{All, Prefer};

fn drained<T>(outcome: &Outcome, ch: &Channel<T>) {
    assert!(outcome.is_finished(), "{outcome}");
    assert_eq!((run_count(), ch.balance()), (1, 0));
}

/// Three sends and three receives, with an event before and after each.
fn three_sends(setting: Setting, order: Order) -> String {
    let (log, ch) = (Log::default(), setting.channel());
    let (events, sender) = (log.clone(), ch.clone());
    let send = move || {
        for i in 0..3 {
            events.add(format!("s{i}"));
            sender.send(i).unwrap();
        }
        events.add("sX");
    };
    let (events, receiver) = (log.clone(), ch.clone());
    let receive = move || {
        for _ in 0..3 {
            events.add("r?");
            let i = receiver.receive().unwrap();
            events.add(format!("r{i}"));
        }
        events.add("rX");
    };
    if order == SenderFirst {
        tasklet(send);
        tasklet(receive);
    } else {
        tasklet(receive);
        tasklet(send);
    }
    drained(&run(), &ch);
    log.take()
}

#[track_caller]
fn three_sends_give(setting: Setting, order: Order, expected: &'static str) {
    checked(move || assert_eq!(three_sends(setting, order), expected, "{setting:?} {order:?}"));
}

#[test]
fn three_sends_prefer_receiver() {
    three_sends_give(Prefer(-1), SenderFirst, "s0 r? r0 r? s1 r1 r? s2 r2 rX sX");
    three_sends_give(Prefer(-1), ReceiverFirst, "r? s0 r0 r? s1 r1 r? s2 r2 rX sX");
}

#[test]
fn three_sends_prefer_neither() {
    three_sends_give(Prefer(0), SenderFirst, "s0 r? r0 r? s1 s2 r1 r? r2 rX sX");
    three_sends_give(Prefer(0), ReceiverFirst, "r? s0 s1 r0 r? r1 r? s2 sX r2 rX");
}

#[test]
fn three_sends_prefer_sender() {
    three_sends_give(Prefer(1), SenderFirst, "s0 r? s1 r0 r? s2 r1 r? sX r2 rX");
    three_sends_give(Prefer(1), ReceiverFirst, "r? s0 s1 r0 r? s2 r1 r? sX r2 rX");
}

#[test]
fn three_sends_schedule_all_whatever_the_preference() {
    for sign in [-1, 0, 1] {
        three_sends_give(All(sign), SenderFirst, "s0 r? s1 r0 r? s2 r1 r? sX r2 rX");
        three_sends_give(All(sign), ReceiverFirst, "r? s0 r0 r? s1 r1 r? s2 r2 rX sX");
    }
}

/// Logs `n0`, `n1` and `n2`, and yields after each.
fn bystander(log: &Log, name: &'static str) {
    let log = log.clone();
    tasklet(move || {
        for i in 0..3 {
            log.add(format!("{name}{i}"));
            pass();
        }
    });
}

/// One transfer; the ring is the first party, `x`, the second party, `y`.
fn one_transfer(setting: Setting, order: Order) -> String {
    let (log, ch) = (Log::default(), setting.channel());
    let (events, sender) = (log.clone(), ch.clone());
    let send = move || {
        events.add("S1");
        sender.send(()).unwrap();
        events.add("S2");
    };
    let (events, receiver) = (log.clone(), ch.clone());
    let receive = move || {
        events.add("R1");
        receiver.receive().unwrap();
        events.add("R2");
    };
    if order == SenderFirst {
        tasklet(send);
        bystander(&log, "x");
        tasklet(receive);
    } else {
        tasklet(receive);
        bystander(&log, "x");
        tasklet(send);
    }
    bystander(&log, "y");
    drained(&run(), &ch);
    log.take()
}

#[track_caller]
fn one_transfer_gives(setting: Setting, order: Order, expected: &'static str) {
    checked(move || assert_eq!(one_transfer(setting, order), expected, "{setting:?} {order:?}"));
}

#[test]
fn bystanders_prefer_receiver() {
    one_transfer_gives(Prefer(-1), SenderFirst, "S1 x0 R1 R2 y0 x1 S2 y1 x2 y2");
    one_transfer_gives(Prefer(-1), ReceiverFirst, "R1 x0 S1 R2 y0 x1 S2 y1 x2 y2");
}

#[test]
fn bystanders_prefer_neither() {
    one_transfer_gives(Prefer(0), SenderFirst, "S1 x0 R1 R2 y0 x1 S2 y1 x2 y2");
    one_transfer_gives(Prefer(0), ReceiverFirst, "R1 x0 S1 S2 y0 x1 R2 y1 x2 y2");
}

#[test]
fn bystanders_prefer_sender() {
    one_transfer_gives(Prefer(1), SenderFirst, "S1 x0 R1 S2 y0 x1 R2 y1 x2 y2");
    one_transfer_gives(Prefer(1), ReceiverFirst, "R1 x0 S1 S2 y0 x1 R2 y1 x2 y2");
}

#[test]
fn bystanders_schedule_all() {
    for sign in [-1, 0, 1] {
        one_transfer_gives(All(sign), SenderFirst, "S1 x0 R1 y0 x1 S2 R2 y1 x2 y2");
        one_transfer_gives(All(sign), ReceiverFirst, "R1 x0 S1 y0 x1 R2 S2 y1 x2 y2");
    }
}

/// PyPy's golden: ten items, an event before each send and after each receive.
#[track_caller]
fn ten_items_give(sign: i32, expected: &'static str) {
    checked(move || {
        let (log, ch) = (Log::default(), Prefer(sign).channel());
        let (events, sender) = (log.clone(), ch.clone());
        tasklet(move || {
            for i in 0..10 {
                events.add(format!("s{i}"));
                sender.send(i).unwrap();
            }
        });
        let (events, receiver) = (log.clone(), ch.clone());
        tasklet(move || (0..10).for_each(|_| events.add(format!("r{}", receiver.receive().unwrap()))));
        drained(&run(), &ch);
        assert_eq!(log.take(), expected);
    });
}

#[test]
fn ten_items_prefer_receiver() {
    ten_items_give(-1, "s0 r0 s1 r1 s2 r2 s3 r3 s4 r4 s5 r5 s6 r6 s7 r7 s8 r8 s9 r9");
}

#[test]
fn ten_items_prefer_neither() {
    ten_items_give(0, "s0 r0 s1 s2 r1 r2 s3 s4 r3 r4 s5 s6 r5 r6 s7 s8 r7 r8 s9 r9");
}

#[test]
fn ten_items_prefer_sender() {
    ten_items_give(1, "s0 s1 r0 s2 r1 s3 r2 s4 r3 s5 r4 s6 r5 s7 r6 s8 r7 s9 r8 r9");
}

/// Receivers that log `(number,value)`, all waiting.
fn receivers(log: &Log, ch: &Channel<i32>, count: usize) -> Vec<AnyTasklet> {
    let receive = |i: usize| {
        let (log, ch) = (log.clone(), ch.clone());
        tasklet(move || {
            let value = logged(&log, i, || ch.receive().unwrap());
            log.add(format!("({i},{value})"));
        })
    };
    let all = (0..count).map(receive).collect();
    run();
    assert_eq!(ch.balance(), -(count as isize));
    all
}

#[test]
fn three_waiting_receivers_when_main_sends_three() {
    for sign in [-1, 0, 1] {
        checked(move || {
            let (log, ch) = (Log::default(), Prefer(sign).channel());
            let all = receivers(&log, &ch, 3);
            for i in 0..3 {
                ch.send(i * 10).unwrap();
                log.add(format!("sent{i}"));
            }
            if sign == -1 {
                assert_eq!(log.take(), "(0,0) sent0 (1,10) sent1 (2,20) sent2");
                assert_eq!(run_count(), 1);
            } else {
                assert_eq!(log.take(), "sent0 sent1 sent2");
                assert_eq!(run_count(), 4);
            }
            drained(&run(), &ch);
            assert_eq!(log.take(), if sign == -1 { "" } else { "(0,0) (1,10) (2,20)" });
            assert!(all.iter().all(|t| !t.is_alive()));
        });
    }
}

#[test]
fn queue_is_fifo_and_a_kill_just_unlinks() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let all = receivers(&log, &ch, 4);
        assert_eq!(ch.waiters(), all);
        assert_eq!(ch.queue().as_ref(), Some(&all[0]));
        assert_eq!(all[0].next().as_ref(), Some(&all[1]));
        assert_eq!(all[0].prev(), None);
        assert_eq!(all[3].next(), None);
        all[1].kill().unwrap();
        assert_eq!(ch.balance(), -3);
        assert_eq!(all[0].next().as_ref(), Some(&all[2]));
        assert_eq!(all[2].prev().as_ref(), Some(&all[0]));
        for i in 0..3 {
            ch.send(i).unwrap();
        }
        assert_eq!(log.take(), "1:TaskletExit (0,0) (2,1) (3,2)");
        assert_eq!((ch.balance(), ch.queue()), (0, None));
    });
}

#[test]
fn chained_sends() {
    checked(|| {
        let (log, first, second) = (Log::default(), Channel::new(), Channel::new());
        let (events, from, to) = (log.clone(), first.clone(), second.clone());
        tasklet(move || {
            let value: i32 = from.receive().unwrap();
            events.add("r1");
            to.send(value).unwrap();
            events.add("r1end");
        });
        let (events, from) = (log.clone(), second.clone());
        tasklet(move || {
            assert_eq!(from.receive().unwrap(), 5);
            events.add("r2");
        });
        run();
        first.send(5).unwrap();
        log.add("main");
        assert_eq!(log.take(), "r1 r2 main");
        drained(&run(), &first);
        assert_eq!(log.take(), "r1end");
    });
}

/// A tasklet that logs `(name,0)`, yields, and logs `(name,1)`.
fn pair(log: &Log, name: &'static str) {
    let log = log.clone();
    tasklet(move || {
        for i in 0..2 {
            log.add(format!("({name},{i})"));
            pass();
        }
    });
}

#[test]
fn a_send_of_main_can_run_everybody_before_it_returns() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, receiver) = (log.clone(), ch.clone());
        let r = tasklet(move || events.add(format!("(r,{})", receiver.receive().unwrap())));
        r.run().unwrap();
        pair(&log, "a");
        pair(&log, "b");
        ch.send("v").unwrap();
        log.add("main");
        assert_eq!(log.take(), "(r,v) (a,0) (b,0) main");
        drained(&run(), &ch);
        assert_eq!(log.take(), "(a,1) (b,1)");
    });
}

#[test]
fn a_receive_of_main_that_finds_a_sender_does_not_switch() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, sender) = (log.clone(), ch.clone());
        let s = tasklet(move || {
            sender.send(1).unwrap();
            events.add("sent");
        });
        s.run().unwrap();
        pair(&log, "a");
        assert_eq!(ch.receive().unwrap(), 1);
        log.add("main");
        drained(&run(), &ch);
        assert_eq!(log.take(), "main (a,0) sent (a,1)");
    });
}

#[test]
fn parent_and_child() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let (events, parent) = (log.clone(), ch.clone());
        tasklet(move || {
            events.add("p0");
            let (inner, child) = (events.clone(), parent.clone());
            let t = tasklet(move || {
                inner.add("c0");
                child.receive().unwrap();
                inner.add("c1");
            });
            t.run().unwrap();
            events.add("p1");
            parent.send(()).unwrap();
            events.add("p2");
        });
        pair(&log, "a");
        drained(&run(), &ch);
        assert_eq!(log.take(), "p0 c0 p1 c1 (a,0) p2 (a,1)");
    });
}

#[test]
fn preference_may_change_while_others_wait() {
    checked(|| {
        let (log, ch) = (Log::default(), Channel::new());
        let all = receivers(&log, &ch, 2);
        ch.set_preference(Preference::Sender);
        ch.send(0).unwrap();
        log.add("main");
        ch.set_preference(Preference::Receiver);
        ch.send(1).unwrap();
        log.add("main");
        assert_eq!(log.take(), "main (1,1) (0,0) main");
        drop(all);
        assert_eq!([7, 0, -7].map(Preference::from), [Preference::Sender, Preference::Neither, Preference::Receiver]);
    });
}
