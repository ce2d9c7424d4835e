//! The scopes that the tasklets of a thread are in: limits of time, and shields.

use std::any::Any;
use std::fmt;

use slab::Slab;

use crate::park::TaskletId;

/// What is raised in a tasklet that is cancelled, or in a part of it whose [time is up](crate::timeout).
///
/// Uncaught, it ends the tasklet silently, as a [`TaskletExit`](crate::TaskletExit) does: who joins it gets
/// [`JoinError::Killed`](crate::JoinError::Killed). Code that catches panics had better go on with it: it is raised again
/// wherever the tasklet blocks next.
///
/// # Examples
///
/// ```
/// use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
/// use tasklets_runtime::{Cancelled, current, schedule, spawn};
///
/// let t = spawn(|| {
///     current().cancel();
///     let caught = catch_unwind(AssertUnwindSafe(schedule)).unwrap_err();
///     assert!(caught.is::<Cancelled>());
///     resume_unwind(caught)
/// });
/// assert!(matches!(t.join(), Err(tasklets_runtime::JoinError::Killed)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    /// The number of the limit that was reached; 0 if the whole tasklet is cancelled.
    limit: u64,
}

impl Cancelled {
    pub(crate) const WHOLLY: Cancelled = Cancelled { limit: 0 };

    /// Whether it is this limit that was reached.
    pub(crate) fn is_of(payload: &(dyn Any + Send), limit: u64) -> bool {
        payload.downcast_ref::<Cancelled>().is_some_and(|cancelled| cancelled.limit == limit)
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            0 => f.write_str("the tasklet was cancelled"),
            limit => write!(f, "time limit {limit} was reached"),
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancelled({self})")
    }
}

impl std::error::Error for Cancelled {}

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Told by its number, which no other limit of the thread has.
    Limit {
        number: u64,
        reached: bool,
    },
    Shield,
}

struct Scope {
    kind: Kind,
    owner: TaskletId,
    /// The one that it is in.
    outer: u32,
}

/// What a tasklet is in.
#[derive(Clone, Copy)]
struct Innermost {
    generation: u64,
    scope: u32,
}

/// Scopes of all tasklets of a thread. Nothing is allocated once as many have been open at a time before.
#[derive(Default)]
pub(crate) struct Scopes {
    all: Slab<Scope>,
    /// By the tasklet's key.
    innermost: Vec<Innermost>,
    numbers: u64,
}

impl Scopes {
    pub(crate) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn innermost(&self, owner: TaskletId) -> u32 {
        let found = self.innermost.get(owner.key as usize);
        found.filter(|innermost| innermost.generation == owner.generation).map_or(NONE, |innermost| innermost.scope)
    }

    /// Opens a scope inside the tasklet's innermost one.
    pub(crate) fn open(&mut self, owner: TaskletId, kind: Kind) -> u32 {
        let outer = self.innermost(owner);
        let scope = u32::try_from(self.all.insert(Scope { kind, owner, outer })).expect("four billion scopes are open");
        let key = owner.key as usize;
        if self.innermost.len() <= key {
            self.innermost.resize(key + 1, Innermost { generation: 0, scope: NONE });
        }
        self.innermost[key] = Innermost { generation: owner.generation, scope };
        scope
    }

    /// Closes a scope, usually the innermost one: greenlets that a tasklet switches by hand may leave theirs in any order.
    pub(crate) fn close(&mut self, scope: u32) -> Kind {
        let Scope { kind, owner, outer } = self.all.remove(scope as usize);
        let mut inner = NONE;
        let mut at = self.innermost(owner);
        while at != NONE && at != scope {
            inner = at;
            at = self.all[at as usize].outer;
        }
        match inner {
            _ if at == NONE => {}
            NONE => self.innermost[owner.key as usize].scope = outer,
            inner => self.all[inner as usize].outer = outer,
        }
        kind
    }

    /// A limit's time is up: whose it is; none if that was known.
    pub(crate) fn reach(&mut self, scope: u32) -> Option<TaskletId> {
        let scope = self.all.get_mut(scope as usize)?;
        let Kind::Limit { reached, .. } = &mut scope.kind else { return None };
        (!std::mem::replace(reached, true)).then_some(scope.owner)
    }

    /// What a tasklet meets at a blocking point, which may be `cancelled` as a whole. Of several the outermost that no shield keeps off.
    pub(crate) fn due(&self, owner: TaskletId, cancelled: bool) -> Option<Cancelled> {
        let mut due = None;
        let mut at = self.innermost(owner);
        while at != NONE {
            let scope = &self.all[at as usize];
            match scope.kind {
                Kind::Limit { number, reached: true } => due = Some(Cancelled { limit: number }),
                Kind::Limit { .. } => {}
                Kind::Shield => return due,
            }
            at = scope.outer;
        }
        if cancelled { Some(Cancelled::WHOLLY) } else { due }
    }
}
