//! Arms that are ready at a moment.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tasklets_runtime::{Scheduler, now};

use super::arm::{Arm, Attempt, Kind, Operate, Site};
use super::stand::Stand;
use crate::error::Reason;

/// A moment, as an arm; see [`at`](super::at) and [`after`](super::after).
#[derive(Debug)]
pub struct Timer {
    deadline: Option<Instant>,
    passed: Cell<bool>,
}

impl Timer {
    /// Ready from this moment on; never, if there is none.
    pub(super) fn new(deadline: Option<Instant>) -> Timer {
        Timer { deadline, passed: Cell::new(false) }
    }
}

impl Operate for Timer {
    fn attempt(&self, _at: Site) -> Attempt {
        let passed = self.deadline.is_some_and(|deadline| deadline <= now());
        self.passed.set(passed);
        if passed { Attempt::Done } else { Attempt::NotReady }
    }

    fn enlist(&self, _stand: &Rc<Stand>, _number: u32, _scheduler: &Scheduler) -> bool {
        true
    }

    fn leave(&self, _stand: &Stand) {}

    fn collect(&self, _stand: Option<&Stand>, _at: Site) -> bool {
        self.passed.set(true);
        true
    }

    fn abandon(&self) {}

    fn fail(&self, reason: Reason, _at: Site) -> Option<Reason> {
        Some(reason)
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl Arm for Timer {
    type Output = ();

    const KIND: Kind = Kind::Timer;

    fn take(&self) -> Option<()> {
        self.passed.take().then_some(())
    }
}
