//! Stacks that are refused: by every request in turn, by caps, and by the limits of the system. Nothing is lost, and everything
//! starts once stacks come back.

use greenlet::{
    Builder, Greenlet, StackError, StackLimit, SwitchError, main, refuse_stacks, set_max_stacks, stats, trim,
};

use crate::harness::{Count, check, go, scaled, to_main};

/// The error of a switch that found no stack, and the value that it gave back.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<greenlet::Received<T>, SwitchError<T>>) -> Option<(StackError, T)> {
    match result {
        Ok(_) => None,
        Err(SwitchError::Stack { error, value }) => Some((error, value.expect("the value that was sent"))),
        Err(other) => panic!("{other}"),
    }
}

/// A program that needs stacks of two sizes, one after the other and within each other. Whoever is refused tries again when
/// told; returns how many were refused.
fn program(retry: impl Fn() + Copy + 'static) -> usize {
    let failures = Count::default();
    let switch = {
        let failures = failures.clone();
        move |g: &Greenlet<String>, value: &str| {
            let Some((error, value)) = refused(g.switch(value.to_owned())) else { return };
            failures.add();
            assert!(!g.is_active() && !g.is_dead(), "it can still be started");
            assert_eq!(error.size(), g.stack_size());
            retry();
            let again = g.switch(value).expect("there are stacks again").unwrap();
            assert!(again.ends_with('!'), "{again}");
        }
    };
    let log = crate::harness::Log::new();
    let waiting: Vec<Greenlet<String>> = (0..20)
        .map(|n| {
            let log = log.clone();
            let size = if n % 3 == 0 { 256 * 1024 } else { 64 * 1024 };
            let g = Builder::new().stack_size(size).build(move |first: String| {
                log.push(first.clone());
                let then = to_main(first + "!");
                log.push(then.clone());
                then + "!"
            });
            switch(&g, &format!("a{n}"));
            g
        })
        .collect();
    assert_eq!(stats().active, 20);
    // Nested, each in the one before: the refusal is met in a greenlet.
    let depth = Count::default();
    fn nest(n: usize, depth: Count, switch: impl Fn(&Greenlet<String>, &str) + Clone + 'static) {
        let inner = Greenlet::new({
            let (depth, switch) = (depth.clone(), switch.clone());
            move |value: String| {
                depth.add();
                if n > 0 {
                    nest(n - 1, depth, switch);
                }
                value + "!"
            }
        });
        switch(&inner, "nested");
        assert!(inner.is_dead());
    }
    nest(5, depth.clone(), switch);
    assert_eq!(depth.get(), 6);
    for (n, g) in waiting.iter().enumerate() {
        assert_eq!(go(g, format!("b{n}")), format!("b{n}!"));
    }
    let said = log.take();
    let expected: Vec<String> = ["a", "b"].iter().flat_map(|part| (0..20).map(move |n| format!("{part}{n}"))).collect();
    assert_eq!(said, expected);
    failures.get()
}

/// The n-th request fails, for every n.
#[test]
fn every_request_in_turn() {
    check(|| {
        let mut failures = 0;
        // More than there are requests: a mapping or two for each size, and a guard for each stack.
        for nth in 1..60 {
            trim();
            refuse_stacks(nth, 1);
            failures += program(|| ());
            refuse_stacks(0, 0);
        }
        // One for each stack; a mapping that is refused is asked for again, for fewer stacks.
        let least = if cfg!(greenlet_portable) { 26 } else { 20 };
        assert!((least..60).contains(&failures), "{failures}");
    });
}

/// From the n-th on every request fails, until somebody has noticed.
#[test]
fn every_request_from_one_on() {
    check(|| {
        let mut failures = 0;
        for nth in 1..60 {
            trim();
            refuse_stacks(nth, usize::MAX);
            failures += program(|| refuse_stacks(0, 0));
            refuse_stacks(0, 0);
        }
        assert!((20..60).contains(&failures), "{failures}");
    });
}

/// The same with a cap of every size.
#[test]
fn every_cap() {
    check(|| {
        let mut failures = 0;
        for cap in 0..30 {
            trim();
            let before = set_max_stacks(cap);
            failures += program(|| {
                set_max_stacks(usize::MAX);
            });
            set_max_stacks(before);
        }
        assert_eq!(failures, 26, "one for each cap that is too low");
    });
}

/// What nobody may take is dropped once; who was to begin with a result hears of it.
#[test]
fn an_unstarted_parent_without_a_stack() {
    check(|| {
        let dropped = Count::default();
        let parent = Greenlet::new(|value: Option<crate::harness::OnDrop<Box<dyn FnMut()>>>| value);
        let guard = {
            let dropped = dropped.clone();
            crate::harness::OnDrop(Box::new(move || dropped.add()) as Box<dyn FnMut()>)
        };
        let child = Builder::new().parent(&parent).build(|value| value);
        child.reserve().unwrap();
        refuse_stacks(1, usize::MAX);
        let cap = set_max_stacks(1);
        // The child ends; its parent has no stack to begin on. Its parent, in turn, gets the error in its pending switch.
        let error = child.switch(Some(guard)).map(drop).unwrap_err();
        assert!(matches!(error, SwitchError::Stack { value: None, .. }), "{error}");
        drop(error);
        assert_eq!(dropped.get(), 1);
        assert!(child.is_dead() && !parent.is_dead());
        refuse_stacks(0, 0);
        set_max_stacks(cap);
        assert!(go(&parent, None).is_none());
    });
}

/// The text names the limit, and what to raise.
#[test]
fn the_own_cap_is_named() {
    check(|| {
        trim();
        let before = set_max_stacks(3);
        let held: Vec<Greenlet> = (0..3).map(|_| crate::harness::suspended()).collect();
        let (error, ()) = refused(Greenlet::new(|()| ()).switch(())).expect("no stack");
        assert_eq!((error.limit(), error.size()), (StackLimit::Cap, 64 * 1024));
        let text = "no stack of 65536 bytes: the thread's own cap is 3 stacks; raise it with set_max_stacks";
        assert_eq!(error.to_string(), text);
        drop(held);
        go(&Greenlet::new(|()| ()), ());
        set_max_stacks(before);
    });
}

/// Stacks that come back make room, whatever was refused before, and however many wait for them.
#[test]
fn those_that_come_back_are_used() {
    check(|| {
        trim();
        let held: Vec<Greenlet> = (0..scaled(100)).map(|_| crate::harness::suspended()).collect();
        refuse_stacks(1, usize::MAX);
        let mut later = Vec::new();
        for g in held {
            let next = Greenlet::new(to_main);
            assert!(refused(next.switch(())).is_some());
            drop(g);
            go(&next, ());
            later.push(next);
        }
        for g in later {
            go(&g, ());
            assert!(g.is_dead() && main::<()>().is_current());
        }
        refuse_stacks(0, 0);
    });
}
