//! When all workers of a runtime stand still: noticed by the last one that goes to sleep, once, and told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::core::Scheduler;
use crate::report::{Report, Starved, Waiting};
use crate::table::{Mail, Place};
use crate::threads::pool::{Pool, State};
use crate::wakeup::inbox::Command;

/// Who is blocked in a runtime, on what and where; see [`Runtime::dump`](crate::Runtime::dump).
///
/// As text it is a [`Report`], in which tasklets are called as `tasklet 3 of worker-0`.
#[non_exhaustive]
#[derive(Debug, Clone, Default)]
pub struct RuntimeReport {
    /// The blocked tasklets of all workers.
    pub report: Report,
    /// Workers that did not answer in time: what they run does not switch.
    pub silent: Vec<String>,
}

impl fmt::Display for RuntimeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)?;
        for worker in &self.silent {
            write!(f, "\n{worker} does not answer: what it runs does not switch")?;
        }
        Ok(())
    }
}

/// How all workers stand, at a moment at which all were idle.
struct Standstill {
    progress: Vec<u64>,
    blocked: usize,
    outside: bool,
    /// Times, descriptors or futures are waited for.
    timers: bool,
}

impl Standstill {
    /// Nothing that the runtime knows of can make a tasklet go on.
    fn is_hopeless(&self, closed: bool) -> bool {
        !self.timers && (closed || !self.outside)
    }

    fn sum(&self) -> u64 {
        self.progress.iter().sum()
    }
}

impl Pool {
    /// Called by a worker that is idle and about to sleep: if all are, it is the last one, or one of several at once.
    pub(crate) fn last_look(self: &Arc<Pool>) {
        let state = self.state();
        let told = self.settings.closed || self.settings.hooks.stall.is_some();
        if state >= State::Stopping || (state == State::Open && !told) {
            return;
        }
        let Some(still) = self.standstill() else { return };
        match state {
            State::Open => {
                let stalls = still.blocked != 0 && !still.timers;
                // Whoever has told of this one has left its number.
                let number = still.sum() + 1;
                if stalls && self.stalled.swap(number, Ordering::AcqRel) != number {
                    self.tell(still.progress);
                }
            }
            State::Closing if !still.is_hopeless(self.settings.closed) => {}
            _ => self.advance(State::Stopping),
        }
    }

    /// How the workers stand, if there was a moment at which all were idle and nothing was on its way to any of them.
    ///
    /// A worker counts what it finds to do, and says how far it has come before it says that it is idle. If all were idle
    /// before and after the queues and inboxes were seen empty, and none has come further meanwhile, nobody has taken anything
    /// out of them in between but what was of no use.
    fn standstill(&self) -> Option<Standstill> {
        if !self.roll.all_idle() {
            return None;
        }
        let still = self.standing();
        fence(Ordering::SeqCst);
        if self.has_work() || self.inboxes().any(|inbox| !inbox.is_empty()) {
            return None;
        }
        fence(Ordering::SeqCst);
        (self.roll.all_idle() && self.standing().progress == still.progress).then_some(still)
    }

    fn standing(&self) -> Standstill {
        let standings = || self.seats.iter().map(|seat| &seat.standing);
        Standstill {
            progress: standings().map(|standing| standing.progress.load(Ordering::Acquire)).collect(),
            blocked: standings().map(|standing| standing.blocked.load(Ordering::Acquire)).sum(),
            outside: standings().any(|standing| standing.outside.load(Ordering::Acquire)),
            timers: standings().any(|standing| standing.timers.load(Ordering::Acquire)),
        }
    }

