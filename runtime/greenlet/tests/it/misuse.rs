//! Misuse: what is refused, what is given back, and what goes on to work.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::{
    Builder, Generator, Greenlet, GreenletExit, Received, SwitchError, current, main, set_max_stacks, stats, yield_,
};

use crate::harness::{
    Count, Log, OnDrop, check, exit_of, go, on_thread, raise, raised, suspended, to_main, unraisable,
};

/// Runs `f` in a destructor while the thread unwinds.
fn while_unwinding(f: impl FnOnce()) {
    let mut f = Some(f);
    let caught = raised::<&str, _>(|| {
        let _guard = OnDrop(|| f.take().expect("dropped once")());
        raise("unwinding");
    });
    assert_eq!(caught, "unwinding");
}

#[test]
fn while_the_thread_unwinds_only_kills_switch() {
    check(|| {
        let g = Greenlet::new(to_main::<i32>);
        go(&g, 0);
        let pending = Greenlet::new(|v: i32| v);
        while_unwinding(|| {
            for target in [&g, &pending, &main::<i32>()] {
                let error = target.switch(7).unwrap_err();
                let text = format!("cannot switch to {target} while the thread unwinds; ");
                assert!(error.to_string().starts_with(&text), "{error}");
                assert_eq!(error.into_value(), Some(7));
            }
            let error = g.throw("payload").unwrap_err();
            assert!(matches!(error, SwitchError::Unwinding { .. }));
            assert_eq!(error.into_value().unwrap().downcast_ref::<&str>(), Some(&"payload"));
            assert!(matches!(main::<i32>().kill(), Err(SwitchError::Unwinding { .. })));
        });
        // From a greenlet too: main would not end by it, and so never come back to the destructor.
        let child = Greenlet::new(|v: i32| {
            while_unwinding(|| assert!(matches!(main::<i32>().kill(), Err(SwitchError::Unwinding { .. }))));
            v
        });
        assert_eq!(go(&child, 3), 3);
        assert_eq!(go(&g, 8), 8);
        assert_eq!(go(&pending, 9), 9);
    });
}

#[test]
fn a_kill_from_a_destructor() {
    check(|| {
        let log = Log::new();
        let (a, b, c) = (log.clone(), log.clone(), log.clone());
        let inner = Greenlet::new(move |()| {
            let _guard = OnDrop(|| a.push("inner unwinds"));
            to_main(());
        });
        go(&inner, ());
        let outer = Greenlet::new(move |()| {
            let _guard = OnDrop(|| {
                b.push("outer unwinds");
                assert_eq!(inner.kill().unwrap(), Received::Exit(GreenletExit::default()));
                assert!(inner.is_dead());
            });
            to_main(());
        });
        go(&outer, ());
        let stubborn = Greenlet::new(move |_: i32| {
            let _ = exit_of(|| to_main(0));
            let error = main::<i32>().switch(1).unwrap_err();
            assert!(matches!(error, SwitchError::Unwinding { value: Some(1), .. }));
            c.push("cannot block");
            5
        });
        go(&stubborn, 0);
        let (pending, dead) = (Greenlet::<()>::new(|()| ()), Greenlet::new(|()| ()));
        go(&dead, ());
        while_unwinding(|| {
            assert_eq!(outer.kill().unwrap(), Received::Exit(GreenletExit::default()));
            assert_eq!(stubborn.kill().unwrap(), Received::Value(5));
            assert_eq!(pending.throw(GreenletExit::new("x")).unwrap(), Received::Exit(GreenletExit::new("x")));
            assert_eq!(dead.kill().unwrap(), Received::Exit(GreenletExit::default()));
        });
        assert!([&outer, &pending, &dead].iter().all(|g| g.is_dead()) && stubborn.is_dead());
        assert_eq!(log.take(), ["outer unwinds", "inner unwinds", "cannot block"]);
    });
}

