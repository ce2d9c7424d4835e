//! What the workers of a runtime share: closures that nobody has begun, who is idle, and whether it goes on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_deque::{Injector, Steal, Stealer};

use crate::park::Inbox;
use crate::threads::builder::Settings;
use crate::threads::roll::Roll;
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
    /// Who is idle.
    pub(crate) roll: Roll,
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
            standing: Standing::default(),
        };
        let seats: Box<[Seat]> = stealers.into_iter().enumerate().map(seat).collect();
        Pool {
            injector: Injector::new(),
            roll: Roll::new(seats.len()),
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
        if let Some(worker) = self.roll.call(|| self.has_work())
            && let Some(inbox) = self.seats[worker].inbox.get()
        {
            inbox.nudge();
        }
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
        let polite = newcomer && (0..self.seats.len()).any(|other| other != one && !self.roll.is_idle(other));
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
