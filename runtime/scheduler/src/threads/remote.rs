//! Commands to tasklets of other threads.

use std::any::Any;
use std::error::Error;
use std::fmt;

use greenlet::Payload;

use crate::cancel::watch::Watcher;
use crate::core::Scheduler;
use crate::error::TaskletExit;
use crate::park::{Inbox, TaskletId};
use crate::table::{Life, Mail, Place};
use crate::tasklet::AnyTasklet;
use crate::wakeup::inbox::Command;

/// What is asked of a tasklet.
pub(crate) enum Order {
    Insert,
    Remove,
    Run,
    Throw(Payload),
    Cancel,
    /// The same; the watcher stays with it.
    CancelAndTell(Watcher),
}

/// Names a tasklet for other threads, and commands it from there.
///
/// A command is done by the tasklet's own thread when that looks into its inbox: at once if it is idle, else within 256 switches.
/// The caller goes on at once, and never switches. Commands from one thread are done in their order. What cannot be done then,
/// because the tasklet has ended, or is blocked where that matters, is not done.
///
/// It does not keep the tasklet: a tasklet that is taken out of the run queue by [`remove`](RemoteTasklet::remove), and of which its
/// own thread has no handle, stays until it is inserted, killed, or its thread ends.
///
/// Semantics: Stackless's operations on tasklets of other threads, without their answers.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::{schedule_remove, spawn};
///
/// let sleeper = spawn(|| schedule_remove().unwrap());
/// sleeper.run()?;
/// let remote = sleeper.remote();
/// let thread = std::thread::spawn(move || remote.insert());
/// thread.join().unwrap()?;
/// tasklets_runtime::schedule()?;
/// assert!(!sleeper.is_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteTasklet {
    inbox: Inbox,
    id: TaskletId,
}

impl AnyTasklet {
    /// A handle that commands it from any thread.
    pub fn remote(&self) -> RemoteTasklet {
        RemoteTasklet::new(self.scheduler().inbox().clone(), self.id())
    }
}

impl RemoteTasklet {
    pub(crate) fn new(inbox: Inbox, id: TaskletId) -> RemoteTasklet {
        RemoteTasklet { inbox, id }
    }

    /// Names it on its own thread.
    pub fn id(&self) -> TaskletId {
        self.id
    }

    /// The inbox of its thread.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    pub(crate) fn order(&self, order: Order) -> Result<(), ThreadEnded> {
        if self.inbox.post(Command::Order(self.id, order)) {
            Ok(())
        } else {
            Err(ThreadEnded { tasklet: self.to_string() })
        }
    }

    /// Makes it the last of the runnable ones of its thread, if it is paused.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`].
    pub fn insert(&self) -> Result<(), ThreadEnded> {
        self.order(Order::Insert)
    }

    /// Takes it out of the run queue, unless it is the one that runs: it is paused then.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`].
    pub fn remove(&self) -> Result<(), ThreadEnded> {
        self.order(Order::Remove)
    }

    /// Makes it the next one to run on its thread, unless it is blocked.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`].
    pub fn run(&self) -> Result<(), ThreadEnded> {
        self.order(Order::Run)
    }

    /// Has a [`TaskletExit`] raised in it when it runs next; it is made runnable, and leaves what it waits for.
    ///
    /// Under `panic = "abort"` only tasklets that have not begun end so.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`]: it has ended with its thread.
    pub fn kill(&self) -> Result<(), ThreadEnded> {
        self.throw(TaskletExit)
    }

    /// Cancels it, as [`AnyTasklet::cancel`] does: from now on each of its blocking points raises, until it has ended.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`].
    pub fn cancel(&self) -> Result<(), ThreadEnded> {
        self.order(Order::Cancel)
    }

    /// Has `payload` raised in it when it runs next, as [`kill`](RemoteTasklet::kill) does an exit. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// [`ThreadEnded`].
    pub fn throw(&self, payload: impl Any + Send) -> Result<(), ThreadEnded> {
        self.order(Order::Throw(Box::new(payload)))
    }
}

impl fmt::Display for RemoteTasklet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tasklet {} of {}", self.id.generation - 1, self.inbox.owner())
    }
}

impl fmt::Debug for RemoteTasklet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteTasklet({self})")
    }
}

/// A tasklet cannot be commanded any more: its thread has ended, and the tasklet with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadEnded {
    tasklet: String,
}

impl fmt::Display for ThreadEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is gone: its thread has ended", self.tasklet)
    }
}

impl Error for ThreadEnded {}

impl Scheduler {
    /// The running tasklet, for other threads.
    pub(crate) fn who(&self) -> RemoteTasklet {
        RemoteTasklet::new(self.inbox().clone(), self.current_id())
    }

    /// Does to a tasklet what another thread asks for. It may be in the midst of a switch.
    pub(crate) fn obey_order(&self, id: TaskletId, order: Order) {
        let (key, life, place) = {
            let table = self.core.table.borrow();
            let entry = table.find(id.key, id.generation).filter(|entry| entry.alive());
            match entry {
                Some(entry) => (id.key, entry.life, entry.place),
                None => {
                    drop(table);
                    return self.discard(order);
                }
            }
        };
        match order {
            Order::Insert => self.link(key),
            Order::Remove if key != self.core.current.get() && place != Place::Blocked => drop(self.remove(key)),
            Order::Run if place != Place::Blocked => self.run_next(key),
            Order::Remove | Order::Run => {}
            Order::Cancel => self.cancel(key),
            Order::CancelAndTell(watcher) => {
                self.watch(id, watcher);
                self.cancel(key);
            }
            Order::Throw(payload) if cfg!(panic = "abort") && life == Life::Started => self.discard(payload),
            Order::Throw(payload) => {
                // The one that runs, too: it finds this when what it is doing now is done.
                self.unblock(key);
                self.link(key);
                self.post(key, Mail::Bomb(payload));
            }
        }
    }

    /// Puts a tasklet right behind the one that runs; or where that is being left, before the one that would run next.
    fn run_next(&self, key: u32) {
        if key == self.core.current.get() {
            return;
        }
        let mut table = self.core.table.borrow_mut();
        table.unlink(key);
        table.sate(key);
        match table.head() {
            Some(head) if head == self.core.current.get() => table.push_second(key),
            _ => table.push_head(key),
        }
    }
}
