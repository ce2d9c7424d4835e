//! What is spawned on a runtime: a closure that any of its workers may begin, and the outcome that any thread may wait for.
//!
//! Both are in one allocation, which the queue, the worker and the handles share. Its lock is held for a few lines at a time: no
//! user code runs under it, and nobody contends for it but joiners.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use greenlet::Payload;
use parking_lot::Mutex;

use crate::core::Scheduler;
use crate::error::is_exit;
use crate::fate::Fate;
use crate::job::{Ended, JoinError, Run};
use crate::park::{Inbox, TaskletId};
use crate::stacks::StackSize;
use crate::threads::pool::Pool;
use crate::threads::remote::RemoteTasklet;

type Site = &'static Location<'static>;

/// Who waits: the inbox of its thread, and its id there.
pub(crate) type Waiter = (Inbox, TaskletId);

/// How far a task has come.
enum Stage<R> {
    Queued,
    Begun(RemoteTasklet),
    Over(Verdict<R>),
    /// Somebody has joined it.
    Taken,
}

/// How a task ended.
pub(crate) enum Verdict<R> {
    Returned(R),
    Panicked(Unread),
    Killed,
    NotStarted,
    ThreadEnded,
}

impl<R> Verdict<R> {
    fn of(payload: Payload) -> Verdict<R> {
        if is_exit(&*payload) { Verdict::Killed } else { Verdict::Panicked(Unread::new(payload)) }
    }

    pub(crate) fn into_result(self) -> Result<R, JoinError> {
        match self {
            Verdict::Returned(value) => Ok(value),
            Verdict::Panicked(unread) => Err(JoinError::Panicked(unread.read())),
            Verdict::Killed => Err(JoinError::Killed),
            Verdict::NotStarted => Err(JoinError::NotStarted),
            Verdict::ThreadEnded => Err(JoinError::ThreadEnded),
        }
    }
}

/// What a task panicked with. If nobody reads it, its runtime's hook is told.
pub(crate) struct Unread {
    payload: Option<Payload>,
    pool: Option<Arc<Pool>>,
}

impl Unread {
    /// What was caught on this thread.
    fn new(payload: Payload) -> Unread {
        let pool = Scheduler::local().core.worker.get().map(|worker| worker.pool.clone());
        Unread { payload: Some(payload), pool }
    }

    fn read(mut self) -> Payload {
        self.payload.take().expect("it is read once")
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let (Some(payload), Some(pool)) = (self.payload.take(), &self.pool) {
            pool.settings.hooks.panicked(payload);
        }
    }
}

struct Inner<F, R> {
    body: Option<F>,
    stage: Stage<R>,
    waiters: Vec<Waiter>,
}

/// What a task's tasklet is like, where that was said.
pub(crate) struct Style {
    pub(crate) name: Option<Box<str>>,
    /// The usual one is what the runtime's workers give.
    pub(crate) stack_size: StackSize,
    pub(crate) background: bool,
}

pub(crate) struct Task<F, R> {
    at: Site,
    style: Option<Box<Style>>,
    inner: Mutex<Inner<F, R>>,
}

/// What a worker does with a task.
pub(crate) trait Work: Send + Sync {
    fn spawned_at(&self) -> Site;
    fn style(&self) -> Option<&Style>;
    /// Runs the closure, unless it was killed before, and keeps its outcome, if it is `wanted` then.
    fn run(&self, scheduler: &Scheduler, wanted: &dyn Fn() -> bool) -> Ended;
    /// Drops the closure without running it.
    fn cancel(&self, payload: Payload, wanted: &dyn Fn() -> bool) -> Ended;
    /// It is never going to begin.
    fn is_dropped(&self);
    /// Its thread ends without having ended it.
    fn is_forsaken(&self);
}

/// What a handle does with a task.
pub(crate) trait Outcome<R>: Send + Sync {
    fn spawned_at(&self) -> Site;
    fn is_over(&self) -> bool;
    /// The outcome, if it is there. Else the waiter is noted, and woken when it is.
    fn take_or_wait(&self, waiter: Option<&Waiter>) -> Option<Result<R, JoinError>>;
    /// Whether it is over. If not, the waiter is noted, and woken when it is.
    fn over_or_wait(&self, waiter: &Waiter) -> bool;
    fn forget(&self, waiter: &Waiter);
    /// Who it is, if it has begun and not ended.
    fn who(&self) -> Option<RemoteTasklet>;
    /// Ends it if it has not begun; false if it has.
    fn end_unstarted(&self) -> bool;
}

