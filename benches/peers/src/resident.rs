//! What blocked tasks cost.

use std::time::{Duration, Instant};

use crate::measure::print;

/// The process's resident memory in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.expect("a Linux that tells VmRSS") * 1024
}

/// The process before it has any of the tasks.
pub(crate) struct Before {
    resident: usize,
    start: Instant,
}

impl Before {
    pub(crate) fn now() -> Self {
        Self { resident: resident(), start: Instant::now() }
    }

    /// Takes the growth and the time for tasks that are all blocked now.
    pub(crate) fn after(self) -> Growth {
        let time = self.start.elapsed();
        Growth { bytes: resident().saturating_sub(self.resident), time }
    }
}

/// What all tasks cost together.
pub(crate) struct Growth {
    bytes: usize,
    time: Duration,
}

impl Growth {
    /// Prints the growth for each task.
    pub(crate) fn print(&self, name: &str, tasks: usize) {
        print(&format!("{name}-rss"), self.bytes as f64 / tasks as f64, "bytes");
        print(&format!("{name}-ns"), self.time.as_nanos() as f64 / tasks as f64, "ns");
    }
}
