//! Many tasklets that live at once: what each takes of the process. In a process of its own, so that nothing else counts.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;

use tasklets::{Channel, enter, run, spawn, stack_memory, stats, trim};

use crate::common::scale;

/// Lines of the process's list of mappings.
fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}

/// Resident bytes of the process.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).map_or(0, |pages| pages.parse().unwrap_or(0)) * 4096
}

/// The kernel's version, as far as it counts here.
fn has_guard_markers() -> bool {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(13))
}

#[test]
fn twenty_thousand() {
    if cfg!(greenlet_portable) || !cfg!(target_os = "linux") {
        return;
    }
    if crate::common::tool::meaningless_under(
        &["asan", "tsan", "valgrind", "qemu"],
        "the tool's own memory is resident, too",
    ) {
        return;
    }
    let out = crate::child("live::child_process", "live", &[]);
    assert!(out.status.success(), "{out:?}");
}

/// More than two mappings for each would allow.
#[test]
fn child_process() {
    if crate::deed().as_deref() != Some("live") {
        return;
    }
    enter(|| {
        let count = scale(20_000);
        live(100);
        trim();
        let before = (mappings(), resident());
        let (mapped, in_use, of_stacks) = live(count);
        if has_guard_markers() {
            assert!(mapped < before.0 + 100, "{} mappings before, {mapped} with {count} tasklets", before.0);
        }
        let each = |bytes: usize| bytes as f64 / count as f64 / 1024.0;
        // The stack, the control block, the table's entry, the closure and the place in the queue. In a debug build frames are
        // larger.
        let most = if cfg!(debug_assertions) { (13.5, 12.1) } else { (4.6, 4.01) };
        assert!(each(in_use - before.1) <= most.0, "{} KiB each", each(in_use - before.1));
        assert!(each(of_stacks) <= most.1, "{} KiB of stack each", each(of_stacks));
        trim();
        assert_eq!(stack_memory().resident, 0);
        let after = resident().saturating_sub(before.1);
        assert!(each(after) < 1.0, "{} KiB each are left", each(after));
    });
    assert_eq!((stats().tasklets, stats().greenlets.greenlets), (0, 0));
}

/// So many tasklets that wait on a channel: mappings, resident bytes, and those of stacks, while they do.
fn live(count: usize) -> (usize, usize, usize) {
    let (channel, sum) = (Channel::new(), Rc::new(Cell::new(0)));
    for _ in 0..count {
        let (channel, sum) = (channel.clone(), sum.clone());
        drop(spawn(move || {
            let value: usize = channel.receive().unwrap();
            sum.set(sum.get() + value);
        }));
    }
    assert_eq!(run().blocked, count);
    let taken = (mappings(), resident(), stack_memory());
    assert_eq!(taken.2.live, count);
    (0..count).for_each(|n| channel.send(n).unwrap());
    run();
    assert_eq!(sum.get(), (0..count).sum());
    (taken.0, taken.1, taken.2.resident)
}
