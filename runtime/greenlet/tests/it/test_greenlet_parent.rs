//! greenlet's test_greenlet.py: parents.

use greenlet::{Builder, Greenlet, GreenletExit, ParentError, Received, SwitchError, main, set_max_stacks};

use crate::harness::{Count, Log, check, go, raise, raised, suspended, to_main};

/// A parent that cannot be started makes the error go to the next ancestor.
#[test]
fn test_parent_return_failure() {
    check(|| {
        let limit = set_max_stacks(1);
        let parent = Greenlet::new(|v: i32| v);
        let child = Builder::new().parent(&parent).build(|v: i32| v);
        let error = child.switch(1).unwrap_err();
        assert!(matches!(error, SwitchError::Stack { value: None, .. }), "{error:?}");
        assert!(child.is_dead() && !parent.is_dead() && !parent.is_active());
        set_max_stacks(limit);
        assert_eq!(go(&parent, 5), 5);
    });
}

#[test]
fn test_falling_off_end_switches_to_unstarted_parent_raises_error() {
    check(|| {
        let ran = Count::default();
        let count = ran.clone();
        let parent = Greenlet::new(move |_: String| {
            count.add();
            String::new()
        });
        let child = Builder::new().parent(&parent).build(|v: i32| v + 1);
        match child.switch(1).unwrap_err() {
            SwitchError::Family { from, to, sent: "i32", awaited: "alloc::string::String", value: None, .. } => {
                assert_eq!((from, to), (child.to_string(), parent.to_string()));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(ran.get(), 0);
        assert!(child.is_dead());
    });
}

#[test]
fn test_falling_off_end_switches_to_unstarted_parent_works() {
    check(|| {
        let parent = Greenlet::new(|(a, b): (i32, i32)| (b, a));
        let child = Builder::new().parent(&parent).build(|_| (24, 42));
        assert_eq!(go(&child, (0, 0)), (42, 24));
        assert!(parent.is_dead());
    });
}

#[test]
fn test_switch_to_dead_greenlet_with_unstarted_perverse_parent() {
    check(|| {
        let ran = Count::default();
        let count = ran.clone();
        let limit = set_max_stacks(1);
        let parent = Greenlet::new(|v: i32| v);
        let child = Builder::new().parent(&parent).build(move |v: i32| {
            count.add();
            v
        });
        for round in 0..3 {
            // The idle stack of the child is of the same size: another one keeps it busy.
            let _busy = (round > 0).then(suspended);
            assert!(matches!(child.switch(round), Err(SwitchError::Stack { .. })), "{round}");
        }
        assert_eq!(ran.get(), 1);
        set_max_stacks(limit);
    });
}

#[test]
fn test_switch_to_dead_greenlet_reparent() {
    check(|| {
        let child = Greenlet::new(|v: i32| v);
        assert_eq!(go(&child, 1), 1);
        assert!(child.is_dead());
        let parent = Greenlet::new(|v: i32| v * 100);
        child.set_parent(&parent).unwrap();
        assert_eq!(go(&child, 42), 4200);
        assert!(parent.is_dead());
    });
}

#[test]
fn test_main_greenlet_parent_is_none() {
    check(|| assert!(main::<()>().parent().is_none()));
}

#[test]
fn test_trivial_cycle() {
    check(|| {
        let g = Builder::new().name("g").build(|()| ());
        let error = g.set_parent(&g).unwrap_err();
        assert!(matches!(error, ParentError::Cycle { .. }));
        assert!(error.to_string().starts_with("cyclic parent chain: "), "{error}");
        assert!(error.to_string().contains("\"g\""), "{error}");
    });
}

#[test]
fn test_trivial_cycle_main() {
    check(|| {
        let error = main::<()>().set_parent(&main::<()>()).unwrap_err();
        assert_eq!(error, ParentError::Main);
        assert_eq!(error.to_string(), "cannot set the parent of a main greenlet");
    });
}

#[test]
fn test_deeper_cycle() {
    check(|| {
        let [g1, g2, g3] = [(); 3].map(|()| Greenlet::<()>::new(|()| ()));
        g1.set_parent(&g2).unwrap();
        g2.set_parent(&g3).unwrap();
        let error = g3.set_parent(&g1).unwrap_err();
        let expected = ParentError::Cycle { child: g3.to_string(), parent: g1.to_string() };
        assert_eq!(error, expected);
        assert!(g3.parent().unwrap().is_main());
    });
}

/// Section 1.7: an exit that reaches an unstarted parent ends it too, unless it asked for such a start.
#[test]
fn an_exit_reaches_an_unstarted_parent() {
    check(|| {
        let ran = Count::default();
        let count = ran.clone();
        let parent = Greenlet::new(move |v: i32| {
            count.add();
            v
        });
        let child = Builder::new().parent(&parent).build(|v: i32| to_main(v));
        go(&child, 1);
        assert_eq!(child.kill().unwrap(), Received::Exit(GreenletExit::default()));
        assert!(child.is_dead() && parent.is_dead());
        assert_eq!(ran.get(), 0);

        let parent = Builder::new().build_receiving(|first: Received<i32>| match first {
            Received::Exit(exit) => exit.reason().len() as i32,
            Received::Value(value) => value,
        });
        let child = Builder::new().parent(&parent).build(|v: i32| to_main(v));
        go(&child, 1);
        assert_eq!(child.throw(GreenletExit::new("five!")).unwrap(), Received::Value(5));
    });
}

/// Section 1.7: unstarted parents are started and killed by an error, and so on up.
#[test]
fn an_error_ends_unstarted_parents_all_the_way() {
    check(|| {
        let dropped = Log::new();
        let make = |name: &'static str, parent: Option<&Greenlet<i32>>| {
            let log = dropped.clone();
            let guard = crate::harness::OnDrop(move || log.push(name));
            let builder = parent.map_or(Builder::new(), |parent| Builder::new().parent(parent));
            builder.build(move |v: i32| {
                drop(guard);
                v
            })
        };
        let g1 = make("g1", None);
        let g2 = make("g2", Some(&g1));
        let g3 = Builder::new().parent(&g2).build(|_: i32| -> i32 { raise("error") });
        assert_eq!(raised::<&str, _>(|| g3.switch(1)), "error");
        assert_eq!(dropped.take(), ["g2", "g1"]);
        assert!(g1.is_dead() && g2.is_dead() && g3.is_dead());
    });
}

/// Section 1.7: the parent that a greenlet has when it ends decides.
#[test]
fn the_parent_at_death_decides() {
    check(|| {
        let other = Greenlet::new(|v: i32| {
            let got = to_main(v);
            got + 1000
        });
        go(&other, 0);
        let g = Greenlet::new(|v: i32| to_main(v));
        go(&g, 1);
        g.set_parent(&other).unwrap();
        assert_eq!(go(&g, 7), 1007);
    });
}
