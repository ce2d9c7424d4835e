//! What a scope knows of its members, and of what went wrong.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use greenlet::Payload;
use slab::Slab;

use crate::cancel::scopes::{Cancelled, Kind};
use crate::cancel::shield::Open;
use crate::core::Scheduler;
use crate::error::TaskletExit;
use crate::flags::Flag;
use crate::park::{Description, TaskletId, Wait};
use crate::scope::remote::Remote;

pub(super) struct State {
    pub(super) scheduler: Scheduler,
    /// Where it was entered.
    pub(super) at: &'static Location<'static>,
    /// The owner is in the scope, as in a limit of time: reaching it is cancelling the body.
    limit: Limit,
    /// Entered with their place first, and then with their tasklet.
    members: RefCell<Slab<TaskletId>>,
    /// Those of other threads, once there was one; and the number that the scope is kept under since.
    remote: OnceCell<(Arc<Remote>, u32)>,
    /// Who waits until nobody is left.
    waiter: Cell<Option<TaskletId>>,
    cancelled: Cell<bool>,
    panics: RefCell<Vec<Payload>>,
}

struct Limit {
    number: u64,
    scope: u32,
    open: RefCell<Option<Open>>,
}

impl State {
    /// That of a scope that the running tasklet enters.
    pub(super) fn open(scheduler: Scheduler, deadline: Option<Instant>, at: &'static Location<'static>) -> Rc<State> {
        let number = scheduler.core.scopes.borrow_mut().next_number();
        let mut open = Open::new(&scheduler, Kind::Limit { number, reached: false });
        if let Some(deadline) = deadline {
            open.until(deadline);
        }
        let limit = Limit { number, scope: open.scope(), open: RefCell::new(Some(open)) };
        Rc::new(State {
            scheduler,
            at,
            limit,
            members: RefCell::default(),
            remote: OnceCell::new(),
            waiter: Cell::new(None),
            cancelled: Cell::new(false),
            panics: RefCell::default(),
        })
    }

    /// The owner is in the scope no longer.
    pub(super) fn close(&self) {
        let open = self.limit.open.borrow_mut().take();
        drop(open);
        if let Some((_, kept)) = self.remote.get() {
            self.scheduler.discard_kept(*kept);
        }
    }

    /// Whether this is what the owner meets when the scope is cancelled, or its time is up.
    pub(super) fn is_own_limit(&self, payload: &Payload) -> bool {
        Cancelled::is_of(&**payload, self.limit.number)
    }

    // Members.

    /// Makes place for a member.
    pub(super) fn add(&self) -> usize {
        self.members.borrow_mut().insert(TaskletId::default())
    }

    /// Who it is.
    pub(super) fn is_member(&self, number: usize, id: TaskletId) {
        self.members.borrow_mut()[number] = id;
        if self.cancelled.get() {
            self.cancel_one(id);
        }
    }

    /// A member has ended.
    pub(super) fn remove(&self, number: usize) {
        let mut members = self.members.borrow_mut();
        members.remove(number);
        let over = members.is_empty();
        drop(members);
        if over && let Some(waiter) = self.waiter.take() {
            self.scheduler.wake(waiter);
        }
    }

    /// The owner waits.
    pub(super) fn waits(&self, owner: TaskletId) {
        self.waiter.set(Some(owner));
    }

    /// Members of this thread, and of others.
    pub(super) fn count(&self) -> usize {
        self.members.borrow().len() + self.count_remote()
    }

    pub(super) fn count_remote(&self) -> usize {
        self.existing_remote().map_or(0, |remote| remote.count())
    }

    /// What is shared with other threads.
    pub(super) fn remote(self: &Rc<Self>) -> &Arc<Remote> {
        let (remote, _) = self.remote.get_or_init(|| {
            let kept = self.scheduler.keep(self.clone());
            let remote = Remote::new(&self.scheduler, (kept, self.limit.number));
            if self.cancelled.get() {
                remote.cancel();
            }
            (remote, kept)
        });
        remote
    }

