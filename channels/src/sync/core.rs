//! What all these primitives are: a queue, and rules that say who is served.
//!
//! An operation asks the rules. If they do not admit it, it queues and waits. Whoever changes what the rules go by then serves
//! the first in the queue, as long as they admit it: books what it wants, marks it, releases the lock, and wakes it. A waiter
//! that is killed after it was served gives back what it got, and the next one is served.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::shared::lock::{Lock, Locked};
use tasklets_runtime::park::{Description, Inbox, TaskletId, Terms, Wait};
use tasklets_runtime::{Scheduler, now};

use super::chair::Chair;
use super::error::{WaitError, WaitReason};
use super::queue::{Party, Queue, Seats, Waiter, Wakeup};
use super::waiting::Place;

pub(crate) type Site = &'static Location<'static>;

/// What a primitive's state is, and who may go on by it.
pub(crate) trait Rules: Send + 'static {
    /// How it is called in reports.
    const KIND: &'static str;

    /// Whether serving one can never leave another one to be served.
    const SOLE: bool = false;

    /// Whether one that need not wait may have others served.
    const SPREADS: bool = false;

    /// Whether what is waited for is held by tasklets.
    const OWNED: bool = false;

    /// Books what somebody wants, if that is possible now; `ahead` others have come before and wait. What it got, as the primitive
    /// counts it.
    fn admit(&mut self, waiter: &Waiter, seats: &mut Seats, ahead: usize) -> Option<u32>;

    /// Gives back what was got; so many wait.
    fn revoke(&mut self, got: u32, seats: &mut Seats, waiting: usize);

    /// What to add about the state in reports.
    fn state(&self, waiting: usize) -> Holder;

    /// Tells of those that have to let go before a waiter can go on.
    fn owners(&self, waiter: &Waiter, queue: &Queue, tell: &mut dyn FnMut(&Party)) {
        let _ = (waiter, queue, tell);
    }
}

/// The state of a primitive, for reports: copied out under the lock, and made a text after it.
pub(crate) enum Holder {
    Nobody,
    /// What the party does, as `held`, and how many others do, too.
    Party(&'static str, Party, usize),
    Text(String),
}

pub(crate) struct State<R> {
    pub(crate) queue: Queue,
    pub(crate) rules: R,
}

pub(crate) struct Core<R> {
    number: u64,
    name: Option<Cow<'static, str>>,
    pub(crate) state: Lock<State<R>>,
}

/// An operation, and how long it may wait; not at all without terms.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) want: u32,
    pub(crate) terms: Option<Terms>,
    pub(crate) at: Site,
}

impl Call {
    #[inline]
    fn waiter(self, seat: u32, id: TaskletId) -> Waiter {
        let party = Party { seat, id, at: self.at };
        Waiter { party, wait: 0, want: self.want, served: false, operation: self.operation }
    }

    #[cold]
    fn would_block(self) -> WaitError {
        WaitError { reason: WaitReason::WouldBlock, operation: self.operation, on: None, at: self.at }
    }
}

pub(crate) const FOREVER: Option<Terms> = Some(Terms { deadline: None, outside: true });

/// Until a moment of [`now`].
pub(crate) fn until(deadline: Instant) -> Option<Terms> {
    Some(Terms { deadline: Some(deadline), outside: true })
}

/// For so long; for ever if the clock cannot tell the end of it.
pub(crate) fn within(time: Duration) -> Option<Terms> {
    now().checked_add(time).map_or(FOREVER, until)
}

/// A core that is made when first used, so that primitives can be statics.
pub(crate) struct Lazy<R>(OnceLock<Arc<Core<R>>>);

impl<R: Rules> Lazy<R> {
    pub(crate) const fn new() -> Lazy<R> {
        Lazy(OnceLock::new())
    }

    pub(crate) fn named(name: Cow<'static, str>, rules: R) -> Lazy<R> {
        Lazy(OnceLock::from(Core::make(Some(name), rules)))
    }

    #[inline]
    pub(crate) fn get(&self, rules: impl FnOnce() -> R) -> &Arc<Core<R>> {
        self.0.get_or_init(|| Core::make(None, rules()))
    }
}