impl<F: FnOnce() -> R, R> Task<F, R> {
    pub(crate) fn new(body: F, style: Option<Style>, at: Site) -> Task<F, R> {
        Task {
            at,
            style: style.map(Box::new),
            inner: Mutex::new(Inner { body: Some(body), stage: Stage::Queued, waiters: Vec::new() }),
        }
    }

    /// Takes the closure back, if it has not begun.
    pub(crate) fn reclaim(&self) -> Option<F> {
        let mut inner = self.inner.lock();
        if !matches!(inner.stage, Stage::Queued) {
            return None;
        }
        inner.stage = Stage::Taken;
        inner.body.take()
    }

    /// Notes the outcome, and wakes who waits for it.
    fn settle(&self, verdict: Verdict<R>) {
        let (old, waiters) = {
            let mut inner = self.inner.lock();
            let old = std::mem::replace(&mut inner.stage, Stage::Over(verdict));
            (old, std::mem::take(&mut inner.waiters))
        };
        drop(old);
        wake(waiters);
    }

    /// Ends it, if it has not begun.
    fn settle_unstarted(&self, verdict: Verdict<R>) -> bool {
        self.settle_if(verdict, |stage| matches!(stage, Stage::Queued))
    }

    fn settle_if(&self, verdict: Verdict<R>, holds: impl FnOnce(&Stage<R>) -> bool) -> bool {
        let (body, waiters) = {
            let mut inner = self.inner.lock();
            if !holds(&inner.stage) {
                return false;
            }
            inner.stage = Stage::Over(verdict);
            (inner.body.take(), std::mem::take(&mut inner.waiters))
        };
        wake(waiters);
        drop(body);
        true
    }

    /// The outcome of a body that ran or was dropped: kept for the handles, if there are any.
    fn conclude(&self, verdict: Verdict<R>, wanted: bool) -> Ended {
        match verdict {
            verdict if wanted => {
                self.settle(verdict);
                Ended::Quietly
            }
            Verdict::Panicked(unread) => Ended::Panicked(unread.read()),
            verdict => drop_safely(verdict),
        }
    }
}

/// Drops what is a user's.
fn drop_safely<T>(what: T) -> Ended {
    catch_unwind(AssertUnwindSafe(move || drop(what))).map_or_else(Ended::Panicked, |()| Ended::Quietly)
}

