//! How deep tasklets use their stacks, by the place where they were spawned; and what stacks take of the process.

use std::hint::black_box;

use tasklets::{
    Builder, Channel, Dump, StackPeak, dump, kill_all, measure_stacks, run, schedule, schedule_remove, spawn,
    stack_memory, stack_peaks, stats, trim,
};

use crate::common::{checked, tool};

/// Whether there is something to measure with.
const MEASURED: bool = !cfg!(greenlet_portable);

/// The same for all stacks together.
fn resident_is_known() -> bool {
    MEASURED && !tool::meaningless_under(&["qemu"], "it cannot tell what has memory where there are guards")
}

/// Whether frames are as large as the compiler makes them by itself.
fn frames_are_plain() -> bool {
    !tool::meaningless_under(&["asan"], "frames are larger")
}

const PAGE: usize = 4096;

/// Uses so many pages, and some more.
fn use_pages(pages: usize) {
    #[inline(never)]
    fn deeper(pages: usize) -> u8 {
        let mut frame = [0_u8; PAGE];
        black_box(&mut frame)[pages % PAGE] = 1;
        if pages > 1 { deeper(pages - 1) + frame[0] } else { frame[1] }
    }
    black_box(deeper(pages));
}

/// The peak of what was made on a line of this file.
fn at(peaks: &[StackPeak], line: u32) -> Option<(usize, u64)> {
    let found = peaks.iter().find(|peak| peak.site.file() == file!() && peak.site.line() == line);
    found.map(|peak| (peak.bytes / PAGE, peak.ended))
}

/// Each place has its own figure, although the tasklets run on the same stacks, one after the other.
#[test]
fn peaks_by_the_place_of_spawn() {
    checked(|| {
        // What was on a stack before does not count.
        spawn(|| use_pages(12)).join().unwrap();
        assert!(!measure_stacks(true));
        let mut lines = [0; 4];
        for n in 1..=20 {
            lines = [line!() + 1, line!() + 2, line!() + 3, line!() + 4];
            drop(spawn(|| schedule().map(|()| use_pages(4))));
            drop(spawn(move || use_pages(if n == 7 { 9 } else { 2 })));
            drop(Builder::new().name("named").spawn(|| use_pages(3)));
            drop(Builder::new().stack_size(1 << 20).spawn(|| use_pages(100)));
            if n % 3 == 0 {
                run();
            }
        }
        run();
        let peaks = stack_peaks();
        if !MEASURED {
            return assert!(peaks.is_empty());
        }
        assert_eq!(peaks.len(), 4, "the scheduler's own lines are none of them: {peaks:#?}");
        for (line, (least, most)) in lines.into_iter().zip([(4, 9), (9, 14), (3, 8), (100, 210)]) {
            let (pages, ended) = at(&peaks, line).expect("a peak for the line");
            assert!((least..=most).contains(&pages), "{pages} pages, not {least} to {most}");
            assert_eq!(ended, 20);
        }
        assert!(peaks.is_sorted_by_key(|peak| std::cmp::Reverse(peak.bytes)));
        assert!(measure_stacks(false));
        drop(spawn(|| use_pages(1)));
        run();
        assert_eq!(stack_peaks(), [], "it is over");
    });
}

/// However a tasklet ends: killed, panicking, nested in a kill; and greenlets that tasklets made count on their own.
#[test]
fn every_end_is_noted_once() {
    checked(|| {
        measure_stacks(true);
        let killed = line!() + 1;
        let blocked: Vec<_> = (0..3).map(|_| spawn(|| schedule_remove().unwrap())).collect();
        let panicking = line!() + 1;
        let panics = spawn(|| std::panic::resume_unwind(Box::new("on purpose")));
        let never = line!() + 1;
        let unstarted = Builder::new().paused(|| ());
        let (by_hand, outer) = (line!() + 2, line!() + 1);
        let of_hand = spawn(|| {
            greenlet::Greenlet::new(|()| use_pages(5)).switch(()).map(drop).unwrap();
        });
        run();
        panics.join().unwrap_err();
        of_hand.join().unwrap();
        unstarted.kill().unwrap();
        blocked[0].kill().unwrap();
        drop(blocked);
        assert!(kill_all().is_empty());
        let peaks = stack_peaks();
        measure_stacks(false);
        if !MEASURED {
            return;
        }
        assert_eq!(peaks.len(), 4, "{peaks:#?}");
        let ended = |line| at(&peaks, line).map(|(_, ended)| ended);
        assert_eq!([killed, panicking, by_hand, outer].map(ended), [Some(3), Some(1), Some(1), Some(1)]);
        assert_eq!(ended(never), None, "it never had a stack");
        assert!(at(&peaks, by_hand).unwrap().0 >= 5);
        assert!(at(&peaks, outer).unwrap().0 < 5 || !frames_are_plain());
    });
}

/// What a dump tells of one tasklet's stack.
#[test]
fn a_dump_has_the_use_of_each_stack() {
    checked(|| {
        let (channel, end) = (Channel::<()>::new(), Channel::new());
        for pages in [1, 8] {
            let (channel, end) = (channel.clone(), end.clone());
            drop(spawn(move || {
                use_pages(pages);
                end.send(()).unwrap();
                channel.receive().unwrap();
            }));
        }
        (0..2).for_each(|_| end.receive().unwrap());
        run();
        let Dump { tasklets, .. } = dump();
        let used: Vec<_> = tasklets[1..].iter().map(|tasklet| tasklet.stack_used).collect();
        if MEASURED {
            let [Some(shallow), Some(deep)] = used[..] else { panic!("{used:?}") };
            assert!(shallow >= PAGE && deep >= shallow + 6 * PAGE && deep < 64 * 1024, "{used:?}");
        } else {
            assert_eq!(used, [None, None]);
        }
        (0..2).for_each(|_| channel.send(()).unwrap());
        run();
    });
}

/// Stacks of tasklets that rest count as idle ones, and go when they are asked to.
#[test]
fn memory_and_trim() {
    checked(|| {
        trim();
        assert_eq!((stack_memory().live, stack_memory().pooled), (0, 0));
        let sleepers: Vec<_> = (0..50).map(|_| spawn(|| schedule_remove().unwrap())).collect();
        run();
        let memory = stack_memory();
        assert_eq!((memory.live, memory.pooled), (50, 0));
        if resident_is_known() {
            assert!(memory.reserved >= 50 * 80 * 1024 && memory.resident >= 50 * PAGE, "{memory:?}");
            assert!(memory.resident < 200 * PAGE || !frames_are_plain(), "{memory:?}");
        }
        sleepers.iter().for_each(|sleeper| sleeper.insert().unwrap());
        run();
        assert_eq!((stack_memory().live, stack_memory().pooled), (0, 50));
        assert_eq!(stats().greenlets.pooled, 50);
        assert_eq!((trim(), trim()), (50, 0));
        let memory = stack_memory();
        assert_eq!((memory.live, memory.pooled, memory.resident), (0, 0, 0));
    });
}
