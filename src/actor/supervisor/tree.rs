//! Supervision trees as text.

use std::fmt;

use super::plan::Plan;
use crate::actor::core::Phase;
use crate::actor::node::Node;

/// Who supervises whom, and how they stand, at one moment. It prints as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What names the actor, and how it stands.
    pub label: String,
    /// How often it was begun again.
    pub restarts: u64,
    /// Its children, in the order in which they are begun.
    pub children: Vec<Tree>,
}

impl Tree {
    pub(super) fn of(node: &dyn Node, plan: Option<&Plan>, restarts: u64) -> Tree {
        let state = match node.phase() {
            Phase::Resting => "resting".to_owned(),
            Phase::Idle => "idle".to_owned(),
            Phase::Busy => "busy".to_owned(),
            Phase::Ended(reason) => format!("ended: {reason}"),
        };
        let strategy = plan.map_or(String::new(), |plan| format!(" {:?}", plan.strategy));
        let label = format!("{}{strategy} ({state}, {} queued)", node.badge(), node.queued());
        let below: Vec<_> = plan.map_or_else(Vec::new, |plan| {
            plan.children.lock().iter().map(|kept| (kept.child.clone(), kept.restarts)).collect()
        });
        let child = |(child, restarts): &(std::sync::Arc<super::Child>, u64)| {
            Tree::of(&*child.node, child.plan.as_deref(), *restarts)
        };
        Tree { label, restarts, children: below.iter().map(child).collect() }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        if depth > 0 {
            writeln!(f)?;
        }
        write!(f, "{:indent$}{}", "", self.label, indent = 2 * depth)?;
        match self.restarts {
            0 => {}
            1 => f.write_str(", begun again once")?,
            more => write!(f, ", begun again {more} times")?,
        }
        self.children.iter().try_for_each(|child| child.print(f, depth + 1))
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, 0)
    }
}
