//! Supervisors: actors that begin others, and begin them again when they fail.

pub(super) mod child;
mod plan;
mod run;
mod tree;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::addr::AnyAddr;
use super::builder::ActorBuilder;
use super::error::AskError;
use super::reason::Reason;
use super::reply::Reply;
use super::{Addr, Badge};

pub use child::{Child, Restart};
use plan::Plan;
pub use tree::Tree;

/// Who else is begun again when a child fails.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Nobody.
    #[default]
    OneForOne,
    /// All others: they are stopped, the last one first, and all are begun in their order.
    OneForAll,
    /// Those that come after it, in the same way.
    RestForOne,
}

/// What a supervisor is like.
///
/// # Examples
///
/// ```
/// use tasklets::actor::{ActorBuilder, Mailbox, SupervisorBuilder};
///
/// // "fail" makes it panic; it is begun again, with the same address, and what is queued is there still.
/// std::panic::set_hook(Box::new(|_| ()));
/// let (child, echo) = ActorBuilder::new().name("echo").child(|mailbox: &Mailbox<(&str, actor::Reply<&str>)>| {
///     for (text, reply) in mailbox {
///         assert_ne!(text, "fail");
///         reply.send(text).ok();
///     }
/// });
/// let supervisor = SupervisorBuilder::new().child(child).start();
/// assert!(echo.ask(|reply| ("fail", reply)).is_err());
/// assert_eq!(echo.ask(|reply| ("fine", reply)).unwrap(), "fine");
/// println!("{}", supervisor.tree());
/// supervisor.shutdown();
/// # use tasklets::actor;
/// ```
#[must_use = "it begins nothing before `start`"]
pub struct SupervisorBuilder {
    actor: ActorBuilder<Message>,
    plan: Plan,
}

/// A supervisor. When its last handle is dropped, it ends, and its children with it, unless it is a child itself.
#[derive(Clone)]
pub struct Supervisor {
    addr: Addr<Message>,
    plan: Arc<Plan>,
}

/// What supervisors are told.
pub(super) enum Message {
    /// A run of a child has ended.
    Ended {
        child: u64,
        run: u64,
        reason: Reason,
    },
    Add(Child, Reply<()>),
    Remove(u64, Reply<bool>),
}

impl SupervisorBuilder {
    /// One for one; three restarts in five seconds; no waiting before a restart.
    pub fn new() -> SupervisorBuilder {
        SupervisorBuilder { actor: ActorBuilder::new().capacity(usize::MAX), plan: Plan::default() }
    }

    /// A name for reports and trees.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.actor = self.actor.name(name);
        self
    }

    /// Who else is begun again when a child fails.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.plan.strategy = strategy;
        self
    }

    /// At most so many restarts within this time. At the next one the supervisor ends all children and gives up, with
    /// [`Reason::Failed`]; one that supervises it decides then.
    pub fn intensity(mut self, restarts: usize, within: Duration) -> Self {
        (self.plan.restarts, self.plan.within) = (restarts, within);
        self
    }

    /// Waits for this long before a restart, twice as long before each further one within the time of the intensity, and `most` at
    /// the longest.
    pub fn back_off(mut self, first: Duration, most: Duration) -> Self {
        (self.plan.first_delay, self.plan.most_delay) = (first, most);
        self
    }

    /// Adds a child, after those that were added before.
    pub fn child(self, child: Child) -> Self {
        self.plan.add(child);
        self
    }

    /// Makes the supervisor, a tasklet of this thread, which begins its children in their order.
    ///
    /// It does not wait for one to be ready before it begins the next one.
    #[track_caller]
    pub fn start(self) -> Supervisor {
        let plan = Arc::new(self.plan);
        let theirs = plan.clone();
        let addr = self.actor.spawn(move |mailbox| run::supervise(&theirs, mailbox));
        Supervisor { addr, plan }
    }

    /// Makes the supervisor a child of another one.
    #[track_caller]
    pub fn into_child(self) -> (Child, Supervisor) {
        let plan = Arc::new(self.plan);
        let theirs = plan.clone();
        let (child, addr) = self.actor.child(move |mailbox| run::supervise(&theirs, mailbox));
        (child.with_plan(plan.clone()), Supervisor { addr, plan })
    }
}

impl Default for SupervisorBuilder {
    fn default() -> Self {
        SupervisorBuilder::new()
    }
}

impl Supervisor {
    /// Adds a child while it runs, after all others, and begins it. Waits until that is done.
    ///
    /// # Errors
    ///
    /// Whose supervisor has ended, as text; the child never begins then.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    pub fn add(&self, child: Child) -> Result<(), SupervisorEnded> {
        self.addr.ask(|reply| Message::Add(child, reply)).map_err(|error| SupervisorEnded::new(&error))
    }

    /// Stops a child and forgets it. Waits until that is done; false if there is none with this address.
    ///
    /// # Errors
    ///
    /// As [`add`](Supervisor::add).
    ///
    /// # Panics
    ///
    /// As [`add`](Supervisor::add).
    pub fn remove(&self, child: &AnyAddr) -> Result<bool, SupervisorEnded> {
        let id = child.badge().id();
        self.addr.ask(|reply| Message::Remove(id, reply)).map_err(|error| SupervisorEnded::new(&error))
    }

    /// Its address, to be watched and ended.
    pub fn any(&self) -> AnyAddr {
        self.addr.any()
    }

    /// Who its children are, and how they stand.
    pub fn tree(&self) -> Tree {
        Tree::of(&**self.any().node(), Some(&self.plan), 0)
    }

    /// Stops all children, the last one first, each within its time, and waits until that is done. A child of another supervisor has
    /// come to an orderly end then.
    ///
    /// # Panics
    ///
    /// Unwinds with what is thrown into the caller meanwhile.
    #[track_caller]
    pub fn shutdown(&self) -> Reason {
        self.addr.stop_now();
        self.addr.join()
    }

    /// What names it in messages.
    pub fn badge(&self) -> &Badge {
        self.addr.badge()
    }
}

/// A supervisor has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisorEnded {
    text: String,
}

impl SupervisorEnded {
    fn new(error: &AskError<Message>) -> SupervisorEnded {
        SupervisorEnded { text: error.to_string() }
    }
}

impl fmt::Display for SupervisorEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SupervisorEnded {}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Supervisor({:?})", self.addr)
    }
}

impl fmt::Debug for SupervisorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder").field("strategy", &self.plan.strategy).finish_non_exhaustive()
    }
}
