//! What the workers of a runtime share: closures that nobody has begun, who is idle, and whether it goes on.
//!
//! **No wake-up is lost.** Who spawns first puts the closure into a queue and then looks whether anybody is idle; who has nothing
//! to do first says that it is idle and then looks into all queues. Between the two steps of each stands a sequentially
//! consistent fence, so that at least one of them sees what the other has done.
//!
//! One worker is called at a time, and who spawns meanwhile leaves it at that: often the first one that comes does all, and what
//! was spawned together talks to each other faster on one thread. Who was called takes the mark of that away before it looks into the
//! queues, and so sees what was put there by whoever saw the mark; if it takes something and more is left, it calls the next one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal, Stealer};

use crate::park::Inbox;
use crate::threads::builder::Settings;
use crate::threads::task::Queued;

/// So many closures are left for a moment to others, who may be about to begin them.
const FEW: usize = 2;
const MOMENT: Duration = Duration::from_micros(10);

/// How far the end of a runtime has come. It only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum State {
    Open,
    /// Nothing new is taken in; the rest may end.
    Closing,
    /// What waits now will not be waited for.
    Draining,
    /// Everything is killed.
    Stopping,
    /// No worker is there any more.
    Ended,
}

const STATES: [State; 5] = [State::Open, State::Closing, State::Draining, State::Stopping, State::Ended];

pub(crate) struct Pool {
    pub(crate) injector: Injector<Queued>,
    pub(crate) seats: Box<[Seat]>,
    /// Workers that have said that they are idle. Below 0 for a moment where one is called before it has counted itself.
    idle: AtomicUsize,
    /// One that was idle has been called, and is not here yet.
    calling: AtomicBool,
    state: AtomicU8,
    /// Workers that have not ended.
    pub(crate) working: AtomicUsize,
    pub(crate) settings: Settings,
    /// How far the workers had come when they last stood still, plus 1.
    pub(crate) stalled: AtomicU64,
    pub(crate) killed: AtomicUsize,
    pub(crate) survived: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
}

/// What others know of a worker.
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) stealer: Stealer<Queued>,
    pub(crate) inbox: OnceLock<Inbox>,
    idle: AtomicBool,
    pub(crate) standing: Standing,
}

/// How a worker stands, said when it becomes idle.
#[derive(Default)]
pub(crate) struct Standing {
    /// How often it has found something to do.
    pub(crate) progress: AtomicU64,
    /// Tasklets that are blocked, or wait for a stack.
    pub(crate) blocked: AtomicUsize,
    /// Whether any waits for something outside the thread.
    pub(crate) outside: AtomicBool,
    /// Whether any waits for a time.
    pub(crate) timers: AtomicBool,
}

impl Pool {
    pub(crate) fn new(settings: Settings, stealers: impl IntoIterator<Item = Stealer<Queued>>) -> Pool {
        let seat = |(index, stealer)| Seat {
            name: format!("{}-{index}", settings.name),
            stealer,
            inbox: OnceLock::new(),
            idle: AtomicBool::new(false),
            standing: Standing::default(),
        };
        let seats: Box<[Seat]> = stealers.into_iter().enumerate().map(seat).collect();
        Pool {
            injector: Injector::new(),
            idle: AtomicUsize::new(0),
            calling: AtomicBool::new(false),
            state: AtomicU8::new(State::Open as u8),
            working: AtomicUsize::new(seats.len()),
            seats,
            settings,
            stalled: AtomicU64::new(0),
            killed: AtomicUsize::new(0),
            survived: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        }
    }

    pub(crate) fn state(&self) -> State {
        STATES[usize::from(self.state.load(Ordering::Acquire))]
    }

    /// Goes on to a state, unless it is past that.
    pub(crate) fn advance(&self, to: State) {
        self.state.fetch_max(to as u8, Ordering::AcqRel);
        self.nudge_all();
    }

    pub(crate) fn nudge_all(&self) {
        self.inboxes().for_each(Inbox::nudge);
    }

    pub(crate) fn inboxes(&self) -> impl Iterator<Item = &Inbox> {
        self.seats.iter().filter_map(|seat| seat.inbox.get())
    }

