//! What a scope's tasklet runs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::{Lent, Payload};

use crate::error::is_exit;
use crate::scope::state::State;

/// The body of a member. The tasklet's job owns it until it has begun, and then its stack does.
pub(super) struct Member {
    lent: Option<Lent>,
    /// The last field: the member is counted until its closure is gone.
    place: Place,
}

/// A place among the members of a scope.
struct Place {
    state: Rc<State>,
    number: usize,
}

impl Member {
    pub(super) fn new(lent: Lent, state: &Rc<State>) -> (Member, usize) {
        let number = state.add();
        (Member { lent: Some(lent), place: Place { state: state.clone(), number } }, number)
    }

    /// Runs the closure. What it panics with is the scope's; its end by a kill is the tasklet's.
    pub(super) fn run(mut self) {
        let Some(lent) = self.lent.take() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| lent.run()));
        if let Err(payload) = outcome {
            self.place.note(payload).unwrap_or_else(|exit| resume_unwind(exit));
        }
    }
}

impl Place {
    /// Takes note of a panic. An exit comes back.
    fn note(&self, payload: Payload) -> Result<(), Payload> {
        if is_exit(&*payload) {
            return Err(payload);
        }
        self.state.fail(payload);
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        // It never began.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || drop(lent))) {
            drop(self.place.note(payload));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.remove(self.number);
    }
}
