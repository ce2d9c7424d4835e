//! What every test runs in: a thread of its own, with leak counters that must be back at zero.

#![allow(dead_code, reason = "each test binary uses a part of this")]

#[path = "../../runtime/greenlet/tests/it/tool.rs"]
pub(crate) mod tool;

use std::panic::resume_unwind;

/// Runs `body` on a fresh thread, inside [`tasklets::enter`], and checks that nothing is left of it.
///
/// A panic of `body` goes on in the caller.
#[track_caller]
pub(crate) fn checked(body: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(move || {
        // Leaks are counted process-wide, and by tests that run beside this one.
        let leaked = tasklets::stats().greenlets.leaked;
        tasklets::enter(body);
        let stats = tasklets::stats();
        assert_eq!(stats.tasklets, 0, "tasklets are left: {stats:?}");
        assert_eq!(stats.blocked, 0, "tasklets are blocked still: {stats:?}");
        assert_eq!(stats.runnable, 1, "tasklets are runnable still: {stats:?}");
        let greenlets = stats.greenlets;
        assert_eq!(greenlets.greenlets, 0, "greenlets are left: {stats:?}");
        assert_eq!(greenlets.active, 0, "greenlets have not ended: {stats:?}");
        assert_eq!(greenlets.stacks, 0, "stacks are bound still: {stats:?}");
        assert_eq!(greenlets.leaked, leaked, "stacks were given up: {stats:?}");
    });
    if let Err(payload) = thread.join() {
        resume_unwind(payload);
    }
}

/// A size of a test, scaled by the variable `TEST_SCALE` (1 if it is not set), and at least 1.
pub(crate) fn scale(n: usize) -> usize {
    let factor = std::env::var("TEST_SCALE").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    ((n as f64 * factor) as usize).max(1)
}

/// Numbers that a seed decides: Knuth's generator for 64 bits, its upper half.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next one, less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