impl<R: Rules> Core<R> {
    pub(crate) fn make(name: Option<Cow<'static, str>>, rules: R) -> Arc<Core<R>> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(Core { number, name, state: Lock::new(State { queue: Queue::new(), rules }) })
    }

    /// Gets what the call wants, waiting for it if it may.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn get(self: &Arc<Self>, call: Call) -> Result<u32, WaitError> {
        let scheduler = Scheduler::local();
        let me = scheduler.current_id();
        let mut state = self.state.lock();
        let State { queue, rules } = &mut *state;
        let waiter = call.waiter(queue.seats.number(scheduler.inbox()), me);
        let ahead = queue.len();
        if let Some(got) = rules.admit(&waiter, &mut queue.seats, ahead) {
            if R::SPREADS {
                self.serve(state, &scheduler);
            }
            return Ok(got);
        }
        let Some(terms) = call.terms else { return Err(call.would_block()) };
        let mut suspicious = false;
        if R::OWNED {
            rules.owners(&waiter, queue, &mut |owner| {
                let local = queue.is_here(owner, scheduler.inbox());
                suspicious |= local && (owner.id == me || terms.deadline.is_none() && scheduler.is_stuck(owner.id));
            });
        }
        self.push(state, waiter, &scheduler).wait(call, terms, suspicious)
    }

    /// Queues the running tasklet, whether it has to or not.
    pub(crate) fn queue<'a>(self: &'a Arc<Self>, call: Call, scheduler: &'a Scheduler) -> Place<'a, R> {
        let me = scheduler.current_id();
        let mut state = self.state.lock();
        let waiter = call.waiter(state.queue.seats.number(scheduler.inbox()), me);
        self.push(state, waiter, scheduler)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn push<'a>(
        self: &'a Arc<Self>,
        mut state: Locked<'_, State<R>>,
        waiter: Waiter,
        scheduler: &'a Scheduler,
    ) -> Place<'a, R> {
        let chair = match scheduler.kept(state.queue.seats.kept(waiter.party.seat)) {
            Some(chair) => chair,
            None => self.make_chair(&mut state.queue.seats, waiter.party.seat, scheduler),
        };
        let wait = Chair::<R>::of(&*chair).add(|wait| state.queue.push(Waiter { wait, ..waiter }));
        Place { core: self, scheduler, chair, wait, over: false }
    }

    #[cold]
    #[inline(never)]
    fn make_chair(self: &Arc<Self>, seats: &mut Seats, seat: u32, scheduler: &Scheduler) -> Rc<dyn Wait> {
        let chair = Chair::make(self);
        seats.keep(seat, scheduler.keep(chair.clone()));
        chair
    }

    /// A waiter is not to come for what it gets; what it has got goes to the next one.
    #[cold]
    pub(crate) fn forsake(&self, ticket: u32, scheduler: &Scheduler) {
        let mut state = self.state.lock();
        state.forget(ticket);
        self.serve(state, scheduler);
    }

    /// What somebody has got goes to the next one.
    #[cold]
    pub(crate) fn give_back(&self, got: u32, scheduler: &Scheduler) {
        let mut state = self.state.lock();
        state.revoke(got);
        self.serve(state, scheduler);
    }

    /// Changes the state, and serves those who may go on now.
    #[inline]
    pub(crate) fn change<V>(&self, change: impl FnOnce(&mut State<R>) -> V) -> V {
        let mut state = self.state.lock();
        let value = change(&mut state);
        if state.queue.len() != 0 {
            self.serve(state, &Scheduler::local());
        }
        value
    }

    /// Serves the first ones, as long as the rules admit them. They are woken with the lock released.
    pub(crate) fn serve(&self, mut state: Locked<'_, State<R>>, scheduler: &Scheduler) {
        let Some(first) = state.serve_first(scheduler.inbox()) else { return };
        if R::SOLE || state.queue.len() == 0 {
            drop(state);
            return self.wake(first, scheduler);
        }
        let mut batch = std::mem::take(&mut state.queue.batch);
        while let Some(wakeup) = state.serve_first(scheduler.inbox()) {
            batch.push(wakeup);
        }
        drop(state);
        self.wake(first, scheduler);
        for wakeup in batch.drain(..) {
            self.wake(wakeup, scheduler);
        }
        self.state.lock().queue.batch = batch;
    }

    #[inline]
    fn wake(&self, wakeup: Wakeup, scheduler: &Scheduler) {
        match wakeup {
            Wakeup::Here { kept, wait, got, id } => {
                if let Some(chair) = scheduler.kept(kept) {
                    Chair::<R>::of(&*chair).serve(wait, got);
                    scheduler.wake(id);
                }
            }
            Wakeup::There { inbox, ticket, id } => {
                if !inbox.wake(id) {
                    self.bury(ticket, &inbox, id, scheduler);
                }
            }
        }
    }

    /// The thread of a waiter has ended. If its stack was given up, it will not come for what it got; if it was unwound before, it
    /// has left the queue, and its ticket may be another one's.
    #[cold]
    fn bury(&self, ticket: u32, inbox: &Inbox, id: TaskletId, scheduler: &Scheduler) {
        let there = self.state.lock().queue.is_of(ticket, inbox, id);
        if there {
            self.forsake(ticket, scheduler);
        }
    }

    /// As `mutex 3 "accounts"`.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {} \"{name}\"", R::KIND, self.number),
            None => format!("{} {}", R::KIND, self.number),
        }
    }

    /// What it is and how it stands, as `mutex 3 (held by tasklet 4 since src/main.rs:12:9)`.
    pub(crate) fn report(&self) -> String {
        let (holder, inbox) = {
            let state = self.state.lock();
            let holder = state.rules.state(state.queue.len());
            let inbox = match &holder {
                Holder::Party(_, party, _) => Some(state.queue.seats.inbox(party.seat).clone()),
                _ => None,
            };
            (holder, inbox)
        };
        let label = self.label();
        match (holder, inbox) {
            (Holder::Nobody, _) => label,
            (Holder::Text(text), _) => format!("{label} ({text})"),
            (Holder::Party(does, party, others), inbox) => {
                let who = inbox.map_or(String::new(), |inbox| name(&inbox, party.id));
                let others = match others {
                    0 => String::new(),
                    1 => " and one other".to_owned(),
                    others => format!(" and {others} others"),
                };
                format!("{label} ({does} by {who} since {}{others})", party.at)
            }
        }
    }
}

