//! greenlet's test_greenlet.py: tracers that switch.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greenlet::{Greenlet, SwitchError, current, set_tracer};

use crate::harness::{Log, check, go, raise, raised, to_main};

/// A tracer that switches away, once, when `armed`.
fn divert(armed: &Rc<Cell<bool>>, log: &Log<String>, to: impl Fn() + 'static) {
    let (armed, log) = (armed.clone(), log.clone());
    set_tracer(Some(Rc::new(move |event| {
        log.push(format!("trace {}", event.kind));
        if armed.replace(false) {
            to();
        }
    })));
}

#[test]
fn test_reentrant_switch_two_greenlets() {
    check(|| {
        let (armed, log) = (Rc::new(Cell::new(true)), Log::new());
        let (ran, into) = (Log::new(), log.clone());
        let g2 = Greenlet::new({
            let ran = ran.clone();
            move |v: &str| {
                ran.push(format!("g2 {v}"));
                to_main("from g2")
            }
        });
        let g1 = Greenlet::new({
            let ran = ran.clone();
            move |v: &str| {
                ran.push(format!("g1 {v}"));
                v
            }
        });
        let target = g2.clone();
        divert(&armed, &into, move || {
            go(&target, "from the tracer");
        });
        assert_eq!(go(&g1, "one"), "from g2");
        assert_eq!(go(&g1, "ignored"), "one");
        set_tracer(None);
        assert_eq!(ran.take(), ["g2 from the tracer", "g1 one"]);
    });
}

/// A greenlet that takes another type is refused, also while a tracer diverts the switch that starts it.
#[test]
fn test_reentrant_switch_three_greenlets() {
    check(|| {
        let (armed, log) = (Rc::new(Cell::new(true)), Log::new());
        let refused = Rc::new(RefCell::new(None));
        let g1 = Greenlet::new(|v: i32| v);
        let (target, into) = (g1.clone(), refused.clone());
        let g2 = Greenlet::new(move |v: &str| {
            into.replace(target.cast::<&str>().switch("a string").err());
            v
        });
        divert(&armed, &log, move || {
            go(&g2, "diverted");
        });
        // g1 waits in the tracer for a string, which g2 sends to it; then it starts with what it was first sent.
        assert_eq!(g1.switch(3).unwrap().value(), Some(3));
        set_tracer(None);
        assert!(refused.take().is_none());

        let g = Greenlet::new(|v: i32| to_main(v));
        go(&g, 1);
        let error = g.cast::<&str>().switch("a string").unwrap_err();
        assert!(matches!(error, SwitchError::Family { value: Some("a string"), .. }), "{error:?}");
    });
}

#[test]
fn test_reentrant_switch_three_greenlets2() {
    check(|| {
        let (armed, log) = (Rc::new(Cell::new(true)), Log::<String>::new());
        let body = |name: &'static str| {
            let log = log.clone();
            move |v: String| {
                log.push(format!("{name} arg {v}"));
                let from = to_main(format!("from {name}_run"));
                log.push(format!("{name} from parent {from}"));
                format!("{name} done")
            }
        };
        let (g1, g2) = (Greenlet::new(body("g1")), Greenlet::new(body("g2")));
        let target = g2.clone();
        divert(&armed, &log, move || {
            go(&target, "g2 from tracefunc".to_owned());
        });
        for (g, name, sent) in [
            (&g1, "g1", "g1 from main"),
            // What arrives in the tracer is the tracer's: the start keeps its first argument.
            (&g1, "g2", "lost in the tracer"),
            (&g1, "g1.2", "g1 from main 2"),
            (&g2, "g2.2", "()"),
        ] {
            let got = go(g, sent.to_owned());
            log.push(format!("main {name} {got}"));
        }
        set_tracer(None);
        let golden = [
            "trace switch",
            "trace switch",
            "g2 arg g2 from tracefunc",
            "trace switch",
            "main g1 from g2_run",
            "trace switch",
            "g1 arg g1 from main",
            "trace switch",
            "main g2 from g1_run",
            "trace switch",
            "g1 from parent g1 from main 2",
            "trace switch",
            "main g1.2 g1 done",
            "trace switch",
            "g2 from parent ()",
            "trace switch",
            "main g2.2 g2 done",
        ];
        assert_eq!(log.take(), golden);
    });
}

/// Code that unwinds and is caught between a throw and its arrival does not lose what was thrown.
#[test]
fn test_throw_exception_not_lost() {
    check(|| {
        let g = Greenlet::new(|()| {});
        set_tracer(Some(Rc::new(|_| assert_eq!(raised::<&str, _>(|| raise("inner")), "inner"))));
        assert_eq!(raised::<&str, _>(|| g.throw("outer")), "outer");
        set_tracer(None);
        assert!(g.is_dead());
        assert!(current::<()>().is_main());
    });
}
