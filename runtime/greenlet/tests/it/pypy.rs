//! The cases of PyPy's test_greenlet.py that greenlet's own tests do not have.

use greenlet::{Builder, Greenlet, GreenletExit, Received, current, main};

use crate::harness::{Count, Log, check, exit_of, go, raise, raised, to_main};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pass {
    Nothing,
    None,
    One(i32),
    Two(i32, char),
}

#[test]
fn pass_around() {
    use Pass::*;
    check(|| {
        let seen = Log::new();
        let into = seen.clone();
        let g = Greenlet::new(move |first| {
            into.push(first);
            into.push(to_main(Nothing));
            into.push(to_main(One(42)));
            into.push(to_main(Two(44, 'z')));
            None
        });
        for sent in [Two(40, 'x'), Two(41, 'y'), One(43), One(45)] {
            let got = go(&g, sent);
            seen.push(got);
        }
        let golden = [Two(40, 'x'), Nothing, Two(41, 'y'), One(42), One(43), Two(44, 'z'), One(45), None];
        assert_eq!(seen.take(), golden);
        assert!(g.is_dead());
    });
}

#[test]
fn exception_simple() {
    check(|| {
        let g = Greenlet::new(|()| raise("value"));
        assert_eq!(raised::<&str, _>(|| g.switch(())), "value");
    });
}

#[test]
fn dead() {
    check(|| {
        let g = Greenlet::new(|()| {
            let me = current::<()>();
            assert!(me.is_active() && !me.is_dead());
        });
        assert!(!g.is_active() && !g.is_dead());
        go(&g, ());
        assert!(!g.is_active() && g.is_dead());
        assert!(main::<()>().is_active());
    });
}

#[test]
fn greenlet_exit_as_a_value() {
    check(|| {
        let g = Greenlet::new(|()| raise(GreenletExit::new("with arguments")));
        assert_eq!(g.switch(()).unwrap(), Received::Exit(GreenletExit::new("with arguments")));
    });
}

#[test]
fn throw_to_main_from_a_child() {
    check(|| {
        let g = Greenlet::new(|()| drop(main::<()>().throw("from the child")));
        assert_eq!(raised::<&str, _>(|| g.switch(())), "from the child");
        assert!(g.is_active());
    });
}

#[test]
fn throw_between_siblings() {
    check(|| {
        let g1 = Greenlet::new(|_| raised::<i32, _>(|| to_main(0)));
        go(&g1, 0);
        let target = g1.clone();
        let g2 = Greenlet::new(move |v: i32| target.throw(v * 2).unwrap().unwrap());
        assert_eq!(go(&g2, 21), 42, "g1 ends with what it caught, in main");
        assert!(g1.is_dead() && g2.is_active());
    });
}

#[test]
fn nondefault_parent() {
    check(|| {
        let log = Log::new();
        let into = log.clone();
        let g1 = Greenlet::new(move |v: i32| {
            into.push(v);
            v + 1
        });
        let g2 = Builder::new().parent(&g1).build(|v: i32| v * 10);
        assert_eq!(go(&g2, 4), 41);
        assert_eq!(log.take(), [40]);
    });
}

#[test]
fn change_parent() {
    check(|| {
        let g1 = Greenlet::new(|v: i32| v + 1);
        let g2 = Greenlet::new(|v: i32| v * 10);
        g2.set_parent(&g1).unwrap();
        assert_eq!(g2.parent().unwrap(), *g1);
        assert_eq!(go(&g2, 4), 41);
    });
}

#[test]
fn raises_through_parent_chain() {
    check(|| {
        let g1 = Greenlet::new(|()| {
            assert_eq!(raised::<&str, _>(|| to_main(())), "index");
            raise("value");
        });
        go(&g1, ());
        let g2 = Builder::new().parent(&g1).build(|()| raise("index"));
        assert_eq!(raised::<&str, _>(|| g2.switch(())), "value");
        assert!(g1.is_dead() && g2.is_dead());
    });
}

#[test]
fn switch_to_dead_1() {
    check(|| {
        let g = Greenlet::new(|v: i32| v);
        go(&g, 0);
        assert_eq!(go(&g, 1), 1);
        assert_eq!(go(&g, 2), 2);
    });
}

#[test]
fn switch_to_dead_2() {
    check(|| {
        let g = Greenlet::new(|_: i32| {
            let inner = Greenlet::new(|v: i32| v);
            go(&inner, 0);
            // Its nearest live ancestor is the greenlet that runs.
            go(&inner, 7) + go(&inner, 8)
        });
        assert_eq!(go(&g, 0), 15);
    });
}

#[test]
fn switch_to_dead_3() {
    check(|| {
        let sibling = Greenlet::new(|v: i32| to_main(v) * 2);
        go(&sibling, 0);
        let child = Builder::new().parent(&sibling).build(|v: i32| v);
        // Its end resumes the sibling, which ends in main.
        assert_eq!(go(&child, 3), 6);
        let sibling = Greenlet::new(|v: i32| to_main(v) * 3);
        go(&sibling, 0);
        child.set_parent(&sibling).unwrap();
        assert_eq!(go(&child, 5), 15);
    });
}

#[test]
fn throw_in_not_started_yet() {
    check(|| {
        let ran = Count::default();
        let count = ran.clone();
        let g = Greenlet::new(move |()| count.add());
        assert_eq!(raised::<&str, _>(|| g.throw("value")), "value");
        assert!(g.is_dead());
        assert_eq!(ran.get(), 0);
    });
}

/// What is being handled in one greenlet is not seen in another one, and is there again when it is resumed.
#[test]
fn exc_info_save_restore() {
    check(|| {
        let g = Greenlet::new(|_: &str| {
            let error = raised::<&str, _>(|| raise("inner"));
            to_main("waiting");
            error
        });
        let outer = raised::<&str, _>(|| raise("outer"));
        assert_eq!(go(&g, ""), "waiting");
        assert_eq!(go(&g, ""), "inner");
        assert_eq!(outer, "outer");
    });
}

#[test]
fn throw_greenlet_exit_not_started() {
    check(|| {
        let g = Greenlet::<()>::new(|()| ());
        assert_eq!(g.throw(GreenletExit::new("x")).unwrap(), Received::Exit(GreenletExit::new("x")));
        assert!(g.is_dead());
    });
}

#[test]
fn throw_greenlet_exit_already_finished() {
    check(|| {
        let g = Greenlet::new(|()| ());
        go(&g, ());
        assert_eq!(g.throw(GreenletExit::new("x")).unwrap(), Received::Exit(GreenletExit::new("x")));
    });
}

/// The payload that is thrown is the one that arrives: it is made and dropped once.
#[test]
fn throw_exception_already_finished() {
    struct Error(std::sync::Arc<()>);
    check(|| {
        let one = std::sync::Arc::new(());
        let g = Greenlet::new(|()| ());
        go(&g, ());
        let caught: Error = raised(|| g.throw(Error(one.clone())));
        assert!(std::sync::Arc::ptr_eq(&caught.0, &one));
        drop(caught);
        assert_eq!(std::sync::Arc::strong_count(&one), 1);
    });
}

#[test]
fn a_kill_can_be_seen_inside() {
    check(|| {
        let g = Greenlet::new(|_: i32| match exit_of(|| to_main(0)) {
            Ok(_) => 1,
            Err(_) => 2,
        });
        go(&g, 0);
        assert_eq!(g.kill().unwrap(), Received::Value(2));
    });
}
