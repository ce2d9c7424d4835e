//! greenlet's test_greenlet.py: switching, threads, values.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use greenlet::{Builder, Greenlet, Received, SwitchError, current, main, set_max_stacks};

use crate::harness::{Count, Log, check, exit_of, go, on_thread, raise, raised, to_main};

fn simple() {
    let log = Log::new();
    let into = log.clone();
    let g = Greenlet::new(move |()| {
        into.push(1);
        to_main(());
        into.push(3);
    });
    log.push(0);
    go(&g, ());
    log.push(2);
    go(&g, ());
    log.push(4);
    assert_eq!(log.take(), [0, 1, 2, 3, 4]);
}

#[test]
fn test_simple() {
    check(simple);
}

/// There is no greenlet without a body here; what can keep one from starting is the lack of a stack.
#[test]
fn test_switch_no_run_raises_attribute_error() {
    check(|| {
        let limit = set_max_stacks(0);
        let g = Greenlet::new(|v: i32| v + 1);
        let error = g.switch(1).unwrap_err();
        assert!(error.to_string().contains("set_max_stacks"), "{error}");
        assert!(matches!(error, SwitchError::Stack { value: Some(1), .. }));
        assert!(!g.is_active() && !g.is_dead());
        set_max_stacks(limit);
        assert_eq!(go(&g, 1), 2);
    });
}

#[test]
fn test_parent_equals_none() {
    check(|| {
        let g = Greenlet::<()>::new(|()| ());
        assert!(g.parent().is_some_and(|parent| parent == *main::<()>()));
        let child = Greenlet::new(|()| {
            let grandchild = Greenlet::<()>::new(|()| ());
            assert!(grandchild.parent().is_some_and(|parent| parent == *current::<()>()));
        });
        go(&child, ());
    });
}

#[test]
fn test_two_children() {
    check(|| {
        let log = Log::new();
        let body = || {
            let log = log.clone();
            move |()| {
                log.push("begin");
                to_main(());
                log.push("end");
            }
        };
        let (g, h) = (Greenlet::new(body()), Greenlet::new(body()));
        go(&g, ());
        assert_eq!(log.take().len(), 1);
        go(&h, ());
        assert_eq!(log.take().len(), 1);
        go(&h, ());
        assert_eq!(log.take(), ["end"]);
        assert!(h.is_dead() && g.is_active());
        go(&g, ());
        assert!(g.is_dead());
    });
}

