//! What telling and asking an actor may fail with.

use std::error::Error;
use std::fmt;

use tasklets_runtime::park::Refusal;

use super::core::Refused;
use super::node::Unput;
use super::reason::{Badge, Reason};

/// Why a message was not taken in.
#[non_exhaustive]
#[derive(Debug)]
pub enum TellReason {
    /// The actor has ended, for this reason.
    Ended(Reason),
    /// It was asked to stop, and takes in nothing new.
    Stopping,
    /// Its mailbox is full.
    Full,
    /// Its mailbox was full until the time was up.
    TimedOut,
    /// Its mailbox is full, and the caller may not wait.
    MayNotWait(Refusal),
}

impl TellReason {
    pub(super) fn of(unput: Unput) -> TellReason {
        match unput {
            Unput::Refused(Refused::Ended(reason)) => TellReason::Ended(reason),
            Unput::Refused(Refused::Stopping) => TellReason::Stopping,
            Unput::Refused(Refused::Full) => TellReason::Full,
            Unput::TimedOut => TellReason::TimedOut,
            Unput::MayNotWait(refusal) => TellReason::MayNotWait(refusal),
        }
    }
}

impl fmt::Display for TellReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TellReason::Ended(reason) => write!(f, "it has ended: {reason}"),
            TellReason::Stopping => f.write_str("it was asked to stop"),
            TellReason::Full => f.write_str("its mailbox is full"),
            TellReason::TimedOut => f.write_str("its mailbox was full until the time was up"),
            TellReason::MayNotWait(refusal) => write!(f, "its mailbox is full, and {refusal}"),
        }
    }
}

/// A message was not sent; it is in here.
pub struct TellError<M> {
    message: M,
    actor: Badge,
    reason: TellReason,
}

impl<M> TellError<M> {
    #[cold]
    pub(super) fn new(message: M, actor: Badge, unput: Unput) -> TellError<M> {
        TellError { message, actor, reason: TellReason::of(unput) }
    }

    /// The message.
    pub fn into_message(self) -> M {
        self.message
    }

    /// Whom it was for.
    pub fn actor(&self) -> &Badge {
        &self.actor
    }

    /// Why it was not sent.
    pub fn reason(&self) -> &TellReason {
        &self.reason
    }

    /// Whether the mailbox is full.
    pub fn is_full(&self) -> bool {
        matches!(self.reason, TellReason::Full)
    }

    /// Whether the actor takes in nothing any more.
    pub fn is_ended(&self) -> bool {
        matches!(self.reason, TellReason::Ended(_) | TellReason::Stopping)
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message for {} was not sent: {}", self.actor, self.reason)
    }
}

impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TellError({self})")
    }
}

impl<M> Error for TellError<M> {}

/// Why there is no answer.
#[non_exhaustive]
pub enum AskError<M> {
    /// The question was not sent; it is in here.
    Untold(TellError<M>),
    /// The question was sent, and its [`Reply`](super::Reply) was dropped: the actor has ended, or does not answer.
    Unanswered(Badge),
    /// The time was up before the answer came. It is dropped when it comes.
    TimedOut(Badge),
    /// Those who wait for each other, the caller first: the answer could never come.
    Deadlock(Vec<Badge>),
    /// The caller may not wait.
    MayNotWait(Refusal),
}

impl<M> AskError<M> {
    /// Whether those who ask each other would wait for ever.
    pub fn is_deadlock(&self) -> bool {
        matches!(self, AskError::Deadlock(_))
    }

    /// Whether the time was up.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, AskError::TimedOut(_))
    }
}

impl<M> fmt::Display for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Untold(error) => error.fmt(f),
            AskError::Unanswered(actor) => write!(f, "{actor} has not answered, and will not"),
            AskError::TimedOut(actor) => write!(f, "{actor} has not answered in time"),
            AskError::MayNotWait(refusal) => write!(f, "the answer cannot be waited for: {refusal}"),
            AskError::Deadlock(members) => {
                f.write_str("deadlock: ")?;
                for member in members {
                    write!(f, "{member} waits for an answer of ")?;
                }
                match members.first() {
                    Some(first) => first.fmt(f),
                    None => Ok(()),
                }
            }
        }
    }
}

impl<M> fmt::Debug for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AskError({self})")
    }
}

impl<M> Error for AskError<M> {}

/// Why a mailbox has no message for its actor.
#[non_exhaustive]
#[derive(Debug)]
pub enum MailboxError {
    /// The actor is to end, for this reason.
    Stopped(Reason),
    /// No message has come in time.
    TimedOut,
    /// The caller may not wait.
    MayNotWait(Refusal),
}

impl MailboxError {
    /// Whether the actor is to end.
    pub fn is_stopped(&self) -> bool {
        matches!(self, MailboxError::Stopped(_))
    }
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailboxError::Stopped(reason) => write!(f, "the actor is to end: {reason}"),
            MailboxError::TimedOut => f.write_str("no message has come in time"),
            MailboxError::MayNotWait(refusal) => write!(f, "the mailbox is empty, and {refusal}"),
        }
    }
}

impl Error for MailboxError {}
