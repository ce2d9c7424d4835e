//! An actor of either form as others see it, whatever messages it takes: orders, watchers, its end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tasklets_runtime::park::{TaskletId, Terms, Unwoken};
use tasklets_runtime::{Scheduler, now};

use super::core::{Core, Keeper, Lane, Order, Phase, Put, Refused};
use super::options::WhenFull;
use super::reason::{Badge, Down, Reason, Unhandled};
use super::waiter::{Doing, Site, Waiter, bench, ticket};

/// Told once that an actor has ended, on the thread where it did. It may not block.
pub(super) type Watcher = Box<dyn FnOnce(Down) + Send>;

/// The answer that an actor waits for.
pub(super) struct Edge {
    pub(super) target: Arc<dyn Node>,
    pub(super) answer: Arc<dyn Pending>,
}

/// An answer that may still come from the one who was asked.
pub(super) trait Pending: Send + Sync {
    fn is_pending(&self) -> bool;
}

/// One form of actors.
pub(super) trait Host: Send + Sync + Sized + 'static {
    type Item: Send + 'static;
    type Body: Send;

    fn core(&self) -> &Core<Self::Item, Self::Body>;

    /// It was idle, and has something to do. `waiter` is who waits in it, if anybody.
    fn rouse(&self, waiter: Option<Waiter>);

    /// Begins a run of it. False if that is not possible.
    fn start(&self) -> bool;

    /// It never begins again: lets go of what it is begun from, which may hold addresses, its own among them.
    fn retire(&self);
}

/// What is done with an actor whatever its messages are.
pub(super) trait Node: Send + Sync + 'static {
    fn badge(&self) -> &Badge;
    fn phase(&self) -> Phase;
    fn queued(&self) -> usize;
    fn undelivered(&self) -> u64;
    fn order(&self, order: Order);
    fn watch(&self, watcher: Watcher) -> u64;
    fn unwatch(&self, number: u64) -> bool;
    fn addrs(&self) -> &AtomicUsize;
    /// The last address is gone.
    fn is_forgotten(&self);
    fn set_asking(&self, edge: Option<Box<Edge>>);
    /// Whom it waits for now.
    fn asks(&self) -> Option<Arc<dyn Node>>;
    fn set_keeper(&self, keeper: Keeper);
    /// Begins it, if it rests.
    fn begin(&self) -> bool;
    /// Ends it for good, if it rests.
    fn bury(&self, reason: Reason);
}

impl<H: Host> Node for H {
    fn badge(&self) -> &Badge {
        &self.core().badge
    }

    fn phase(&self) -> Phase {
        self.core().desk.lock().phase.clone()
    }

    fn queued(&self) -> usize {
        let desk = self.core().desk.lock();
        desk.queue.len() + desk.rare.as_ref().map_or(0, |rare| rare.first.len())
    }

    fn undelivered(&self) -> u64 {
        self.core().undelivered.load(Ordering::Relaxed)
    }

    fn order(&self, order: Order) {
        let reason = order.reason().cloned();
        let Some(ordered) = self.core().order(order) else { return };
        for sender in ordered.senders {
            sender.wake();
        }
        if ordered.rouse {
            self.rouse(ordered.waiter);
        }
        if let Some(who) = ordered.who {
            // A state: what it does on its way out is interrupted wherever it would block. It has ended already otherwise.
            let _ = who.cancel();
        }
        if ordered.resting
            && let Some(reason) = reason
        {
            conclude(self, reason, Default::default());
        }
    }

    fn watch(&self, watcher: Watcher) -> u64 {
        let mut desk = self.core().desk.lock();
        if let Phase::Ended(reason) = &desk.phase {
            let down = Down { actor: self.badge().clone(), reason: reason.clone() };
            drop(desk);
            guarded(move || watcher(down));
            return 0;
        }
        let rare = desk.rare();
        rare.watched += 1;
        rare.watchers.push((rare.watched, watcher));
        rare.watched
    }

    fn unwatch(&self, number: u64) -> bool {
        let watcher = {
            let mut desk = self.core().desk.lock();
            let watchers = desk.rare.as_mut().map(|rare| &mut rare.watchers);
            watchers.and_then(|watchers| {
                let place = watchers.iter().position(|(other, _)| *other == number)?;
                Some(watchers.remove(place))
            })
        };
        watcher.is_some()
    }

    fn addrs(&self) -> &AtomicUsize {
        &self.core().addrs
    }

