//! What tasklets cost that do nothing.

use tasklets::{Channel, run, spawn};

use crate::measure::{print, time};

/// The process's resident memory in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.expect("a Linux that tells VmRSS") * 1024
}

/// Tasklets that are each started and blocked on one channel. Cold, one pass.
pub(crate) fn live(name: &str, tasklets: usize) {
    let channel = Channel::<()>::new();
    let before = resident();
    let took = time(|| {
        for _ in 0..tasklets {
            let channel = channel.clone();
            spawn(move || channel.receive().expect("its release"));
        }
        run();
    });
    assert_eq!(channel.balance(), -(tasklets as isize));
    let grown = resident().saturating_sub(before);
    print(&format!("{name}-rss"), grown as f64 / tasklets as f64, "bytes");
    print(&format!("{name}-ns"), took.as_nanos() as f64 / tasklets as f64, "ns");
    for _ in 0..tasklets {
        channel.send(()).expect("a blocked tasklet");
    }
    assert!(run().is_finished());
}

/// A million tasklets that were spawned and have not begun.
pub(crate) fn unstarted(name: &str) {
    const TASKLETS: usize = 1_000_000;
    let before = resident();
    let took = time(|| {
        for _ in 0..TASKLETS {
            spawn(|| ());
        }
    });
    let grown = resident().saturating_sub(before);
    print(&format!("{name}-rss"), grown as f64 / TASKLETS as f64, "bytes");
    print(&format!("{name}-ns"), took.as_nanos() as f64 / TASKLETS as f64, "ns");
    assert!(run().is_finished());
}
