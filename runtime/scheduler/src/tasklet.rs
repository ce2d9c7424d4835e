//! The handles of tasklets.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use greenlet::Payload;

use crate::core::{MAIN, Scheduler};
use crate::error::{TaskletError, TaskletExit};
use crate::flags::Flag;
use crate::park::TaskletId;
use crate::table::{Entry, Key, Life, Place};

/// A handle of a tasklet, whatever its result. It is Stackless's tasklet object.
///
/// Handles belong to their thread. Dropping one detaches the tasklet: the scheduler owns those that are runnable or blocked.
/// The last handle of a paused one kills it, then and there.
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(tasklets_runtime::current());
/// ```
pub struct AnyTasklet {
    scheduler: Scheduler,
    key: Key,
    generation: u64,
}

impl AnyTasklet {
    /// Takes over a handle that was counted.
    pub(crate) fn adopt(scheduler: Scheduler, key: Key, generation: u64) -> AnyTasklet {
        AnyTasklet { scheduler, key, generation }
    }

    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    fn look<V>(&self, f: impl FnOnce(&Entry) -> V) -> V {
        f(self.scheduler.core.table.borrow().get(self.key))
    }

    /// Names the tasklet without keeping it.
    pub fn id(&self) -> TaskletId {
        TaskletId { key: self.key, generation: self.generation }
    }

    /// The name that it was built with.
    pub fn name(&self) -> Option<Rc<str>> {
        self.look(|entry| entry.name())
    }

    /// Where it was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.look(|entry| entry.spawned_at)
    }

    /// How often it was switched to.
    pub fn switches(&self) -> u64 {
        self.scheduler.core.table.borrow().link(self.key).switches
    }

    /// Whether it has a body that was set up and has not ended.
    pub fn is_alive(&self) -> bool {
        self.look(Entry::alive)
    }

    /// Whether it waits in a blocking operation.
    pub fn is_blocked(&self) -> bool {
        self.look(|entry| entry.place == Place::Blocked)
    }

    /// Whether it is runnable, running or blocked.
    pub fn is_scheduled(&self) -> bool {
        self.look(|entry| entry.place != Place::Nowhere)
    }

    /// Whether it is alive and neither runnable nor blocked: it goes on only if somebody inserts or runs it. A tasklet inside
    /// [`run`](crate::run()) is paused, too.
    pub fn is_paused(&self) -> bool {
        self.look(|entry| entry.alive() && entry.place == Place::Nowhere)
    }

    /// Whether it is the one that runs.
    pub fn is_current(&self) -> bool {
        self.scheduler.core.current.get() == self.key
    }

    /// Whether it is the thread's own flow.
    pub fn is_main(&self) -> bool {
        self.key == MAIN
    }

    /// The tasklet after it: in the run queue, or in the queue that it is blocked in.
    pub fn next(&self) -> Option<AnyTasklet> {
        self.neighbours().1
    }

    /// The tasklet before it: in the run queue, or in the queue that it is blocked in.
    pub fn prev(&self) -> Option<AnyTasklet> {
        self.neighbours().0
    }

    fn neighbours(&self) -> (Option<AnyTasklet>, Option<AnyTasklet>) {
        let table = self.scheduler.core.table.borrow();
        let entry = table.get(self.key);
        if let Some(waits) = &entry.waits {
            let (on, ticket) = (waits.on.clone(), waits.ticket);
            drop(table);
            let (prev, next) = on.neighbours(ticket);
            let find = |id: Option<TaskletId>| id.and_then(|id| self.scheduler.tasklet(id));
            return (find(prev), find(next));
        }
        let ring = table.neighbours(self.key);
        drop(table);
        ring.map_or((None, None), |(prev, next)| (Some(self.scheduler.handle(prev)), Some(self.scheduler.handle(next))))
    }

    /// Makes it the last of the runnable ones; does nothing if it is runnable.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Blocked`] and [`TaskletError::Dead`].
    pub fn insert(&self) -> Result<(), TaskletError> {
        self.scheduler.insert(self.key)
    }

    /// Takes it out of the run queue: it is paused then. Does nothing if it is not in there.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Blocked`] and [`TaskletError::Current`].
    pub fn remove(&self) -> Result<(), TaskletError> {
        self.scheduler.remove(self.key)
    }

    /// Runs it now, inserting it if it is paused. What follows it in the run queue runs before the caller does again.
    ///
    /// # Errors
    ///
    /// [`TaskletError`] if it is dead or blocked, if there is no stack to start it, or if switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    pub fn run(&self) -> Result<(), TaskletError> {
        self.scheduler.run_now(self.key, false)
    }

    /// Runs it now, and pauses the caller in exchange.
    ///
    /// # Errors
    ///
    /// As [`run`](AnyTasklet::run).
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    pub fn switch(&self) -> Result<(), TaskletError> {
        self.scheduler.run_now(self.key, true)
    }

    /// Raises a [`TaskletExit`] in it now: it unwinds, and then the caller goes on, after those that follow the killed one in
    /// the run queue. Does nothing if it is dead. It may catch the exit: ask [`is_alive`](AnyTasklet::is_alive).
    ///
    /// While the thread unwinds, this is the one operation that may switch, and nobody else runs meanwhile. What is raised in
    /// the tasklet is a [`GreenletExit`](crate::GreenletExit) then.
    ///
    /// # Errors
    ///
    /// [`TaskletError`] if switching is refused.
    ///
    /// # Panics
    ///
    /// Unwinds if it is the current tasklet, and with what is thrown into the caller meanwhile.
    pub fn kill(&self) -> Result<(), TaskletError> {
        self.throw(TaskletExit)
    }

    /// Has a [`TaskletExit`] raised in it when it runs next; it is made runnable.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Unsupported`].
    pub fn kill_pending(&self) -> Result<(), TaskletError> {
        self.throw_pending(TaskletExit)
    }

    /// Raises `payload` in it now, as [`kill`](AnyTasklet::kill) does an exit. A blocked one leaves its queue. One that has
    /// not begun never does; the payload counts as its panic.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Dead`], and [`TaskletError`] if switching is refused. The payload is dropped then.
    ///
    /// # Panics
    ///
    /// Unwinds if it is the current tasklet, and with what is thrown into the caller meanwhile.
    pub fn throw(&self, payload: impl Any + Send) -> Result<(), TaskletError> {
        self.throw_boxed(Box::new(payload))
    }

    /// [`throw`](AnyTasklet::throw) with a payload that is boxed already, as `catch_unwind` gives it.
    ///
    /// # Errors
    ///
    /// As [`throw`](AnyTasklet::throw).
    pub fn throw_boxed(&self, payload: Payload) -> Result<(), TaskletError> {
        self.scheduler.throw(self.key, payload, false)
    }

    /// Has `payload` raised in it when it runs next; it is made runnable. A value that was on its way to it is dropped.
    ///
    /// # Errors
    ///
    /// [`TaskletError::Dead`] and [`TaskletError::Unsupported`].
    pub fn throw_pending(&self, payload: impl Any + Send) -> Result<(), TaskletError> {
        self.throw_pending_boxed(Box::new(payload))
    }

    /// [`throw_pending`](AnyTasklet::throw_pending) with a payload that is boxed already.
    ///
    /// # Errors
    ///
    /// As [`throw_pending`](AnyTasklet::throw_pending).
    pub fn throw_pending_boxed(&self, payload: Payload) -> Result<(), TaskletError> {
        self.scheduler.throw(self.key, payload, true)
    }

    /// Forbids it to block, or allows it again; returns what was set before. Operations that find a partner still work.
    pub fn set_block_trap(&self, trap: bool) -> bool {
        let mut table = self.scheduler.core.table.borrow_mut();
        table.get_mut(self.key).flags.set(Flag::BlockTrap, trap)
    }

    /// Whether it is forbidden to block.
    pub fn block_trap(&self) -> bool {
        self.look(|entry| entry.is_block_trapped())
    }

    /// Keeps [`run_for`](crate::run_for) from interrupting it, or not; returns what was set before.
    pub fn set_atomic(&self, atomic: bool) -> bool {
        let mut table = self.scheduler.core.table.borrow_mut();
        table.get_mut(self.key).flags.set(Flag::Atomic, atomic)
    }

    /// Whether [`run_for`](crate::run_for) is kept from interrupting it.
    pub fn atomic(&self) -> bool {
        self.look(|entry| entry.flags.has(Flag::Atomic))
    }
}

