//! What a thread's tasklets are blocked on when they wait for one of these primitives: one object for all of them, so that
//! waiting allocates nothing and nothing is left of a primitive that is dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use slab::Slab;
use tasklets_runtime::park::{Description, TaskletId, Wait};

/// A primitive's queue, whatever the primitive.
pub(crate) trait Queued: Send + Sync {
    fn unlink(&self, ticket: u32);
    fn neighbours(&self, ticket: u32) -> (Option<TaskletId>, Option<TaskletId>);
    fn describe(&self, ticket: u32) -> Description;
    fn owners(&self, ticket: u32, tell: &mut dyn FnMut(TaskletId));
}

/// The waits of a thread, each with the ticket in the primitive's own queue.
pub(crate) struct Post {
    waits: RefCell<Slab<(Arc<dyn Queued>, u32)>>,
}

thread_local! {
    static POST: Rc<Post> = Rc::new(Post::new());
}

impl Post {
    fn new() -> Post {
        Post { waits: RefCell::new(Slab::new()) }
    }

    /// The running thread's.
    #[inline]
    pub(crate) fn local() -> Rc<Post> {
        // Where the thread-local is gone already, the thread is ending.
        POST.try_with(Rc::clone).unwrap_or_else(|_| Rc::new(Post::new()))
    }

    #[inline]
    pub(crate) fn add(&self, on: Arc<dyn Queued>, ticket: u32) -> u32 {
        u32::try_from(self.waits.borrow_mut().insert((on, ticket))).expect("more than four billion waits")
    }

    #[inline]
    pub(crate) fn remove(&self, wait: u32) {
        let wait = self.waits.borrow_mut().remove(wait as usize);
        drop(wait);
    }

    fn get(&self, wait: u32) -> (Arc<dyn Queued>, u32) {
        self.waits.borrow()[wait as usize].clone()
    }
}

impl Wait for Post {
    fn unlink(&self, wait: u32) {
        let (on, ticket) = self.get(wait);
        on.unlink(ticket);
    }

    fn neighbours(&self, wait: u32) -> (Option<TaskletId>, Option<TaskletId>) {
        let (on, ticket) = self.get(wait);
        on.neighbours(ticket)
    }

    fn describe(&self, wait: u32) -> Description {
        let (on, ticket) = self.get(wait);
        on.describe(ticket)
    }

    fn owners(&self, wait: u32, tell: &mut dyn FnMut(TaskletId)) {
        let (on, ticket) = self.get(wait);
        on.owners(ticket, tell);
    }
}
