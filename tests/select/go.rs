//! What Go's compiler tests of `select` (test/chan), rewritten: the file's name is each test's.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::select::send;
use tasklets::{Channel, Select, Sender, bounded, rendezvous, schedule, select, spawn};

use crate::common::{checked, scale};

/// test/chan/select.go: of an operand that is no arm's turn nothing is evaluated twice; arms without a value are never ready.
#[test]
fn select_go() {
    checked(|| {
        let (counter, shift) = (Cell::new(0_u32), Cell::new(0_u32));
        let get_value = || {
            counter.set(counter.get() + 1);
            1 << shift.get()
        };
        let send_all = |mut a: Option<Sender<u32>>, mut b: Option<Sender<u32>>| {
            let mut sent = 0;
            loop {
                let (first, second) = (a.as_ref().map(|a| send(a, get_value)), b.as_ref().map(|b| send(b, get_value)));
                let mut set = Select::new();
                let i = first.as_ref().map(|arm| set.add(arm));
                let j = second.as_ref().map(|arm| set.add(arm));
                if set.is_empty() {
                    return sent;
                }
                let taken = Some(set.select().unwrap());
                drop(set);
                drop((first, second));
                if taken == i {
                    a = None;
                } else if taken == j {
                    b = None;
                }
                sent += 1;
                shift.set(shift.get() + 1);
            }
        };
        let ((a, ar), (b, br)) = (bounded(1), bounded(1));
        assert_eq!(send_all(Some(a), Some(b)), 2);
        let (av, bv) = (ar.recv().unwrap(), br.recv().unwrap());
        assert_eq!((av | bv, av & bv), (3, 0));
        assert_eq!(send_all(None, None), 0);
        // Twice with two arms, then with one: each arm's value was made once each time.
        assert_eq!(counter.get(), 3);
    });
}

/// test/chan/select2.go: a select that waits and is not served leaves nothing behind, however often.
#[test]
fn select2_go() {
    checked(|| {
        let rounds = scale(20_000);
        let (one, two) = (Channel::<usize>::new(), Channel::<usize>::new());
        let (theirs, never, quiet) = (one.clone(), two.clone(), Channel::<usize>::new());
        let receiver = spawn(move || {
            for _ in 0..rounds {
                select! { recv(theirs) -> v => assert!(v.is_ok()), recv(never) -> _ => unreachable!() }
            }
        });
        let before = tasklets::stats().tasklets;
        for round in 0..rounds {
            select! { send(one, round) -> v => v.unwrap(), send(quiet, round) -> _ => unreachable!() }
        }
        receiver.join().unwrap();
        assert!(tasklets::stats().tasklets <= before);
        assert_eq!((one.balance(), two.balance(), quiet.balance()), (0, 0, 0));
    });
}

/// test/chan/select3.go: what waits and what does not.
#[test]
fn select3_go() {
    checked(|| {
        let waits = |work: Box<dyn FnOnce()>| {
            let tasklet = spawn(work);
            schedule().unwrap();
            let waits = tasklet.is_blocked();
            tasklet.kill().unwrap();
            waits
        };
        let (s, r) = rendezvous::<i32>();
        let (tx, rx) = (s.clone(), r.clone());
        assert!(waits(Box::new(move || select! { send(tx, 7) -> _ => {} })));
        assert!(waits(Box::new(move || select! { recv(rx) -> _ => {} })));
        let (full, filled) = bounded::<i32>(10);
        (0..10).for_each(|n| full.send(n).unwrap());
        let tx = full.clone();
        assert!(waits(Box::new(move || select! { send(tx, 10) -> _ => {} })));
        let rx = filled.clone();
        assert!(!waits(Box::new(move || select! { recv(rx) -> _ => {} })));
        let tx = full.clone();
        assert!(!waits(Box::new(move || select! { send(tx, 10) -> _ => {} })));
        let tx = full.clone();
        assert!(!waits(Box::new(move || select! { send(tx, 10) -> _ => {}, default => {} })));
        let closed = Channel::<i32>::new();
        closed.close();
        assert!(!waits(Box::new(move || select! { recv(closed) -> _ => {} })));
        let (tx, rx) = (s.clone(), r.clone());
        assert!(waits(Box::new(move || select! { recv(rx) -> _ => {}, send(tx, 1) -> _ => {} })));
        // No arms: an error here, not a wait for ever.
        assert!(!waits(Box::new(|| drop(select! {}))));
    });
}

/// test/chan/select4.go: operands of an arm that is not taken; test/chan/select6.go: queues in which a select has stood.
#[test]
fn select6_go() {
    checked(|| {
        let (c1, c2) = (Channel::<bool>::new(), Channel::<bool>::new());
        let (c3, c4) = (Channel::<bool>::new(), Channel::<bool>::new());
        let (mine, sender) = (c1.clone(), c1.clone());
        spawn(move || {
            mine.receive().unwrap();
        });
        let (a, b, d) = (c2.clone(), c1.clone(), c3.clone());
        spawn(move || {
            select! {
                recv(b) -> _ => panic!("dequeued the wrong one"),
                recv(a) -> _ => d.send(true).unwrap(),
            }
        });
        let (last, ready) = (c1.clone(), c4.clone());
        spawn(move || {
            schedule().unwrap();
            ready.send(last.receive().unwrap()).unwrap();
        });
        schedule().unwrap();
        c2.send(true).unwrap();
        c3.receive().unwrap();
        // The select has left the middle of the queue.
        schedule().unwrap();
        sender.send(true).unwrap();
        sender.send(true).unwrap();
        assert!(c4.receive().unwrap());
    });
}

