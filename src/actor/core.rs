//! What an actor of either form is to others: a queue, a phase and orders, under one lock. Whatever comes in comes in here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tasklets_runtime::RemoteTasklet;

use super::node::{Edge, Watcher};
use super::options::{Settings, WhenFull};
use super::reason::{Badge, Reason, Unhandled};
use super::waiter::Waiter;

/// What an actor was told to do besides handling messages. It only becomes harder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Go,
    /// End when the queue is empty; nothing new is taken in.
    Finish(Reason),
    /// End after the message that is being handled.
    Halt(Reason),
    /// End now.
    Kill(Reason),
}

impl Order {
    fn rank(&self) -> u8 {
        match self {
            Order::Go => 0,
            Order::Finish(_) => 1,
            Order::Halt(_) => 2,
            Order::Kill(_) => 3,
        }
    }

    /// Whether what is queued is left.
    pub(super) fn is_abrupt(&self) -> bool {
        self.rank() >= 2
    }

    pub(super) fn reason(&self) -> Option<&Reason> {
        match self {
            Order::Go => None,
            Order::Finish(reason) | Order::Halt(reason) | Order::Kill(reason) => Some(reason),
        }
    }
}

/// How an actor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not begun, or waits to be begun again; messages are kept.
    Resting,
    /// It waits for a message: whoever brings one rouses it.
    Idle,
    Busy,
    Ended(Reason),
}

/// What is under the lock. `B` is what lies here while it is not used: the state of an actor without a stack.
pub(super) struct Desk<Q, B> {
    pub(super) queue: VecDeque<Q>,
    pub(super) phase: Phase,
    pub(super) order: Order,
    pub(super) body: Option<B>,
    /// Who runs it now.
    pub(super) who: Option<RemoteTasklet>,
    /// Who waits for a message.
    pub(super) waiter: Option<Waiter>,
    pub(super) rare: Option<Box<Rare<Q>>>,
}

/// What most actors do not need.
pub(super) struct Rare<Q> {
    /// What comes before all messages.
    pub(super) first: VecDeque<Q>,
    /// Who waits for room.
    pub(super) senders: VecDeque<Waiter>,
    pub(super) watchers: Vec<(u64, Watcher)>,
    pub(super) watched: u64,
}

impl<Q> Default for Rare<Q> {
    fn default() -> Rare<Q> {
        Rare { first: VecDeque::new(), senders: VecDeque::new(), watchers: Vec::new(), watched: 0 }
    }
}

/// What becomes of messages that nobody will handle.
pub(super) type Policy<Q> = Arc<dyn Fn(Q, &Unhandled) + Send + Sync>;

/// Who decides what comes after an end: a supervisor.
pub(super) type Keeper = Arc<dyn Fn(Reason) + Send + Sync>;

pub(super) struct Core<Q, B> {
    pub(super) badge: Badge,
    pub(super) capacity: usize,
    pub(super) when_full: WhenFull,
    /// Messages stay queued from one run to the next.
    pub(super) carries_over: bool,
    /// How many addresses there are.
    pub(super) addrs: AtomicUsize,
    /// There is an order that is abrupt, or something in the first lane: looked at between two messages.
    pub(super) attention: AtomicBool,
    pub(super) undelivered: AtomicU64,
    pub(super) policy: Option<Policy<Q>>,
    pub(super) keeper: Mutex<Option<Keeper>>,
    /// Whom it has asked and waits for.
    pub(super) asking: Mutex<Option<Box<Edge>>>,
    pub(super) desk: Mutex<Desk<Q, B>>,
}

/// Why something was not taken in.
pub(super) enum Refused {
    Ended(Reason),
    Stopping,
    Full,
}

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Plain,
    /// Before all others, whatever the capacity.
    First,
}

/// What came of trying to put a message into the queue.
pub(super) enum Put<Q> {
    /// It is in there; the actor is to be roused, if it was idle.
    Done {
        rouse: bool,
        waiter: Option<Waiter>,
        oldest: Option<Q>,
    },
    Refused(Q, Refused),
}

