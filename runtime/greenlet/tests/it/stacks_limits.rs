//! The system's limits, met for real by children of the test: which one it was, in the error and in its text; and that everything
//! starts once stacks come back.

use std::fs;

use greenlet::{Builder, Greenlet, StackError, StackLimit, SwitchError, stack_memory, stats};

use crate::harness::{check, go, to_main};
use crate::misuse_process::{child_with, is_child};

/// The child succeeds.
#[track_caller]
fn succeeds(test: &str, variables: &[(&str, &str)]) {
    if crate::tool::meaningless_under(&["asan", "valgrind", "qemu"], "the tool itself needs what is limited") {
        return;
    }
    let out = child_with(&format!("stacks_limits::{test}"), variables);
    assert!(out.status.success(), "{out:?}");
}

/// Holds stacks until there are no more, and then starts one for each that is given back; and more when the need is relieved.
fn meet(size: usize, relieve: impl FnOnce(&mut Vec<Greenlet<u32>>)) -> (usize, StackError) {
    let start = |g: &Greenlet<u32>| match g.switch(7) {
        Ok(received) => {
            assert_eq!(received.unwrap(), 7);
            Ok(())
        }
        Err(SwitchError::Stack { error, value }) => {
            assert_eq!((value, error.size()), (Some(7), size));
            Err(error)
        }
        Err(other) => panic!("{other}"),
    };
    let make = || Builder::new().stack_size(size).build(to_main);
    // So that the list itself needs no memory later.
    let mut held = Vec::with_capacity(100_000);
    let error = loop {
        let g = make();
        if let Err(error) = start(&g) {
            break error;
        }
        held.push(g);
    };
    let most = held.len();
    let refused: Vec<_> = (0..20).map(|_| make()).collect();
    for g in &refused {
        assert_eq!(start(g).unwrap_err().limit(), error.limit());
        assert!(!g.is_active() && !g.is_dead());
    }
    assert_eq!(stats().active, most);
    for g in &refused {
        drop(held.pop());
        start(g).unwrap();
    }
    relieve(&mut held);
    for _ in 0..20 {
        let g = make();
        start(&g).unwrap();
        held.push(g);
    }
    held.iter().chain(&refused).for_each(|g| assert_eq!(go(g, 8), 8));
    drop((held, refused));
    assert_eq!((stats().stacks, stats().active), (0, 0));
    (most, error)
}

/// Lets the process have so much more of something than it has.
fn limit(resource: libc::__rlimit_resource_t, more: usize) -> impl FnOnce(&mut Vec<Greenlet<u32>>) {
    let field = if resource == libc::RLIMIT_AS { 0 } else { 5 };
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(field).unwrap().parse().unwrap();
    let set = move |value| {
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads and writes the struct.
        unsafe {
            assert_eq!(libc::getrlimit(resource, &raw mut now), 0);
            now.rlim_cur = value;
            assert_eq!(libc::setrlimit(resource, &raw const now), 0);
        }
    };
    set((pages * 4096 + more) as u64);
    move |_| set(libc::RLIM_INFINITY)
}

#[track_caller]
fn says(error: &StackError, limit: StackLimit, parts: &[&str]) {
    assert_eq!(error.limit(), limit, "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("no stack of {} bytes: ", error.size())), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn address_space() {
    succeeds("child_with_little_address_space", &[]);
    succeeds("child_with_little_address_space", &[("GREENLET_GUARDS", "mprotect")]);
}

#[test]
fn child_with_little_address_space() {
    if is_child() {
        for (size, more, least, most) in [(64 << 10, 32 << 20, 200, 512), (1 << 20, 256 << 20, 200, 256)] {
            let (held, error) = meet(size, limit(libc::RLIMIT_AS, more));
            says(&error, StackLimit::AddressSpace, &["RLIMIT_AS allows ", "ulimit -v", "lower the stack size"]);
            assert!((least..=most).contains(&held), "{held} stacks of {size} bytes in {more}");
            greenlet::trim();
        }
    }
}

#[test]
fn data() {
    succeeds("child_with_little_data", &[]);
    succeeds("child_with_little_data", &[("GREENLET_GUARDS", "mprotect")]);
}

#[test]
fn child_with_little_data() {
    if is_child() {
        let (held, error) = meet(256 << 10, limit(libc::RLIMIT_DATA, 64 << 20));
        says(&error, StackLimit::Memory, &["RLIMIT_DATA allows ", "ulimit -d"]);
        assert!((200..=256).contains(&held), "{held}");
    }
}

/// With guards that are mappings of their own there are two for each stack.
#[test]
fn mappings() {
    let most = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    if most.trim().parse::<usize>().unwrap() > 100_000 {
        eprintln!("left out: vm.max_map_count is {}, so that this takes gigabytes", most.trim());
        return;
    }
    succeeds("child_with_a_mapping_for_each_guard", &[("GREENLET_GUARDS", "mprotect")]);
}

#[test]
fn child_with_a_mapping_for_each_guard() {
    if is_child() {
        let allowed = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().to_owned();
        let (held, error) = meet(16 << 10, |held| held.truncate(held.len() - 20));
        says(&error, StackLimit::Mappings, &["vm.max_map_count allows ", &allowed, "sysctl", "Linux 6.13"]);
        let allowed: usize = allowed.parse().unwrap();
        assert!((allowed / 2 - 500..allowed / 2).contains(&held), "{held}");
    }
}

/// More than any system has.
#[test]
fn stacks_larger_than_memory() {
    check(|| {
        for size in [1 << 47, 1 << 50, usize::MAX / 2 + 1, usize::MAX] {
            let g = Builder::new().stack_size(size).build(|v: i32| v);
            let Err(SwitchError::Stack { error, value: Some(3) }) = g.switch(3) else { panic!("{size} bytes") };
            assert!(error.size() >= size || error.size() == usize::MAX / 2 + 1);
            says(&error, StackLimit::Memory, &["the system has no memory for ", "vm.overcommit_memory"]);
            drop(g);
            assert_eq!(stack_memory().reserved, 0);
        }
    });
}