/// How a tasklet is called here.
fn name(inbox: &Inbox, id: TaskletId) -> String {
    let scheduler = Scheduler::local();
    if inbox == scheduler.inbox() {
        return scheduler.label_of(id).unwrap_or_else(|| format!("{id}, which has ended,"));
    }
    match inbox.thread_name() {
        Some(name) => format!("{id} of {name}"),
        None => format!("{id} of another thread"),
    }
}

impl<R: Rules> State<R> {
    fn revoke(&mut self, got: u32) {
        let waiting = self.queue.len();
        self.rules.revoke(got, &mut self.queue.seats, waiting);
    }

    /// Gives up the ticket of a waiter that is not to come; what it has got is free.
    #[cold]
    fn forget(&mut self, ticket: u32) {
        let waiter = self.queue.take(ticket);
        if waiter.served {
            self.revoke(waiter.want);
        }
    }

    /// Serves the first one, if the rules admit it.
    #[inline]
    fn serve_first(&mut self, here: &Inbox) -> Option<Wakeup> {
        let State { queue, rules } = self;
        queue.serve_first(here, |waiter, seats| rules.admit(waiter, seats, 0))
    }
}

/// Of waiters, by their tickets.
impl<R: Rules> Core<R> {
    pub(crate) fn describe(&self, ticket: u32) -> Description {
        let operation = self.state.lock().queue.get(ticket).operation;
        Description { operation, on: self.report() }
    }

    /// Tells of the tasklets of the running thread that hold what it waits for.
    pub(crate) fn owners(&self, ticket: u32, tell: &mut dyn FnMut(TaskletId)) {
        let scheduler = Scheduler::local();
        let state = self.state.lock();
        state.rules.owners(state.queue.get(ticket), &state.queue, &mut |owner| {
            if state.queue.is_here(owner, scheduler.inbox()) {
                tell(owner.id);
            }
        });
    }
}

/// Threads that have waited here keep chairs for it.
impl<R> Drop for Core<R> {
    fn drop(&mut self) {
        self.state.get_mut().queue.seats.discard(&Scheduler::local());
    }
}

impl<R: Rules> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report())
    }
}

#[cfg(all(test, loom))]
mod models;
