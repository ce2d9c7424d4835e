//! What Go's tests of channels check of selects that do not wait while other threads are at it, and of the order in which a select's
//! expressions are evaluated, rewritten: the test's name is each test's, or the file's.

use std::cell::RefCell;
use std::sync::Barrier;

use tasklets::{Channel, Receiver, Sender, bounded, enter, rendezvous, run, schedule, select, spawn, unbounded};

use crate::common::{checked, scale};

/// Runs `theirs` on a thread of its own while `ours` runs here; the results of both.
fn race<A: Send, B>(theirs: impl FnOnce() -> A + Send, ours: impl FnOnce() -> B) -> (A, B) {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter(|| {
                start.wait();
                theirs()
            })
        });
        start.wait();
        let ours = ours();
        (thread.join().unwrap(), ours)
    })
}

/// TestNonblockRecvRace: what is received from has a value at first, and then no sender: it is never empty.
#[test]
fn nonblock_recv_race() {
    checked(|| {
        for _ in 0..scale(300) {
            let (c, r) = bounded(1);
            c.send(1).unwrap();
            let theirs = r.clone();
            let ready = move || select! { recv(theirs) -> _ => true, default => false };
            let (ready, _) = race(ready, move || {
                drop(c);
                drop(r.recv());
            });
            assert!(ready, "the channel was not ready");
        }
    });
}

/// Two channels, of which one has a value at any time: it is `second` that makes the other one ready before the first value is taken.
fn one_is_always_ready<K>(second: impl Fn(Sender<i32>) -> K) {
    for _ in 0..scale(300) {
        let ((c1, r1), (c2, r2)) = (bounded(1), bounded(1));
        c1.send(1).unwrap();
        let (one, two): (Receiver<i32>, Receiver<i32>) = (r1.clone(), r2.clone());
        let looks = move || select! { recv(one) -> _ => true, recv(two) -> _ => true, default => false };
        let (ready, kept) = race(looks, || {
            let kept = second(c2);
            select! { recv(r1) -> _ => {}, default => {} }
            kept
        });
        assert!(ready, "no channel was ready");
        drop((c1, r2, kept));
    }
}

/// TestNonblockSelectRace.
#[test]
fn nonblock_select_race() {
    checked(|| {
        one_is_always_ready(|c2| {
            c2.send(1).unwrap();
            // Kept to the end: a channel without senders is ready, too.
            c2
        });
    });
}

/// TestNonblockSelectRace2: the other one loses its senders.
#[test]
fn nonblock_select_race2() {
    checked(|| one_is_always_ready(drop));
}

/// The same for senders: of two channels, one has room at any time.
#[test]
fn nonblock_send_race() {
    checked(|| {
        for _ in 0..scale(300) {
            let ((c1, r1), (c2, r2)) = (bounded(1), bounded(1));
            c2.send(0).unwrap();
            let (one, two) = (c1.clone(), c2.clone());
            let looks = move || select! { send(one, 1) -> _ => true, send(two, 1) -> _ => true, default => false };
            let (sent, ()) = race(looks, || {
                r2.recv().unwrap();
                select! { send(c1, 2) -> _ => {}, default => {} }
            });
            assert!(sent, "no channel had room");
            drop((r1, c2));
        }
    });
}

/// TestPseudoRandomSend: of two sends of one select to one channel, none is neglected.
#[test]
fn pseudo_random_send() {
    checked(|| {
        let n = scale(100).max(50);
        for capacity in [0, n] {
            let (c, r) = bounded(capacity);
            let receiver = spawn(move || {
                let hit = |_| {
                    schedule().unwrap();
                    r.recv().unwrap()
                };
                (0..n).map(hit).sum::<usize>()
            });
            for _ in 0..n {
                select! { send(c, 0) -> s => s.unwrap(), send(c, 1) -> s => s.unwrap() }
            }
            let ones = receiver.join().unwrap();
            assert!(ones > n / 10 && ones < n - n / 10, "{ones} of {n}");
        }
    });
}

/// TestChanSendInterface: values of a trait, sent by selects that may not wait.
#[test]
fn chan_send_interface() {
    checked(|| {
        let (c, r) = bounded::<Box<dyn Send>>(1);
        c.send(Box::new(())).unwrap();
        select! { send(c, Box::new(1)) -> _ => panic!("it was full"), default => {} }
        select! {
            send(c, Box::new(2)) -> _ => panic!("it was full"),
            send(c, Box::new(3)) -> _ => panic!("it was full"),
            default => {}
        }
        assert_eq!(r.len(), 1);
    });
}

/// select4.go: what an arm's result would go to is not evaluated if another arm is taken.
#[test]
fn select4_go() {
    checked(|| {
        let ((c, r), (_c1, r1)) = (bounded(1), rendezvous::<i32>());
        let not_evaluated = || -> &RefCell<i32> { panic!("called") };
        c.send(42).unwrap();
        let x = RefCell::new(0);
        select! {
            recv(r1) -> v => *not_evaluated().borrow_mut() = v.unwrap(),
            recv(r) -> v => *x.borrow_mut() = v.unwrap(),
        }
        assert_eq!(x.take(), 42);
    });
}

/// select5.go: channels and values are evaluated once each, in the order written, and where a result goes to after that, of the arm alone
/// that is taken.
#[test]
fn select5_go() {
    checked(|| {
        let log = RefCell::new(Vec::new());
        let note = |what: &'static str| log.borrow_mut().push(what);
        for ready in 0..3 {
            let ((_a, ra), (b, rb), (c, rc)) = (unbounded::<i32>(), bounded::<i32>(1), unbounded::<i32>());
            match ready {
                0 => _a.send(0).unwrap(),
                1 => {}
                _ => c.send(2).unwrap(),
            }
            if ready != 1 {
                b.send(7).unwrap();
            }
            let mut to = [0; 3];
            select! {
                recv({ note("first"); &ra }) -> v => to[{ note("to first"); 0 }] = v.unwrap() + 1,
                send({ note("second"); &b }, { note("value"); 5 }) -> s => to[{ note("to second"); 1 }] = s.map_or(0, |()| 1),
                recv({ note("third"); &rc }) -> v => to[{ note("to third"); 2 }] = v.unwrap() - 1,
            }
            let mut expected = vec!["first", "second", "value", "third"];
            expected.push(["to first", "to second", "to third"][ready]);
            assert_eq!(log.take(), expected);
            assert_eq!(to.iter().filter(|to| **to == 1).count(), 1, "{to:?}");
            drop((rb, c));
        }
    });
}

/// The same where nothing is ready at first, and with a `Channel`, whose value is made when it is sent.
#[test]
fn select5_go_that_waits() {
    checked(|| {
        let log = std::rc::Rc::new(RefCell::new(Vec::new()));
        let (a, b) = (Channel::<i32>::new(), Channel::<i32>::new());
        let (theirs, seen) = (b.clone(), log.clone());
        spawn(move || {
            seen.borrow_mut().push("partner");
            assert_eq!(theirs.receive().unwrap(), 5);
        });
        let note = |what: &'static str| log.borrow_mut().push(what);
        select! {
            recv({ note("first"); &a }) -> _ => unreachable!("nobody sends"),
            send({ note("second"); &b }, { note("value"); 5 }) -> s => { note("body"); s.unwrap() }
        }
        assert!(run().is_finished());
        assert_eq!(log.take(), ["first", "second", "partner", "value", "body"]);
    });
}
