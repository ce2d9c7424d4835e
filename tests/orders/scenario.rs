//! What a handful of tasklets do to two channels and to each other, and what has to hold afterwards.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tasklets::{AnyTasklet, Reason, advance, kill_all, schedule, set_select_seed, sleep, spawn, with_virtual_time};

use crate::ledger::{Entry, Ledger};
use crate::pipe::{Kind, Patience, Pipe, Selected, receive_first, send_or_receive};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// What one tasklet does, step by step. Channels are numbered 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Send(usize, Patience),
    Receive(usize, Patience),
    /// Receives from whichever channel has something first.
    ReceiveFirst(Patience),
    /// Sends to this channel or receives from the other.
    SendOrReceive(usize, Patience),
    /// Gives up its ends of a channel; a `Channel` is shut down.
    Close(usize),
    /// Kills the tasklet with this number.
    Kill(usize),
    /// Lets a millisecond pass.
    Pass,
    Yield,
}

/// A tasklet: its steps. When it has done them it drops its ends of the channels.
pub(crate) type Steps = Vec<Step>;

/// Runs a scenario once and checks what became of the values.
pub(crate) fn play(kinds: [Kind; 2], tasklets: &[Steps]) {
    with_virtual_time(|| play_here(kinds, tasklets));
}

fn play_here(kinds: [Kind; 2], tasklets: &[Steps]) {
    // A select that finds several arms ready takes the same one every time.
    set_select_seed(1);
    let ledger = Ledger::default();
    let pipes = kinds.map(Kind::make);
    let victims = Rc::new(RefCell::new(Vec::new()));
    for steps in tasklets {
        let actor = Actor {
            sending: [0, 1].map(|pipe| steps.iter().any(|step| step.sends(pipe)).then(|| pipes[pipe].sending())),
            receiving: [0, 1].map(|pipe| steps.iter().any(|step| step.receives(pipe)).then(|| pipes[pipe].receiving())),
            ledger: ledger.clone(),
            victims: victims.clone(),
        };
        let steps = steps.clone();
        let tasklet = spawn(move || actor.act(steps)).detach();
        victims.borrow_mut().push(tasklet);
    }
    // Main keeps receivers, so that what is left can be found, and no senders.
    let rest = [0, 1].map(|pipe| pipes[pipe].receiving());
    drop(pipes);
    settle(&rest);
    drop(victims.take());
    assert!(kill_all().is_empty());
    // What those had been handed that were killed only now.
    rest.iter().for_each(|pipe| drain(pipe, Patience::Try));
    drop(rest);
    check(kinds, &ledger.entries(), tasklets);
}

/// Lets everything happen that can, with the deadlines; and receives what nobody else does, so that every sender ends.
fn settle(rest: &[Pipe; 2]) {
    for _ in 0..3 {
        rest.iter().for_each(|pipe| drain(pipe, Patience::Timeout(100 * MS)));
        sleep(MS).unwrap();
    }
}

fn drain(pipe: &Pipe, patience: Patience) {
    while let Ok(token) = pipe.receive(patience) {
        token.receive();
    }
}

/// A tasklet's ends of the channels, and what it knows.
struct Actor {
    sending: [Option<Pipe>; 2],
    receiving: [Option<Pipe>; 2],
    ledger: Ledger,
    victims: Rc<RefCell<Vec<AnyTasklet>>>,
}

impl Actor {
    fn act(mut self, steps: Steps) {
        for step in steps {
            match step {
                Step::Send(pipe, patience) => self.send(pipe, patience),
                Step::Receive(pipe, patience) => {
                    let Some(from) = &self.receiving[pipe] else { continue };
                    let selected = from.receive(patience).map_or_else(Selected::Failed, Selected::Received);
                    self.note(selected, patience);
                }
                Step::ReceiveFirst(patience) => {
                    let [Some(one), Some(other)] = &self.receiving else { continue };
                    self.note(receive_first(one, other, patience), patience);
                }
                Step::SendOrReceive(to, patience) => {
                    let (Some(to), Some(from)) = (&self.sending[to], &self.receiving[1 - to]) else { continue };
                    let ledger = self.ledger.clone();
                    self.note(send_or_receive(to, from, patience, || ledger.offer()), patience);
                }
                Step::Close(pipe) => {
                    let ends = [self.sending[pipe].take(), self.receiving[pipe].take()];
                    ends.into_iter().flatten().for_each(Pipe::close);
                }
                Step::Kill(victim) => {
                    let victim = self.victims.borrow().get(victim).cloned();
                    let _ = victim.map(|victim| victim.kill());
                }
                Step::Pass => {
                    advance(MS);
                    schedule().unwrap();
                }
                Step::Yield => schedule().unwrap(),
            }
        }
    }

    fn send(&self, pipe: usize, patience: Patience) {
        let Some(to) = &self.sending[pipe] else { return };
        let token = self.ledger.token();
        let number = token.number();
        let selected = match to.send(token, patience) {
            Ok(()) => Selected::Sent(number),
            Err((token, reason)) => Selected::NotSent(token, reason),
        };
        self.note(selected, patience);
    }

    fn note(&self, selected: Selected, patience: Patience) {
        match selected {
            Selected::Received(token) => drop(token.receive()),
            Selected::Sent(number) => self.ledger.note(number, |entry| entry.sent = true),
            Selected::Failed(reason) => check_reason(&reason, patience),
            Selected::NotSent(token, reason) => {
                check_reason(&reason, patience);
                token.come_back();
            }
        }
    }
}

impl Step {
    fn sends(self, pipe: usize) -> bool {
        matches!(self, Step::Send(to, _) | Step::SendOrReceive(to, _) if to == pipe)
    }

    fn receives(self, pipe: usize) -> bool {
        match self {
            Step::Receive(from, _) => from == pipe,
            Step::ReceiveFirst(_) => true,
            Step::SendOrReceive(to, _) => to != pipe,
            _ => false,
        }
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
fn check(kinds: [Kind; 2], entries: &[Entry], tasklets: &[Steps]) {
    let steps = || tasklets.iter().flatten();
    let killed = steps().any(|step| matches!(step, Step::Kill(_)));
    let local = kinds.contains(&Kind::Channel);
    for (number, entry) in entries.iter().enumerate() {
        let fates = [entry.returned, entry.received, entry.dropped];
        let told = || format!("value {number}: {entry:?} of {entries:?}, {kinds:?}, {tasklets:?}");
        assert_eq!(fates.iter().filter(|fate| **fate).count(), 1, "{}", told());
        assert!(!(entry.sent && entry.returned), "{}", told());
        if entry.sent && entry.dropped {
            // On `Channel`, a receiver that is killed after the hand-over drops the value; elsewhere it is passed on.
            assert!(killed && local, "sent and lost, {}", told());
        }
        if (entry.received || entry.dropped) && !entry.sent {
            // Only a sender that was killed, at the end maybe, does not get to know; and a select may not have sent what it made.
            let waited = |step: &Step| matches!(step, Step::Send(_, Patience::Forever) | Step::SendOrReceive(..));
            assert!(killed || entry.offered && entry.dropped || steps().any(waited), "{}", told());
        }
    }
}