impl<Q, B> Core<Q, B> {
    pub(super) fn new(settings: Settings, policy: Option<Policy<Q>>, phase: Phase, body: Option<B>) -> Core<Q, B> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let Settings { name, capacity, when_full, carries_over } = settings;
        let desk = Desk { queue: VecDeque::new(), phase, order: Order::Go, body, who: None, waiter: None, rare: None };
        Core {
            badge: Badge { id: IDS.fetch_add(1, Ordering::Relaxed) + 1, name },
            capacity,
            when_full,
            carries_over,
            addrs: AtomicUsize::new(0),
            attention: AtomicBool::new(false),
            undelivered: AtomicU64::new(0),
            policy,
            keeper: Mutex::new(None),
            asking: Mutex::new(None),
            desk: Mutex::new(desk),
        }
    }

    /// The one door. What is dropped by the policy for full mailboxes is given to the caller, to be handed over without the lock.
    #[inline]
    pub(super) fn put(&self, item: Q, lane: Lane) -> Put<Q> {
        let mut desk = self.desk.lock();
        if let Phase::Ended(reason) = &desk.phase {
            let reason = reason.clone();
            return Put::Refused(item, Refused::Ended(reason));
        }
        if lane == Lane::First {
            desk.rare().first.push_back(item);
            self.attention.store(true, Ordering::Release);
            return desk.roused(None);
        }
        if desk.order != Order::Go {
            return Put::Refused(item, Refused::Stopping);
        }
        if desk.queue.len() < self.capacity {
            desk.queue.push_back(item);
            return desk.roused(None);
        }
        if self.when_full == WhenFull::DropOldest && self.capacity > 0 {
            let oldest = desk.queue.pop_front();
            desk.queue.push_back(item);
            return desk.roused(oldest);
        }
        Put::Refused(item, Refused::Full)
    }

    /// Makes the order at least this hard. Who is to be roused or killed for it; none if there is nothing to do.
    pub(super) fn order(&self, order: Order) -> Option<Ordered> {
        let mut desk = self.desk.lock();
        if matches!(desk.phase, Phase::Ended(_)) || order.rank() <= desk.order.rank() {
            return None;
        }
        let kill = matches!(order, Order::Kill(_));
        if order.is_abrupt() {
            self.attention.store(true, Ordering::Release);
        }
        desk.order = order;
        // Who waits for room is not admitted any more.
        let senders = desk.take_senders();
        let resting = desk.phase == Phase::Resting;
        let rouse = desk.phase == Phase::Idle;
        if rouse {
            desk.phase = Phase::Busy;
        }
        let waiter = desk.waiter.take();
        let who = if kill && !rouse { desk.who.clone() } else { None };
        Some(Ordered { rouse, waiter, who, resting, senders })
    }

    /// What is handed to the policy, without a lock held.
    pub(super) fn hand_over(&self, items: impl IntoIterator<Item = Q>, why: &Unhandled) {
        for item in items {
            self.undelivered.fetch_add(1, Ordering::Relaxed);
            let policy = self.policy.clone();
            super::node::guarded(move || match policy {
                Some(policy) => policy(item, why),
                None => drop(item),
            });
        }
    }
}

pub(super) struct Ordered {
    pub(super) rouse: bool,
    pub(super) waiter: Option<Waiter>,
    pub(super) who: Option<RemoteTasklet>,
    /// Nobody runs it: whoever gave the order ends it.
    pub(super) resting: bool,
    pub(super) senders: VecDeque<Waiter>,
}

impl<Q, B> Desk<Q, B> {
    pub(super) fn rare(&mut self) -> &mut Rare<Q> {
        self.rare.get_or_insert_default()
    }

    #[inline]
    fn roused(&mut self, oldest: Option<Q>) -> Put<Q> {
        let rouse = self.phase == Phase::Idle;
        if rouse {
            self.phase = Phase::Busy;
            return Put::Done { rouse, waiter: self.waiter.take(), oldest };
        }
        Put::Done { rouse, waiter: None, oldest }
    }

    /// Everybody who waits for room.
    pub(super) fn take_senders(&mut self) -> VecDeque<Waiter> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.senders)).unwrap_or_default()
    }

    /// The first who waits for room.
    pub(super) fn take_sender(&mut self) -> Option<Waiter> {
        self.rare.as_mut().and_then(|rare| rare.senders.pop_front())
    }

    /// What comes before all messages.
    pub(super) fn take_first(&mut self) -> Option<Q> {
        self.rare.as_mut().and_then(|rare| rare.first.pop_front())
    }

    pub(super) fn has_first(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.first.is_empty())
    }

    /// Everything that is queued, what comes first before the rest.
    pub(super) fn take_all(&mut self) -> VecDeque<Q> {
        let mut all = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.first)).unwrap_or_default();
        all.append(&mut self.queue);
        all
    }

    /// Puts what was taken out and not handled back to where it was.
    pub(super) fn put_back(&mut self, mut left: VecDeque<Q>) {
        left.append(&mut self.queue);
        self.queue = left;
    }
}
