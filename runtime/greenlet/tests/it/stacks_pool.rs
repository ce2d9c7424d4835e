//! The pool of idle stacks, the figures, and what is given back to the system.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use greenlet::{
    Builder, Greenlet, StackMemory, StackUsage, measure_stacks, note_stack_use, set_max_stacks, set_pool_capacity,
    set_pool_review, stack_memory, stack_peaks, trim,
};

use crate::harness::{check, go, scaled, suspended, to_main};
use crate::tool::meaningless_under;

/// Whether there are figures in bytes.
const MEASURED: bool = !cfg!(greenlet_portable);

/// The same for all stacks together.
fn resident_is_known() -> bool {
    MEASURED && !meaningless_under(&["qemu"], "it cannot tell what has memory where there are guards")
}

const PAGE: usize = 4096;

fn memory() -> StackMemory {
    stack_memory()
}

/// So many stacks in use at once; they are idle then.
fn use_stacks(count: usize) {
    drop((0..count).map(|_| suspended()).collect::<Vec<_>>());
}

/// Uses so many pages of the stack, and some more.
fn use_pages(pages: usize) {
    #[inline(never)]
    fn deeper(pages: usize) -> u8 {
        let mut frame = [0_u8; PAGE];
        black_box(&mut frame)[pages % PAGE] = 1;
        if pages > 1 { deeper(pages - 1) + frame[0] } else { frame[1] }
    }
    black_box(deeper(pages));
}

#[test]
fn the_pool_is_bounded() {
    check(|| {
        let before = set_pool_capacity(10);
        assert_eq!(before, 1024);
        use_stacks(25);
        assert_eq!((memory().live, memory().pooled), (0, 10));
        // Each size has a pool of its own.
        drop((0..15).map(|_| big()).collect::<Vec<_>>());
        assert_eq!(memory().pooled, 20);
        // A smaller bound holds for those that come back.
        assert_eq!(set_pool_capacity(5), 10);
        use_stacks(12);
        assert_eq!(memory().pooled, 15);
        assert_eq!(trim(), 15);
        assert_eq!((memory().live, memory().pooled), (0, 0));
        set_pool_capacity(before);
    });
}

fn big() -> Greenlet {
    let g = Builder::new().stack_size(1 << 20).build(to_main);
    go(&g, ());
    g
}

/// Where a frame of the running greenlet is.
#[inline(never)]
fn here() -> usize {
    let frame = black_box(0_u8);
    (&raw const frame).addr() & !0xffff
}

/// The one that came back last, which is still warm, is used first.
#[test]
fn last_in_first_out() {
    check(|| {
        let places = |count: usize| -> Vec<(Greenlet<usize>, usize)> {
            let made = (0..count).map(|_| Greenlet::new(|_| to_main(here())));
            made.map(|g| (g.clone(), go(&g, 0))).collect()
        };
        let mut first = places(8);
        let mut order = Vec::new();
        for at in [3, 0, 5, 1, 2, 0, 1, 0] {
            let (g, place) = first.remove(at);
            drop(g);
            order.push(place);
        }
        assert_eq!(memory().pooled, 8);
        let then: Vec<usize> = places(8).into_iter().map(|(_, place)| place).collect();
        order.reverse();
        assert_eq!(then, order);
    });
}

/// What was not needed between two looks goes; what was needed stays.
#[test]
fn the_pool_is_reviewed() {
    check(|| {
        trim();
        // More ends than the first round has.
        let review = scaled(1_000).max(200);
        let before = set_pool_review(review);
        assert_eq!(before, 16 * 1024);
        use_stacks(100);
        assert_eq!(memory().pooled, 100);
        let full = memory();
        // Three at a time, over and over.
        (0..review).for_each(|_| use_stacks(3));
        let after = memory();
        assert_eq!((after.live, after.pooled), (0, 3));
        if resident_is_known() {
            assert!(full.resident >= 100 * PAGE, "{full:?}");
            assert!(after.resident <= full.resident / 10, "{full:?}, and then {after:?}");
        }
        // 0 keeps all of them.
        set_pool_review(0);
        use_stacks(50);
        (0..review).for_each(|_| use_stacks(3));
        assert_eq!(memory().pooled, 50);
        set_pool_review(before);
    });
}

