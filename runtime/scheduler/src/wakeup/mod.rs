//! What makes tasklets runnable besides tasklets of their own thread: timers, and the inbox.
//!
//! A busy thread looks at both every [`LOOK`](crate::pace::LOOK) switches; an idle one sleeps until there is something.

mod far;
mod heap;
pub(crate) mod inbox;
pub(crate) mod sync;
pub(crate) mod timers;

use std::time::{Duration, Instant};

use crate::ahead;
use crate::core::Scheduler;
use crate::flags::Flag;
use crate::hooks::alert;
use crate::link::Link;
use crate::park::TaskletId;
use crate::trace;
use inbox::Command;
use timers::Alarm;

/// Commands that are obeyed at one look, at most: a flood of them does not keep tasklets from running.
const BATCH: usize = 1024;

/// Alarms that are looked at together.
const DUE: usize = 16;

/// The stacks of the first so many times [`DUE`] are brought nearer: more would drive each other out of the cache.
const NEAR: usize = 16;

/// How long a thread sleeps on which tasklets wait for a stack: another thread may have given some back, which nobody tells.
const HUNGRY: Duration = Duration::from_millis(10);

impl Scheduler {
    /// Whether anything but a tasklet of this thread could make one of them runnable.
    #[inline]
    pub(crate) fn awaits_outside(&self) -> bool {
        self.core.table.borrow().outside() != 0 || self.core.timers.next().is_some()
    }

    /// Called every so many switches, from the midst of one: asks for a look where there is something to see.
    pub(crate) fn look_is_due(&self) {
        let due = self.core.timers.next().is_some_and(|next| next <= self.core.clock.now());
        if due || !self.core.mailroom.is_empty() || self.has_unstarted() || self.io_is_due() {
            self.core.hooks.alert(alert::LOOK, true);
        }
    }

    /// Does what came in, wakes those whose time has come, and takes what has waited longest to begin on this thread. They are the
    /// last of the runnable ones then.
    pub(crate) fn look(&self) {
        if self.io_is_due() {
            self.look_at_io();
        }
        self.hear();
        self.take_oldest();
    }

    /// [`look`](Scheduler::look) without beginning anything.
    pub(crate) fn hear(&self) {
        self.core.hooks.alert(alert::LOOK, false);
        self.core.mailroom.forget_nudge();
        self.call_off();
        for command in std::iter::from_fn(|| self.core.mailroom.take()).take(BATCH) {
            self.obey(command);
        }
        if self.core.timers.next().is_some() {
            self.ring_alarms(self.core.clock.now());
        }
    }

    /// Wakes those whose time has come. They have slept long, and what is known of them has left the cache: it is fetched for several
    /// at once, one step ahead of what is done with it.
    fn ring_alarms(&self, now: Instant) {
        let mut near = NEAR;
        loop {
            let mut due: [Option<Alarm>; DUE] = [None; DUE];
            let mut count = 0;
            while count < DUE
                && let Some(alarm) = self.core.timers.take_due(now)
            {
                if let Alarm::Wait(id) = alarm {
                    self.core.table.borrow().prefetch(id.key);
                }
                due[count] = Some(alarm);
                count += 1;
            }
            let due = &due[..count];
            for alarm in due.iter().flatten() {
                match *alarm {
                    Alarm::Wait(id) => self.expire(id),
                    Alarm::Limit(scope) => self.reach(scope),
                }
            }
            if near != 0 && self.core.table.borrow().len() < ahead::FAR {
                near -= 1;
                self.prefetch_stacks(due);
            }
            if count < DUE {
                return;
            }
        }
    }

    /// Brings the stacks of tasklets nearer that were woken.
    fn prefetch_stacks(&self, due: &[Option<Alarm>]) {
        let table = self.core.table.borrow();
        let link = |alarm: &Option<Alarm>| match alarm {
            Some(Alarm::Wait(id)) => table.links.get(id.key as usize),
            _ => None,
        };
        due.iter().filter_map(link).for_each(Link::prefetch_target_deeply);
    }

    fn obey(&self, command: Command) {
        match command {
            Command::Wake(id) => self.wake_outside(id),
            Command::Discard(number) => self.discard_kept(number),
            Command::Order(id, order) => self.obey_order(id, order),
            Command::Start(queued) => self.admit(queued),
            Command::Do(work) => work(self),
        }
    }

    /// A tasklet's deadline has come.
    fn expire(&self, id: TaskletId) {
        let alive = self.core.table.borrow().find(id.key, id.generation).is_some();
        if !alive || !self.is_blocked(id.key) {
            return;
        }
        self.unblock(id.key);
        let mut table = self.core.table.borrow_mut();
        table.get_mut(id.key).flags.set(Flag::TimedOut, true);
        table.append(id.key);
        drop(table);
        trace::woken(self, id.key);
    }

    /// Nothing is runnable, and something outside may change that: waits for it. It may return with nothing changed.
    #[cold]
    pub(crate) fn idle(&self) {
        self.hear();
        if self.core.table.borrow().len() != 0 {
            return;
        }
        self.core.pace.mark();
        if self.core.clock.is_virtual() && self.awaits_io() {
            // Before time jumps: what has happened already does not take any.
            self.look_at_io();
            if self.core.table.borrow().len() != 0 {
                return;
            }
        }
        let budget = self.budget_ends();
        let starving = self.core.table.borrow().starving() != 0;
        let hungry = starving.then(|| self.core.clock.now() + HUNGRY);
        let soonest = |timer: Option<Instant>| [timer, budget, hungry].into_iter().flatten().min();
        if !self.core.clock.skip_to(soonest(self.core.timers.next())) {
            self.rest(soonest(self.core.timers.get_up()));
        }
        self.hear();
        self.rested();
        self.feed(1);
        if let Some(budget) = budget
            && self.core.table.borrow().len() == 0
            && self.core.clock.now() >= budget
        {
            self.expire_budget();
        }
    }

    /// Sleeps until a moment, a wake-up, or an event of a descriptor; see [`Mailroom::sleep`](inbox::Mailroom::sleep).
    pub(crate) fn sleep(&self, until: Option<Instant>, last_look: impl FnOnce()) {
        self.core.mailroom.sleep(until, last_look, |time| self.sleep_in_bed(time));
        self.tell_of_events();
    }
}

#[cfg(not(unix))]
impl Scheduler {
    fn io_is_due(&self) -> bool {
        false
    }

    fn awaits_io(&self) -> bool {
        false
    }

    fn look_at_io(&self) {}

    fn sleep_in_bed(&self, time: Option<std::time::Duration>) {
        self.core.mailroom.park(time);
    }

    fn tell_of_events(&self) {}
}
