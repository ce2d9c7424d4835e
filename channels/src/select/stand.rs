//! What a waiting select stands with in the queues of its arms, and where it stands.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::{self, Write};
use std::rc::Rc;

use tasklets_runtime::Scheduler;
use tasklets_runtime::io::watch::Watcher;
use tasklets_runtime::park::{Description, TaskletId, Wait};

use crate::shared::claim::{Ballot, Claim};

/// Nobody has decided yet.
const OPEN: u32 = u32::MAX;

/// Nobody can decide any more.
const CLOSED: u32 = u32::MAX - 1;

/// One wait of a select. Whoever can complete one of its arms claims it, and only the first one does.
///
/// Where all arms belong to this thread, that is a look at a cell; else the ballot decides, which other threads see, too.
pub struct Stand {
    waiter: Cell<TaskletId>,
    decided: Cell<u32>,
    /// Whether other threads take part in this wait.
    shared: Cell<bool>,
    ballot: OnceCell<Ballot>,
    /// More of it, for claims: counting them up and down at every wait would be two atomic operations for each arm.
    spare: RefCell<Vec<Ballot>>,
    /// What it waits on, by the numbers of its arms, with tickets, for reports.
    places: RefCell<Vec<(u32, Place, u32)>>,
}

/// Something that a select waits on.
enum Place {
    Here(Rc<dyn Wait>),
    /// It is kept by the scheduler under this number, as long as the select has a handle of it.
    Kept(u32),
}

thread_local! {
    /// Stands that are in no queue, so that a select allocates nothing.
    static IDLE: RefCell<Vec<Rc<Stand>>> = const { RefCell::new(Vec::new()) };
}

/// How many are kept: the rest is freed.
const KEPT: usize = 256;

/// Room for so many arms is there from the beginning.
const ARMS: usize = 8;

impl Stand {
    /// One that is open, for a wait of the running tasklet.
    #[inline]
    pub(crate) fn take(waiter: TaskletId, shared: bool) -> Rc<Stand> {
        let idle = IDLE.try_with(|idle| idle.borrow_mut().pop()).ok().flatten();
        let stand = idle.unwrap_or_else(|| Stand::new(waiter));
        stand.waiter.set(waiter);
        stand.decided.set(OPEN);
        stand.shared.set(shared);
        if shared {
            stand.ballot.get_or_init(Ballot::new).reopen();
        }
        stand
    }

    #[cold]
    fn new(waiter: TaskletId) -> Rc<Stand> {
        Rc::new(Stand {
            waiter: Cell::new(waiter),
            decided: Cell::new(CLOSED),
            shared: Cell::new(false),
            ballot: OnceCell::new(),
            spare: RefCell::default(),
            places: RefCell::new(Vec::with_capacity(ARMS)),
        })
    }

    /// Gives up one that stands in no queue any more.
    #[inline]
    pub(crate) fn put_back(self: Rc<Stand>) {
        self.places.borrow_mut().clear();
        // What the scheduler or a stale node holds still must not be lent to another select.
        if Rc::strong_count(&self) == 1 {
            let _ = IDLE.try_with(|idle| {
                let mut idle = idle.borrow_mut();
                if idle.len() < KEPT {
                    idle.push(self);
                }
            });
        }
    }

    #[inline]
    pub(crate) fn waiter(&self) -> TaskletId {
        self.waiter.get()
    }

    /// Remembers a place in a queue.
    #[inline]
    pub(crate) fn add(&self, arm: u32, on: Rc<dyn Wait>, ticket: u32) {
        self.places.borrow_mut().push((arm, Place::Here(on), ticket));
    }

    /// The same for what the scheduler keeps.
    #[inline]
    pub(crate) fn add_kept(&self, arm: u32, number: u32, ticket: u32) {
        self.places.borrow_mut().push((arm, Place::Kept(number), ticket));
    }

    /// What stands for an arm in the queue of a channel of several threads.
    #[inline]
    pub(crate) fn claim_for(&self, arm: u32) -> Claim {
        let spare = self.spare.borrow_mut().pop();
        spare.unwrap_or_else(|| self.ballot().clone()).arm(arm)
    }

    /// Gets it back.
    #[inline]
    pub(crate) fn keep(&self, claim: Claim) {
        self.spare.borrow_mut().push(claim.into_ballot());
    }

    /// Whether it can still be decided.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        if self.shared.get() { self.ballot().is_open() } else { self.decided.get() == OPEN }
    }

    /// Decides for an arm; false if it was decided before.
    #[inline]
    pub(crate) fn claim(&self, arm: u32) -> bool {
        if self.shared.get() {
            return self.ballot().decide(arm);
        }
        self.decided.get() == OPEN && {
            self.decided.set(arm);
            true
        }
    }

    /// Lets nobody decide any more. The arm that was decided for before, if there is one.
    #[inline]
    pub(crate) fn close(&self) -> Option<u32> {
        if self.shared.get() {
            return self.ballot().withdraw();
        }
        let decided = self.decided.replace(CLOSED);
        if decided == OPEN || decided == CLOSED {
            return None;
        }
        self.decided.set(decided);
        Some(decided)
    }

    fn ballot(&self) -> &Ballot {
        self.ballot.get_or_init(Ballot::new)
    }
}

impl Place {
    fn get(&self) -> Option<Rc<dyn Wait>> {
        match self {
            Place::Here(on) => Some(on.clone()),
            Place::Kept(number) => Scheduler::local().kept(*number),
        }
    }
}

impl Wait for Stand {
    /// Its nodes stay in the queues until the select runs; they are passed over.
    fn unlink(&self, _ticket: u32) {
        self.close();
    }

    fn describe(&self, _ticket: u32) -> Description {
        let mut on = String::new();
        let places = self.places.borrow();
        let mut places: Vec<_> = places.iter().collect();
        places.sort_unstable_by_key(|(arm, ..)| *arm);
        for (_, place, ticket) in places {
            let Some(place) = place.get() else { continue };
            let description = place.describe(*ticket);
            let separator = if on.is_empty() { "" } else { ", " };
            let _ = write!(on, "{separator}{} ({})", description.on, description.operation);
        }
        if on.is_empty() {
            on.push_str("the clock");
        }
        Description { operation: "select", on }
    }
}

/// A descriptor that is ready claims its arm. As nothing is taken from it, nobody else has to be told if that comes too late.
impl Watcher for Stand {
    fn ready(&self, number: u32) -> Option<TaskletId> {
        self.claim(number).then(|| self.waiter())
    }
}

impl fmt::Debug for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stand").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