fn wake(waiters: Vec<Waiter>) {
    if waiters.is_empty() {
        return;
    }
    let scheduler = Scheduler::local();
    for (inbox, id) in waiters {
        if inbox == *scheduler.inbox() {
            scheduler.wake_outside(id);
        } else {
            inbox.wake(id);
        }
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Work for Task<F, R> {
    fn spawned_at(&self) -> Site {
        self.at
    }

    fn style(&self) -> Option<&Style> {
        self.style.as_deref()
    }

    fn run(&self, scheduler: &Scheduler, wanted: &dyn Fn() -> bool) -> Ended {
        let body = {
            let mut inner = self.inner.lock();
            let body = inner.body.take();
            if body.is_some() {
                // Who is the only one that holds it stays that, and nobody asks.
                inner.stage = if wanted() { Stage::Begun(scheduler.who()) } else { Stage::Taken };
            }
            body
        };
        let Some(body) = body else { return Ended::Quietly };
        let verdict = catch_unwind(AssertUnwindSafe(body)).map_or_else(Verdict::of, Verdict::Returned);
        self.conclude(verdict, wanted())
    }

    fn cancel(&self, payload: Payload, wanted: &dyn Fn() -> bool) -> Ended {
        let body = self.inner.lock().body.take();
        let payload = match catch_unwind(AssertUnwindSafe(move || drop(body))) {
            Err(panic) if is_exit(&*payload) => panic,
            _ => payload,
        };
        self.conclude(Verdict::of(payload), wanted())
    }

    fn is_dropped(&self) {
        self.settle_unstarted(Verdict::NotStarted);
    }

    fn is_forsaken(&self) {
        self.settle_if(Verdict::ThreadEnded, |stage| matches!(stage, Stage::Queued | Stage::Begun(_)));
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Outcome<R> for Task<F, R> {
    fn spawned_at(&self) -> Site {
        self.at
    }

    fn is_over(&self) -> bool {
        matches!(self.inner.lock().stage, Stage::Over(_) | Stage::Taken)
    }

    fn take_or_wait(&self, waiter: Option<&Waiter>) -> Option<Result<R, JoinError>> {
        let mut inner = self.inner.lock();
        match inner.stage {
            Stage::Taken => return Some(Err(JoinError::Taken)),
            Stage::Over(_) => {}
            Stage::Queued | Stage::Begun(_) => {
                if let Some(waiter) = waiter.filter(|waiter| !inner.waiters.contains(waiter)) {
                    inner.waiters.push(waiter.clone());
                }
                return None;
            }
        }
        let Stage::Over(verdict) = std::mem::replace(&mut inner.stage, Stage::Taken) else { unreachable!("just seen") };
        Some(verdict.into_result())
    }

    fn over_or_wait(&self, waiter: &Waiter) -> bool {
        let mut inner = self.inner.lock();
        let over = matches!(inner.stage, Stage::Over(_) | Stage::Taken);
        if !over && !inner.waiters.contains(waiter) {
            inner.waiters.push(waiter.clone());
        }
        over
    }

    fn forget(&self, waiter: &Waiter) {
        self.inner.lock().waiters.retain(|other| other != waiter);
    }

    fn who(&self) -> Option<RemoteTasklet> {
        match &self.inner.lock().stage {
            Stage::Begun(who) => Some(who.clone()),
            _ => None,
        }
    }

    fn end_unstarted(&self) -> bool {
        self.settle_unstarted(Verdict::Killed)
    }
}

/// A task that has not begun. Dropped as one, it never will, and its joiners are told.
pub(crate) struct Queued(Option<Arc<dyn Work>>);

impl Queued {
    pub(crate) fn new(task: Arc<dyn Work>) -> Queued {
        Queued(Some(task))
    }

    /// To be the body of a tasklet.
    pub(crate) fn into_errand(mut self) -> Rc<Errand> {
        Rc::new(Errand { fate: Fate::new(0), task: RefCell::new(self.0.take()) })
    }

    pub(crate) fn spawned_at(&self) -> Option<Site> {
        self.0.as_ref().map(|task| task.spawned_at())
    }

    pub(crate) fn style(&self) -> Option<&Style> {
        self.0.as_ref().and_then(|task| task.style())
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.is_dropped();
        }
    }
}

/// A task as the body of a tasklet.
pub(crate) struct Errand {
    fate: Fate,
    /// Borrowed while it runs.
    task: RefCell<Option<Arc<dyn Work>>>,
}

impl Errand {
    /// Takes the place of one that has ended and that nobody else holds.
    pub(crate) fn renew(self: &Rc<Self>, queued: &mut Queued) -> bool {
        let free = Rc::strong_count(self) == 1;
        if free {
            let old = self.task.replace(queued.0.take());
            debug_assert!(old.is_none());
        }
        free
    }

    /// Does something with the task, the last thing that is done with it here.
    fn end(&self, how: impl FnOnce(&Arc<dyn Work>) -> Ended) -> Ended {
        let ended = self.task.borrow().as_ref().map_or(Ended::Quietly, how);
        // A handle may be gone since the outcome was put into the task: then that is dropped here.
        let task = self.task.take();
        match drop_safely(task) {
            Ended::Quietly => ended,
            panicked => panicked,
        }
    }
}

/// Whether anybody but its errand holds a task. What is run is in no queue: only handles can.
fn is_held(task: &Arc<dyn Work>) -> bool {
    Arc::strong_count(task) > 1
}

impl Run for Errand {
    fn run(&self) -> Ended {
        let scheduler = Scheduler::local();
        self.end(|task| task.run(&scheduler, &|| is_held(task)))
    }

    fn cancel(&self, payload: Payload) -> Ended {
        self.end(|task| task.cancel(payload, &|| is_held(task)))
    }

    fn fate(&self) -> &Fate {
        &self.fate
    }

    fn forsake(&self) {
        if let Ok(task) = self.task.try_borrow()
            && let Some(task) = &*task
        {
            task.is_forsaken();
        }
    }
}
