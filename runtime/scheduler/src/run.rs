//! `run`: let the others go on until nothing is runnable, or a budget is used up.

use std::fmt;
use std::time::{Duration, Instant};

use crate::core::Scheduler;
use crate::error::TaskletError;
use crate::flags::Flag;
use crate::report::{Report, count};
use crate::seams::clock;
use crate::table::{Key, Place};
use crate::tasklet::AnyTasklet;

/// A tasklet inside `run`.
pub(crate) struct Watch {
    pub(crate) key: Key,
    limit: Option<Limit>,
    /// Whether the budget was used up.
    expired: bool,
    interrupted: Option<AnyTasklet>,
}

struct Limit {
    deadline: Option<Instant>,
    switches: Option<u64>,
    pause: bool,
}

/// How long [`run_for`] goes on: for a time, for a number of switches, or both.
///
/// It is looked at when a tasklet switches: code that does not switch cannot be interrupted.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tasklets_runtime::Budget;
///
/// let frame = Budget::time(Duration::from_millis(16));
/// let few = Budget::switches(100).and_time(Duration::from_millis(1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct Budget {
    time: Option<Duration>,
    switches: Option<u64>,
    pause: bool,
}

impl Budget {
    /// Until this much time has passed.
    pub fn time(time: Duration) -> Budget {
        Budget { time: Some(time), ..Budget::default() }
    }

    /// Until this many switches have happened.
    pub fn switches(switches: u64) -> Budget {
        Budget { switches: Some(switches), ..Budget::default() }
    }

    /// And no longer than this.
    pub fn and_time(self, time: Duration) -> Budget {
        Budget { time: Some(time), ..self }
    }

    /// Takes the tasklet that was interrupted out of the run queue, and hands it out as [`Outcome::interrupted`], as
    /// Stackless's `run(timeout)` does. It is paused, and so killed if that handle is its last one and dropped. Otherwise
    /// everything stays in its place.
    pub fn pausing(self) -> Budget {
        Budget { pause: true, ..self }
    }
}

/// Why [`run`] returned.
#[non_exhaustive]
#[derive(Debug)]
pub enum Ending {
    /// Nothing was runnable any more.
    Drained,
    /// A tasklet made the caller runnable again; others may be runnable still.
    Woken,
    /// The budget was used up.
    Expired,
    /// Nothing ran, because a switch was refused.
    Refused(TaskletError),
}

/// What [`run`] has to say. As text: who is still blocked, on what and where, or that all have finished.
pub struct Outcome {
    /// Why it returned.
    pub ending: Ending,
    /// How many tasklets ended meanwhile.
    pub finished: u64,
    /// How many tasklets are runnable still.
    pub runnable: usize,
    /// How many tasklets are blocked.
    pub blocked: usize,
    /// How many tasklets wait for a stack.
    pub starved: usize,
    /// The tasklet that a [pausing](Budget::pausing) budget interrupted. It is paused.
    pub interrupted: Option<AnyTasklet>,
    scheduler: Scheduler,
}

impl Outcome {
    /// Whether every tasklet that was there has ended.
    pub fn is_finished(&self) -> bool {
        self.runnable == 0 && self.blocked == 0 && self.starved == 0
    }

