//! What an arm of a select is to the select.

use std::panic::Location;
use std::rc::Rc;
use std::time::Instant;

use tasklets_runtime::Scheduler;

use super::stand::Stand;
use crate::error::Reason;

/// Where a select is in the user's source.
pub(super) type Site = &'static Location<'static>;

/// What came of trying an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is the one: its result lies in it.
    Done,
    /// It would have to wait.
    NotReady,
    /// Not ready either, but others have run meanwhile.
    Disturbed,
}

/// What has to be known of an arm without asking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only this thread takes part.
    Local,
    /// Other threads may.
    Shared,
    /// Something outside may make it ready, and only this thread is told.
    Outside,
    /// Ready at a moment.
    Timer,
}

/// What waits for several things does with each of them. An arm is asked by the tasklet alone that it belongs to.
pub trait Operate {
    /// Does the operation, if it need not wait.
    fn attempt(&self, at: Site) -> Attempt;

    /// Joins the queue, in which the stand stands for the arm with this number from now on; false if the operation need not wait any
    /// more.
    fn enlist(&self, stand: &Rc<Stand>, number: u32, scheduler: &Scheduler) -> bool;

    /// Leaves the queue undecided, if it is in it.
    fn leave(&self, stand: &Stand);

    /// The stand was decided for this arm: finishes the operation; false if that is not possible any more.
    fn collect(&self, stand: Option<&Stand>, at: Site) -> bool;

    /// The stand was decided for this arm, but the tasklet is being killed.
    fn abandon(&self);

    /// Ends the operation with an error; the reason comes back if it has no room for one.
    fn fail(&self, reason: Reason, at: Site) -> Option<Reason>;

    /// When it is ready at the latest.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// An arm of a [`select!`](crate::select!) or of a [`Select`](crate::Select): an operation that happens if it is the first
/// that can.
///
/// Made by [`recv`](super::recv), [`send`](super::send), [`readable`](super::readable), [`writable`](super::writable), [`at`](super::at) and
/// [`after`](super::after).
pub trait Arm: Operate {
    /// What the operation results in.
    type Output;

    #[doc(hidden)]
    const KIND: Kind;

    /// What the operation has resulted in, once; none if it has not happened.
    fn take(&self) -> Option<Self::Output>;
}

/// An arm among others.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub(super) arm: &'a dyn Operate,
    pub(super) kind: Kind,
}

impl<'a> Entry<'a> {
    /// An arm of a set.
    #[inline]
    pub fn of<A: Arm>(arm: &'a A) -> Entry<'a> {
        Entry { arm, kind: A::KIND }
    }
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("kind", &self.kind).finish_non_exhaustive()
    }
}