#[test]
fn handles_dropped_while_unwinding() {
    check(|| {
        let errors = unraisable();
        let unwound = Count::default();
        let guard = unwound.guard();
        let g = Greenlet::new(move |()| {
            let _guard = guard;
            let _ = exit_of(|| to_main(()));
            raise("lost");
        });
        go(&g, ());
        let id = g.id();
        while_unwinding(|| drop((g, Greenlet::<()>::new(|()| ()), main::<()>())));
        assert_eq!(unwound.get(), 1);
        assert_eq!(errors.take(), [format!("greenlet {id}: Panicked(\"lost\")")]);
    });
}

/// What a destructor kills ends there, even if it takes another parent: the panics stay in order.
#[test]
fn a_victim_cannot_escape_to_another_parent() {
    check(|| {
        let other = suspended();
        let victim = Greenlet::new(move |()| {
            let _guard = OnDrop(|| current::<()>().set_parent(&other).unwrap());
            to_main(());
        });
        go(&victim, ());
        let here = current::<()>();
        while_unwinding(|| {
            assert_eq!(victim.kill().unwrap(), Received::Exit(GreenletExit::default()));
            assert!(here.is_current());
        });
        assert!(!std::thread::panicking());
    });
}

/// The one that kills while it unwinds cannot be killed by its victim: that would be a panic in its destructor.
#[test]
fn the_killer_is_shielded() {
    check(|| {
        let refused = Count::default();
        let count = refused.clone();
        let slot = Rc::new(RefCell::new(None::<Greenlet>));
        let killer_slot = slot.clone();
        let victim = Greenlet::new(move |()| {
            let _guard = OnDrop(|| {
                let killer = killer_slot.borrow().clone().unwrap();
                assert!(matches!(killer.kill(), Err(SwitchError::Unwinding { .. })));
                count.add();
            });
            to_main(());
        });
        go(&victim, ());
        let killer = Greenlet::new(move |()| {
            while_unwinding(|| drop(victim.kill()));
        });
        slot.replace(Some(killer.clone()));
        go(&killer, ());
        slot.take();
        assert_eq!(refused.get(), 1);
        assert!(killer.is_dead());
    });
}

/// A child kills its own parent, which ends in the child.
#[test]
fn an_ancestor_is_killed_from_a_destructor() {
    check(|| {
        let log = Log::new();
        let into = log.clone();
        let parent = Greenlet::new(move |()| {
            let other = Greenlet::<()>::new(|()| ());
            let _guard = OnDrop(|| {
                assert!(!current::<()>().parent().unwrap().is_main(), "it is adopted by its own child");
                other.set_parent(&current::<()>()).unwrap();
                let dead = Greenlet::<()>::new(|()| ());
                assert!(dead.kill().is_ok());
                into.push("parent unwinds");
            });
            let me = current::<()>();
            let child = Greenlet::new(move |()| {
                while_unwinding(|| drop(me.kill().unwrap()));
                assert!(me.is_dead());
                to_main(());
            });
            go(&child, ());
        });
        go(&parent, ());
        assert_eq!(log.take(), ["parent unwinds"]);
        assert!(parent.is_dead());
        assert!(parent.parent().unwrap().is_main());
    });
}

