//! Actors: state that only one flow of control touches, a mailbox, and what happens when one of them fails.
//!
//! There are two ways to write one. As a function, [`spawn`]: a tasklet over a [`Mailbox`], which receives where and what it wants, also in
//! a [`select!`](crate::select!) over several mailboxes; between two messages it keeps its stack. As a state with a [`Handler`] for each type
//! of message, [`start`]: it has no stack between messages. A message makes it runnable, a pooled stack is bound for as long as there are
//! messages, and its handlers may block anywhere. Others cannot tell the two apart: both have an [`Addr`].
//!
//! # What is promised
//!
//! - **One door.** Whatever comes in is admitted or refused under one lock. What is refused comes back in the error. What was admitted is handled
//!   once, or handed to the actor's policy ([`ActorBuilder::undelivered`]): when the actor ends with messages queued, or when a mailbox that
//!   displaces its oldest message is full. Without a policy such messages are dropped and counted ([`Addr::undelivered`]); a [`Reply`] among them
//!   tells who asked. The message during which a handler failed was handled.
//! - **Order.** Messages from one sender are handled in the order in which it sent them. What monitors tell and [`Addr::tell_first`] sends comes before
//!   all others.
//! - **Back-pressure.** A mailbox is bounded. When it is full, its senders wait, or are refused, or displace the oldest message ([`WhenFull`]). Messages
//!   that the actor has taken out as a batch, to handle them one after the other, do not count any more.
//! - **Ends.** [`stop`](Addr::stop) comes after what is queued; nothing new is admitted meanwhile. [`stop_now`](Addr::stop_now) comes after the
//!   message that is being handled. [`kill`](Addr::kill) comes at the next blocking point. An actor without addresses stops by itself.
//! - **Asking.** Actors that ask each other in a circle get [`AskError::Deadlock`] with the members of the circle, on whatever threads they are, and also
//!   where they would give up after a time. Only waits of [`ask`](Addr::ask) count: what an actor waits for by other means is not known.
//! - **Failure.** A panic ends the actor, not its thread. Monitors are told the [`Reason`]; those that are [linked](link) to it are killed. A
//!   [`Supervisor`] begins it again in its place: its address stays valid, and what is queued stays queued, unless it
//!   [says otherwise](ActorBuilder::carry_over).
//!
//! Nothing here is global: an actor belongs to the thread or [`Runtime`](crate::Runtime) that runs it, and names to a [`Registry`].
//!
//! # Inside
//!
//! `core.rs` has the one lock and what is under it; `node.rs` what is the same for both forms. A function waits in `mailbox.rs`. A state lies in
//! its cell (`cell.rs`) while nothing is to be done. Who puts in the first message begins a turn of it, an [`Activity`](crate::Activity), which takes the
//! state and all messages out, handles them without a lock, and looks again before it puts the state back.

mod actor_ref;
mod addr;
mod arm;
mod asking;
mod builder;
mod cell;
mod context;
mod core;
mod error;
mod function;
mod handler;
mod mailbox;
mod node;
mod options;
mod pool;
mod reason;
mod registry;
mod reply;
mod supervisor;
mod timer;
mod waiter;

pub use actor_ref::{ActorRef, start};
pub use addr::{ActorState, Addr, AnyAddr, MonitorId};
pub use arm::MailboxArm;
pub use asking::link;
pub use builder::ActorBuilder;
pub use context::Context;
pub use error::{AskError, MailboxError, TellError, TellReason};
pub use function::spawn;
pub use handler::{Actor, Carries, Handler, Mail, Many, Only};
pub use mailbox::{Mailbox, Messages};
pub use options::{CAPACITY, WhenFull};
pub use pool::Pool;
pub use reason::{Badge, Down, Reason, Unhandled};
pub use registry::{NameTaken, Registry};
pub use reply::Reply;
pub use supervisor::{Child, Restart, Strategy, Supervisor, SupervisorBuilder, SupervisorEnded, Tree};
pub use timer::Timer;
