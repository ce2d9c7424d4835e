//! A worker's side: where its tasklets come from, what it does when it has none, and its end.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_deque::{Steal, Worker as Queue};

use crate::core::{MAIN, Scheduler};
use crate::job::Run;
use crate::table::{Entry, Life, Place};
use crate::threads::pool::{Pool, Seat, State};
use crate::threads::task::{Errand, Queued};
use crate::trace;
use crate::wakeup::timers::Alarm;

pub(crate) struct Worker {
    pub(crate) pool: Arc<Pool>,
    index: usize,
    /// What tasklets of this thread have spawned, for whoever takes it first: the newest by this worker, the oldest by others.
    queue: Queue<Queued>,
    progress: Cell<u64>,
    /// Nothing was runnable since it last looked around.
    drained: Cell<bool>,
    /// It was called, and has not looked into the queues since.
    called: Cell<bool>,
    /// How often it has looked around since it last began its oldest.
    looks: Cell<u32>,
    /// The errand that was made last. Most tasklets end before the next one begins, and leave it to that.
    spare: Cell<Option<Rc<Errand>>>,
}

/// Looks of a worker after which it begins its oldest in any case.
const RARELY: u32 = 64;

/// Turns that a tasklet has when its runtime has stopped and it is cancelled.
const LAST_TURNS: u32 = 64;

impl Worker {
    pub(crate) fn new(pool: Arc<Pool>, index: usize, queue: Queue<Queued>) -> Worker {
        let (progress, drained, called, looks) = Default::default();
        Worker { pool, index, queue, progress, drained, called, looks, spare: Cell::new(None) }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.pool.seats[self.index]
    }

    /// Queues what was spawned on this thread.
    #[inline]
    pub(crate) fn push(&self, queued: Queued) {
        self.queue.push(queued);
        self.pool.announce();
    }

    /// A task as a body.
    fn errand(&self, mut queued: Queued) -> Rc<Errand> {
        let spare = self.spare.take().filter(|spare| spare.renew(&mut queued));
        let errand = spare.unwrap_or_else(|| queued.into_errand());
        self.spare.set(Some(errand.clone()));
        errand
    }

    fn find(&self) -> Option<Queued> {
        self.queue.pop().or_else(|| self.pool.find(self.index, self.called.get()))
    }

    /// If this worker was called, and leaves something in the queues, another one is.
    fn pass_on(&self) {
        if self.called.replace(false) && self.pool.has_work() {
            self.pool.announce();
        }
    }

    fn is_stopping(&self) -> bool {
        self.pool.state() >= State::Stopping
    }

    fn note_progress(&self) {
        self.progress.set(self.progress.get() + 1);
    }

    pub(crate) fn progress(&self) -> u64 {
        self.progress.get()
    }
}

impl Scheduler {
    /// Whether there is something that this thread could begin and has not looked at for a while.
    pub(crate) fn has_unstarted(&self) -> bool {
        let Some(worker) = self.core.worker.get() else { return false };
        !worker.queue.is_empty() || !worker.pool.injector.is_empty()
    }

    /// Whether this thread is a worker that is to end.
    pub(crate) fn is_called_off(&self) -> bool {
        self.core.worker.get().is_some_and(Worker::is_stopping)
    }

    /// Nothing is runnable: begins something, if this is a worker; false if there is nothing.
    pub(crate) fn fetch_work(&self) -> bool {
        let Some(worker) = self.core.worker.get() else { return false };
        self.may_fetch(worker) && self.begin_next(worker)
    }

    fn begin_next(&self, worker: &Worker) -> bool {
        worker.drained.set(true);
        let found = worker.find();
        worker.pass_on();
        found.map(|queued| self.admit(queued)).is_some()
    }

    /// Begins what has waited longest, so that a thread whose ring never empties leaves nothing lying. Where the ring does empty, this
    /// is rare: what begins out of turn makes the thread have more stacks than it needs.
    pub(crate) fn take_oldest(&self) {
        let Some(worker) = self.core.worker.get() else { return };
        let looks = worker.looks.get() + 1;
        worker.looks.set(looks);
        if worker.is_stopping() || (worker.drained.replace(false) && looks < RARELY) {
            return;
        }
        worker.looks.set(0);
        let oldest = match worker.seat().stealer.steal() {
            Steal::Success(queued) => Some(queued),
            _ => worker.pool.inject(),
        };
        if let Some(queued) = oldest {
            self.admit(queued);
        }
    }

    /// Makes a task a tasklet, the last of the runnable ones.
    pub(crate) fn admit(&self, queued: Queued) {
        let Some(at) = queued.spawned_at() else { return };
        let worker = self.core.worker.get();
        let style = queued.style();
        let rare = style.and_then(|style| Entry::rare_of(style.name.as_deref().map(Into::into), style.background));
        let usual = worker.map(|worker| worker.pool.settings.stack_size).unwrap_or_default();
        let stack_size = style.map_or(usual, |style| style.stack_size.or(usual));
        let job: Option<Rc<dyn Run>> = Some(match worker {
            Some(worker) => worker.errand(queued),
            None => queued.into_errand(),
        });
        let life = Life::Unstarted;
        let entry = |generation| Entry { generation, stack_size, life, job, rare, handles: 0, ..Entry::new(at) };
        let mut table = self.core.table.borrow_mut();
        let (key, _) = table.add(entry);
        table.append(key);
        drop(table);
        trace::spawned(self, key);
        if let Some(worker) = worker {
            worker.note_progress();
        }
    }