impl AnyTasklet {
    /// The last handle of a paused tasklet has been given back: ends it.
    #[cold]
    fn abandoned(&self) {
        let started = self.look(|entry| entry.life == Life::Started);
        if started && cfg!(panic = "abort") {
            // It cannot be unwound: dropping its greenlet gives it up.
            let given_up = self.scheduler.core.table.borrow_mut().take(self.key);
            return drop(given_up);
        }
        self.scheduler.kill_nested(self.key);
        // It may be in use again, or gone.
        if self.scheduler.core.table.borrow().find(self.key, self.generation).is_some() {
            self.scheduler.reap(self.key);
        }
    }
}

impl Clone for AnyTasklet {
    fn clone(&self) -> AnyTasklet {
        self.scheduler.handle(self.key)
    }
}

impl Drop for AnyTasklet {
    fn drop(&mut self) {
        // Declared before the table is borrowed, and so dropped after that has ended.
        let _gone;
        let mut table = self.scheduler.core.table.borrow_mut();
        let entry = table.get_mut(self.key);
        entry.handles -= 1;
        if entry.handles != 0 || self.scheduler.core.current.get() == self.key {
            return;
        }
        if !entry.alive() {
            _gone = table.take(self.key);
            return;
        }
        // The scheduler owns the others.
        let paused = entry.place == Place::Nowhere && !entry.flags.has(Flag::Watching);
        drop(table);
        if paused {
            self.abandoned();
        }
    }
}

impl PartialEq for AnyTasklet {
    fn eq(&self, other: &AnyTasklet) -> bool {
        self.id() == other.id()
    }
}

impl Eq for AnyTasklet {}

impl fmt::Display for AnyTasklet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheduler.label(self.key))
    }
}

impl fmt::Debug for AnyTasklet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (life, place, name) = self.look(|entry| (entry.life, entry.place, entry.name()));
        let state = match (life, place) {
            (Life::Unbound, _) => "unbound",
            (Life::Bound, _) => "bound",
            (Life::Dead, _) => "dead",
            _ if self.is_current() => "current",
            (_, Place::Nowhere) => "paused",
            (_, Place::Ring) => "runnable",
            (_, Place::Blocked) => "blocked",
            (_, Place::Starved) => "starved",
        };
        let mut out = f.debug_struct("Tasklet");
        out.field("id", &(self.generation - 1));
        if let Some(name) = name {
            out.field("name", &name);
        }
        if self.is_main() {
            out.field("main", &true);
        }
        out.field("state", &format_args!("{state}")).finish()
    }
}
