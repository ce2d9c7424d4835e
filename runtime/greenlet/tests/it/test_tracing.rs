//! greenlet's test_tracing.py, and the events of section 1.10.

use std::rc::Rc;

use greenlet::{AnyGreenlet, Builder, Greenlet, GreenletExit, main, set_tracer, tracer};

use crate::harness::{Count, Log, check, exit_of, go, raise, raised, suspended, to_main};

/// The events of what `f` does, as `kind(origin,target)` with names.
fn events(f: impl FnOnce()) -> Vec<String> {
    let log = Log::new();
    let into = log.clone();
    let name = |g: &AnyGreenlet| g.name().unwrap_or(if g.is_main() { "main" } else { "?" }).to_owned();
    let old = set_tracer(Some(Rc::new(move |event| {
        assert!(event.target.is_current() || event.target.is_dead());
        into.push(format!("{}({},{})", event.kind, name(&event.origin), name(&event.target)));
    })));
    f();
    set_tracer(old);
    log.take()
}

fn named(name: &'static str, body: impl FnOnce(()) + 'static) -> Greenlet {
    Builder::new().name(name).build(body)
}

#[test]
fn test_a_greenlet_tracing() {
    check(|| {
        let (g1, g2) = (named("g1", |()| ()), named("g2", |()| raise("error")));
        let log = events(|| {
            go(&g1, ());
            assert_eq!(raised::<&str, _>(|| g2.switch(())), "error");
        });
        assert_eq!(log, ["switch(main,g1)", "switch(g1,main)", "switch(main,g2)", "throw(g2,main)"]);
    });
}

#[test]
fn test_b_exception_disables_tracing() {
    check(|| {
        let seen = Count::default();
        let count = seen.clone();
        let g = Greenlet::new(|()| ());
        set_tracer(Some(Rc::new(move |_| {
            count.add();
            raise("tracer");
        })));
        assert_eq!(raised::<&str, _>(|| g.switch(())), "tracer");
        assert_eq!(seen.get(), 1);
        assert!(tracer().is_none());
        assert!(g.is_dead(), "it was raised in the greenlet, before its body");
    });
}

#[test]
fn test_set_same_tracer_twice() {
    check(|| {
        let seen = Count::default();
        let count = seen.clone();
        let one: greenlet::Tracer = Rc::new(move |_| count.add());
        assert!(set_tracer(Some(one.clone())).is_none());
        assert!(set_tracer(Some(one)).is_some());
        go(&Greenlet::new(|()| ()), ());
        assert!(set_tracer(None).is_some());
        assert_eq!(seen.get(), 2);
    });
}

/// Recorded from greenlet 3.5.6.
#[test]
fn events_of_throws() {
    check(|| {
        let idle = |name| named(name, to_main);
        let c = idle("c");
        let log = events(|| assert_eq!(raised::<&str, _>(|| c.throw("key")), "key"));
        assert_eq!(log, ["throw(main,c)", "throw(c,main)"], "unstarted");
        let c = idle("c");
        assert_eq!(events(|| drop(c.kill().unwrap())), ["throw(main,c)", "switch(c,main)"], "unstarted, killed");
        assert_eq!(events(|| drop(c.kill().unwrap())), ["switch(main,main)"], "dead, killed");
        let log = events(|| assert_eq!(raised::<&str, _>(|| c.throw("key")), "key"));
        assert_eq!(log, ["throw(main,main)"], "dead");

        let p = named("p", |()| drop(exit_of(|| raised::<&str, _>(|| to_main(())))));
        go(&p, ());
        let c = Builder::new().name("c").parent(&p).build(to_main::<()>);
        let log = events(|| drop(c.throw("value").unwrap()));
        assert_eq!(log, ["throw(main,c)", "throw(c,p)", "switch(p,main)"], "unstarted, parent suspended");
        let c = named("c", |()| ());
        go(&c, ());
        let p = named("p", |()| assert_eq!(raised::<&str, _>(|| to_main(())), "value"));
        go(&p, ());
        c.set_parent(&p).unwrap();
        let log = events(|| drop(c.throw("value").unwrap()));
        assert_eq!(log, ["throw(main,p)", "switch(p,main)"], "dead, parent suspended");

        let log = events(|| assert_eq!(exit_of(|| main::<()>().kill()).unwrap_err(), GreenletExit::default()));
        assert_eq!(log, ["throw(main,main)"], "itself");
        assert_eq!(events(|| drop(main::<()>().switch(()).unwrap())), ["switch(main,main)"], "switch to itself");
        let g = Builder::new().name("g").build(to_main::<()>);
        go(&g, ());
        assert_eq!(events(|| drop(g)), ["throw(main,g)", "switch(g,main)"], "by drop");
    });
}

/// A tracer that raises takes the place of what was under way, which is dropped.
#[test]
fn a_tracer_that_raises_replaces_a_value() {
    check(|| {
        let dropped = Count::default();
        let g = Greenlet::new(|v: Option<Box<dyn std::any::Any>>| to_main(v));
        go(&g, None);
        set_tracer(Some(Rc::new(|_| raise("tracer"))));
        let value = Box::new(dropped.guard());
        assert_eq!(raised::<&str, _>(|| g.switch(Some(value))), "tracer");
        assert_eq!(dropped.get(), 1);
        assert!(g.is_dead());
    });
}

/// One that removes itself is dropped after its last call, and what it owns may be killed then.
#[test]
fn a_tracer_that_removes_itself() {
    check(|| {
        let done = Count::default();
        let (count, mut g) = (done.clone(), Some(suspended()));
        let guard = crate::harness::OnDrop(move || {
            drop(g.take());
            count.add();
        });
        set_tracer(Some(Rc::new(move |_| {
            let _ = &guard;
            drop(set_tracer(None));
        })));
        go(&Greenlet::new(|()| ()), ());
        assert_eq!(done.get(), 1);
    });
}
