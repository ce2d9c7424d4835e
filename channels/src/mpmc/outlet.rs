//! Two threads on one lock: what receivers set aside, so that they and the senders rarely want the lock at once.
//!
//! Where a receiver has met somebody else at the channel's lock, receivers take the buffer away as a whole, and then one value
//! after the other from what they took, under a lock of their own. What is set aside is still in the channel: it counts against
//! the capacity, and is given back to the buffer before anybody needs to see all of it.
//!
//! The lock of the outlet is taken before that of the state. `State::stashed` is how many values were in the outlet when both
//! were last held: while the state is locked there are no more, and none if it is 0. Senders wait only while it is 0.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use crate::shared::lock::Locked;

use super::core::{Core, State};

impl<T> Core<T> {
    /// Locks the state with everything in it that was set aside.
    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, State<T>> {
        let state = self.lock_state();
        if state.stashed == 0 {
            return state;
        }
        drop(state);
        self.lock_all()
    }

    #[cold]
    #[inline(never)]
    fn lock_all(&self) -> Locked<'_, State<T>> {
        let mut outlet = self.outlet.lock();
        let mut state = self.lock_state();
        state.restore(&mut outlet);
        state
    }

    /// Locks the state for a sender who found no room: with room, or with everything in it that was set aside.
    #[inline(never)]
    pub(super) fn lock_for_room(&self) -> Locked<'_, State<T>> {
        for _ in 0..=patience() {
            let mut state = self.lock_state();
            // It was set while both were locked, and has gone down since: more than is left is none there.
            state.stashed = state.stashed.min(self.left.load(Ordering::Relaxed));
            if state.has_room() || state.stashed == 0 || state.receivers == 0 {
                return state;
            }
            drop(state);
            pause();
        }
        self.lock_all()
    }

    /// Locks the state for a receiver who has found nobody else there so far; notes it if there is somebody now.
    #[inline]
    pub(super) fn lock_to_receive(&self) -> Locked<'_, State<T>> {
        match self.state.try_lock() {
            Some(state) if state.stashed == 0 => state,
            state => self.lock_contended(state),
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_contended<'a>(&'a self, state: Option<Locked<'a, State<T>>>) -> Locked<'a, State<T>> {
        if state.is_none() && self.capacity != 0 {
            self.contended.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.lock()
    }

    /// The first value, and maybe the whole buffer with it; else the state, with nothing set aside.
    #[inline(always)]
    pub(super) fn take_stashed(&self) -> Result<T, Locked<'_, State<T>>> {
        let mut outlet = self.outlet.lock();
        match outlet.pop_front() {
            Some(value) => {
                self.left.store(outlet.len(), Ordering::Relaxed);
                Ok(value)
            }
            None => self.set_aside(outlet),
        }
    }

    /// The same for a receiver who would have to wait: it looks again for a while.
    #[inline(never)]
    pub(super) fn await_stashed<'a>(&'a self, mut state: Locked<'a, State<T>>) -> Result<T, Locked<'a, State<T>>> {
        for _ in 0..patience() {
            if !state.buffer.is_empty() || state.sending.len() != 0 || state.senders == 0 {
                break;
            }
            drop(state);
            pause();
            state = match self.take_stashed() {
                Ok(value) => return Ok(value),
                Err(state) => state,
            };
        }
        Err(state)
    }

    #[inline(never)]
    fn set_aside<'a>(&'a self, mut outlet: Locked<'a, VecDeque<T>>) -> Result<T, Locked<'a, State<T>>> {
        let mut state = self.lock_state();
        state.stashed = 0;
        if state.sending.len() != 0 || state.buffer.len() < 2 {
            return Err(state);
        }
        std::mem::swap(&mut *outlet, &mut state.buffer);
        let value = outlet.pop_front();
        state.stashed = outlet.len();
        self.left.store(outlet.len(), Ordering::Relaxed);
        value.ok_or(state)
    }
}

/// How often who finds nothing to do looks again, before it waits: the thread on the other side may be at it. Not if others of this
/// thread could run meanwhile.
fn patience() -> u32 {
    if cfg!(loom) {
        // More would only be more of the same orders.
        return 1;
    }
    if tasklets_runtime::run_count() > 1 { 0 } else { 8 }
}

/// The time between two such looks.
fn pause() {
    for _ in 0..64 {
        std::hint::spin_loop();
    }
}

impl<T> State<T> {
    /// Gives back what was set aside: it comes before what is in the buffer.
    fn restore(&mut self, outlet: &mut VecDeque<T>) {
        self.stashed = 0;
        if self.buffer.is_empty() {
            return std::mem::swap(outlet, &mut self.buffer);
        }
        while let Some(value) = outlet.pop_back() {
            self.buffer.push_front(value);
        }
    }

    /// Whether a value may be put into the buffer, because nobody waits for it and it is not full.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.receivers != 0 && self.receiving.len() == 0 && self.buffer.len() + self.stashed < self.capacity
    }
}

#[cfg(all(test, loom))]
mod models;