/// All the memory goes back with the stacks, and the address space but for a part of it.
#[test]
fn trim_gives_memory_back() {
    check(|| {
        trim();
        let deep = |pages: usize| {
            let g = Builder::new().stack_size(256 * 1024).build(move |()| {
                use_pages(pages);
                to_main(());
            });
            go(&g, ());
            g
        };
        let greenlets: Vec<_> = (0..scaled(200)).map(|_| deep(20)).collect();
        let most = memory();
        assert_eq!((most.live, most.pooled), (greenlets.len(), 0));
        drop(greenlets);
        let idle = memory();
        assert_eq!((idle.live, idle.pooled, idle.resident), (0, most.live, most.resident));
        assert_eq!(trim(), most.live);
        let rest = memory();
        assert_eq!((rest.live, rest.pooled, rest.resident), (0, 0, 0));
        if resident_is_known() {
            assert!(most.resident >= scaled(200) * 20 * PAGE, "{most:?}");
            assert!(most.reserved >= scaled(200) * (256 + 16) * 1024, "{most:?}");
            // One mapping for many stacks stays.
            assert!(rest.reserved <= most.reserved && rest.reserved <= 128 << 20, "{rest:?}");
        } else if !MEASURED {
            assert_eq!((most.resident, most.reserved), (0, 0));
        }
    });
}

/// Sizes are rounded up, and one class after the other is served by its own stacks.
#[test]
fn sizes_come_in_classes() {
    check(|| {
        trim();
        let kib = |size: usize| Builder::new().stack_size(size).build(|()| ()).stack_size() / 1024;
        let sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 60 * 1024, 64 * 1024, 100_000, (1 << 20) - 1, 3 << 20];
        if MEASURED {
            assert_eq!(sizes.map(kib), [16, 16, 16, 32, 64, 64, 128, 1024, 4096]);
        } else {
            assert_eq!(sizes.map(kib), [8, 8, 16, 20, 60, 64, 100, 1024, 3072]);
        }
        // Two sizes of one class share stacks.
        for size in [65_536, 65_530, 65_535, 65_536] {
            let g = Builder::new().stack_size(size).build(to_main);
            go(&g, ());
            assert_eq!(g.stack_size(), 65_536);
            drop(g);
            assert_eq!(memory().pooled, 1);
        }
        // Every byte of it can be used.
        go(&Builder::new().stack_size(4 << 20).build(|()| use_pages(900)), ());
    });
}

#[test]
fn the_use_of_one_stack() {
    check(|| {
        trim();
        let used = |g: &Greenlet| g.stack_usage().map(|StackUsage { used, size, .. }| (used / PAGE, size));
        let g = Builder::new().stack_size(128 * 1024).build(|()| {
            to_main(());
            use_pages(10);
            to_main(());
        });
        assert_eq!(used(&g), None, "it has no stack");
        go(&g, ());
        let shallow = used(&g);
        go(&g, ());
        let deep = used(&g);
        assert_eq!(used(&greenlet::main()), None);
        if MEASURED {
            let (Some((shallow, _)), Some((deep, size))) = (shallow, deep) else { panic!("{shallow:?} {deep:?}") };
            assert_eq!(size, 128 * 1024);
            // A few pages more in a debug build.
            assert!((1..=4).contains(&shallow) && (shallow + 6..=20).contains(&deep), "{shallow} and {deep} pages");
        } else {
            assert_eq!((shallow, deep), (None, None));
        }
        go(&g, ());
        assert_eq!(used(&g), None, "it has ended");
    });
}

