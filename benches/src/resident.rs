//! What blocked tasks cost.

use std::time::{Duration, Instant};

use crate::measure::print;

/// A line of the process's status that is in kB, in bytes.
fn status(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kib = value.and_then(|text| text.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or_else(|| panic!("this needs a Linux that tells {line}")) * 1024
}

/// Resident memory in bytes, and what the kernel's page tables take beside it.
fn resident() -> (usize, usize) {
    (status("VmRSS"), status("VmPTE"))
}

/// The process before it has any of the tasks.
pub(crate) struct Before {
    resident: usize,
    tables: usize,
    start: Instant,
}

impl Before {
    pub(crate) fn now() -> Self {
        let (resident, tables) = resident();
        Self { resident, tables, start: Instant::now() }
    }

    /// Takes the growth and the time for tasks that are all blocked now.
    pub(crate) fn after(self) -> Growth {
        let time = self.start.elapsed();
        let (resident, tables) = resident();
        Growth { bytes: resident.saturating_sub(self.resident), tables: tables.saturating_sub(self.tables), time }
    }
}

/// What all tasks cost together.
pub(crate) struct Growth {
    bytes: usize,
    tables: usize,
    time: Duration,
}

impl Growth {
    /// Prints the growth for each task.
    pub(crate) fn print(&self, name: &str, tasks: usize) {
        print(&format!("{name}-rss"), self.bytes as f64 / tasks as f64, "bytes");
        print(&format!("{name}-tables"), self.tables as f64 / tasks as f64, "bytes");
        print(&format!("{name}-ns"), self.time.as_nanos() as f64 / tasks as f64, "ns");
    }
}
