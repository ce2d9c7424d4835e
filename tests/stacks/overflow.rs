//! A tasklet's stack that runs over: the report names the tasklet, and where it was spawned.

use std::process::Output;

use greenlet::Greenlet;
use tasklets::{Builder, run, schedule, schedule_remove, spawn};

fn child(deed: &str, variables: &[(&str, &str)]) -> Output {
    crate::child("overflow::child_process", deed, variables)
}

#[test]
fn child_process() {
    match crate::deed().as_deref() {
        None => {}
        Some("named") => named(128 * 1024),
        Some("named, with more") => named(4 << 20),
        Some("third") => third(),
        Some("greenlet") => greenlet_of_a_tasklet(),
        Some("main's greenlet") => {
            run();
            Greenlet::new(sink).switch(0).map(drop).unwrap();
        }
        Some("switching") => switching(std::env::var("PADDING").unwrap().parse().unwrap()),
        Some("destructor") => destructor(),
        Some(other) => panic!("{other} is no deed"),
    }
}

/// The report names all of these, with guards of both kinds.
#[track_caller]
fn reports(deed: &str, parts: &[&str]) {
    for guards in ["", "mprotect"] {
        let out = child(deed, &[("GREENLET_GUARDS", guards)]);
        assert_eq!(out.status.code(), None, "ended by a signal: {out:?}");
        let text = String::from_utf8_lossy(&out.stderr);
        for part in parts.iter().chain(&["stack overflow\n", "Builder::stack_size"]) {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }
}

/// A line of this file, as reports have it.
fn at(line: u32) -> String {
    format!("spawned at {}:{line}:", file!())
}

/// Goes as deep as it is told; for 0, without end.
#[inline(never)]
fn sink(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    if depth == 1 { 1 } else { sink(depth.wrapping_sub(1)) + here[(depth % 64) as usize] }
}

const NAMED: u32 = line!() + 4;

fn named(size: usize) {
    let depth = if size > 1 << 20 { 300 } else { 0 };
    Builder::new().name("deep").stack_size(size).spawn(move || sink(depth)).join().unwrap();
}

#[test]
fn a_named_tasklet() {
    reports("named", &["\ntasklet 1 \"deep\", spawned at ", &at(NAMED), ", on thread ", "its stack has 131072 bytes"]);
}

/// The remedy that the report names is one.
#[test]
fn with_more_there_is_no_overflow() {
    let out = child("named, with more", &[]);
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
}

/// On a stack that others have used, and with others that wait.
const THIRD: u32 = line!() + 5;

fn third() {
    drop(spawn(|| ()));
    drop(spawn(|| schedule_remove().unwrap()));
    drop(spawn(|| schedule().map(|()| sink(0))));
    run();
}

#[test]
fn an_unnamed_tasklet() {
    reports("third", &["\ntasklet 3, spawned at ", &at(THIRD), "its stack has 65536 bytes"]);
}

const NESTED: u32 = line!() + 4;

fn greenlet_of_a_tasklet() {
    let nested = || Greenlet::new(sink).switch(0).map(drop).unwrap();
    drop(spawn(nested));
    run();
}

#[test]
fn a_greenlet_that_a_tasklet_made() {
    let made = format!("\ngreenlet 2, made at {}:{}:", file!(), NESTED - 1);
    reports("greenlet", &[&made, ", in tasklet 1, ", &at(NESTED)]);
}

#[test]
fn a_greenlet_that_the_main_tasklet_made() {
    reports("main's greenlet", &["\ngreenlet 1, made at ", file!(), ", in the main tasklet, on thread "]);
}

/// Two of them take turns, and one goes deeper with every turn: it is not the other one that runs over.
fn switching(padding: u32) {
    #[inline(never)]
    fn climb(depth: u64) -> u64 {
        schedule().unwrap();
        let deeper = std::hint::black_box(depth + 1);
        if deeper == 0 { 0 } else { climb(deeper) + depth }
    }
    /// Begins so many bytes lower, and somewhat more.
    #[inline(never)]
    fn padded<const N: usize>() -> u64 {
        let frame = std::hint::black_box([1_u8; N]);
        climb(1) + u64::from(frame[N / 2])
    }
    let paddings = [
        padded::<8>,
        padded::<24>,
        padded::<40>,
        padded::<56>,
        padded::<72>,
        padded::<88>,
        padded::<104>,
        padded::<120>,
    ];
    let begin = paddings[padding as usize % paddings.len()];
    drop(Builder::new().name("climber").spawn(begin));
    drop(spawn(|| while schedule().is_ok() {}));
    run();
}

/// The first byte beyond the stack is met by another push for each of these.
#[test]
fn in_the_midst_of_a_switch() {
    for padding in 0..8 {
        let out = child("switching", &[("PADDING", &padding.to_string())]);
        let text = String::from_utf8_lossy(&out.stderr);
        // The portable context's package has said something before.
        let named = text.contains("\ntasklet 1 \"climber\", spawned at ");
        // Where the scheduler itself has a hold of what it knows of tasklets.
        let unknown = text.contains("\na tasklet on greenlet 1 \"climber\", in a call of the scheduler, ");
        assert!(named || unknown, "{padding}: {out:?}");
    }
}

/// In a destructor, while it is killed.
fn destructor() {
    struct Deep;
    impl Drop for Deep {
        fn drop(&mut self) {
            sink(0);
        }
    }
    let victim = Builder::new().name("victim").spawn(|| {
        let _deep = Deep;
        schedule_remove()
    });
    drop(spawn(|| schedule_remove().unwrap()));
    run();
    victim.kill().unwrap();
}

#[test]
fn a_tasklet_that_is_killed() {
    reports("destructor", &["\ntasklet 1 \"victim\", spawned at "]);
}
