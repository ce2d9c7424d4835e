//! What a supervisor knows of its children.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Strategy;
use super::child::Child;
use crate::actor::reason::Reason;

pub(super) struct Plan {
    pub(super) strategy: Strategy,
    pub(super) restarts: usize,
    pub(super) within: Duration,
    pub(super) first_delay: Duration,
    pub(super) most_delay: Duration,
    /// In the order in which they are begun. Changed by the supervisor alone, when it has begun.
    pub(super) children: Mutex<Vec<Kept>>,
}

/// A child and how it stands.
pub(super) struct Kept {
    pub(super) child: Arc<Child>,
    /// Which run of it this is: what is told of another one is old.
    pub(super) run: u64,
    pub(super) restarts: u64,
    /// It is to be begun.
    pub(super) due: bool,
}

/// When children were begun again.
#[derive(Default)]
pub(super) struct History(VecDeque<Instant>);

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            strategy: Strategy::default(),
            restarts: 3,
            within: Duration::from_secs(5),
            first_delay: Duration::ZERO,
            most_delay: Duration::ZERO,
            children: Mutex::default(),
        }
    }
}

impl Plan {
    pub(super) fn add(&self, child: Child) {
        let kept = Kept { child: Arc::new(child), run: 0, restarts: 0, due: true };
        self.children.lock().push(kept);
    }

    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.children.lock().iter().position(|kept| kept.child.node.badge().id == id)
    }

    /// Takes a child off the list.
    pub(super) fn take(&self, place: usize) -> Arc<Child> {
        self.children.lock().remove(place).child
    }

    pub(super) fn all(&self) -> Vec<Arc<Child>> {
        self.children.lock().iter().map(|kept| kept.child.clone()).collect()
    }

    /// Whether that is more restarts than are allowed.
    pub(super) fn is_too_often(&self, history: &mut History, now: Instant) -> bool {
        history.0.push_back(now);
        while history.0.front().is_some_and(|first| now.saturating_duration_since(*first) > self.within) {
            history.0.pop_front();
        }
        history.0.len() > self.restarts
    }

    /// How long to wait before the next restart.
    pub(super) fn delay(&self, history: &History) -> Duration {
        let doublings = u32::try_from(history.0.len().saturating_sub(1)).unwrap_or(u32::MAX).min(30);
        self.first_delay.saturating_mul(1 << doublings).min(self.most_delay.max(self.first_delay))
    }

    /// None of the children ever begins again.
    pub(super) fn bury(&self, reason: &Reason) {
        for child in self.all().iter().rev() {
            child.bury(reason);
        }
    }
}
