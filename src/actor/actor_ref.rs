//! Addresses for all types of messages of an actor.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addr::{ActorState, Addr, AnyAddr, Port};
use super::cell::Cell;
use super::error::{AskError, TellError};
use super::handler::{Actor, Carries, Handler};
use super::node::Patience;
use super::reason::{Badge, Reason};
use super::reply::Reply;
use super::waiter::{FOREVER, until, within};

/// The address of an actor that is a state with handlers, for all types of messages that it takes.
pub struct ActorRef<A: Actor> {
    cell: Arc<Cell<A>>,
    any: AnyAddr,
}

impl<A: Actor> ActorRef<A> {
    pub(super) fn new(cell: Arc<Cell<A>>) -> ActorRef<A> {
        ActorRef { any: AnyAddr::new(cell.clone()), cell }
    }

    /// Its address for one type of messages.
    pub fn addr<M: Send + 'static>(&self) -> Addr<M>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        Addr::new(self.cell.clone())
    }

    /// Its address whatever its messages are.
    pub fn any(&self) -> AnyAddr {
        self.any.clone()
    }

    /// Sends a message; see [`Addr::tell`].
    ///
    /// # Errors
    ///
    /// As [`Addr::tell`].
    ///
    /// # Panics
    ///
    /// As [`Addr::tell`].
    #[track_caller]
    #[inline]
    pub fn tell<M: Send + 'static>(&self, message: M) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.put(message, Some(FOREVER))
    }

    /// [`tell`](ActorRef::tell) that waits for this long at most; see [`Addr::tell_timeout`].
    ///
    /// # Errors
    ///
    /// As [`Addr::tell`].
    ///
    /// # Panics
    ///
    /// As [`Addr::tell`].
    #[track_caller]
    pub fn tell_timeout<M: Send + 'static>(&self, message: M, time: Duration) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.put(message, Some(within(time)))
    }

    /// [`tell`](ActorRef::tell) that waits until this moment of [`now`](crate::now()) at most.
    ///
    /// # Errors
    ///
    /// As [`Addr::tell`].
    ///
    /// # Panics
    ///
    /// As [`Addr::tell`].
    #[track_caller]
    pub fn tell_deadline<M: Send + 'static>(&self, message: M, deadline: Instant) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.put(message, Some(until(deadline)))
    }

    /// Sends a message if there is room; see [`Addr::try_tell`].
    ///
    /// # Errors
    ///
    /// As [`Addr::try_tell`].
    #[track_caller]
    #[inline]
    pub fn try_tell<M: Send + 'static>(&self, message: M) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.put(message, None)
    }

    #[track_caller]
    #[inline]
    fn put<M: Send + 'static>(&self, message: M, patience: Patience) -> Result<(), TellError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        let put = Port::put(&*self.cell, message, patience, Location::caller());
        put.map_err(|(message, unput)| TellError::new(message, self.badge().clone(), unput))
    }

    /// Sends a question and waits for the answer; see [`Addr::ask`].
    ///
    /// # Errors
    ///
    /// As [`Addr::ask`].
    ///
    /// # Panics
    ///
    /// As [`Addr::ask`].
    #[track_caller]
    pub fn ask<M: Send + 'static, R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, AskError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.addr().ask_on(question, FOREVER, Location::caller())
    }

    /// [`ask`](ActorRef::ask) that waits for this long at most; see [`Addr::ask_timeout`].
    ///
    /// # Errors
    ///
    /// As [`Addr::ask_timeout`].
    ///
    /// # Panics
    ///
    /// As [`Addr::ask`].
    #[track_caller]
    pub fn ask_timeout<M: Send + 'static, R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
        time: Duration,
    ) -> Result<R, AskError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.addr().ask_on(question, within(time), Location::caller())
    }

    /// [`ask`](ActorRef::ask) that waits until this moment of [`now`](crate::now()) at most; see [`Addr::ask_timeout`].
    ///
    /// # Errors
    ///
    /// As [`Addr::ask_timeout`].
    ///
    /// # Panics
    ///
    /// As [`Addr::ask`].
    #[track_caller]
    pub fn ask_deadline<M: Send + 'static, R: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<R>) -> M,
        deadline: Instant,
    ) -> Result<R, AskError<M>>
    where
        A: Handler<M>,
        A::Mail: Carries<A, M>,
    {
        self.addr().ask_on(question, until(deadline), Location::caller())
    }

    /// What names it in messages.
    pub fn badge(&self) -> &Badge {
        &self.cell.core.badge
    }

    /// How it stands.
    pub fn state(&self) -> ActorState {
        self.any.state()
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.any.is_alive()
    }

    /// As [`Addr::stop`].
    pub fn stop(&self) {
        self.any.stop();
    }

    /// As [`Addr::stop_now`].
    pub fn stop_now(&self) {
        self.any.stop_now();
    }

    /// As [`Addr::kill`].
    pub fn kill(&self) {
        self.any.kill();
    }

    /// As [`Addr::join`].
    ///
    /// # Panics
    ///
    /// As [`Addr::join`].
    #[track_caller]
    pub fn join(&self) -> Reason {
        self.any.join()
    }

    /// As [`Addr::join_timeout`].
    ///
    /// # Panics
    ///
    /// As [`Addr::join`].
    #[track_caller]
    pub fn join_timeout(&self, time: Duration) -> Option<Reason> {
        self.any.join_timeout(time)
    }

    /// As [`Addr::join_deadline`].
    ///
    /// # Panics
    ///
    /// As [`Addr::join`].
    #[track_caller]
    pub fn join_deadline(&self, deadline: Instant) -> Option<Reason> {
        self.any.join_deadline(deadline)
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        ActorRef { cell: self.cell.clone(), any: self.any.clone() }
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({:?})", self.any)
    }
}

/// Makes an actor of a state with handlers, with the settings of [`ActorBuilder::new`](super::ActorBuilder::new).
#[track_caller]
pub fn start<A: Actor>(actor: A) -> ActorRef<A> {
    super::ActorBuilder::new().start(actor)
}