#[test]
fn families() {
    check(|| {
        let g = Builder::new().name("g").build(to_main::<i32>);
        go(&g, 1);
        let error = g.cast::<String>().switch("text".to_owned()).unwrap_err();
        let text = format!(
            "the main greenlet sent a value of type alloc::string::String to {g}, which awaits i32; switch with a value \
             of that type"
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(error.into_value().as_deref(), Some("text"));
        // To itself, and back to a dead one's living ancestor that is the caller, any type goes.
        assert_eq!(main::<&str>().switch("own").unwrap(), Received::Value("own"));
        assert_eq!(go(&g, 2), 2);
        assert_eq!(go(&g.cast::<&str>(), "own"), "own");

        // Main takes the type of its pending switch: a child of another family ends with an error there.
        let parent = Greenlet::new(to_main::<i32>);
        go(&parent, 0);
        let dropped = Count::default();
        let value = Rc::new(dropped.guard());
        let child = Builder::new().parent(&parent).build(move |_| Some(value));
        let started = Greenlet::new({
            let child = child.clone();
            move |v: i32| child.switch(None).map_or(v, |_| v)
        });
        // The parent awaits an i32: it gets the error, at its pending switch, and ends by it.
        let ended = catch_unwind(AssertUnwindSafe(|| started.switch(0)));
        assert!(ended.is_err() && parent.is_dead() && child.is_dead());
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn errors_say_what_is_wrong() {
    check(|| {
        let limit = set_max_stacks(0);
        let g = Greenlet::new(|()| ());
        let error = g.switch(()).unwrap_err();
        let text = "no stack of 65536 bytes: the thread's own cap is 0 stacks; raise it with set_max_stacks";
        assert_eq!(error.to_string(), text);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), text);
        let SwitchError::Stack { error, value: Some(()), .. } = error else { panic!("{error:?}") };
        assert_eq!(error.size(), 65_536);
        set_max_stacks(limit);
        go(&g, ());
        assert_eq!(
            SwitchError::Exited { value: Some(()) }.to_string(),
            "the thread is ending and its greenlets have been given up"
        );
        assert_eq!(
            SwitchError::Unsupported { value: Some(()) }.to_string(),
            "nothing can be raised in a greenlet under panic = \"abort\""
        );
        assert_eq!(GreenletExit::default().to_string(), "killed");
        let payload = catch_unwind(|| Received::<()>::Exit(GreenletExit::new("why")).unwrap()).unwrap_err();
        assert!(payload.downcast_ref::<String>().unwrap().ends_with("expected: why"));
    });
}

/// A generator of the `generator` package inside a greenlet: a switch out of it leaves the greenlet, not the generator.
#[cfg(greenlet_portable)]
#[test]
fn switching_inside_a_foreign_generator() {
    check(|| {
        let g = Greenlet::new(|_: u32| {
            let mut foreign = generator::Gn::new_scoped(|mut scope| {
                for n in 0..3 {
                    let got = to_main(n);
                    scope.yield_with(got * 10);
                }
                generator::done!()
            });
            let got: Vec<u32> = foreign.by_ref().collect();
            got.iter().sum()
        });
        assert_eq!(go(&g, 0), 0);
        assert_eq!(go(&g, 1), 1);
        assert_eq!(go(&g, 2), 2);
        assert_eq!(go(&g, 3), 60);
    });
}

#[test]
fn generators_are_misused() {
    check(|| {
        let mut g = Generator::<i32>::new(|| (0..3).for_each(|n| yield_(n).unwrap()));
        assert_eq!(g.next(), Some(0));
        // Asked while the thread unwinds, it panics, which only a catch inside the destructor survives.
        while_unwinding(|| assert!(catch_unwind(AssertUnwindSafe(|| g.next())).is_err()));
        assert_eq!(g.by_ref().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(g.next(), None);

        let slot = Rc::new(RefCell::new(None::<Generator<i32>>));
        let own = slot.clone();
        slot.replace(Some(Generator::new(move || drop(own.take()))));
        // It drops itself: `next` was called on a handle that its own body has taken away by then.
        let mut g = slot.take().unwrap();
        assert_eq!(g.next(), None);
    });
}

/// A thread that ends with greenlets in every state, without `enter`, gives up what waits, and only that.
#[test]
fn a_thread_ends_without_enter() {
    let before = stats().leaked;
    on_thread(|| {
        let dead = Greenlet::new(|()| ());
        go(&dead, ());
        std::mem::forget((suspended(), Greenlet::<()>::new(|()| ()), dead));
        assert_eq!(stats().active, 1);
    });
    assert!(stats().leaked > before);
}
