//! Children of supervisors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::plan::Plan;
use crate::actor::node::Node;
use crate::actor::reason::{Badge, Reason};

/// Whether a child is begun again when it has ended.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// If its end was not an orderly one.
    Transient,
    /// Never.
    Temporary,
}

/// An actor that a supervisor is to begin, made by [`ActorBuilder::child`](crate::actor::ActorBuilder::child) and
/// [`child_of`](crate::actor::ActorBuilder::child_of). Its address is there already; what is sent before it begins is kept. If it is
/// dropped, the actor ends.
#[must_use = "it is begun by the supervisor that it is given to"]
pub struct Child {
    pub(super) node: Arc<dyn Node>,
    pub(super) restart: Restart,
    pub(super) grace: Duration,
    /// Its own children.
    pub(super) plan: Option<Arc<Plan>>,
}

/// How long a child may take to stop if that is not said.
const GRACE: Duration = Duration::from_secs(5);

impl Child {
    pub(in crate::actor) fn new(node: Arc<dyn Node>) -> Child {
        // Until it has a supervisor: it is not to end for want of addresses.
        node.set_keeper(Arc::new(|_| ()));
        Child { node, restart: Restart::default(), grace: GRACE, plan: None }
    }

    pub(super) fn with_plan(mut self, plan: Arc<Plan>) -> Child {
        self.plan = Some(plan);
        self
    }

    /// Whether it is begun again.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long it may take to stop, when its supervisor stops it: it is killed then. Zero kills at once. 5 seconds if it is not said.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// What names it in messages.
    pub fn badge(&self) -> &Badge {
        self.node.badge()
    }

    /// It never begins again, nor do those below it.
    pub(super) fn bury(&self, reason: &Reason) {
        self.node.bury(reason.clone());
        if let Some(plan) = &self.plan {
            plan.bury(reason);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.bury(&Reason::Stopped);
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Child({}, {:?})", self.badge(), self.restart)
    }
}
