//! `ActorBuilder`: what an actor is like, and making it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use tasklets_runtime::{Scheduler, Spawner};

use super::actor_ref::ActorRef;
use super::addr::Addr;
use super::cell::{Cell, Home, Maker};
use super::core::{Phase, Policy};
use super::function::{Function, Starter};
use super::handler::Actor;
use super::mailbox::Mailbox;
use super::node::Host;
use super::options::{Settings, WhenFull};
use super::reason::Unhandled;
use super::supervisor::child::Child;

/// What an actor is like. `Q` is what lies in its mailbox: the messages of a function, the [`Mail`](super::Mail) of an [`Actor`].
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use tasklets::actor::{ActorBuilder, Mailbox, WhenFull};
///
/// let (letters, dead) = mpsc::channel();
/// let first_only = ActorBuilder::new()
///     .name("first only")
///     .capacity(1)
///     .when_full(WhenFull::Fail)
///     .undelivered(move |number: u32, _why| letters.send(number).unwrap())
///     .spawn(|mailbox: &Mailbox<u32>| assert_eq!(mailbox.receive().unwrap(), 1));
/// first_only.tell(1).unwrap();
/// assert!(first_only.tell(2).unwrap_err().is_full());
/// first_only.join();
/// assert!(dead.try_recv().is_err(), "none was left in the mailbox");
/// ```
#[must_use = "it makes nothing before `spawn`"]
pub struct ActorBuilder<Q> {
    pub(super) settings: Settings,
    stack_size: Option<usize>,
    spawner: Option<Spawner>,
    policy: Option<Policy<Q>>,
}

impl<Q: Send + 'static> Default for ActorBuilder<Q> {
    fn default() -> Self {
        ActorBuilder::new()
    }
}

impl<Q: Send + 'static> ActorBuilder<Q> {
    /// Room for 64 messages, and senders wait where there is none.
    pub fn new() -> ActorBuilder<Q> {
        ActorBuilder { settings: Settings::default(), stack_size: None, spawner: None, policy: None }
    }

    /// Has `policy` take what is not going to be handled: what is queued when the actor ends, and what others displace. Without one
    /// such messages are counted and dropped. It is called on the thread where that happens, and may not block.
    pub fn undelivered(mut self, policy: impl Fn(Q, &Unhandled) + Send + Sync + 'static) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// A name for reports, errors and supervision trees.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// How many messages the mailbox holds: at least 1. `usize::MAX` is no bound.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.settings.capacity = capacity.max(1);
        self
    }

    /// What becomes of a message when the mailbox is full.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.settings.when_full = when_full;
        self
    }

    /// Whether what is queued when a supervised actor fails is there when it is begun again, as it is if this is not said. Otherwise
    /// that goes to the policy.
    pub fn carry_over(mut self, carries_over: bool) -> Self {
        self.settings.carries_over = carries_over;
        self
    }

    /// How large the stack of a function is, in bytes. The trait form takes that of its runtime.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The runtime that runs it; otherwise that whose worker the calling thread is, or else this thread alone. A function that
    /// [`spawn`](ActorBuilder::spawn) is given always runs on this thread.
    pub fn on(mut self, spawner: &Spawner) -> Self {
        self.spawner = Some(spawner.clone());
        self
    }

    /// Where the trait form is run.
    fn home(&self) -> Home {
        match self.spawner.clone().or_else(Spawner::current) {
            Some(spawner) => Home::Runtime(spawner),
            None => Home::Thread(Scheduler::local().inbox().clone()),
        }
    }
}

/// Makes actors.
impl<Q: Send + 'static> ActorBuilder<Q> {
    /// Makes an actor of a function: a tasklet of this thread.
    #[track_caller]
    pub fn spawn(self, body: impl FnOnce(&Mailbox<Q>) + 'static) -> Addr<Q> {
        let function = Function::make(self.settings, self.stack_size, self.policy, Phase::Busy, None);
        let addr = Addr::new(function.clone());
        function.spawn_here(body);
        addr
    }

    /// Makes an actor of a function: a tasklet of a runtime. If that takes nothing in any more, the actor has ended.
    #[track_caller]
    pub fn spawn_by(self, spawner: &Spawner, body: impl FnOnce(&Mailbox<Q>) + Send + 'static) -> Addr<Q> {
        let function = Function::make(self.settings, self.stack_size, self.policy, Phase::Busy, None);
        let addr = Addr::new(function.clone());
        function.spawn_there(spawner, body);
        addr
    }

    /// Makes an actor of a state with handlers; see [`Actor`].
    #[track_caller]
    pub fn start<A: Actor<Mail = Q>>(self, actor: A) -> ActorRef<A> {
        let home = self.home();
        let cell = Cell::make(self.settings, home, self.policy, Phase::Busy, Some(actor), None, Location::caller());
        let actor = ActorRef::new(cell.clone());
        cell.start();
        actor
    }

    /// A function as a child of a supervisor, which begins it; what is sent before is kept.
    #[track_caller]
    pub fn child(self, body: impl Fn(&Mailbox<Q>) + Send + Sync + 'static) -> (Child, Addr<Q>) {
        let starter = Starter { spawner: self.spawner, body: Arc::new(body) };
        let function = Function::make(self.settings, self.stack_size, self.policy, Phase::Resting, Some(starter));
        let addr = Addr::new(function.clone());
        (Child::new(function), addr)
    }

    /// A state with handlers as a child of a supervisor: `make` makes a new state whenever it is begun.
    #[track_caller]
    pub fn child_of<A: Actor<Mail = Q>>(self, make: impl Fn() -> A + Send + Sync + 'static) -> (Child, ActorRef<A>) {
        let home = self.home();
        let make: Maker<A> = Arc::new(make);
        let cell = Cell::make(self.settings, home, self.policy, Phase::Resting, None, Some(make), Location::caller());
        (Child::new(cell.clone()), ActorRef::new(cell))
    }
}

impl<Q> fmt::Debug for ActorBuilder<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
