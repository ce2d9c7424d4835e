//! What a handful of tasklets do to a channel and to each other, and what has to hold afterwards.

use std::rc::Rc;
use std::time::Duration;

use tasklets::{Reason, advance, kill_all, run, schedule, spawn, with_virtual_time};

use crate::ledger::{Entry, Ledger};
use crate::pipe::{Kind, Patience};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// What one tasklet does, step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Patience),
    Receive(Patience),
    /// Kills the tasklet with this number.
    Kill(usize),
    /// Lets a millisecond pass.
    Pass,
    Yield,
}

/// A tasklet: its steps. When it has done them it drops its ends of the channel.
pub(crate) type Steps = Vec<Step>;

/// Runs a scenario once and checks what became of the values.
pub(crate) fn play(kind: Kind, tasklets: &[Steps]) {
    with_virtual_time(|| play_here(kind, tasklets));
}

fn play_here(kind: Kind, tasklets: &[Steps]) {
    let ledger = Ledger::default();
    let pipe = kind.make();
    let kills = Rc::new(std::cell::RefCell::new(Vec::new()));
    for (number, steps) in tasklets.iter().enumerate() {
        let sends = steps.iter().any(|step| matches!(step, Step::Send(_)));
        let receives = steps.iter().any(|step| matches!(step, Step::Receive(_)));
        let (sending, receiving) = (sends.then(|| pipe.sending()), receives.then(|| pipe.receiving()));
        let (steps, ledger, victims) = (steps.clone(), ledger.clone(), kills.clone());
        let tasklet = spawn(move || {
            for step in steps {
                match step {
                    Step::Send(patience) => {
                        let token = ledger.token();
                        let number = token.number();
                        match sending.as_ref().unwrap().send(token, patience) {
                            Ok(()) => ledger.note(number, |entry| entry.sent = true),
                            Err((token, reason)) => {
                                check_reason(&reason, patience);
                                token.come_back();
                            }
                        }
                    }
                    Step::Receive(patience) => match receiving.as_ref().unwrap().receive(patience) {
                        Ok(token) => drop(token.receive()),
                        Err(reason) => check_reason(&reason, patience),
                    },
                    Step::Kill(victim) => {
                        let victim: Option<tasklets::AnyTasklet> = victims.borrow().get(victim).cloned();
                        if let Some(victim) = victim {
                            let _ = victim.kill();
                        }
                    }
                    Step::Pass => {
                        advance(MS);
                        schedule().unwrap();
                    }
                    Step::Yield => schedule().unwrap(),
                }
            }
        });
        assert_eq!(kills.borrow().len(), number);
        kills.borrow_mut().push(tasklet.detach());
    }
    // Main keeps a receiver, so that what is left can be found, and no sender.
    let rest = pipe.receiving();
    let closing = pipe.sending();
    drop(pipe);
    if kind != Kind::Channel {
        closing.close();
    }
    settle(kind, &rest, &ledger, tasklets);
    kills.take();
    assert!(kill_all().is_empty());
    // What those had been handed that were killed only now.
    while let Ok(token) = rest.receive(Patience::Try) {
        token.receive();
    }
    drop(rest);
    check(kind, &ledger.entries(), tasklets);
}

/// Lets everything happen that can, with the deadlines; and receives what nobody else does, so that every sender ends.
fn settle(kind: Kind, rest: &crate::pipe::Pipe, ledger: &Ledger, tasklets: &[Steps]) {
    loop {
        // With `rendezvous` and its like, those who wait for ever keep `run` waiting: so main receives, for a limited time.
        let drained = rest.receive(Patience::Timeout(100 * MS));
        match drained {
            Ok(token) => drop(token.receive()),
            // No sender is left, and so nobody waits for ever; but who has received something may not have run yet.
            Err(Reason::Disconnected) => break drop(run()),
            Err(Reason::TimedOut | Reason::Deadlock(_)) => break,
            Err(reason) => panic!("{reason}, {kind:?}, {tasklets:?}, {ledger:?}"),
        }
    }
    if kind == Kind::Channel {
        run();
    }
}

/// An operation fails only for reasons that there are.
fn check_reason(reason: &Reason, patience: Patience) {
    let fits = match reason {
        Reason::Closed | Reason::Disconnected => true,
        Reason::WouldBlock | Reason::Full | Reason::Empty => patience == Patience::Try,
        Reason::TimedOut => matches!(patience, Patience::Timeout(_)),
        Reason::Deadlock(_) => patience == Patience::Forever,
        _ => false,
    };
    assert!(fits, "{reason} with {patience:?}");
}

/// Every value is in one place; what was sent was received, or dropped by a receiver that was killed.
fn check(kind: Kind, entries: &[Entry], tasklets: &[Steps]) {
    let killed = tasklets.iter().flatten().any(|step| matches!(step, Step::Kill(_)));
    for (number, entry) in entries.iter().enumerate() {
        let fates = [entry.returned, entry.received, entry.dropped];
        let told = || format!("value {number}: {entry:?} of {entries:?}, {kind:?}, {tasklets:?}");
        assert_eq!(fates.iter().filter(|fate| **fate).count(), 1, "{}", told());
        assert!(!(entry.sent && entry.returned), "{}", told());
        if entry.sent {
            // On `Channel`, a receiver that is killed after the hand-over drops the value; elsewhere it is passed on.
            let lost = entry.dropped && !(kind == Kind::Channel && killed);
            assert!(!lost, "sent and lost, {}", told());
        }
        if entry.received || entry.dropped {
            // Only a sender that was killed does not get to know.
            assert!(entry.sent || killed || blocked_for_ever(tasklets), "{}", told());
        }
    }
}

/// Whether a sender may still have waited at the end, and been killed by that.
fn blocked_for_ever(tasklets: &[Steps]) -> bool {
    tasklets.iter().flatten().any(|step| *step == Step::Send(Patience::Forever))
}