/// test/chan/select7.go: a receive by every form, and a send by every form.
#[test]
fn select7_go() {
    checked(|| {
        for receiver in 0..3 {
            for sender in 0..3 {
                let (c, quiet) = (Channel::<i32>::new(), Channel::<i32>::new());
                let (theirs, never) = (c.clone(), quiet.clone());
                let tasklet = spawn(move || match receiver {
                    0 => theirs.receive().unwrap(),
                    1 => select! { recv(theirs) -> v => v.unwrap() },
                    _ => select! { recv(theirs) -> v => v.unwrap(), recv(never) -> _ => unreachable!() },
                });
                let sent = match sender {
                    0 => c.send(1),
                    1 => select! { send(c, 1) -> r => r },
                    _ => select! { send(c, 1) -> r => r, recv(quiet) -> _ => unreachable!() },
                };
                sent.unwrap();
                assert_eq!(tasklet.join().unwrap(), 1, "{receiver} {sender}");
                assert_eq!((c.balance(), quiet.balance()), (0, 0));
            }
        }
    });
}

/// test/chan/select8.go: leaving a loop from within an arm.
#[test]
fn select8_go() {
    checked(|| {
        let (s, r) = bounded::<i32>(3);
        [1, 7, 42].into_iter().for_each(|n| s.send(n).unwrap());
        let got = 'outer: loop {
            loop {
                select! {
                    recv(r) -> v => match v.unwrap() {
                        42 => break 'outer 42,
                        7 => break,
                        _ => continue,
                    },
                }
            }
        };
        assert_eq!(got, 42);
    });
}

/// test/chan/doubleselect.go: a value is sent once, though a select that wants to send it stands in several queues.
#[test]
fn doubleselect() {
    checked(|| {
        let count = scale(5_000);
        let channels: Vec<Channel<usize>> = (0..4).map(|_| Channel::new()).collect();
        let merged = Channel::new();
        let sending = channels.clone();
        spawn(move || {
            let [a, b, c, d] = &sending[..] else { unreachable!() };
            for n in 0..count {
                select! {
                    send(a, n) -> r => r.unwrap(),
                    send(b, n) -> r => r.unwrap(),
                    send(c, n) -> r => r.unwrap(),
                    send(d, n) -> r => r.unwrap(),
                }
            }
            sending.iter().for_each(Channel::shutdown);
        });
        let open = Rc::new(Cell::new(channels.len()));
        for channel in channels {
            let (merged, open) = (merged.clone(), open.clone());
            spawn(move || {
                for n in channel {
                    merged.send(n).unwrap();
                }
                open.set(open.get() - 1);
                if open.get() == 0 {
                    merged.shutdown();
                }
            });
        }
        let mut seen = vec![false; count];
        for n in &merged {
            assert!(!std::mem::replace(&mut seen[n], true), "{n} came twice");
        }
        assert!(seen.iter().all(|seen| *seen));
    });
}

/// test/chan/fifo.go with selects: first come first served.
#[test]
fn fifo() {
    checked(|| {
        let ch = Channel::<usize>::new();
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let ch = ch.clone();
                spawn(move || select! { recv(ch) -> v => v.unwrap() })
            })
            .collect();
        schedule().unwrap();
        (0..10).for_each(|n| ch.send(n).unwrap());
        let got: Vec<usize> = waiting.into_iter().map(|tasklet| tasklet.join().unwrap()).collect();
        assert_eq!(got, (0..10).collect::<Vec<_>>());
    });
}

/// test/chan/nonblock.go: operations that do not wait, before and after somebody is there.
#[test]
fn nonblock() {
    checked(|| {
        let ch = Channel::<i32>::new();
        let (s, r) = bounded::<i32>(1);
        assert!(select! { recv(ch) -> _ => false, default => true });
        assert!(select! { send(ch, 1) -> _ => false, default => true });
        assert!(select! { recv(r) -> _ => false, default => true });
        let theirs = ch.clone();
        spawn(move || theirs.send(123).unwrap());
        schedule().unwrap();
        assert_eq!(select! { recv(ch) -> v => v.unwrap(), default => 0 }, 123);
        let theirs = ch.clone();
        let receiver = spawn(move || theirs.receive().unwrap());
        schedule().unwrap();
        assert!(select! { send(ch, 234) -> r => r.is_ok(), default => false });
        assert_eq!(receiver.join().unwrap(), 234);
        assert!(select! { send(s, 1) -> v => v.is_ok(), default => false });
        assert!(select! { send(s, 2) -> _ => false, default => true });
        assert_eq!(select! { recv(r) -> v => v.unwrap(), default => 0 }, 1);
    });
}