    fn is_forgotten(&self) {
        let kept = self.core().keeper.lock().is_some();
        if !kept {
            Node::order(self, Order::Finish(Reason::Normal));
        }
    }

    fn set_asking(&self, edge: Option<Box<Edge>>) {
        let old = std::mem::replace(&mut *self.core().asking.lock(), edge);
        drop(old);
    }

    fn asks(&self) -> Option<Arc<dyn Node>> {
        let asking = self.core().asking.lock();
        asking.as_ref().filter(|edge| edge.answer.is_pending()).map(|edge| edge.target.clone())
    }

    fn set_keeper(&self, keeper: Keeper) {
        let old = self.core().keeper.lock().replace(keeper);
        drop(old);
    }

    fn begin(&self) -> bool {
        {
            let mut desk = self.core().desk.lock();
            if desk.phase != Phase::Resting {
                return false;
            }
            desk.phase = Phase::Busy;
            desk.order = Order::Go;
            let urgent = desk.has_first();
            self.core().attention.store(urgent, Ordering::Release);
        }
        self.start()
    }

    fn bury(&self, reason: Reason) {
        let (keeper, resting) = {
            let desk = self.core().desk.lock();
            // Under the lock under which an end asks for it: one of the two ends it for good.
            (self.core().keeper.lock().take(), desk.phase == Phase::Resting)
        };
        drop(keeper);
        if resting {
            conclude(self, reason, Default::default());
        }
    }
}

/// The actor is not run any more: for now, if it has a keeper, who decides; else for good.
pub(super) fn conclude<H: Host>(host: &H, reason: Reason, left: std::collections::VecDeque<H::Item>) {
    let core = host.core();
    let (items, senders, watchers, body, keeper) = {
        let mut desk = core.desk.lock();
        if matches!(desk.phase, Phase::Ended(_)) {
            drop(desk);
            return core.hand_over(left, &Unhandled::Ended(reason));
        }
        let keeper = core.keeper.lock().clone();
        let kept = keeper.is_some();
        desk.put_back(left);
        (desk.who, desk.waiter) = (None, None);
        let body = desk.body.take();
        desk.phase = if kept { Phase::Resting } else { Phase::Ended(reason.clone()) };
        let items = if kept && core.carries_over { Default::default() } else { desk.take_all() };
        let senders = if kept && desk.queue.len() >= core.capacity { Default::default() } else { desk.take_senders() };
        let watchers = desk.rare.as_mut().map(|rare| std::mem::take(&mut rare.watchers)).unwrap_or_default();
        (items, senders, watchers, body, keeper)
    };
    for sender in senders {
        sender.wake();
    }
    guarded(move || drop(body));
    if keeper.is_none() {
        host.retire();
    }
    core.hand_over(items, &Unhandled::Ended(reason.clone()));
    let down = Down { actor: core.badge.clone(), reason };
    for (_, watcher) in watchers {
        let down = down.clone();
        guarded(move || watcher(down));
    }
    if let Some(keeper) = keeper {
        keeper(down.reason);
    }
}

/// Runs what is a user's where a panic has nowhere to go.
pub(super) fn guarded(what: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(what)) {
        let _ = catch_unwind(AssertUnwindSafe(move || drop(payload)));
    }
}

/// How long a sender waits for room; not at all without terms.
pub(super) type Patience = Option<Terms>;

/// Why a message was not taken in.
pub(super) enum Unput {
    Refused(Refused),
    TimedOut,
    MayNotWait(tasklets_runtime::park::Refusal),
}

/// Puts a message into an actor's mailbox, and rouses it.
#[inline]
pub(super) fn tell<H: Host>(host: &H, item: H::Item, patience: Patience, at: Site) -> Result<(), (H::Item, Unput)> {
    match host.core().put(item, Lane::Plain) {
        Put::Done { rouse, waiter, oldest } => {
            if rouse {
                host.rouse(waiter);
            }
            if oldest.is_some() {
                host.core().hand_over(oldest, &Unhandled::Displaced);
            }
            Ok(())
        }
        Put::Refused(item, Refused::Full) if host.core().when_full == WhenFull::Wait && patience.is_some() => {
            tell_later(host, item, patience.unwrap_or_default(), at)
        }
        Put::Refused(item, refused) => Err((item, Unput::Refused(refused))),
    }
}

