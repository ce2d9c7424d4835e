//! Actors that are a state and a handler for each type of message.

use std::any::Any;
use std::fmt;

use super::context::Context;
use super::reason::Reason;

/// A state that handles messages. It has a stack only while it handles some.
///
/// What the state does not have it makes of messages: each type of them has a [`Handler`]. A handler may call anything and block
/// anywhere; the actor's other messages wait meanwhile.
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Actor, Context, Handler, Many, Reply};
///
/// #[derive(Default)]
/// struct Counter(u64);
///
/// struct Add(u64);
/// struct Total(Reply<u64>);
///
/// impl Actor for Counter {
///     type Mail = Many<Counter>;
/// }
///
/// impl Handler<Add> for Counter {
///     fn handle(&mut self, Add(number): Add, _cx: &mut Context<'_, Counter>) {
///         self.0 += number;
///     }
/// }
///
/// impl Handler<Total> for Counter {
///     fn handle(&mut self, Total(reply): Total, _cx: &mut Context<'_, Counter>) {
///         reply.send(self.0).ok();
///     }
/// }
///
/// let counter = actor::start(Counter::default());
/// counter.tell(Add(40))?;
/// counter.tell(Add(2))?;
/// assert_eq!(counter.ask(Total)?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Actor: Sized + Send + 'static {
    /// What lies in its mailbox: [`Only<M>`](Only) if it takes one type of messages, which costs no allocation, or
    /// [`Many<Self>`](Many), which takes whatever it has a handler for.
    type Mail: Mail<Self>;

    /// Called before the first message. A panic here is a fault as any other.
    fn started(&mut self, cx: &mut Context<'_, Self>) {
        let _ = cx;
    }

    /// Called when it ends in an orderly way or fails, before it is dropped; not where it is killed, or its thread ends. What it panics
    /// with is dropped.
    fn stopped(&mut self, reason: &Reason) {
        let _ = reason;
    }
}

/// What an actor does with messages of one type.
pub trait Handler<M>: Actor {
    /// Handles one message. If it panics, the actor fails; the message is gone then.
    fn handle(&mut self, message: M, cx: &mut Context<'_, Self>);
}

/// What lies in the mailbox of an actor of the type `A`.
pub trait Mail<A: Actor>: Send + 'static {
    /// Has the actor handle it.
    fn open(self, actor: &mut A, cx: &mut Context<'_, A>);
}

/// Mail that can carry messages of the type `M`.
pub trait Carries<A: Actor, M>: Mail<A> {
    /// Puts a message in.
    fn wrap(message: M) -> Self;

    /// Takes out what was put in with this type.
    ///
    /// # Panics
    ///
    /// If that was another type.
    fn unwrap(self) -> M;
}

/// Mail of one type of messages, as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Only<M>(pub M);

impl<M: Send + 'static, A: Handler<M>> Mail<A> for Only<M> {
    #[inline]
    fn open(self, actor: &mut A, cx: &mut Context<'_, A>) {
        actor.handle(self.0, cx);
    }
}

impl<M: Send + 'static, A: Handler<M>> Carries<A, M> for Only<M> {
    #[inline]
    fn wrap(message: M) -> Only<M> {
        Only(message)
    }

    #[inline]
    fn unwrap(self) -> M {
        self.0
    }
}

/// Mail of any type of messages that its actor has a [`Handler`] for, in a box.
pub struct Many<A: Actor>(Box<dyn Letter<A>>);

trait Letter<A: Actor>: Send {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<'_, A>);
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn type_name(&self) -> &'static str;
}

struct Sealed<M>(M);

impl<M: Send + 'static, A: Handler<M>> Letter<A> for Sealed<M> {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<'_, A>) {
        actor.handle(self.0, cx);
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<M>()
    }
}

impl<A: Actor> Many<A> {
    /// The message, if it is of this type. Otherwise it is dropped.
    pub fn downcast<M: 'static>(self) -> Option<M> {
        self.0.into_any().downcast::<Sealed<M>>().ok().map(|sealed| sealed.0)
    }

    /// The type of the message, for reports.
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

impl<A: Actor> Mail<A> for Many<A> {
    #[inline]
    fn open(self, actor: &mut A, cx: &mut Context<'_, A>) {
        self.0.open(actor, cx);
    }
}

impl<M: Send + 'static, A: Handler<M>> Carries<A, M> for Many<A> {
    #[inline]
    fn wrap(message: M) -> Many<A> {
        Many(Box::new(Sealed(message)))
    }

    fn unwrap(self) -> M {
        self.downcast().expect("a letter is opened with the type that it was sealed with")
    }
}

impl<A: Actor> fmt::Debug for Many<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Many({})", self.type_name())
    }
}
