//! What a supervisor does.

use std::ops::Range;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasklets_runtime::now;

use super::child::{Child, Restart};
use super::plan::{History, Plan};
use super::{Message, Strategy};
use crate::actor::core::{Order, Phase};
use crate::actor::error::MailboxError;
use crate::actor::mailbox::Mailbox;
use crate::actor::node::{Node, tell_first};
use crate::actor::reason::{GiveUp, Reason};
use crate::actor::reply::slot;
use crate::actor::waiter::within;

/// How long a killed child is waited for. One that refuses to end is left behind.
const PATIENCE: Duration = Duration::from_secs(5);

/// One run of a supervisor. Dropped by an unwinding, it kills its children.
struct Team<'a> {
    plan: &'a Plan,
    mailbox: &'a Mailbox<Message>,
    history: History,
    /// When those that are due are begun.
    begin_at: Option<Instant>,
    over: bool,
}

pub(super) fn supervise(plan: &Plan, mailbox: &Mailbox<Message>) {
    let mut team = Team { plan, mailbox, history: History::default(), begin_at: Some(now()), over: false };
    for kept in plan.children.lock().iter_mut() {
        kept.due = true;
        kept.run += 1;
    }
    let end = loop {
        team.begin_due();
        let received = match team.begin_at {
            Some(at) => mailbox.receive_deadline(at),
            None => mailbox.receive(),
        };
        match received {
            Ok(message) => {
                if let Err(give_up) = team.obey(message) {
                    break Some(give_up);
                }
            }
            Err(MailboxError::TimedOut) => {}
            Err(_) => break None,
        }
    };
    let all = 0..plan.children.lock().len();
    team.stop(all);
    team.over = true;
    let reason = if end.is_some() { Reason::Killed } else { Reason::Stopped };
    team.release(&reason);
    if let Some(give_up) = end {
        resume_unwind(Box::new(give_up));
    }
}

impl Team<'_> {
    /// Begins those that are due, if it is time.
    fn begin_due(&mut self) {
        if self.begin_at.is_none_or(|at| at > now()) {
            return;
        }
        self.begin_at = None;
        let mut place = 0;
        loop {
            let next = {
                let mut children = self.plan.children.lock();
                let Some(kept) = children.get_mut(place) else { return };
                std::mem::take(&mut kept.due).then(|| (kept.child.clone(), kept.run))
            };
            place += 1;
            if let Some((child, run)) = next {
                self.begin(&child, run);
            }
        }
    }

    fn begin(&self, child: &Arc<Child>, run: u64) {
        let (me, id) = (Arc::downgrade(&self.mailbox.cell), child.node.badge().id);
        child.node.set_keeper(Arc::new(move |reason| {
            if let Some(me) = me.upgrade() {
                tell_first(&*me, Message::Ended { child: id, run, reason });
            }
        }));
        // What was killed with the run of the supervisor before may be ending still.
        await_rest(&*child.node, PATIENCE);
        if !child.node.begin() && matches!(child.node.phase(), Phase::Ended(_)) {
            self.forget(id);
        }
    }

    fn obey(&mut self, message: Message) -> Result<(), GiveUp> {
        match message {
            Message::Ended { child, run, reason } => return self.ended(child, run, &reason),
            Message::Add(child, reply) => {
                self.plan.add(child);
                self.begin_at = Some(self.begin_at.unwrap_or_else(now));
                self.begin_due();
                // Who asked may be gone.
                let _ = reply.send(());
            }
            Message::Remove(id, reply) => {
                let place = self.plan.find(id);
                if let Some(place) = place {
                    self.stop(place..place + 1);
                    self.forget(id);
                }
                let _ = reply.send(place.is_some());
            }
        }
        Ok(())
    }

    /// A child has come to its end for good.
    fn forget(&self, id: u64) {
        if let Some(place) = self.plan.find(id) {
            let child = self.plan.take(place);
            child.bury(&Reason::Stopped);
        }
    }

    fn ended(&mut self, id: u64, run: u64, reason: &Reason) -> Result<(), GiveUp> {
        let Some(place) = self.plan.find(id) else { return Ok(()) };
        let (child, current) = {
            let children = self.plan.children.lock();
            (children[place].child.clone(), children[place].run)
        };
        if run != current {
            return Ok(());
        }
        let again = match child.restart {
            Restart::Permanent => true,
            Restart::Transient => !reason.is_orderly(),
            Restart::Temporary => false,
        };
        if !again {
            let child = self.plan.take(place);
            child.bury(reason);
            return Ok(());
        }
        let now = now();
        if self.plan.is_too_often(&mut self.history, now) {
            let Plan { restarts, within, .. } = self.plan;
            let badge = child.badge();
            let text = format!("more than {restarts} restarts in {within:?}, the last one of {badge}: {reason}");
            return Err(GiveUp(text.into()));
        }
        let count = self.plan.children.lock().len();
        let group = match self.plan.strategy {
            Strategy::OneForOne => place..place + 1,
            Strategy::OneForAll => 0..count,
            Strategy::RestForOne => place..count,
        };
        self.stop(group.clone());
        for kept in &mut self.plan.children.lock()[group] {
            kept.due = true;
            kept.restarts += 1;
        }
        self.begin_at = Some(now + self.plan.delay(&self.history));
        Ok(())
    }

    /// Stops these children, the last one first. What they tell of their ends is old then.
    fn stop(&self, group: Range<usize>) {
        for place in group.rev() {
            let child = {
                let mut children = self.plan.children.lock();
                let Some(kept) = children.get_mut(place) else { continue };
                kept.run += 1;
                kept.due = false;
                kept.child.clone()
            };
            let node = &*child.node;
            if matches!(node.phase(), Phase::Resting | Phase::Ended(_)) {
                continue;
            }
            if !child.grace.is_zero() {
                node.order(Order::Halt(Reason::Stopped));
                if await_rest(node, child.grace) {
                    continue;
                }
            }
            node.order(Order::Kill(Reason::Killed));
            await_rest(node, PATIENCE);
        }
    }

    /// The children end for good with this run, unless somebody may begin the supervisor again.
    fn release(&self, reason: &Reason) {
        let kept = self.mailbox.cell.core.keeper.lock().is_some();
        if !kept {
            self.plan.bury(reason);
        }
    }
}

impl Drop for Team<'_> {
    fn drop(&mut self) {
        if !self.over {
            for child in self.plan.all().iter().rev() {
                child.node.order(Order::Kill(Reason::Killed));
            }
            self.release(&Reason::Killed);
        }
    }
}

/// Waits until an actor is not run; whether it is so.
#[track_caller]
fn await_rest(node: &dyn Node, time: Duration) -> bool {
    let rests = || matches!(node.phase(), Phase::Resting | Phase::Ended(_));
    if rests() {
        return true;
    }
    let (slot, reply) = slot::<()>();
    // Who has stopped waiting does not need it.
    let number = node.watch(Box::new(move |_| reply.send(()).unwrap_or_default()));
    // It may have come to its rest just before it was watched.
    if !rests() {
        let _ = slot.wait(node.badge().id, within(time), Location::caller());
    }
    node.unwatch(number);
    rests()
}
