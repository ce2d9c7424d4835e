//! What a handler knows of its actor.

use std::fmt;
use std::time::Duration;

use super::addr::{Addr, AnyAddr, MonitorId};
use super::asking::link;
use super::cell::Cell;
use super::core::Order;
use super::handler::{Actor, Carries, Handler};
use super::node::{Node, tell_first};
use super::reason::{Badge, Down, Reason};
use super::timer::{Timer, every, once};

/// The running actor, for its handlers.
pub struct Context<'a, A: Actor> {
    cell: &'a Cell<A>,
}

impl<'a, A: Actor> Context<'a, A> {
    #[inline]
    pub(super) fn new(cell: &'a Cell<A>) -> Context<'a, A> {
        Context { cell }
    }

    /// What names the actor in messages.
    pub fn badge(&self) -> &Badge {
        &self.cell.core.badge
    }

    /// The actor's own address. While it keeps one, it does not end for want of addresses.
    pub fn addr<M: Send + 'static>(&self) -> Addr<M>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        Addr::new(self.cell.me.upgrade().expect("an actor that runs is there"))
    }

    /// The same whatever its messages are.
    pub fn any(&self) -> AnyAddr {
        AnyAddr::new(self.cell.me.upgrade().expect("an actor that runs is there"))
    }

    /// Ends the actor in an orderly way, when it has handled what is queued; see [`Addr::stop`].
    pub fn stop(&mut self) {
        Node::order(self.cell, Order::Finish(Reason::Normal));
    }

    /// Ends the actor after this message; what is queued goes to the policy.
    pub fn stop_now(&mut self) {
        Node::order(self.cell, Order::Halt(Reason::Normal));
    }

    /// Has `make` make a message of the end of another actor, which comes before all others.
    pub fn monitor<M: Send + 'static>(
        &mut self,
        other: &AnyAddr,
        make: impl FnOnce(Down) -> M + Send + 'static,
    ) -> MonitorId
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        let me = self.cell.me.clone();
        other.monitor(move |down| {
            if let Some(me) = me.upgrade() {
                tell_first(&*me, A::Mail::wrap(make(down)));
            }
        })
    }

    /// [Links](link) this actor to another one.
    pub fn link(&mut self, other: &AnyAddr) {
        link(&self.any(), other);
    }

    /// Sends the actor a message after some time; see [`Addr::send_after`].
    #[track_caller]
    pub fn send_after<M: Send + 'static>(&mut self, time: Duration, message: M) -> Timer
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        let me = self.cell.me.clone();
        once(self.badge().clone(), me, time, message)
    }

    /// Sends the actor a message again and again; see [`Addr::send_interval`].
    #[track_caller]
    pub fn send_interval<M: Send + 'static>(&mut self, time: Duration, make: impl FnMut() -> M + 'static) -> Timer
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        let me = self.cell.me.clone();
        every(self.badge().clone(), me, time, make)
    }
}

impl<A: Actor> fmt::Debug for Context<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.badge())
    }
}