    pub(super) fn existing_remote(&self) -> Option<&Arc<Remote>> {
        self.remote.get().map(|(remote, _)| remote)
    }

    /// Another thread has cancelled the scope, and this one is to be told yet.
    pub(super) fn is_told_to_cancel(&self) -> bool {
        !self.cancelled.get() && self.existing_remote().is_some_and(|remote| remote.is_cancelled())
    }

    /// Members of this thread that do not run.
    fn others(&self) -> Vec<TaskletId> {
        let me = self.scheduler.current_id();
        self.members.borrow().iter().map(|(_, id)| *id).filter(|id| *id != me).collect()
    }

    // Ending them.

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Cancels the members, and the body.
    pub(super) fn cancel(&self) {
        if self.cancelled.get() {
            return;
        }
        self.cancel_here();
        if let Some(remote) = self.existing_remote() {
            remote.cancel();
        }
    }

    /// The same, save for the members of other threads.
    fn cancel_here(&self) {
        if self.cancelled.replace(true) {
            return;
        }
        let members: Vec<TaskletId> = self.members.borrow().iter().map(|(_, id)| *id).collect();
        members.into_iter().for_each(|id| self.cancel_one(id));
        if self.limit.open.borrow().is_some() {
            self.scheduler.reach(self.limit.scope);
        }
    }

    fn cancel_one(&self, id: TaskletId) {
        if self.scheduler.is_alive(id) {
            self.scheduler.cancel(id.key);
        }
    }

    /// Raises an exit in each member when it runs next: a shield does not keep that off.
    pub(super) fn kill(&self) {
        for id in self.others() {
            if self.scheduler.is_alive(id) {
                // Unsupported where panics abort.
                let _ = self.scheduler.throw(id.key, Box::new(TaskletExit), true);
            }
        }
    }

    /// Kills each member in place.
    pub(super) fn kill_in_place(&self) {
        self.others().into_iter().for_each(|id| self.scheduler.kill_in_place(id));
    }

    /// Something in the scope panicked.
    pub(super) fn fail(&self, payload: Payload) {
        self.panics.borrow_mut().push(payload);
        self.cancel();
    }

    pub(super) fn has_panicked(&self) -> bool {
        !self.panics.borrow().is_empty() || self.existing_remote().is_some_and(|remote| remote.has_panicked())
    }

    pub(super) fn take_panics(&self) -> Vec<Payload> {
        let mut panics = self.panics.take();
        panics.extend(self.existing_remote().into_iter().flat_map(|remote| remote.take_panics()));
        panics
    }
}

impl Scheduler {
    /// Another thread has cancelled the scope that is kept under a number, and has this one of its own, and its members of other threads.
    pub(super) fn cancel_scope(&self, kept: u32, number: u64) {
        let Some(kept) = self.kept(kept) else { return };
        let state = (&*kept as &dyn Any).downcast_ref::<State>();
        if let Some(state) = state.filter(|state| state.limit.number == number) {
            state.cancel_here();
        }
    }

    /// Kills a tasklet, if it is alive and does not run, and waits for it here.
    pub(super) fn kill_in_place(&self, id: TaskletId) {
        if self.is_alive(id) && id.key != self.core.current.get() {
            self.kill_nested(id.key);
        }
    }

    fn is_alive(&self, id: TaskletId) -> bool {
        self.core.table.borrow().is_alive(id.key, id.generation)
    }

    /// Whether the running tasklet is being killed where nobody else may run.
    pub(super) fn is_nested(&self) -> bool {
        self.core.table.borrow().get(self.core.current.get()).flags.has(Flag::Nested)
    }
}

/// The owner waits for the members: it is the only one that does.
impl Wait for State {
    fn unlink(&self, _ticket: u32) {
        self.waiter.set(None);
    }

    fn describe(&self, _ticket: u32) -> Description {
        let on = format!("{} tasklets of the scope at {}", self.count(), self.at);
        Description { operation: "wait", on }
    }
}
