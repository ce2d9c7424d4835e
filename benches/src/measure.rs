//! Timing and printing.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a measurement takes at least.
const LEAST: Duration = Duration::from_millis(300);

/// How many operations a measurement is, if it is not to grow.
static EXACTLY: OnceLock<usize> = OnceLock::new();

/// From here on a measurement is this many operations, done once: what counts instructions wants no clock to decide.
pub(crate) fn exactly(operations: usize) {
    EXACTLY.set(operations).expect("this is said once");
}

/// Prints a figure.
pub(crate) fn print(name: &str, value: f64, unit: &str) {
    println!("{name} {value:.1} {unit}");
}

/// Doubles the number of operations until doing them takes long enough, then prints nanoseconds for each.
///
/// `work` does as many operations as it is told and says how long they took, without its set-up.
pub(crate) fn per_operation(name: &str, first: usize, mut work: impl FnMut(usize) -> Duration) {
    let mut operations = EXACTLY.get().copied().unwrap_or(first);
    loop {
        let took = work(operations);
        if took >= LEAST || EXACTLY.get().is_some() {
            print(name, took.as_nanos() as f64 / operations as f64, "ns");
            return;
        }
        operations *= 2;
    }
}

/// Times `f`.
pub(crate) fn time<R>(f: impl FnOnce() -> R) -> Duration {
    let start = Instant::now();
    std::hint::black_box(f());
    start.elapsed()
}
