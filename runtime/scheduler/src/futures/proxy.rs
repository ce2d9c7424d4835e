//! Futures as waiters: what stands for a future in the queue of what it waits for.
//!
//! Queues know tasklets, by the inbox of a thread and an id there. Futures are taken for the tasklets of one thread more, which nobody runs: a
//! wake-up that is posted in its inbox calls the waker that lies under the id. As with tasklets it is a hint, and may come late
//! or for nothing.

use std::fmt;
use std::sync::LazyLock;
use std::task::Waker;

use parking_lot::Mutex;
use slab::Slab;

use crate::park::TaskletId;
use crate::wakeup::inbox::Inbox;

/// The inbox of all futures.
static INBOX: LazyLock<Inbox> = LazyLock::new(|| Inbox::of_futures(wake));

/// Wakers by id. They are the users': none is cloned, called or dropped while this is locked.
static WAKERS: Mutex<Wakers> = Mutex::new(Wakers { places: Slab::new(), taken: 0 });

struct Wakers {
    places: Slab<Place>,
    /// How often a place was taken, so that no id is ever given again.
    taken: u64,
}

struct Place {
    generation: u64,
    /// None after it was called.
    waker: Option<Waker>,
}

impl Wakers {
    fn find(&mut self, id: TaskletId) -> Option<&mut Place> {
        self.places.get_mut(id.key as usize).filter(|place| place.generation == id.generation)
    }

    fn add(&mut self) -> u32 {
        self.taken += 1;
        let place = Place { generation: self.taken, waker: None };
        let key = u32::try_from(self.places.insert(place)).ok().filter(|key| *key != NOWHERE);
        key.expect("more than four billion futures wait")
    }
}

/// Calls the waker under an id, if it was not called since it was left there.
fn wake(id: TaskletId) {
    let waker = WAKERS.lock().find(id).and_then(|place| place.waker.take());
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Stands for a future where tasklets of any threads wait: a primitive that keeps its waiters as an [`Inbox`] and an id serves futures,
/// too.
///
/// A poll that finds nothing leaves its waker by [`await_by`](Proxy::await_by), and looks once more. Whoever serves the waiter wakes the id in
/// [`inbox`](Proxy::inbox), as it would a tasklet; that calls the waker, once, on the caller's thread, and so must not be done with a lock held.
/// Dropping the proxy forgets the waker; its id names nothing then.
///
/// # Examples
///
/// ```
/// use std::task::{Context, Poll, Waker};
/// use tasklets_runtime::park::Proxy;
///
/// let mut proxy = Proxy::new();
/// let id = proxy.await_by(Waker::noop());
/// // In a queue now; and whoever takes it out of there:
/// assert!(Proxy::inbox().wake(id));
/// ```
pub struct Proxy {
    /// Of its place among the wakers; `NOWHERE` if it has none. Not more: every handle of a tasklet has a proxy.
    key: u32,
}

const NOWHERE: u32 = u32::MAX;

impl Proxy {
    /// One that stands nowhere yet.
    #[must_use]
    #[inline]
    pub const fn new() -> Proxy {
        Proxy { key: NOWHERE }
    }

    /// In place of a thread's: that in which futures are woken.
    pub fn inbox() -> &'static Inbox {
        &INBOX
    }

    /// Has the next wake-up call this waker, and no other one. The id, which stays the same as long as the proxy.
    pub fn await_by(&mut self, waker: &Waker) -> TaskletId {
        let known = {
            let wakers = WAKERS.lock();
            let waits = |place: &Place| place.waker.as_ref().is_some_and(|known| known.will_wake(waker));
            wakers.places.get(self.key as usize).is_some_and(waits)
        };
        if !known {
            let waker = waker.clone();
            let old = {
                let mut wakers = WAKERS.lock();
                if self.key == NOWHERE {
                    self.key = wakers.add();
                }
                wakers.places[self.key as usize].waker.replace(waker)
            };
            drop(old);
        }
        self.id().expect("it has a place now")
    }

    /// The id, if a waker was ever left.
    #[inline]
    pub fn id(&self) -> Option<TaskletId> {
        if self.key == NOWHERE { None } else { self.find_id() }
    }

    #[cold]
    fn find_id(&self) -> Option<TaskletId> {
        let generation = WAKERS.lock().places.get(self.key as usize)?.generation;
        Some(TaskletId { key: self.key, generation })
    }

    /// Forgets the waker; the id names nothing any more.
    #[inline]
    pub fn leave(&mut self) {
        if self.key != NOWHERE {
            self.give_up();
        }
    }

    #[cold]
    fn give_up(&mut self) {
        let place = WAKERS.lock().places.try_remove(self.key as usize);
        self.key = NOWHERE;
        drop(place);
    }
}

impl Default for Proxy {
    fn default() -> Proxy {
        Proxy::new()
    }
}

impl Drop for Proxy {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("waits", &(self.key != NOWHERE)).finish()
    }
}
