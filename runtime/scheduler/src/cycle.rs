//! Cycles of waits that have owners: who holds what another one waits for, and waits itself for what that one holds.

use std::fmt;
use std::panic::Location;

use crate::core::{MAIN, Scheduler};
use crate::park::{Description, TaskletId};
use crate::report::{Report, Waiting, label};
use crate::table::Place;

/// Without the name, which only its thread knows.
impl fmt::Display for TaskletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key == MAIN { f.write_str("the main tasklet") } else { write!(f, "tasklet {}", self.generation - 1) }
    }
}

/// Tasklets, each with the place of the one that waits for it.
pub(crate) type Seen = Vec<(TaskletId, usize)>;

impl Scheduler {
    /// How a tasklet of this thread is called in messages; none if it is not in the table any more.
    pub fn label_of(&self, id: TaskletId) -> Option<String> {
        self.core.table.borrow().find(id.key, id.generation).map(|entry| label(id.key, entry))
    }

    /// Whether a tasklet waits for as long as it takes. Cheap, and runs no code from outside.
    #[inline]
    pub fn is_stuck(&self, id: TaskletId) -> bool {
        let table = self.core.table.borrow();
        let Some(entry) = table.find(id.key, id.generation) else { return false };
        entry.place == Place::Blocked && entry.waits.as_ref().is_some_and(|waits| !waits.timed)
    }

    /// If the running tasklet would wait for one that `owners` tells of, which waits for one that waits ... for the running tasklet: all of
    /// them, the running one first, each followed by the one that it waits for. `mine` describes its own wait.
    ///
    /// Edges are what [`Wait::owners`](crate::park::Wait::owners) tells.
    pub fn find_cycle(
        &self,
        owners: impl FnOnce(&mut dyn FnMut(TaskletId)),
        mine: impl FnOnce() -> Description,
        at: &'static Location<'static>,
    ) -> Option<Box<Report>> {
        // A lock whose holder waits for something is nothing rare: room that is there already.
        let mut seen = self.core.seen.take();
        owners(&mut |owner| seen.push((owner, usize::MAX)));
        let found = self.follow(&mut seen);
        let report = found.map(|last| self.cycle_report(&seen, last, mine(), at));
        seen.clear();
        self.core.seen.replace(seen);
        report
    }

    /// Where the running tasklet is among those that are waited for, and those that they wait for, and so on.
    fn follow(&self, seen: &mut Seen) -> Option<usize> {
        let me = self.current_id();
        let mut next = 0;
        while let Some((id, _)) = seen.get(next).copied() {
            if id == me {
                return Some(next);
            }
            self.owners_of(id, &mut |owner| {
                if seen.iter().all(|(known, _)| *known != owner) {
                    seen.push((owner, next));
                }
            });
            next += 1;
        }
        None
    }

    /// Who holds what a stuck tasklet waits for.
    fn owners_of(&self, id: TaskletId, tell: &mut dyn FnMut(TaskletId)) {
        if !self.is_stuck(id) {
            return;
        }
        let waits = {
            let table = self.core.table.borrow();
            let waits = table.get(id.key).waits.as_ref();
            waits.map(|waits| (waits.on.clone(), waits.ticket))
        };
        if let Some((on, ticket)) = waits {
            on.owners(ticket, tell);
        }
    }

    /// `seen[last]` is the running tasklet again.
    fn cycle_report(
        &self,
        seen: &[(TaskletId, usize)],
        last: usize,
        mine: Description,
        at: &'static Location<'static>,
    ) -> Box<Report> {
        let mut others = Vec::new();
        let mut at_place = seen[last].1;
        while let Some((id, before)) = seen.get(at_place) {
            others.push(*id);
            at_place = *before;
        }
        let Description { operation, on } = mine;
        let mut blocked = vec![self.waiting_here(operation, on, at)];
        let everybody = self.report().blocked;
        let find = |id: &TaskletId| {
            let name = self.label_of(*id)?;
            everybody.iter().find(|waiting| waiting.tasklet == name).cloned()
        };
        blocked.extend(others.iter().rev().filter_map(find));
        Box::new(Report { blocked: blocked.into(), ..Report::default() })
    }

    fn waiting_here(&self, operation: &'static str, on: String, at: &'static Location<'static>) -> Waiting {
        let key = self.core.current.get();
        let table = self.core.table.borrow();
        let entry = table.get(key);
        let spawned_at = (key != MAIN).then_some(entry.spawned_at);
        Waiting { tasklet: label(key, entry), operation, on, spawned_at, waits_at: at, backtrace: None }
    }
}
