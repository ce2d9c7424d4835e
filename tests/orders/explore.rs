//! Running the same thing in every order, or in random ones.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use tasklets::{Picker, with_picker};

use crate::common::Random;

/// What was chosen at each switch, of how many.
#[derive(Debug, Default)]
struct Path {
    choices: Vec<(usize, usize)>,
    at: usize,
    random: Option<Random>,
}

struct Follow(Rc<RefCell<Path>>);

impl Picker for Follow {
    fn pick(&mut self, runnable: usize) -> usize {
        let mut path = self.0.borrow_mut();
        let at = path.at;
        path.at += 1;
        if at == path.choices.len() {
            let choice = match &mut path.random {
                None => 0,
                Some(random) => random.below(runnable),
            };
            path.choices.push((choice, runnable));
        }
        let (choice, of) = path.choices[at];
        assert_eq!(of, runnable, "the program is not the same every time");
        choice
    }
}

/// Runs `body` along a path; what it chose.
fn run_along(path: Path, what: &dyn Fn() -> String, body: &dyn Fn()) -> Path {
    let shared = Rc::new(RefCell::new(path));
    let outcome = catch_unwind(AssertUnwindSafe(|| with_picker(Follow(shared.clone()), body)));
    let path = shared.take();
    if let Err(payload) = outcome {
        let choices: Vec<usize> = path.choices.iter().map(|(choice, _)| *choice).collect();
        eprintln!("failed in {}, with the choices {choices:?}", what());
        resume_unwind(payload);
    }
    path
}

/// Runs `body` in every order, up to `limit` of them; how many there were, and whether those were all.
pub(crate) fn every_order(limit: usize, what: &dyn Fn() -> String, body: &dyn Fn()) -> (usize, bool) {
    let mut choices = Vec::new();
    for count in 1..=limit {
        let mut path = run_along(Path { choices, ..Path::default() }, what, body).choices;
        // The last choice that has another one left.
        while path.last().is_some_and(|(choice, of)| choice + 1 == *of) {
            path.pop();
        }
        let Some((choice, _)) = path.last_mut() else { return (count, true) };
        *choice += 1;
        choices = path;
    }
    (limit, false)
}

/// Runs `body` in an order that the seed decides.
pub(crate) fn random_order(seed: u64, what: &dyn Fn() -> String, body: &dyn Fn()) {
    run_along(Path { random: Some(Random(seed)), ..Path::default() }, what, body);
}
