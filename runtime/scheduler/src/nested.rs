//! Killing where nobody else may run: while the thread unwinds, when a last handle goes away, and at the end of everything.
//!
//! The killer waits for the end right where it is, on its own stack, and the ring goes on afterwards as if nothing had
//! happened. An ordinary kill goes through the ring instead, as Stackless's does.

use greenlet::{AnyGreenlet, Greenlet, GreenletExit, Payload, Spot};

use crate::core::{MAIN, Scheduler};
use crate::error::TaskletExit;
use crate::flags::Flag;
use crate::table::{Key, Life, Mail};
use crate::tasklet::AnyTasklet;

/// How often a tasklet that catches its exit is told again, as in Stackless.
const ATTEMPTS: usize = 10;

impl Scheduler {
    /// Kills a tasklet, which is not current, and waits for it here.
    pub(crate) fn kill_nested(&self, key: Key) {
        let head = {
            let table = self.core.table.borrow();
            table.head().map(|head| (head, table.get(head).generation))
        };
        self.unblock(key);
        {
            let mut table = self.core.table.borrow_mut();
            table.unlink(key);
            table.sate(key);
            table.push_head(key);
        }
        let life = self.core.table.borrow().get(key).life;
        match life {
            Life::Unstarted => {
                self.post(key, Mail::Bomb(Box::new(TaskletExit)));
                self.end_unstarted(key);
            }
            Life::Started => self.unwind(key),
            Life::Unbound | Life::Bound | Life::Dead => self.core.table.borrow_mut().unlink(key),
        }
        let mut table = self.core.table.borrow_mut();
        // It may have been killed meanwhile, and its entry be in use again.
        let in_place = |(head, generation)| table.find(head, generation).is_some() && table.in_ring(head);
        if let Some((head, _)) = head.filter(|head| head.0 != key && in_place(*head)) {
            table.jump(head);
        }
        drop(table);
        self.feed(1);
    }

    /// Unwinds a tasklet's greenlets, innermost first, while the caller waits.
    fn unwind(&self, key: Key) {
        let me = self.core.current.get();
        self.note_place(me, Spot::here());
        let (base, mut at) = {
            let mut table = self.core.table.borrow_mut();
            let entry = table.get_mut(key);
            entry.flags.set(Flag::Nested, true);
            let Some(base) = entry.base.clone() else { return };
            let last = table.link(key).greenlet.as_ref();
            let innermost = last.filter(|greenlet| !greenlet.is_dead()).unwrap_or(&base).clone();
            (base, innermost)
        };
        let generation = self.core.table.borrow().get(key).generation;
        self.core.current.set(key);
        loop {
            let outer = at.parent();
            self.end_greenlet(&at, at == base);
            match outer {
                Some(outer) if at != base => at = outer.cast(),
                _ => break,
            }
        }
        self.core.current.set(me);
        if base.is_dead() && self.core.table.borrow().is_alive(key, generation) {
            // Its greenlet was ended by hand before its body could run.
            self.note_end(key);
            self.bury(key);
        }
        // The entry may be gone by now, and in use again.
        let survived = {
            let mut table = self.core.table.borrow_mut();
            let survived = table.find(key, generation).map(|entry| entry.alive());
            if survived == Some(true) {
                table.get_mut(key).flags.set(Flag::Nested, false);
            }
            survived
        };
        match survived {
            Some(true) => drop(base.set_parent(&greenlet::main::<()>())),
            Some(false) => self.reap(key),
            None => {}
        }
        if let Some(payload) = self.core.last_words.take() {
            self.surface(payload);
        }
    }