    /// Has every worker report, and then tells the hook, and in a closed runtime every waiter.
    fn tell(self: &Arc<Pool>, progress: Vec<u64>) {
        let parts = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(AtomicUsize::new(self.seats.len()));
        for (at, inbox) in self.inboxes().enumerate() {
            let (pool, parts, left, progress) = (self.clone(), parts.clone(), left.clone(), progress.clone());
            inbox.post(Command::Do(Box::new(move |scheduler| {
                let part = scheduler.report();
                parts.lock().push((at, part));
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    let parts = std::mem::take(&mut *parts.lock());
                    let report = pool.merge(parts);
                    pool.told(scheduler, report, &progress);
                }
            })));
        }
    }

    /// The last worker has reported.
    fn told(self: &Arc<Pool>, scheduler: &Scheduler, report: RuntimeReport, progress: &[u64]) {
        if let Some(hook) = &self.settings.hooks.stall
            && let Err(payload) = scheduler.trapped(|| hook(&report))
        {
            eprintln!("a stall hook panicked, which is ignored: {}", greenlet::panic_message(&payload));
            let _ = scheduler.trapped(move || drop(payload));
        }
        if !self.settings.closed {
            return;
        }
        // Whoever fails may wake others: not before all have this in their inboxes.
        let posted = Arc::new(AtomicBool::new(false));
        for (inbox, progress) in self.inboxes().zip(progress.iter().copied()) {
            let (report, posted) = (report.report.clone(), posted.clone());
            inbox.post(Command::Do(Box::new(move |scheduler| {
                while !posted.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                scheduler.fail_waiters(&report, progress);
            })));
        }
        posted.store(true, Ordering::Release);
    }

    fn merge(&self, mut parts: Vec<(usize, Report)>) -> RuntimeReport {
        parts.sort_unstable_by_key(|part| part.0);
        let (mut blocked, mut starved, mut shortage) = (Vec::new(), Vec::new(), None);
        for (at, part) in &parts {
            let of = |tasklet: &str| format!("{tasklet} of {}", self.seats[*at].name);
            let named = |waiting: &Waiting| Waiting { tasklet: of(&waiting.tasklet), ..waiting.clone() };
            blocked.extend(part.blocked.iter().map(named));
            let named = |starved: &Starved| Starved { tasklet: of(&starved.tasklet), ..*starved };
            starved.extend(part.starved.iter().map(named));
            shortage = shortage.or_else(|| part.shortage.clone());
        }
        let report = Report { blocked: blocked.into(), starved: starved.into(), shortage };
        RuntimeReport { report, silent: Vec::new() }
    }

    /// Who is blocked now, as far as workers answer in time.
    pub(crate) fn dump(self: &Arc<Pool>, patience: Duration) -> RuntimeReport {
        let deadline = Instant::now() + patience;
        let (sender, answers) = crossbeam_channel::unbounded();
        let here = Scheduler::local();
        let mut parts = Vec::new();
        for (at, inbox) in self.inboxes().enumerate() {
            if inbox == here.inbox() {
                parts.push((at, here.report()));
                continue;
            }
            let sender = sender.clone();
            inbox.post(Command::Do(Box::new(move |scheduler| {
                let _ = sender.send((at, scheduler.report()));
            })));
        }
        drop(sender);
        while let Ok(part) = answers.recv_deadline(deadline) {
            parts.push(part);
        }
        let silent = (0..self.seats.len()).filter(|at| parts.iter().all(|part| part.0 != *at));
        let silent = silent.map(|at| self.seats[at].name.clone()).collect();
        RuntimeReport { silent, ..self.merge(parts) }
    }
}

impl Scheduler {
    /// Ends every wait of this thread by a deadlock, unless something has changed since.
    fn fail_waiters(&self, report: &Report, progress: u64) {
        if self.core.worker.get().is_none_or(|worker| worker.progress() != progress) {
            return;
        }
        let blocked: Vec<_> = {
            let table = self.core.table.borrow();
            let blocked = table.iter().filter(|(_, entry)| entry.place == Place::Blocked);
            blocked.map(|(key, entry)| (key, entry.generation)).collect()
        };
        for (key, generation) in blocked {
            let there = self.core.table.borrow().find(key, generation).is_some();
            if !there || !self.is_blocked(key) {
                continue;
            }
            self.unblock(key);
            self.post(key, Mail::Deadlock(Box::new(report.clone())));
            self.core.table.borrow_mut().append(key);
        }
    }
}
