//! How tasklets end, and what their stacks do then.
//!
//! A tasklet ends on its own stack: by returning, by a panic, or by an exit that was raised in it. If the next one in the
//! ring has not begun, it begins right there, and nothing is switched. Otherwise the greenlet is left for the next one: it
//! ends, or rests until a tasklet needs it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use greenlet::{Greenlet, Locals, Payload, StackError};

use crate::core::Scheduler;
use crate::error::is_exit;
use crate::fate::{FUTURES, Fate};
use crate::hooks::alert;
use crate::job::{Ended, is_spare};
use crate::park::{Proxy, Waiter};
use crate::switch::Next;
use crate::table::{Entry, Key, Life, Mail, Place, Remains, Table};
use crate::trace;

impl Table {
    /// Gives the stack of a tasklet that has ended to one that begins. Not if that one is to have a stack of its own kind, or has
    /// one; nor if somebody holds the greenlet, which is to be dead then. The entry of the one that has ended is free after that,
    /// unless there are handles.
    #[inline(always)]
    fn move_in(&mut self, ended: Key, next: Key) -> bool {
        let (old, new) = (self.get(ended), self.get(next));
        let plain = old.rare.is_none() && new.rare.is_none() && old.stack_size == new.stack_size && new.base.is_none();
        // Where it was last may be a greenlet of its own making. Besides these two, there is the handle of running.
        let at_home = |base: &Greenlet<()>| self.link(ended).greenlet == old.base && !base.is_held_beyond(3);
        if !plain || !old.base.as_ref().is_some_and(at_home) {
            return false;
        }
        let unwanted = old.handles == 0;
        let base = self.get_mut(ended).base.take();
        let place = self.link_mut(ended).greenlet.take();
        let new = self.get_mut(next);
        new.life = Life::Started;
        let nothing = std::mem::replace(&mut new.base, base);
        debug_assert!(nothing.is_none());
        let link = self.link_mut(next);
        link.greenlet = place;
        link.switches += 1;
        if unwanted {
            self.free(ended);
        }
        true
    }
}

/// What a greenlet does when its tasklet has ended.
enum After {
    /// It is the next one's.
    Begin(Key),
    /// It is left for another one, or for its parent.
    Leave(Option<Greenlet<()>>),
}

/// What is done in a tasklet's greenlet: that tasklet, and then others that begin when it has ended. Tells who goes on then.
pub(crate) fn work() -> Option<Greenlet<()>> {
    let scheduler = Scheduler::local();
    let mut me = scheduler.begun();
    loop {
        scheduler.landed(me);
        scheduler.deliver();
        let job = scheduler.core.table.borrow().get(me).job.clone();
        let ended = job.map_or(Ended::Quietly, |job| job.run());
        match scheduler.finish(me, ended) {
            After::Begin(next) => me = next,
            After::Leave(next) => return next,
        }
    }
}

impl Scheduler {
    /// The tasklet that begins in the running greenlet. If nobody has switched by hand, it is current.
    fn begun(&self) -> Key {
        let table = self.core.table.borrow();
        let begins = |entry: &Entry| entry.base.as_ref().is_some_and(|base| base.is_current());
        let current = self.core.current.get();
        if table.entry(current).is_some_and(begins) {
            return current;
        }
        table.iter().find(|(_, entry)| begins(entry)).map_or(current, |(key, _)| key)
    }

    /// Ends a tasklet on its own stack.
    fn finish(&self, me: Key, ended: Ended) -> After {
        let panic = match ended {
            Ended::Quietly => None,
            Ended::Panicked(payload) => self.handle_error(payload),
        };
        let panic = self.drop_belongings(me, panic);
        if self.core.hooks.alerted(alert::MEASURE | alert::CANCEL | alert::WATCH) {
            self.end_oddly(me);
        }
        trace::ended(self, me);
        let by_hand = self.take_by_hand(me);
        let nested = self.bury(me);
        if !nested && by_hand.is_none() {
            self.leaving_for_good(me, panic);
            return self.succeed(me);
        }
        if nested {
            self.core.last_words.replace(panic);
        } else if let Some(payload) = panic {
            self.raise_later(payload);
        }
        if let Some(before) = by_hand {
            self.restore(before);
            self.reap(me);
        }
        After::Leave(None)
    }

    #[cold]
    #[inline(never)]
    fn end_oddly(&self, me: Key) {
        if self.core.hooks.alerted(alert::MEASURE) {
            self.note_stack_use(me);
        }
        self.note_end(me);
    }

    /// Sees to it that the ring's head is who shall go on after a tasklet that has ended.
    fn leaving_for_good(&self, me: Key, panic: Option<Payload>) {
        if let Some(payload) = panic {
            self.raise_in_waker(payload);
        }
        if self.core.table.borrow().len() == 0 {
            // The stack that comes back is for who waits for one, before anybody is told that nothing is runnable.
            self.feed(1);
        }
        self.leaving(me);
    }