/// By the place where greenlets were made, however they end. What was on a stack before does not count.
#[test]
fn peaks() {
    check(|| {
        use_stacks(3);
        go(&Greenlet::new(|()| use_pages(13)), ());
        assert!(!measure_stacks(true) && measure_stacks(true));
        let lines = [line!() + 2, line!() + 3, line!() + 4, line!() + 5];
        for n in 0..10 {
            go(&Greenlet::new(|()| use_pages(4)), ());
            go(&Greenlet::new(move |()| use_pages(if n == 4 { 12 } else { 1 })), ());
            let killed = Greenlet::new(to_main);
            let raises = Greenlet::new(|()| crate::harness::raise("on purpose"));
            go(&killed, ());
            killed.kill().unwrap();
            assert_eq!(crate::harness::raised::<&str, _>(|| raises.switch(())), "on purpose");
        }
        let peaks = stack_peaks();
        assert!(measure_stacks(false));
        assert!(stack_peaks().is_empty() && !measure_stacks(false));
        if !MEASURED {
            return assert!(peaks.is_empty());
        }
        assert_eq!(peaks.len(), 4, "{peaks:#?}");
        let at = |line| peaks.iter().find(|peak| peak.site.line() == line && peak.site.file() == file!()).unwrap();
        for (line, (least, most)) in lines.into_iter().zip([(4, 8), (12, 15), (1, 6), (1, 6)]) {
            let peak = at(line);
            assert!((least..=most).contains(&(peak.bytes / PAGE)) && peak.bytes % PAGE == 0, "{peak:?}");
            assert_eq!(peak.ended, 10);
        }
        assert!(peaks.is_sorted_by_key(|peak| std::cmp::Reverse(peak.bytes)));
    });
}

/// A scheduler notes what its workers do; they themselves are not noted.
#[test]
fn peaks_of_workers() {
    check(|| {
        measure_stacks(true);
        for _ in 0..5 {
            let worker = Builder::new().build_worker(|| {
                for (pages, site) in [(1, here_is()), (6, there_is()), (1, here_is())] {
                    use_pages(pages);
                    note_stack_use(site);
                }
                None
            });
            worker.unwrap().switch(()).unwrap();
        }
        let peaks = stack_peaks();
        measure_stacks(false);
        note_stack_use(here_is());
        assert!(stack_peaks().is_empty());
        if MEASURED {
            let told: Vec<_> = peaks.iter().map(|peak| (peak.site, peak.ended)).collect();
            assert_eq!(told, [(there_is(), 5), (here_is(), 10)]);
            assert!(peaks[0].bytes >= peaks[1].bytes + 4 * PAGE, "{peaks:?}");
        }
    });
}

fn here_is() -> &'static std::panic::Location<'static> {
    std::panic::Location::caller()
}

fn there_is() -> &'static std::panic::Location<'static> {
    std::panic::Location::caller()
}

/// Nothing is kept of a burst but what the pool may hold, and nothing of that when it is drained.
#[test]
fn bursts_leave_nothing() {
    check(|| {
        trim();
        let run = || use_stacks(scaled(2_000));
        run();
        let before = memory();
        assert_eq!(before.pooled, scaled(2_000).min(1_024));
        (0..3).for_each(|_| run());
        let after = memory();
        assert_eq!((after.pooled, after.reserved, after.resident), (before.pooled, before.reserved, before.resident));
        trim();
        assert_eq!(memory().resident, 0);
    });
}

/// The cap counts idle stacks, and makes them go where another size is wanted.
#[test]
fn the_cap_counts_idle_stacks() {
    check(|| {
        trim();
        let before = set_max_stacks(4);
        use_stacks(4);
        let held: Vec<_> = (0..4).map(|_| big()).collect();
        assert_eq!((memory().live, memory().pooled), (4, 0));
        let ran = Rc::new(Cell::new(false));
        let flag = ran.clone();
        let waits = Greenlet::new(move |()| flag.set(true));
        waits.switch(()).unwrap_err();
        drop(held);
        go(&waits, ());
        assert!(ran.get());
        set_max_stacks(before);
    });
}
