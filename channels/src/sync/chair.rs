//! What a thread's tasklets are blocked on when they wait for one of these primitives: kept by the thread's scheduler from its first
//! wait until the primitive is dropped, so that a wait allocates nothing and counts nothing atomically.
//!
//! Who is served by a tasklet of its own thread finds that here, and need not lock the primitive once more.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use slab::Slab;
use tasklets_runtime::Scheduler;
use tasklets_runtime::park::{Description, TaskletId, Wait};

use super::core::{Core, Rules};

/// One thread's part in a primitive. It does not keep the primitive: who waits has a reference to that.
pub(crate) struct Chair<R> {
    core: Weak<Core<R>>,
    waits: RefCell<Slab<Waits>>,
}

struct Waits {
    /// In the primitive's queue, unless it was served here.
    ticket: u32,
    got: Option<u32>,
}

impl<R: Rules> Chair<R> {
    pub(crate) fn make(core: &Arc<Core<R>>) -> Rc<dyn Wait> {
        Rc::new(Chair { core: Arc::downgrade(core), waits: RefCell::new(Slab::new()) })
    }

    /// What is kept for a primitive is its chair.
    #[inline]
    pub(crate) fn of(kept: &dyn Wait) -> &Chair<R> {
        (kept as &dyn Any).downcast_ref().expect("a primitive's chair is kept under its number")
    }

    /// Begins a wait; `push` queues it and has the ticket. The wait's number.
    #[inline]
    pub(crate) fn add(&self, push: impl FnOnce(u32) -> u32) -> u32 {
        let mut waits = self.waits.borrow_mut();
        let entry = waits.vacant_entry();
        let wait = u32::try_from(entry.key()).expect("more than four billion waits");
        entry.insert(Waits { ticket: push(wait), got: None });
        wait
    }

    /// A waiter was served here, and its ticket is given up.
    #[inline]
    pub(crate) fn serve(&self, wait: u32, got: u32) {
        if let Some(waits) = self.waits.borrow_mut().get_mut(wait as usize) {
            waits.got = Some(got);
        }
    }

    /// Ends a wait that was served here; what was got.
    #[inline]
    pub(crate) fn collect(&self, wait: u32) -> Option<u32> {
        let mut waits = self.waits.borrow_mut();
        let got = waits[wait as usize].got?;
        waits.remove(wait as usize);
        Some(got)
    }

    /// Ends a wait that was not; its ticket.
    pub(crate) fn leave(&self, wait: u32) -> u32 {
        self.waits.borrow_mut().remove(wait as usize).ticket
    }

    /// The ticket of a wait that was not served here.
    pub(crate) fn ticket(&self, wait: u32) -> u32 {
        self.waits.borrow()[wait as usize].ticket
    }

    /// The primitive, and the ticket of a wait that was not served here.
    fn queued(&self, wait: u32) -> Option<(Arc<Core<R>>, u32)> {
        let ticket = {
            let waits = self.waits.borrow();
            let waits = waits.get(wait as usize)?;
            if waits.got.is_some() {
                return None;
            }
            waits.ticket
        };
        Some((self.core.upgrade()?, ticket))
    }
}

impl<R: Rules> Wait for Chair<R> {
    fn unlink(&self, wait: u32) {
        if let Some((core, ticket)) = self.queued(wait) {
            core.state.lock().queue.unlink(ticket);
        }
    }

    fn neighbours(&self, wait: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let queued = self.queued(wait);
        let neighbours =
            queued.map(|(core, ticket)| core.state.lock().queue.neighbours(ticket, Scheduler::local().inbox()));
        neighbours.unwrap_or_default()
    }

    fn describe(&self, wait: u32) -> Description {
        match self.queued(wait) {
            Some((core, ticket)) => core.describe(ticket),
            None => Description { operation: "wait", on: "what it has got".to_owned() },
        }
    }

    fn owners(&self, wait: u32, tell: &mut dyn FnMut(TaskletId)) {
        if let Some((core, ticket)) = self.queued(wait) {
            core.owners(ticket, tell);
        }
    }
}