    /// The next tasklet after `me` has ended.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn succeed(&self, me: Key) -> After {
        loop {
            let next = match self.pick(me) {
                // A callback has made the dead one runnable again, which is not possible; nobody else is there.
                Next::Me => return After::Leave(None),
                Next::Resume(greenlet) => greenlet,
                Next::Start(key) => {
                    if self.core.table.borrow_mut().move_in(me, key) {
                        self.core.current.set(key);
                        self.tick();
                        return After::Begin(key);
                    }
                    match self.start(key) {
                        Ok(greenlet) => greenlet,
                        Err(error) => {
                            self.starve(key, error);
                            continue;
                        }
                    }
                }
            };
            self.feed(1);
            self.reap(me);
            return After::Leave(Some(next));
        }
    }

    /// Drops what was to be raised in a tasklet that ends without having seen it, and its greenlet's local values, while the
    /// tasklet is alive still: their destructors may do anything. What is to be raised then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop_belongings(&self, me: Key, panic: Option<Payload>) -> Option<Payload> {
        let locals = self.locals(me);
        if locals.is_none() && !self.core.hooks.alerted(alert::MAIL) {
            return panic;
        }
        self.drop_all(me, (self.collect(me), locals), panic)
    }

    #[inline(always)]
    fn locals(&self, me: Key) -> Option<Locals> {
        self.core.table.borrow().get(me).base.as_ref()?.take_locals()
    }

    #[cold]
    fn drop_all(
        &self,
        me: Key,
        mut belongings: (Option<Mail>, Option<Locals>),
        mut panic: Option<Payload>,
    ) -> Option<Payload> {
        while !matches!(belongings, (None, None)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(belongings))) {
                match panic {
                    None if !is_exit(&*payload) => panic = Some(payload),
                    // Of several the first is told. The destructor of another would be one more.
                    _ => std::mem::forget(payload),
                }
            }
            belongings = (self.collect(me), self.locals(me));
        }
        panic
    }

    /// Marks a tasklet dead, takes it out of wherever it is, and wakes who joins it. Whether somebody has killed it and waits.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn bury(&self, key: Key) -> bool {
        let Remains { nested, waits, job, mail } = self.core.table.borrow_mut().end(key);
        if let Some((on, ticket)) = waits {
            on.unlink(ticket);
        }
        self.core.ended.set(self.core.ended.get() + 1);
        if let Some(job) = job {
            let fate = job.fate();
            while let Some(joiner) = fate.next_joiner() {
                match joiner {
                    FUTURES => self.wake_futures(fate),
                    joiner => self.wake_waiter(Waiter(joiner)),
                }
            }
            if is_spare(&job) {
                job.retire(&self.core.spares);
            }
        }
        if mail.is_some() {
            self.count_mail(-1);
            self.discard(mail);
        }
        nested
    }

    /// Wakes the futures that wait for an end. Their wakers must not switch; what they panic with is nobody's.
    #[cold]
    #[inline(never)]
    fn wake_futures(&self, fate: &Fate) {
        for id in fate.take_futures() {
            let _ = self.trapped(|| Proxy::inbox().wake(id));
        }
    }

    /// Ends a tasklet that is in the ring, as its head, before it has begun, by what was thrown into it.
    pub(crate) fn end_unstarted(&self, key: Key) {
        let Some(Mail::Bomb(payload)) = self.collect(key) else { return };
        let job = self.core.table.borrow().get(key).job.clone();
        // Its closure's destructor, and the error handler, run as this tasklet, and must not switch. They may drop the last handle of
        // who runs in truth, and has ended.
        let kept = self.handle(self.core.current.get());
        let left = self.core.current.replace(key);
        let ended = self.trapped(|| match job {
            Some(job) => job.cancel(payload),
            None => Ended::Quietly,
        });
        let panic = match ended.unwrap_or_else(Ended::Panicked) {
            Ended::Quietly => None,
            Ended::Panicked(payload) => self.trapped(|| self.handle_error(payload)).unwrap_or_else(Some),
        };
        trace::ended(self, key);
        self.note_end(key);
        self.bury(key);
        self.core.current.set(left);
        drop(kept);
        if let Some(payload) = panic {
            self.raise_in_waker(payload);
        }
        self.reap(key);
    }

    /// Lets the error handler have a panic that nobody can join. What is left to be raised.
    #[cold]
    fn handle_error(&self, payload: Payload) -> Option<Payload> {
        let Some(handler) = self.core.hooks.error_handler() else { return Some(payload) };
        let call = AssertUnwindSafe(move || {
            handler(payload);
            drop(handler);
        });
        catch_unwind(call).err().filter(|payload| !is_exit(&**payload))
    }

    /// Makes the innermost caller of `run`, or main, the next to run, with a panic to raise.
    pub(crate) fn raise_in_waker(&self, payload: Payload) {
        let waker = self.waker();
        self.unblock(waker);
        {
            let mut table = self.core.table.borrow_mut();
            if table.in_ring(waker) {
                table.jump(waker);
            } else {
                table.push_head(waker);
            }
        }
        self.post(waker, Mail::Bomb(payload));
    }

    /// Raises a panic that nobody can join where the thread's errors surface; the caller, who is not that, goes on first.
    pub(crate) fn surface_later(&self, payload: Payload) {
        match self.core.hooks.error_handler() {
            Some(handler) => handler(payload),
            None => self.raise_later(payload),
        }
    }

    /// Makes whoever errors surface in runnable, with a panic to raise when it is its turn.
    fn raise_later(&self, payload: Payload) {
        let waker = self.waker();
        self.unblock(waker);
        if self.core.table.borrow().get(waker).place == Place::Nowhere {
            self.core.table.borrow_mut().append(waker);
        }
        self.post(waker, Mail::Bomb(payload));
    }

    /// Sets a tasklet aside until a stack comes back.
    pub(crate) fn starve(&self, key: Key, why: StackError) {
        self.core.table.borrow_mut().starve(key, self.core.pace.switches());
        self.core.shortage.replace(Some(why));
    }

    /// Makes tasklets that wait for stacks runnable again.
    #[inline]
    pub(crate) fn feed(&self, count: usize) {
        let mut table = self.core.table.borrow_mut();
        if table.nobody_starves() {
            return;
        }
        for _ in 0..count {
            if !table.feed() {
                return;
            }
        }
    }
}