    /// Kills one greenlet, whose end comes back here.
    fn end_greenlet(&self, greenlet: &Greenlet<()>, base: bool) {
        if !greenlet.is_active() || greenlet.is_current() {
            return;
        }
        let unwinding = std::thread::panicking();
        if !unwinding {
            let here: AnyGreenlet = (*greenlet::current::<()>()).clone();
            // If the caller was made by the one that it kills, the end goes to main, which passes the control back.
            let _ = greenlet.set_parent(&here);
        }
        let exit: Payload = if base && !unwinding { Box::new(TaskletExit) } else { Box::new(GreenletExit::default()) };
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| greenlet.throw_boxed(exit)));
        if let Err(payload) = killed {
            self.core.last_words.replace(Some(payload));
        }
    }

    /// Raises a panic that nobody can join any more where the thread's errors surface: in the error handler, else in the
    /// innermost caller of `run`, or main.
    pub(crate) fn surface(&self, payload: Payload) {
        if let Some(handler) = self.core.hooks.error_handler() {
            return handler(payload);
        }
        if self.check_switch().is_err() {
            eprintln!("a tasklet panicked, and nobody can be told now: {}", greenlet::panic_message(&payload));
            return;
        }
        if self.waker() == self.core.current.get() {
            std::panic::resume_unwind(payload);
        }
        self.raise_in_waker(payload);
        self.go();
        self.deliver();
    }

    /// Ends every tasklet but main and the caller; those that refuse.
    pub(crate) fn kill_all(&self) -> Vec<AnyTasklet> {
        let mut left = usize::MAX;
        for attempt in 0.. {
            let alive = self.others();
            // Who waits for others in a scope ends after them, however many that makes.
            if alive.is_empty() || (attempt >= ATTEMPTS && alive.len() >= left) {
                break;
            }
            left = alive.len();
            for (key, generation) in alive {
                let there = self.core.table.borrow().is_alive(key, generation);
                if there && key != self.core.current.get() {
                    self.kill_nested(key);
                }
            }
        }
        self.others().into_iter().map(|(key, _)| self.handle(key)).collect()
    }

    /// Cancels every tasklet but main and the caller.
    pub(crate) fn cancel_others(&self) {
        for (key, generation) in self.others() {
            let there = self.core.table.borrow().find(key, generation).is_some();
            if there {
                self.cancel(key);
            }
        }
    }

    /// The tasklets that are alive, but main and the caller.
    fn others(&self) -> Vec<(Key, u64)> {
        let table = self.core.table.borrow();
        let others =
            table.iter().filter(|(key, entry)| entry.alive() && *key != MAIN && *key != self.core.current.get());
        others.map(|(key, entry)| (key, entry.generation)).collect()
    }
}

/// Unwinds every tasklet of this thread except the caller and main; returns those that catch their exit ten times over.
///
/// Nobody else runs meanwhile. Tasklets that have not begun end without running. The order is that of the table, oldest entry
/// first. What a tasklet panics with while it is killed surfaces as any panic that nobody joins.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{kill_all, schedule_remove, spawn, stats};
///
/// let t = spawn(|| schedule_remove());
/// t.run()?;
/// assert!(t.is_paused());
/// assert!(kill_all().is_empty());
/// assert!(!t.is_alive());
/// # Ok::<(), tasklets_runtime::TaskletError>(())
/// ```
pub fn kill_all() -> Vec<AnyTasklet> {
    Scheduler::local().kill_all()
}

/// Runs `f`, and ends every tasklet and greenlet of the thread before it returns, by a panic too.
///
/// Use it around everything that a thread which you started does with tasklets: the stacks of tasklets that are still
/// suspended when a thread ends are otherwise given up, and never unwound. See [`greenlet::enter`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{enter, schedule, spawn};
///
/// std::thread::spawn(|| enter(|| {
///     spawn(|| loop { schedule().unwrap() });
///     schedule().unwrap();
/// })).join().unwrap();
/// ```
pub fn enter<R>(f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let scheduler = Scheduler::local();
            if scheduler.core.entered.replace(scheduler.core.entered.get() - 1) == 1 {
                drop(scheduler.kill_all());
                // The caller may have left last in a greenlet of its own that has ended since.
                scheduler.note_place(scheduler.core.current.get(), Spot::here());
            }
        }
    }
    let scheduler = Scheduler::local();
    scheduler.core.entered.set(scheduler.core.entered.get() + 1);
    drop(scheduler);
    greenlet::enter(|| {
        let _leave = Leave;
        f()
    })
}
