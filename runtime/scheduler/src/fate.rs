//! What has become of a tasklet's body, and who waits to hear of it: the part of a job that has no type.

use std::cell::Cell;
use std::collections::VecDeque;

use greenlet::Payload;

use crate::error::is_exit;
use crate::park::TaskletId;
use crate::table::{Key, NONE};

/// How a body has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not.
    Open,
    /// Its value waits to be joined.
    Returned,
    Killed,
    /// What it panicked with waits to be joined.
    Panicked,
    /// Somebody has joined it; or nobody could, when it ended.
    Taken,
}

/// What a joiner gets to know.
pub(crate) enum End {
    /// Its value is in the job.
    Returned,
    Killed,
    Panicked(Payload),
    Taken,
}

impl End {
    /// How a body ends that unwinds with this.
    pub(crate) fn of(payload: Payload) -> End {
        if is_exit(&*payload) { End::Killed } else { End::Panicked(payload) }
    }
}

/// In place of a joiner's key: futures wait there. No tasklet has it.
pub(crate) const FUTURES: Key = NONE - 1;

/// What hardly any job has.
#[derive(Default)]
struct Rare {
    joiners: VecDeque<Key>,
    /// Those that wait, by the ids of their proxies.
    futures: Vec<TaskletId>,
    panic: Option<Payload>,
}

pub(crate) struct Fate {
    state: Cell<State>,
    /// The tasklet that the job was made for.
    pub(crate) key: Cell<Key>,
    /// Handles that can join. Without any, the outcome is dropped when it comes.
    handles: Cell<u32>,
    /// The joiner that has waited longest. Joiners are blocked in here, and so alive, until they are taken out.
    first: Cell<Key>,
    rare: Cell<Option<Box<Rare>>>,
}

impl Fate {
    /// That of a job with so many handles.
    #[inline]
    pub(crate) fn new(handles: u32) -> Fate {
        Fate {
            state: Cell::new(State::Open),
            key: Cell::new(NONE),
            handles: Cell::new(handles),
            first: Cell::new(NONE),
            rare: Cell::new(None),
        }
    }

    /// Becomes that of a job with so many handles, after that of one that is over and that nobody could join any more.
    #[inline]
    pub(crate) fn renew(&self, handles: u32) {
        debug_assert!(self.is_over() && self.first.get() == NONE);
        self.state.set(State::Open);
        self.handles.set(handles);
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.state.get() != State::Open
    }

    /// Notes how the body has ended. What nobody can join any more comes back.
    #[inline]
    pub(crate) fn settle(&self, end: End) -> Option<End> {
        if self.handles.get() == 0 {
            self.state.set(State::Taken);
            return Some(end);
        }
        self.state.set(match end {
            End::Returned => State::Returned,
            End::Killed => State::Killed,
            End::Panicked(payload) => {
                self.keep_panic(payload);
                State::Panicked
            }
            End::Taken => State::Taken,
        });
        None
    }

    /// How it has ended, told once.
    #[inline]
    pub(crate) fn take(&self) -> End {
        match self.state.replace(State::Taken) {
            State::Returned => End::Returned,
            State::Killed => End::Killed,
            State::Panicked => self.take_panic(),
            State::Open | State::Taken => End::Taken,
        }
    }

    #[cold]
    fn take_panic(&self) -> End {
        self.with_rare(|rare| rare.panic.take()).map_or(End::Taken, End::Panicked)
    }

    #[cold]
    fn keep_panic(&self, payload: Payload) {
        self.with_rare(|rare| rare.panic = Some(payload));
    }

    // Handles.

    #[inline]
    pub(crate) fn hold(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// Gives a handle back. How the body has ended, if that was the last one.
    #[inline]
    pub(crate) fn release(&self) -> Option<End> {
        self.handles.set(self.handles.get() - 1);
        (self.handles.get() == 0 && self.is_over()).then(|| self.take())
    }

    // Joiners.

    #[inline]
    pub(crate) fn add_joiner(&self, joiner: Key) {
        if self.first.get() == NONE {
            return self.first.set(joiner);
        }
        self.add_another(joiner);
    }

    #[cold]
    fn add_another(&self, joiner: Key) {
        self.with_rare(|rare| rare.joiners.push_back(joiner));
    }

    /// Takes out who has waited longest.
    #[inline]
    pub(crate) fn next_joiner(&self) -> Option<Key> {
        let first = self.first.get();
        if first == NONE {
            return None;
        }
        self.advance();
        Some(first)
    }

    pub(crate) fn remove_joiner(&self, joiner: Key) {
        if self.first.get() == joiner {
            return self.advance();
        }
        self.with_rare(|rare| rare.joiners.retain(|other| *other != joiner));
    }

    /// Who waits right before and right after a joiner.
    pub(crate) fn neighbours(&self, joiner: Key) -> (Option<Key>, Option<Key>) {
        let first = Some(self.first.get()).filter(|first| *first != NONE);
        let all: Vec<Key> = self.with_rare(|rare| first.into_iter().chain(rare.joiners.iter().copied()).collect());
        let Some(at) = all.iter().position(|other| *other == joiner) else { return (None, None) };
        (at.checked_sub(1).map(|before| all[before]), all.get(at + 1).copied())
    }

    /// The second one is the first from now on.
    #[inline]
    fn advance(&self) {
        let rare = self.rare.take();
        let Some(mut rare) = rare else { return self.first.set(NONE) };
        self.first.set(rare.joiners.pop_front().unwrap_or(NONE));
        self.rare.set(Some(rare));
    }

    // Futures, which stand among the joiners as one.

    pub(crate) fn add_future(&self, id: TaskletId) {
        let first = self.with_rare(|rare| {
            let first = rare.futures.is_empty();
            if !rare.futures.contains(&id) {
                rare.futures.push(id);
            }
            first
        });
        if first {
            self.add_joiner(FUTURES);
        }
    }

    pub(crate) fn remove_future(&self, id: TaskletId) {
        let last = self.with_rare(|rare| {
            let waits = rare.futures.contains(&id);
            rare.futures.retain(|other| *other != id);
            waits && rare.futures.is_empty()
        });
        if last {
            self.remove_joiner(FUTURES);
        }
    }

    /// Those that wait, who do not any more.
    #[cold]
    pub(crate) fn take_futures(&self) -> Vec<TaskletId> {
        self.with_rare(|rare| std::mem::take(&mut rare.futures))
    }

    fn with_rare<V>(&self, f: impl FnOnce(&mut Rare) -> V) -> V {
        let mut rare = self.rare.take().unwrap_or_default();
        let value = f(&mut rare);
        let used = !rare.joiners.is_empty() || !rare.futures.is_empty() || rare.panic.is_some();
        self.rare.set(used.then_some(rare));
        value
    }
}
