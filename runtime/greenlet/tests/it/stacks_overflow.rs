//! Stacks that run over: what the report says, whatever ran over, and where.

use std::hint::black_box;
use std::panic::Location;

use greenlet::{Builder, Greenlet, describe_overflows};

use crate::harness::{go, to_main};
use crate::misuse_process::{aborts_with, child, is_child, recurse};

/// The text names all of these.
#[track_caller]
fn names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// An overflow of a greenlet, with guards of both kinds; on the portable context there is one.
#[track_caller]
fn overflows(test: &str, parts: &[&str]) {
    for guards in ["", "mprotect"] {
        let text = aborts_with(test, &[("GREENLET_GUARDS", guards)]);
        names(&text, parts);
        names(&text, &["stack overflow", "Builder::stack_size"]);
    }
}

#[test]
fn an_unnamed_one_is_named_by_where_it_was_made() {
    let parts = ["greenlet 2, made at ", "stacks_overflow.rs:", "its stack has 65536 bytes"];
    overflows("stacks_overflow::child_of_no_name", &parts);
}

#[test]
fn child_of_no_name() {
    if is_child() {
        let first = Greenlet::new(to_main);
        go(&first, ());
        go(&Greenlet::new(recurse), 0);
    }
}

/// The compiler touches each page of a large frame in order, and so meets the guard.
#[test]
fn a_frame_larger_than_the_stack_and_its_guard() {
    if crate::tool::meaningless_under(&["asan"], "it lays out large frames itself, and touches no page on the way") {
        return;
    }
    overflows("stacks_overflow::child_with_a_large_frame", &["greenlet 1 \"large\", made at "]);
}

#[inline(never)]
fn large_frame(n: usize) -> u8 {
    let mut frame = [0_u8; 1 << 20];
    black_box(&mut frame)[n] = 1;
    frame[n / 2]
}

#[test]
fn child_with_a_large_frame() {
    if is_child() {
        go(&Builder::new().name("large").build(|n: usize| usize::from(large_frame(n))), 7);
    }
}

#[test]
fn in_a_nested_greenlet_on_a_reused_stack() {
    overflows("misuse_process::child_overflows_later", &["greenlet 3, made at "]);
}

/// Whoever runs over in the midst of a switch is not who is switched to.
#[test]
fn in_the_midst_of_a_switch() {
    // The first byte beyond the stack is met by another push for each of these.
    for depth in 0..scaled_paddings() {
        let text = aborts_with("stacks_overflow::child_that_switches", &[("PADDING", &depth.to_string())]);
        names(&text, &["greenlet 1 \"climber\", made at ", "stack overflow"]);
    }
}

fn scaled_paddings() -> usize {
    crate::harness::scaled(16)
}

/// Takes 16 bytes of stack for each unit, and then climbs with a switch at every step.
#[inline(never)]
fn padded(units: usize) {
    if units == 0 {
        return climb(0);
    }
    match units % 8 {
        0 => with_frame::<16>(units),
        1 => with_frame::<32>(units),
        2 => with_frame::<48>(units),
        3 => with_frame::<64>(units),
        4 => with_frame::<80>(units),
        5 => with_frame::<96>(units),
        6 => with_frame::<112>(units),
        _ => with_frame::<128>(units),
    }
}

#[inline(never)]
fn with_frame<const N: usize>(units: usize) {
    let frame = black_box([units as u8; N]);
    if units > 8 {
        padded(units - 8)
    } else {
        climb(0)
    }
    black_box(frame);
}

#[inline(never)]
fn climb(n: u64) {
    if n == u64::MAX {
        return;
    }
    let here = black_box([n; 2]);
    to_main(());
    climb(n + 1);
    black_box(here);
}

#[test]
fn child_that_switches() {
    if !is_child() {
        return;
    }
    let units = std::env::var("PADDING").unwrap().parse().unwrap();
    let climber = Builder::new().name("climber").build(move |()| padded(units));
    loop {
        go(&climber, ());
    }
}

/// What a scheduler says comes in place of the greenlet's name.
#[test]
fn described_by_somebody_else() {
    let parts = ["task 7 of greenlet 1, on thread "];
    overflows("stacks_overflow::child_described_by_somebody_else", &parts);
}

#[test]
fn child_described_by_somebody_else() {
    if is_child() {
        assert!(describe_overflows(Some(|greenlet, out| write!(out, "task 7 of {greenlet}"))).is_none());
        go(&Greenlet::new(recurse), 0);
    }
}

#[test]
fn where_a_greenlet_was_made() {
    let (g, here) = (Greenlet::new(|()| ()), Location::caller());
    assert_eq!((g.made_at().file(), g.made_at().line()), (here.file(), here.line()));
}

/// Rust's report, which was there before. The portable context's package has a handler of its own, which does not know of that one.
#[cfg(not(greenlet_portable))]
#[test]
fn of_the_threads_own_stack() {
    let text = aborts_with("stacks_overflow::child_of_its_own_stack", &[]);
    names(&text, &["has overflowed its stack"]);
    assert!(!text.contains("greenlet"), "{text}");
}

#[cfg(not(greenlet_portable))]
#[test]
fn child_of_its_own_stack() {
    if is_child() {
        go(&Greenlet::new(|()| ()), ());
        let waits = Greenlet::new(to_main);
        go(&waits, ());
        recurse(0);
    }
}

/// Code without probes steps over a guard that is smaller than its frames.
#[cfg(not(greenlet_portable))]
#[test]
fn a_guard_of_another_size() {
    let step = |guard: usize| {
        let variables = [("GUARD", guard.to_string())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        crate::misuse_process::child_with("stacks_overflow::child_with_a_guard", &variables)
    };
    let out = step(1 << 20);
    assert_eq!(out.status.code(), None, "{out:?}");
    names(&String::from_utf8_lossy(&out.stderr), &["\"strider\", made at ", "stack overflow"]);
    let out = step(1);
    assert!(out.status.success(), "what is 512 KiB below a small guard is another stack: {out:?}");
}

#[cfg(not(greenlet_portable))]
#[test]
fn child_with_a_guard() {
    if !is_child() {
        return;
    }
    // Stacks that are mapped already keep their guards, and those that come after have the new one.
    go(&Greenlet::new(|()| ()), ());
    greenlet::trim();
    assert_eq!(greenlet::set_guard_size(std::env::var("GUARD").unwrap().parse().unwrap()), 16 * 1024);
    let others: Vec<Greenlet> = (0..12).map(|_| Greenlet::new(to_main)).collect();
    let steps_far = Builder::new().name("strider").build(|()| {
        let here = black_box(0_u8);
        let far = (&raw const here).cast_mut().wrapping_sub(64 * 1024 + 512 * 1024);
        // SAFETY: that is in the guard of this stack, and ends the process, or in stacks which nothing has been put on.
        unsafe { far.write_volatile(1) };
    });
    if std::env::var("GUARD").unwrap() == "1" {
        // They lie one above the other: this is the last one.
        others.iter().for_each(|g| g.reserve().unwrap());
    }
    go(&steps_far, ());
}

#[test]
fn what_ends_well_prints_nothing() {
    let out = child("stacks_overflow::child_that_ends_well");
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
}

#[test]
fn child_that_ends_well() {
    if is_child() {
        go(&Builder::new().stack_size(4 << 20).build(|n: usize| usize::from(large_frame(n))), 7);
    }
}
