//! Timing and printing.

use std::time::{Duration, Instant};

/// How long a measurement takes at least.
const LEAST: Duration = Duration::from_millis(300);

/// Prints a figure.
pub(crate) fn print(name: &str, value: f64, unit: &str) {
    println!("{name} {value:.1} {unit}");
}

/// Doubles the number of operations until doing them takes long enough, then prints nanoseconds for each.
///
/// `work` does as many operations as it is told and says how long they took, without its set-up.
pub(crate) fn per_operation(name: &str, first: usize, mut work: impl FnMut(usize) -> Duration) {
    let mut operations = first;
    loop {
        let took = work(operations);
        if took >= LEAST {
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