    /// Whether anything waits to be begun.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.seats.iter().any(|seat| !seat.stealer.is_empty())
    }

    /// Sees to it that somebody begins what was just put into a queue.
    #[inline]
    pub(crate) fn announce(&self) {
        fence(Ordering::SeqCst);
        if self.idle.load(Ordering::Acquire) != 0 {
            self.call_one();
        }
    }

    #[cold]
    fn call_one(&self) {
        while !self.calling.swap(true, Ordering::AcqRel) {
            let called = self.seats.iter().find(|seat| self.rise(seat));
            if let Some(inbox) = called.and_then(|seat| seat.inbox.get()) {
                return inbox.nudge();
            }
            // Nobody is idle after all; but somebody may have become so meanwhile, and somebody else have left it at this call.
            self.answer();
            if self.idle.load(Ordering::Acquire) == 0 || !self.has_work() {
                return;
            }
        }
    }

    /// Who was called is here, and looks into the queues next.
    pub(crate) fn answer(&self) {
        self.calling.swap(false, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// A worker is idle from now on, and looks into the queues next.
    pub(crate) fn settle(&self, seat: &Seat) {
        // Who sees that there is an idle one finds out which.
        seat.idle.store(true, Ordering::Release);
        self.idle.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// Takes a worker's mark of being idle away; false if somebody else has.
    pub(crate) fn rise(&self, seat: &Seat) -> bool {
        let mine = seat.idle.load(Ordering::Relaxed) && seat.idle.swap(false, Ordering::AcqRel);
        if mine {
            self.idle.fetch_sub(1, Ordering::AcqRel);
        }
        mine
    }

    /// Whether all are idle.
    pub(crate) fn all_idle(&self) -> bool {
        self.seats.iter().all(|seat| seat.idle.load(Ordering::SeqCst))
    }

    /// Takes what has waited longest of all that is not in a worker's own queue.
    pub(crate) fn inject(&self) -> Option<Queued> {
        insist(|| self.injector.steal())
    }

    /// Takes what has waited longest, for a worker that has nothing of its own, but not at once if it is among the last few.
    ///
    /// Those of another worker are left to that for a moment: it may be about to begin them itself. A newcomer, who was called because
    /// more is left than a worker that came before it has taken, leaves the last few that were spawned from outside, too.
    pub(crate) fn find(&self, one: usize, newcomer: bool) -> Option<Queued> {
        let polite = newcomer && self.others(one).any(|seat| !seat.idle.load(Ordering::Relaxed));
        let injected = if !polite || self.injector.len() > FEW { self.inject() } else { None };
        injected.or_else(|| self.steal_beyond(one, FEW)).or_else(|| {
            let began = Instant::now();
            while !self.injector.is_empty() || self.others(one).any(|seat| !seat.stealer.is_empty()) {
                if began.elapsed() > MOMENT {
                    return self.inject().or_else(|| self.steal_beyond(one, 0));
                }
                std::hint::spin_loop();
            }
            None
        })
    }

    fn steal_beyond(&self, thief: usize, few: usize) -> Option<Queued> {
        let mut victims = self.others(thief).filter(|seat| seat.stealer.len() > few);
        victims.find_map(|seat| insist(|| seat.stealer.steal()))
    }

    fn others(&self, one: usize) -> impl Iterator<Item = &Seat> {
        let (before, after) = self.seats.split_at(one);
        after.iter().skip(1).chain(before)
    }

    /// Drops what will not begin any more.
    pub(crate) fn drop_unstarted(&self) {
        while let Some(queued) = self.inject().or_else(|| self.steal_any()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            drop(queued);
        }
    }

    fn steal_any(&self) -> Option<Queued> {
        self.seats.iter().find_map(|seat| insist(|| seat.stealer.steal()))
    }
}

/// Steals, and again where somebody else was in the way.
fn insist(steal: impl Fn() -> Steal<Queued>) -> Option<Queued> {
    loop {
        match steal() {
            Steal::Success(queued) => return Some(queued),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
