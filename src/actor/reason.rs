//! Why actors end, and how that is told.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tasklets_runtime::{Cancelled, TaskletExit};

/// What names an actor in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    pub(super) id: u64,
    pub(super) name: Option<Arc<str>>,
}

impl Badge {
    /// Its number, which no other actor of the process has had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name that it was made with.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "actor {} \"{name}\"", self.id),
            None => write!(f, "actor {}", self.id),
        }
    }
}

/// What an actor unwinds with that gives up by itself.
pub(super) struct GiveUp(pub(super) Arc<str>);

/// Why an actor has ended.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its function has returned, or all addresses of it were dropped.
    Normal,
    /// It was asked to stop.
    Stopped,
    /// It was killed.
    Killed,
    /// Its code has panicked, with this text.
    Panicked(Arc<str>),
    /// It has given up by itself: a supervisor whose children failed too often.
    Failed(Arc<str>),
    /// One that it is linked to has ended abnormally, as this says.
    Linked(Arc<Down>),
    /// Its thread or runtime has ended, and it with that.
    Abandoned,
}

impl Reason {
    /// Whether this is an orderly end: [`Normal`](Reason::Normal) or [`Stopped`](Reason::Stopped).
    pub fn is_orderly(&self) -> bool {
        matches!(self, Reason::Normal | Reason::Stopped)
    }

    /// Of what was caught.
    pub(super) fn of(payload: &(dyn Any + Send)) -> Reason {
        if payload.is::<TaskletExit>() || payload.is::<Cancelled>() {
            return Reason::Killed;
        }
        if let Some(GiveUp(text)) = payload.downcast_ref() {
            return Reason::Failed(text.clone());
        }
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Reason::Panicked(text.unwrap_or("something that is no text").into())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Normal => f.write_str("it has come to its end"),
            Reason::Stopped => f.write_str("it was stopped"),
            Reason::Killed => f.write_str("it was killed"),
            Reason::Panicked(text) => write!(f, "it panicked: {text}"),
            Reason::Failed(text) => write!(f, "it gave up: {text}"),
            Reason::Linked(down) => write!(f, "it is linked to another one: {down}"),
            Reason::Abandoned => f.write_str("its thread or runtime has ended"),
        }
    }
}

/// Why a message that was taken in is not handled.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unhandled {
    /// The mailbox was full, and a newer one has taken its place.
    Displaced,
    /// The actor has ended with messages in its mailbox.
    Ended(Reason),
}

impl fmt::Display for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unhandled::Displaced => f.write_str("a newer message has taken its place"),
            Unhandled::Ended(reason) => write!(f, "the actor has ended: {reason}"),
        }
    }
}

/// An actor has ended: what monitors are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// Who.
    pub actor: Badge,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has ended: {}", self.actor, self.reason)
    }
}
