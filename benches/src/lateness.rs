//! What many sleepers cost: how late the last of them wakes, and the processor time of all.

use std::time::{Duration, Instant};

use crate::measure::print;

/// The longest sleep in milliseconds.
const LONGEST: u64 = 1_000;

/// How long each sleeper sleeps: the same pseudo-random times on every runtime.
pub(crate) fn times(sleepers: usize) -> impl Iterator<Item = Duration> {
    let mut x = 42_u64;
    (0..sleepers).map(move |_| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((x >> 33) % (LONGEST + 1))
    })
}

/// The processor time of all threads of this process that are alive.
fn processor_time() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("this needs a Linux with /proc");
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.filter_map(of).sum())
}

/// Two passes over the same sleepers: the first is cold. `pass` makes them all and returns when they have woken.
pub(crate) fn two_passes(name: &str, mut pass: impl FnMut()) {
    for kind in ["-cold", ""] {
        let (start, before) = (Instant::now(), processor_time());
        pass();
        let (took, used) = (start.elapsed(), processor_time() - before);
        let over = took.as_secs_f64() * 1e3 - LONGEST as f64;
        print(&format!("{name}{kind}-over"), over, "ms");
        print(&format!("{name}{kind}-cpu"), used.as_secs_f64() * 1e3, "ms");
    }
}
