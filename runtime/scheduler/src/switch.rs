//! Leaving one tasklet for the next: the one place where tasklets switch.
//!
//! Every operation first arranges the ring, so that its head is who shall run, and then calls [`Scheduler::go`]. The hot path
//! is a look at the head and one switch of greenlets. Whatever else may be needed is behind one branch: callbacks, budgets
//! and spans; a head that has not begun; an empty ring.

use std::hint::cold_path;

use greenlet::{Builder, Greenlet, NoValue, Spot, StackError, SwitchError};

use crate::core::Scheduler;
use crate::ending::work;
use crate::hooks::alert;
use crate::table::{Entry, Key, Life, Mail};
use crate::trace;

/// Who goes on.
pub(crate) enum Next {
    /// The one that asked: it is the ring's head.
    Me,
    Resume(Greenlet<()>),
    /// A tasklet that has not begun.
    Start(Key),
}

impl Scheduler {
    /// Lets the ring's head run; returns when the caller is the head and is switched to again.
    ///
    /// Inlined wherever it is called: after a switch, the processor mispredicts every return on the way to the user's code.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn go(&self) {
        let me = self.core.current.get();
        let here = Spot::here();
        if let Some(next) = self.plain_head(me, here).or_else(|| {
            cold_path();
            self.prepare(me, here)
        }) && let Err(other) = next.exchange(())
        {
            self.go_again(me, *other);
        }
        self.landed(me);
    }

    /// Yields to the next one in the ring, if that is a plain switch; else false.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn yield_plainly(&self) -> bool {
        let me = self.core.current.get();
        let next = {
            if self.core.hooks.alerted(alert::ODD | alert::TRAP) {
                return false;
            }
            let mut table = self.core.table.borrow_mut();
            let Some((key, next)) = table.plain_successor(me, self) else { return false };
            self.core.current.set(key);
            next
        };
        match next.exchange(()) {
            Ok(()) => {
                if self.core.current.get() != me || self.core.hooks.alerted(alert::BUSY | alert::MAIL) {
                    self.yielded(me);
                }
                true
            }
            Err(other) => self.yielded_oddly(me, *other),
        }
    }

    /// After a yield came back, where more is to be done than to go on.
    #[cold]
    #[inline(never)]
    fn yielded(&self, me: Key) {
        self.arrived(me);
        self.deliver();
    }

    /// A yield was refused, as if nothing had happened; or what came back is no plain arrival.
    #[cold]
    #[inline(never)]
    fn yielded_oddly(&self, me: Key, other: NoValue<()>) -> bool {
        if self.brought(me, other).is_ok() {
            self.yielded(me);
            return true;
        }
        self.core.current.set(me);
        self.core.table.borrow_mut().jump(me);
        false
    }

    /// The head, if it is another tasklet that has begun and nothing is to be done around a switch to it. It counts as current
    /// then.
    #[inline(always)]
    fn plain_head(&self, me: Key, here: Spot) -> Option<Greenlet<()>> {
        if self.core.hooks.busy() {
            return None;
        }
        let (key, greenlet) = self.core.table.borrow_mut().plain_head(me, here, self)?;
        self.core.current.set(key);
        Some(greenlet)
    }

    /// After a plain switch came back.
    #[inline(always)]
    pub(crate) fn landed(&self, me: Key) {
        if self.core.current.get() != me || self.core.hooks.busy() {
            self.arrived(me);
        }
    }

    /// The head could not be switched to, or what came back is no plain arrival. Returns when the caller goes on.
    #[cold]
    #[inline(never)]
    fn go_again(&self, me: Key, mut other: NoValue<()>) {
        loop {
            match self.brought(me, other) {
                Ok(()) => return,
                Err(SwitchError::Exited { .. }) => return self.core.current.set(me),
                Err(_) => self.stranded(),
            }
            let Some(next) = self.find_next(me, Spot::here()) else { return };
            match next.exchange(()) {
                Ok(()) => return,
                Err(again) => other = *again,
            }
        }
    }

    /// Switches from `me` to another tasklet's greenlet, with whatever comes back looked after.
    pub(crate) fn go_on_in(&self, me: Key, greenlet: Greenlet<()>) -> Result<(), SwitchError<()>> {
        greenlet.exchange(()).or_else(|other| self.brought(me, *other))
    }

    /// What came back to `me` is no value. An exit is as good as one: it only has to come back. What is to be raised waits for
    /// whoever called [`go`](Scheduler::go), as what was thrown does.
    fn brought(&self, me: Key, other: NoValue<()>) -> Result<(), SwitchError<()>> {
        match other {
            NoValue::Raised(payload) => {
                self.raised(me, payload);
                Ok(())
            }
            other => other.into_result().map(|_exit| ()),
        }
    }

    /// Who is to be switched to, whatever has to be done before that; none if it is the caller itself.
    #[inline(never)]
    fn prepare(&self, me: Key, here: Spot) -> Option<Greenlet<()>> {
        self.leaving(me);
        self.find_next(me, here)
    }

    #[inline]
    fn find_next(&self, me: Key, here: Spot) -> Option<Greenlet<()>> {
        loop {
            self.note_place(me, here);
            match self.pick(me) {
                Next::Me => {
                    self.core.current.set(me);
                    return None;
                }
                Next::Resume(greenlet) => return Some(greenlet),
                Next::Start(key) => match self.start(key) {
                    Ok(greenlet) => return Some(greenlet),
                    Err(error) => self.starve(key, error),
                },
            }
        }
    }

    /// Remembers where the caller goes on: in a greenlet of its own making, maybe.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn note_place(&self, me: Key, here: Spot) {
        let old = {
            let mut table = self.core.table.borrow_mut();
            let link = table.link_mut(me);
            link.spot = here;
            match &link.greenlet {
                Some(greenlet) if greenlet.is_current() => None,
                _ => link.greenlet.replace(greenlet::current()),
            }
        };
        drop(old);
    }

    /// The head cannot be switched to: user code left its greenlet waiting for something of another type. It is paused.
    #[cold]
    fn stranded(&self) {
        self.core.table.borrow_mut().unlink(self.core.current.get());
    }

    /// After a switch came back. If it was not for this tasklet (user code has switched to its greenlet by hand), it goes on
    /// to who is current.
    #[cold]
    #[inline(never)]
    pub(crate) fn arrived(&self, me: Key) {
        if self.core.current.get() != me {
            self.bounce(me);
        }
        if self.core.hooks.busy() {
            trace::entered(self, me);
        }
    }

    /// What is to be done before `me` is left: budgets, the callback, its span.
    #[inline(always)]
    pub(crate) fn leaving(&self, me: Key) {
        if self.core.hooks.busy() {
            self.leaving_busily(me);
        }
    }

    #[cold]
    #[inline(never)]
    fn leaving_busily(&self, me: Key) {
        self.take_by_hand(me);
        if self.core.hooks.alerted(alert::CANCEL) {
            self.meet(me);
        }
        if self.core.hooks.alerted(alert::LOOK | alert::PICK) {
            self.look();
        }
        self.refill();
        if self.core.hooks.alerted(alert::PICK) {
            self.let_pick();
        }
        self.spend(me);
        let head = self.core.table.borrow().head();
        if let Some(head) = head.filter(|head| *head != me) {
            self.call_schedule_callback(me, head);
        }
        trace::left(self, me);
    }

    /// Decides who goes on. Tasklets that are to end before they begin, end here.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn pick(&self, me: Key) -> Next {
        loop {
            let mut table = self.core.table.borrow_mut();
            let Some(head) = table.head() else {
                drop(table);
                self.refill();
                continue;
            };
            if head == me {
                return Next::Me;
            }
            let entry = table.get_mut(head);
            if entry.life == Life::Started {
                let link = table.link_mut(head);
                link.switches += 1;
                let greenlet = link.greenlet.clone();
                self.core.ahead.look(&table, head);
                drop(table);
                self.core.current.set(head);
                self.tick();
                // A tasklet that has begun and left has noted its greenlet; main notes it when it first leaves.
                return Next::Resume(greenlet.unwrap_or_else(greenlet::main));
            }
            if !entry.has_mail() {
                return Next::Start(head);
            }
            drop(table);
            self.end_unstarted(head);
        }
    }

    /// If nothing is runnable, waits for what comes from outside. If nothing ever will, wakes the innermost caller of `run`, or
    /// main. If that one is blocked itself, nobody can ever wake it, and its operation fails.
    #[cold]
    fn refill(&self) {
        while self.core.table.borrow().len() == 0 {
            if self.fetch_work() {
                break;
            }
            if self.is_called_off() || !self.awaits_outside() {
                break;
            }
            self.idle();
        }
        if self.core.table.borrow().len() != 0 {
            return;
        }
        let waker = self.waker();
        if self.is_blocked(waker) {
            let report = Box::new(self.report());
            self.unblock(waker);
            self.post(waker, Mail::Deadlock(report));
        }
        self.core.table.borrow_mut().append(waker);
    }

    /// Gives a tasklet its greenlet and its stack. It is current then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn start(&self, key: Key) -> Result<Greenlet<()>, StackError> {
        let mut table = self.core.table.borrow_mut();
        let entry = table.get_mut(key);
        let greenlet = bind_greenlet(entry)?.clone();
        entry.life = Life::Started;
        let link = table.link_mut(key);
        link.greenlet = Some(greenlet.clone());
        link.switches += 1;
        drop(table);
        self.core.current.set(key);
        self.tick();
        Ok(greenlet)
    }

    /// Makes sure that an unstarted tasklet can be started.
    pub(crate) fn bind_stack(&self, key: Key) -> Result<(), StackError> {
        bind_greenlet(self.core.table.borrow_mut().get_mut(key)).map(|_| ())
    }
}

/// The greenlet of a tasklet that has not begun, with its stack.
#[inline]
fn bind_greenlet(entry: &mut Entry) -> Result<&Greenlet<()>, StackError> {
    if entry.base.is_none() {
        let mut builder = Builder::new();
        if let Some(bytes) = entry.stack_size.bytes() {
            builder = builder.stack_size(bytes);
        }
        if let Some(name) = entry.name() {
            builder = builder.name(name);
        }
        entry.base = Some(builder.build_worker(work)?);
    }
    Ok(entry.base.as_ref().expect("just made"))
}
