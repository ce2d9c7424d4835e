//! Random orders of random scenarios.

use crate::common::{Random, checked, scale};
use crate::explore::random_order;
use crate::pipe::{KINDS, Patience};
use crate::scenario::{MS, Step, Steps, play};

impl Random {
    fn patience(&mut self) -> Patience {
        match self.below(4) {
            0 => Patience::Try,
            1 => Patience::Timeout(MS),
            _ => Patience::Forever,
        }
    }

    fn steps(&mut self) -> Steps {
        let count = 1 + self.below(4);
        (0..count).map(|_| self.step()).collect()
    }

    fn step(&mut self) -> Step {
        match self.below(20) {
            0..=4 => Step::Send(self.below(2), self.patience()),
            5..=9 => Step::Receive(self.below(2), self.patience()),
            10..=12 => Step::ReceiveFirst(self.patience()),
            13..=15 => Step::SendOrReceive(self.below(2), self.patience()),
            16 => Step::Kill(self.below(4)),
            17 => Step::Close(self.below(2)),
            18 => Step::Pass,
            _ => Step::Yield,
        }
    }
}

/// The seed of a failure is in its message: `TEST_SEED` runs that one alone.
#[test]
fn random_scenarios_in_random_orders() {
    let only = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    checked(move || {
        let seeds = only.map_or(0..scale(20_000) as u64, |seed| seed..seed + 1);
        for seed in seeds {
            let mut random = Random(seed);
            random.below(1);
            let tasklets: Vec<Steps> = (0..2 + random.below(3)).map(|_| random.steps()).collect();
            let kinds = [(); 2].map(|()| KINDS[random.below(KINDS.len())]);
            let what = || format!("TEST_SEED={seed}: {kinds:?}: {tasklets:?}");
            random_order(random.0, &what, &|| play(kinds, &tasklets));
        }
    });
}