    /// A worker that is to end lets its main tasklet go on.
    pub(crate) fn call_off(&self) {
        if self.is_called_off() && self.core.table.borrow().get(MAIN).place == Place::Nowhere {
            self.core.table.borrow_mut().append(MAIN);
        }
    }

    /// Waits for something to do, until a deadline. It may return for no reason.
    pub(crate) fn rest(&self, until: Option<Instant>) {
        let Some(worker) = self.core.worker.get() else { return self.sleep(until, || ()) };
        let (pool, seat) = (&worker.pool, worker.seat());
        {
            let table = self.core.table.borrow();
            let standing = &seat.standing;
            standing.progress.store(worker.progress(), Ordering::Relaxed);
            standing.blocked.store(table.blocked() + table.starving(), Ordering::Relaxed);
            standing.outside.store(table.outside() != 0, Ordering::Relaxed);
            standing.timers.store(self.awaits_the_world(), Ordering::Relaxed);
        }
        pool.roll.settle(worker.index);
        if !pool.has_work() && !worker.is_stopping() {
            self.sleep(until, || pool.last_look());
        }
        if !pool.roll.rise(worker.index) {
            worker.called.set(true);
            pool.roll.answer();
        }
    }

    /// Whether something may make a tasklet runnable that is neither a tasklet of any thread nor holds an end of what they wait on.
    fn awaits_the_world(&self) -> bool {
        #[cfg(unix)]
        if self.awaits_io() {
            return true;
        }
        self.awaits_a_time() || self.core.awaiting.get() != 0
    }

    /// Whether a time is waited for; once the runtime is being shut down, by one that is not in the background.
    fn awaits_a_time(&self) -> bool {
        if self.core.timers.next().is_none() {
            return false;
        }
        if self.core.worker.get().is_none_or(|worker| worker.pool.state() == State::Open) {
            return true;
        }
        let table = self.core.table.borrow();
        self.core.timers.any(|alarm| match alarm {
            Alarm::Wait(id) => !table.find(id.key, id.generation).is_some_and(Entry::in_background),
            Alarm::Limit(_) => true,
        })
    }

    /// After a rest in which something may have become runnable.
    pub(crate) fn rested(&self) {
        let Some(worker) = self.core.worker.get() else { return };
        let busy = self.core.table.borrow().len() != 0;
        if busy {
            worker.note_progress();
        }
        if busy || !self.may_fetch(worker) {
            worker.pass_on();
        }
    }

    /// Whether a worker with nothing runnable begins something. A call of `run` in a tasklet is to return instead.
    fn may_fetch(&self, worker: &Worker) -> bool {
        !worker.is_stopping() && (self.waker() == MAIN || self.awaits_outside())
    }

    /// A worker's main tasklet: lets the others go on until the runtime ends.
    pub(crate) fn serve(&self, worker: &Worker) {
        while !worker.is_stopping() {
            // A panic of a tasklet that nobody can join comes up here. It was printed where it began.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(crate::run)) {
                worker.pool.settings.hooks.panicked(payload);
            }
            if worker.is_stopping() {
                break;
            }
            self.hear();
            if self.core.table.borrow().len() == 1 && !self.begin_next(worker) {
                self.rest(None);
                self.hear();
            }
            if self.core.table.borrow().len() > 1 {
                worker.note_progress();
                worker.pass_on();
            }
        }
    }

    /// Ends what a worker has, when it has stopped.
    pub(crate) fn wind_up(&self, worker: &Worker) {
        let pool = &worker.pool;
        let before = self.core.ended.get();
        let expected = self.core.table.borrow().iter().filter(|(_, entry)| entry.in_background()).count();
        self.cancel_others();
        self.let_unwind(worker);
        let survivors = self.kill_all().len();
        let killed = (self.core.ended.get() - before) as usize;
        pool.killed.fetch_add(killed.saturating_sub(expected), Ordering::Relaxed);
        pool.survived.fetch_add(survivors, Ordering::Relaxed);
        while let Some(queued) = worker.queue.pop() {
            pool.dropped.fetch_add(1, Ordering::Relaxed);
            drop(queued);
        }
    }

    /// Gives those that are cancelled turns to end in. They are not waited for: what is blocked after that, in a shield, is killed.
    fn let_unwind(&self, worker: &Worker) {
        for _ in 0..LAST_TURNS {
            if self.core.table.borrow().len() == 1 {
                return;
            }
            match catch_unwind(AssertUnwindSafe(crate::schedule)) {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(payload) => worker.pool.settings.hooks.panicked(payload),
            }
        }
    }

    /// The thread ends: nobody is listened to any more, and who waits elsewhere for what lives here still is told.
    pub(crate) fn end_mail(&self) {
        // What was thrown from elsewhere may have a destructor that panics, and nobody is left to be told.
        let lost = self.core.mailroom.close();
        self.discard(lost);
        drop(self.core.watchers.take());
        let forsaken: Vec<_> = match self.core.table.try_borrow() {
            Ok(table) => table.iter().filter_map(|(_, entry)| entry.job.clone()).collect(),
            Err(_) => return,
        };
        for job in forsaken {
            job.forsake();
        }
    }
}