#[test]
fn test_two_recursive_children() {
    check(|| {
        let (log, count) = (Log::new(), Count::default());
        let into = log.clone();
        let guard = count.guard();
        let g = Greenlet::new(move |()| {
            let _guard = guard;
            into.push('a');
            let from_child = into.clone();
            let child = Greenlet::new(move |()| {
                from_child.push('b');
                to_main(());
            });
            go(&child, ());
            into.push('c');
        });
        go(&g, ());
        assert_eq!(log.take(), ['a', 'b'], "the child went to main");
        go(&g, ());
        assert_eq!(log.take(), ['c']);
        assert!(g.is_dead());
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn test_threads() {
    let threads: Vec<_> = (0..10).map(|_| std::thread::spawn(|| greenlet::enter(simple))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn test_thread_bug() {
    let run = |wait: u64| {
        let body = move || {
            let g = Greenlet::new(move |()| std::thread::sleep(Duration::from_millis(wait)));
            go(&g, ());
        };
        std::thread::spawn(move || greenlet::enter(body))
    };
    for thread in [run(20), run(40)] {
        thread.join().unwrap();
    }
}

#[test]
fn test_exception() {
    check(|| {
        let log = Log::new();
        let body = |name: &'static str| {
            let log = log.clone();
            move |v: i32| -> i32 {
                log.push(name);
                main().switch(v).unwrap().unwrap();
                raise("error");
            }
        };
        let (g1, g2) = (Greenlet::new(body("g1")), Greenlet::new(body("g2")));
        go(&g1, 0);
        go(&g2, 0);
        g2.set_parent(&g1).unwrap();
        // It goes through g1, which does not catch it, to main.
        assert_eq!(raised::<&str, _>(|| g2.switch(0)), "error");
        assert_eq!(log.take(), ["g1", "g2"]);
        assert!(g1.is_dead() && g2.is_dead());
        assert_eq!(go(&g2, 25), 25);
    });
}

#[test]
fn test_send_exception() {
    check(|| {
        let seen = Count::default();
        let count = seen.clone();
        let g1 = Greenlet::new(move |()| {
            let error = raised::<&str, _>(|| to_main(()));
            count.add();
            raise(error);
        });
        go(&g1, ());
        assert_eq!(raised::<&str, _>(|| g1.throw("key")), "key");
        assert_eq!(seen.get(), 1);
    });
}

#[derive(Debug, PartialEq, Default, Clone, Copy)]
struct Arguments {
    positional: Option<i32>,
    x: Option<i32>,
}

#[test]
fn test_switch_kwargs() {
    check(|| {
        let g = Greenlet::new(|a: Arguments| Arguments { x: Some(a.positional.unwrap() * a.x.unwrap()), ..a });
        assert_eq!(go(&g, Arguments { positional: Some(4), x: Some(3) }).x, Some(12));
    });
}

#[test]
fn test_switch_kwargs_to_parent() {
    check(|| {
        let g = Greenlet::new(|x: Arguments| {
            let y = to_main(x);
            to_main(y);
            Arguments { positional: x.x, x: Some(9) }
        });
        let (first, second) =
            (Arguments { x: Some(3), ..Arguments::default() }, Arguments { positional: Some(2), x: Some(3) });
        assert_eq!(go(&g, first), first);
        assert_eq!(go(&g, second), second);
        assert_eq!(go(&g, Arguments::default()), Arguments { positional: Some(3), x: Some(9) });
    });
}

/// A greenlet is started while another one unwinds only by code that is told so; a fresh one does not see a caught panic.
#[test]
fn test_exc_state() {
    check(|| {
        let error = raised::<&str, _>(|| raise("outer"));
        let g = Greenlet::new(|()| {
            assert!(!std::thread::panicking());
            assert_eq!(raised::<&str, _>(|| raise("inner")), "inner");
        });
        go(&g, ());
        assert_eq!(error, "outer");
        assert!(!std::thread::panicking());
    });
}

#[test]
fn test_running_greenlet_has_no_run() {
    check(|| {
        let count = Count::default();
        let guard = count.guard();
        let g = Greenlet::new(move |()| drop(guard));
        assert_eq!(count.get(), 0);
        go(&g, ());
        assert_eq!(count.get(), 1, "the body is gone with its greenlet, handles or not");
        assert!(g.is_dead());
    });
}

/// A destructor runs in the greenlet that `current` names, also where it is one that was killed.
#[test]
fn test_threaded_updatecurrent() {
    check(|| {
        let log = Log::new();
        let into = log.clone();
        let g = Greenlet::new(move |()| {
            let _guard = crate::harness::OnDrop(move || into.push(current::<()>().id()));
            to_main(());
        });
        go(&g, ());
        let id = g.id();
        drop(g);
        assert_eq!(log.take(), [id]);
        assert!(current::<()>().is_main());
    });
}

/// The last handle of the switcher is released by its switch, which carries a value.
#[test]
fn test_dealloc_switch_args_not_lost() {
    check(|| {
        let seen = Log::new();
        let into = seen.clone();
        let initiator = Rc::new(RefCell::new(None::<Greenlet<i32>>));
        let child = initiator.clone();
        let worker = Greenlet::new(move |first| {
            assert_eq!(to_main(first), 1);
            // The edge of the child that switched here was the last handle of this greenlet.
            child.take().unwrap().set_parent(&main::<()>()).unwrap();
            into.push(exit_of(|| to_main(42)).unwrap_err().to_string());
            7
        });
        go(&worker, 0);
        let child = Builder::new().parent(&worker).build(|v: i32| v);
        initiator.replace(Some(child.clone()));
        drop(worker);
        assert_eq!(child.switch(1).unwrap(), Received::Value(42));
        assert_eq!(seen.take(), ["the last handle of the greenlet went away"]);
    });
}

#[test]
fn test_failed_to_initialstub() {
    check(|| {
        let ran = Count::default();
        let count = ran.clone();
        let limit = set_max_stacks(0);
        let g = Greenlet::new(move |()| count.add());
        assert!(matches!(g.switch(()), Err(SwitchError::Stack { .. })));
        assert_eq!(ran.get(), 0);
        set_max_stacks(limit);
        go(&g, ());
        assert_eq!(ran.get(), 1);
    });
}

/// A refused switch leaves the target as it was, and it can be resumed afterwards.
#[test]
fn test_failed_to_switch_into_running() {
    check(|| {
        let log = Log::new();
        let into = log.clone();
        let g = Greenlet::new(move |()| {
            into.push(1);
            to_main(());
            into.push(2);
            to_main(());
            into.push(3);
        });
        go(&g, ());
        let target = g.clone();
        let error = raised::<&str, _>(|| {
            let _guard = crate::harness::OnDrop(|| {
                assert!(matches!(target.switch(()), Err(SwitchError::Unwinding { value: Some(()), .. })));
            });
            raise("unwinding");
        });
        assert_eq!(error, "unwinding");
        go(&g, ());
        go(&g, ());
        assert!(g.is_dead());
        assert_eq!(log.take(), [1, 2, 3]);
    });
}

#[test]
fn test_main_greenlet_is_greenlet() {
    check(|| {
        let main = main::<()>();
        assert!(main.is_main() && main.is_active() && !main.is_dead() && main.is_current());
        assert_eq!(main.id(), 0);
        assert_eq!(main.stack_size(), 0);
        assert_eq!(main, current());
    });
}

/// The debug form names the state; the same greenlet may be shown at any time.
#[test]
fn test_repr() {
    check(|| {
        assert_eq!(format!("{:?}", main::<()>()), "Greenlet { id: 0, main: true, state: current }");
        let seen = Log::new();
        let into = seen.clone();
        let g = Builder::new().name("n").build(move |()| {
            into.push(format!("{:?}", main::<()>()));
            into.push(format!("{:?}", current::<()>()));
            to_main(());
        });
        let show = |state: &str| format!("Greenlet {{ id: {}, name: \"n\", state: {state} }}", g.id());
        assert_eq!(format!("{g:?}"), show("pending"));
        go(&g, ());
        assert_eq!(seen.take(), ["Greenlet { id: 0, main: true, state: suspended }".to_owned(), show("current")]);
        assert_eq!(format!("{g:?}"), show("suspended"));
        go(&g, ());
        assert_eq!(format!("{g:?}"), show("dead"));
        assert_eq!(g.to_string(), format!("greenlet {} \"n\"", g.id()));
        assert_eq!(main::<()>().to_string(), "the main greenlet");
    });
}

#[inline(never)]
fn nested(depth: u32) -> String {
    if depth == 0 {
        // Asked for by whoever switches here: this is how a suspended greenlet's frames are seen.
        to_main(String::new());
        return std::backtrace::Backtrace::force_capture().to_string();
    }
    let trace = nested(depth - 1);
    std::hint::black_box(trace)
}

/// The frames of a suspended greenlet, from the inside out; they end at its first one and do not reach main's.
#[test]
fn test_get_stack_with_nested_c_calls() {
    on_thread(|| {
        greenlet::enter(|| {
            let g = Builder::new().stack_size(1 << 20).build(|_| nested(5));
            go(&g, String::new());
            let trace = go(&g, String::new());
            assert_eq!(trace.matches("test_greenlet::nested").count(), 6, "{trace}");
            let resumer = trace.find("harness::go").is_some() || trace.contains("on_thread");
            assert!(!resumer, "the frames of who resumed it show: {trace}");
        });
    });
}