    /// Who is blocked now, on what, and where.
    pub fn report(&self) -> Report {
        self.scheduler.report()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = count(self.finished as usize);
        match &self.ending {
            Ending::Refused(error) => return write!(f, "nothing ran: {error}"),
            Ending::Drained if self.is_finished() && self.finished == 1 => {
                return f.write_str("the 1 tasklet finished");
            }
            Ending::Drained if self.is_finished() => return write!(f, "all {finished} finished"),
            Ending::Drained => write!(f, "{finished} finished")?,
            Ending::Woken => write!(f, "woken after {finished} finished, with {} runnable", self.runnable)?,
            Ending::Expired => write!(f, "out of budget after {finished} finished, with {} runnable", self.runnable)?,
        }
        if self.blocked != 0 || self.starved != 0 {
            write!(f, "; {}", self.report())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Outcome");
        out.field("ending", &self.ending).field("finished", &self.finished).field("runnable", &self.runnable);
        out.field("blocked", &self.blocked).field("starved", &self.starved).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Leaves the ring until it is empty.
    fn run(&self, budget: Option<Budget>) -> Outcome {
        let ended = self.core.ended.get();
        self.feed(usize::MAX);
        if self.core.table.borrow().len() == 1 && !self.awaits_outside() {
            return self.outcome(Ending::Drained, ended, None);
        }
        if let Err(error) = self.check_switch() {
            return self.outcome(Ending::Refused(error), ended, None);
        }
        let me = self.core.current.get();
        let watching = Watching::begin(self, me, budget);
        self.core.table.borrow_mut().unlink(me);
        self.go();
        let watch = watching.end();
        self.deliver();
        let expired = watch.as_ref().is_some_and(|watch| watch.expired);
        let ending = match self.core.table.borrow().len() {
            _ if expired => Ending::Expired,
            1 => Ending::Drained,
            _ => Ending::Woken,
        };
        self.outcome(ending, ended, watch.and_then(|watch| watch.interrupted))
    }

    fn outcome(&self, ending: Ending, ended: u64, interrupted: Option<AnyTasklet>) -> Outcome {
        let table = self.core.table.borrow();
        Outcome {
            ending,
            finished: self.core.ended.get() - ended,
            runnable: table.len() - 1,
            blocked: table.blocked(),
            starved: table.starving(),
            interrupted,
            scheduler: self.clone(),
        }
    }

    /// Counts a switch that `me` is about to make against the budget; if that is used up, its caller comes next.
    pub(crate) fn spend(&self, me: Key) {
        if self.core.hooks.budgets.get() == 0 {
            return;
        }
        let atomic = self.core.table.borrow().get(me).flags.has(Flag::Atomic);
        let now = self.core.clock.now();
        let (key, pause) = {
            let mut watches = self.core.watches.borrow_mut();
            // Of nested budgets the outermost counts.
            let Some(watch) = watches.iter_mut().find(|watch| watch.limit.is_some()) else { return };
            if watch.key == me || !watch.limit.as_mut().is_some_and(|limit| limit.spend(now)) || atomic {
                return;
            }
            watch.expired = true;
            (watch.key, watch.limit.as_ref().is_some_and(|limit| limit.pause))
        };
        if self.core.table.borrow().get(key).place != Place::Nowhere {
            return;
        }
        if pause && self.core.table.borrow().in_ring(me) {
            self.core.table.borrow_mut().unlink(me);
            let interrupted = Some(self.handle(me));
            let mut watches = self.core.watches.borrow_mut();
            if let Some(watch) = watches.iter_mut().find(|watch| watch.key == key) {
                watch.interrupted = interrupted;
            }
        }
        self.core.table.borrow_mut().push_head(key);
    }
}

impl Scheduler {
    /// When the time of the outermost budget is up.
    pub(crate) fn budget_ends(&self) -> Option<Instant> {
        let watches = self.core.watches.borrow();
        watches.iter().find_map(|watch| watch.limit.as_ref())?.deadline
    }

    /// The outermost budget was used up while nothing was runnable: its caller goes on.
    pub(crate) fn expire_budget(&self) {
        let key = {
            let mut watches = self.core.watches.borrow_mut();
            let Some(watch) = watches.iter_mut().find(|watch| watch.limit.is_some()) else { return };
            watch.expired = true;
            watch.key
        };
        let mut table = self.core.table.borrow_mut();
        if table.get(key).place == Place::Nowhere {
            table.append(key);
        }
    }
}

impl Limit {
    /// Counts one switch; whether that was the last one.
    fn spend(&mut self, now: Instant) -> bool {
        let out_of_switches = match &mut self.switches {
            Some(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            None => false,
        };
        out_of_switches || self.deadline.is_some_and(|deadline| now >= deadline)
    }
}

/// Keeps the watch of a caller of `run` on the list while it waits, by an unwinding too.
struct Watching<'a> {
    scheduler: &'a Scheduler,
    key: Key,
}

impl<'a> Watching<'a> {
    fn begin(scheduler: &'a Scheduler, key: Key, budget: Option<Budget>) -> Watching<'a> {
        let limit = budget.map(|budget| Limit {
            // A time that the clock cannot tell never comes.
            deadline: budget.time.and_then(|time| clock::deadline(scheduler, time)),
            switches: budget.switches,
            pause: budget.pause,
        });
        let budgets = &scheduler.core.hooks.budgets;
        budgets.set(budgets.get() + usize::from(limit.is_some()));
        scheduler.core.hooks.refresh();
        scheduler.core.watches.borrow_mut().push(Watch { key, limit, expired: false, interrupted: None });
        scheduler.core.table.borrow_mut().get_mut(key).flags.set(Flag::Watching, true);
        Watching { scheduler, key }
    }

    /// Those inside it are woken, too, innermost first: they were to come back before this one.
    fn leave(&self) -> Option<Watch> {
        let Watching { scheduler, key } = self;
        let (watch, inner) = {
            let mut watches = scheduler.core.watches.borrow_mut();
            let at = watches.iter().position(|watch| watch.key == *key)?;
            let inner = watches.split_off(at + 1);
            (watches.remove(at), inner)
        };
        let limits = inner.iter().chain([&watch]).filter(|watch| watch.limit.is_some()).count();
        let budgets = &scheduler.core.hooks.budgets;
        budgets.set(budgets.get() - limits);
        scheduler.core.hooks.refresh();
        let mut table = scheduler.core.table.borrow_mut();
        table.get_mut(*key).flags.set(Flag::Watching, false);
        for Watch { key, .. } in inner.iter().rev() {
            table.get_mut(*key).flags.set(Flag::Watching, false);
            if table.get(*key).place == Place::Nowhere {
                table.append(*key);
            }
        }
        drop(table);
        drop(inner);
        Some(watch)
    }

    fn end(self) -> Option<Watch> {
        self.leave()
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

/// Runs the tasklets of this thread until none is runnable; blocked ones stay blocked, and the outcome tells.
///
/// It waits for those that something other than a tasklet of this thread may wake: who sleeps or has a deadline, and who waits on what
/// other threads take part in, as a [`Handle`](crate::Handle), a lock, or a channel of several threads. It cannot know whether anybody
/// there will: as long as one waits, it does not return, even if what would wake that one is in the caller's hands. To look after the
/// others for a while only, there is [`run_for`].
///
/// Everything that the caller has borrowed (a `RefCell`, a lock) stays borrowed meanwhile.
///
/// Any tasklet may call it, and calls may nest: the caller leaves the run queue and comes back when that is empty. It also
/// comes back when somebody makes it runnable by hand, and then those that called it inside its own call do, too.
///
/// Semantics: Stackless's `run()`.
///
/// # Panics
///
/// With what a tasklet panicked with that nobody can join, unless there is an error handler. The others stay as they are, and
/// a further `run` goes on with them.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{run, spawn};
///
/// spawn(|| println!("one")).detach();
/// spawn(|| println!("two")).detach();
/// assert_eq!(run().to_string(), "all 2 tasklets finished");
/// ```
pub fn run() -> Outcome {
    Scheduler::local().run(None)
}

/// [`run`] with a budget: at the first switch after that is used up, the caller goes on, and everybody else stays in place.
///
/// Of nested calls the outermost budget counts. A tasklet that has set its [atomic](crate::AnyTasklet::set_atomic) flag is
/// not interrupted.
///
/// Semantics: Stackless's `run(timeout, soft=True, totaltimeout=True)`, or without `soft` for a
/// [pausing](Budget::pausing) budget, with switches and time in place of bytecodes.
///
/// # Panics
///
/// As [`run`].
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{Budget, Ending, run_for, schedule, spawn};
///
/// let hog = spawn(|| loop { schedule().unwrap() });
/// let outcome = run_for(Budget::switches(100));
/// assert!(matches!(outcome.ending, Ending::Expired));
/// hog.kill()?;
/// # Ok::<(), tasklets_runtime::TaskletError>(())
/// ```
pub fn run_for(budget: Budget) -> Outcome {
    Scheduler::local().run(Some(budget))
}