/// Puts something before all messages; what is refused goes to the policy.
pub(super) fn tell_first<H: Host>(host: &H, item: H::Item) {
    match host.core().put(item, Lane::First) {
        Put::Done { rouse, waiter, .. } => {
            if rouse {
                host.rouse(waiter);
            }
        }
        Put::Refused(item, Refused::Ended(reason)) => host.core().hand_over([item], &Unhandled::Ended(reason)),
        Put::Refused(item, _) => host.core().hand_over([item], &Unhandled::Ended(Reason::Stopped)),
    }
}

/// The mailbox is full: waits for room.
#[cold]
fn tell_later<H: Host>(host: &H, mut item: H::Item, terms: Terms, at: Site) -> Result<(), (H::Item, Unput)> {
    let (core, scheduler) = (host.core(), Scheduler::local());
    loop {
        if terms.deadline.is_some_and(|deadline| deadline <= now()) {
            return Err((item, Unput::TimedOut));
        }
        let me = match scheduler.check_wait(false, terms) {
            Ok(me) => me,
            Err(refusal) => return Err((item, Unput::MayNotWait(refusal))),
        };
        {
            let mut desk = core.desk.lock();
            let open = desk.order == Order::Go && !matches!(desk.phase, Phase::Ended(_));
            if open && desk.queue.len() >= core.capacity {
                desk.rare().senders.push_back(Waiter::me(&scheduler));
            } else {
                drop(desk);
                match core.put(item, Lane::Plain) {
                    Put::Done { rouse, waiter, .. } => {
                        if rouse {
                            host.rouse(waiter);
                        }
                        return Ok(());
                    }
                    Put::Refused(back, Refused::Full) => item = back,
                    Put::Refused(back, refused) => return Err((back, Unput::Refused(refused))),
                }
                continue;
            }
        }
        let waited = scheduler.wait_on(bench(Doing::Tell), ticket(core.badge.id), at, terms);
        let was_woken = leave_senders(host, &scheduler, me);
        let Err(unwoken) = waited else { continue };
        if was_woken {
            // Somebody else may use the room.
            let next = core.desk.lock().take_sender();
            wake_some(next);
        }
        match unwoken {
            Unwoken::Thrown(payload) => resume_unwind(payload),
            Unwoken::TimedOut | Unwoken::Deadlock(_) => {}
        }
    }
}

/// Whether somebody else has taken the caller out of the queue.
fn leave_senders<H: Host>(host: &H, scheduler: &Scheduler, me: TaskletId) -> bool {
    let mut desk = host.core().desk.lock();
    let Some(rare) = desk.rare.as_mut() else { return true };
    let before = rare.senders.len();
    rare.senders.retain(|sender| !sender.is(scheduler.inbox(), me));
    before == rare.senders.len()
}

/// Wakes who waits for room.
pub(super) fn wake_some(waiters: impl IntoIterator<Item = Waiter>) {
    for waiter in waiters {
        waiter.wake();
    }
}

/// Which tasklets of a thread are actors.
#[derive(Default)]
struct Running {
    /// The one that began last, in most cases the one that runs.
    last: Option<(TaskletId, Weak<dyn Node>)>,
    others: HashMap<TaskletId, Weak<dyn Node>>,
}

thread_local! {
    static RUNNING: RefCell<Running> = RefCell::new(Running::default());
}

/// While it lives, the tasklet that made it is known to be the actor.
pub(super) struct Entered(TaskletId);

impl Entered {
    pub(super) fn new(id: TaskletId, node: Weak<dyn Node>) -> Entered {
        let _ = RUNNING.try_with(|running| {
            let mut running = running.borrow_mut();
            if let Some((id, node)) = running.last.replace((id, node)) {
                running.others.insert(id, node);
            }
        });
        Entered(id)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // A weak one: no actor is dropped here.
        let _ = RUNNING.try_with(|running| {
            let mut running = running.borrow_mut();
            if running.last.as_ref().is_some_and(|(id, _)| *id == self.0) {
                running.last = None;
            } else {
                running.others.remove(&self.0);
            }
        });
    }
}

/// The actor that the running tasklet is.
pub(super) fn running() -> Option<Arc<dyn Node>> {
    let me = Scheduler::local().current_id();
    let found = RUNNING.try_with(|running| {
        let running = running.borrow();
        match &running.last {
            Some((id, node)) if *id == me => Some(node.clone()),
            _ => running.others.get(&me).cloned(),
        }
    });
    found.ok().flatten().and_then(|node| node.upgrade())
}
