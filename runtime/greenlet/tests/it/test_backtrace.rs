//! Backtraces of greenlets: of others, and of the one that runs. Looking changes nothing.

use std::cell::Cell;
use std::rc::Rc;

use greenlet::{Greenlet, Received, current, main, set_tracer, stats};

use crate::harness::{Count, Log, OnDrop, check, go, on_thread, raise, raised, suspended, to_main};

#[inline(never)]
fn wait_in_here<T: 'static>(value: T) -> T {
    let got = to_main(value);
    std::hint::black_box(());
    got
}

#[inline(never)]
fn look_around() -> String {
    current::<()>().backtrace().expect("its own").to_string()
}

/// The names of the frames, innermost first.
fn names(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim_start().split_once(": ")).map(|(_, name)| name).collect()
}

/// What a stack's last frame may be: in each context, the function that nobody called.
fn ends_cleanly(text: &str) {
    let names = names(text);
    let last = names.last().expect("frames");
    assert!(last.ends_with("start") || last.ends_with("gen_init"), "{last} is the last one of {text}");
    assert!(!text.contains("<unknown>"), "{text}");
    let entry = names.iter().position(|name| *name == "greenlet::transfer::entry" || *name == "entry");
    let below = names.len() - entry.unwrap_or_else(|| panic!("no entry function: {text}"));
    assert!(below <= 20, "{below} frames below the entry function: {text}");
}

#[test]
fn test_a_suspended_one_is_where_it_waits() {
    check(|| {
        let g = Greenlet::new(|v: u32| wait_in_here(v) + 1);
        go(&g, 1);
        let text = g.backtrace().expect("it has begun").to_string();
        assert!(names(&text).iter().any(|name| name.contains("wait_in_here")), "{text}");
        ends_cleanly(&text);
        assert_eq!(go(&g, 5), 6);
    });
}

#[test]
fn test_the_running_one_is_here() {
    check(|| {
        let g = Greenlet::new(|_: String| look_around());
        let text = go(&g, String::new());
        let entry = text.find("run_body").expect("the body's entry");
        assert!(text.find("look_around").is_some_and(|at| at < entry), "{text}");
        ends_cleanly(&text);
    });
}

#[test]
fn test_main_is_seen_from_elsewhere() {
    check(|| {
        let g = Greenlet::new(|_: String| main::<()>().backtrace().expect("it waits").to_string());
        let text = go(&g, String::new());
        assert!(text.contains("test_main_is_seen_from_elsewhere"), "{text}");
    });
}

#[test]
fn test_none_where_there_are_no_frames() {
    check(|| {
        let g = Greenlet::new(|()| ());
        assert!(g.backtrace().is_none());
        g.reserve().expect("a stack");
        assert!(g.backtrace().is_none());
        go(&g, ());
        assert!(g.is_dead() && g.backtrace().is_none());
    });
}

#[test]
fn test_none_while_the_thread_unwinds() {
    check(|| {
        let (g, seen) = (suspended(), Rc::new(Cell::new(None)));
        let into = seen.clone();
        let looks = OnDrop(move || into.set(Some((g.backtrace().is_none(), current::<()>().backtrace().is_none()))));
        let text: &str = raised(move || {
            let _looks = looks;
            raise("a panic")
        });
        assert_eq!((text, seen.get()), ("a panic", Some((true, true))));
    });
}

/// In a thread-local's destructor, after those of the library.
#[test]
fn test_none_when_the_thread_is_over() {
    struct Last(Cell<Option<Greenlet>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let g = self.0.take().expect("set below");
            assert!(g.backtrace().is_none() && main::<()>().backtrace().is_none());
        }
    }
    thread_local! {
        static LAST: Last = const { Last(Cell::new(None)) };
    }
    if crate::tool::meaningless_under(&["asan"], "a handle that outlives the library's own state leaks that") {
        return;
    }
    on_thread(|| {
        // Made first, so dropped last.
        LAST.with(|_| ());
        let g = Greenlet::new(|()| ());
        LAST.with(|last| last.0.set(Some(g)));
    });
}

#[test]
fn test_a_tracer_is_not_told() {
    check(|| {
        let g = suspended();
        let log = Log::new();
        let events = log.clone();
        set_tracer(Some(Rc::new(move |event| events.push(event.kind))));
        assert!(g.backtrace().is_some());
        assert_eq!(log.take(), []);
        // A look from within the tracer, while a value is on its way.
        let (other, seen) = (g.clone(), Count::default());
        let looks = seen.clone();
        set_tracer(Some(Rc::new(move |_| {
            assert_eq!(other.backtrace().is_some(), !other.is_dead());
            looks.add();
        })));
        go(&g, ());
        set_tracer(None);
        assert_eq!(seen.get(), 2);
    });
}

#[test]
fn test_what_is_awaited_stays() {
    check(|| {
        let g = Greenlet::new(|v: String| wait_in_here(v) + "!");
        let parts: Vec<String> = vec![go(&g, "a".into())];
        let look = || assert!(g.backtrace().expect("it waits").to_string().contains("wait_in_here"));
        look();
        let error = g.cast::<u8>().switch(1).expect_err("it awaits a string");
        assert!(error.to_string().contains("String"), "{error}");
        look();
        assert_eq!(go(&g, parts.concat()), "a!");
        // What is thrown arrives, and so does an exit.
        let g = Greenlet::new(wait_in_here::<String>);
        go(&g, String::new());
        assert!(g.backtrace().is_some());
        assert_eq!(raised::<&str, _>(|| g.throw("thrown")), "thrown");
        let g = Greenlet::new(wait_in_here::<String>);
        go(&g, String::new());
        assert!(g.backtrace().is_some());
        assert!(matches!(g.kill(), Ok(Received::Exit(_))));
    });
}

#[test]
fn test_handles_are_as_they_were() {
    check(|| {
        let count = Count::default();
        let guard = count.guard();
        let g = Greenlet::new(move |()| {
            let _guard = guard;
            to_main(());
        });
        go(&g, ());
        let before = stats();
        drop(g.backtrace());
        assert_eq!(stats(), before);
        assert_eq!(current::<()>(), main());
        assert_eq!(count.get(), 0);
        drop(g);
        assert_eq!(count.get(), 1, "the last handle still kills it");
    });
}

/// A worker that has rested is looked at before its new work begins.
#[test]
fn test_a_worker_begins_after_a_look() {
    thread_local! {
        static DONE: Cell<usize> = const { Cell::new(0) };
    }
    let make = || {
        let work = || {
            DONE.set(DONE.get() + 1);
            Some(main())
        };
        greenlet::Builder::new().build_worker(work).expect("a stack")
    };
    check(move || {
        DONE.set(0);
        for round in 1..=5 {
            let worker = make();
            drop(worker.backtrace());
            assert_eq!(DONE.get(), round - 1, "a look does not start it");
            drop(worker.backtrace());
            go(&worker, ());
            assert_eq!(DONE.get(), round);
            drop(worker);
            let killed = make();
            drop(killed.backtrace());
            drop(killed);
            assert_eq!(DONE.get(), round);
        }
    });
}

/// Looked at from others, and at each other, in every order.
#[test]
fn test_everybody_looks_at_everybody() {
    check(|| {
        let all: Rc<std::cell::RefCell<Vec<Greenlet<usize>>>> = Rc::default();
        for _ in 0..8 {
            let others = all.clone();
            let g = Greenlet::new(move |mut round: usize| {
                loop {
                    let handles = others.borrow().clone();
                    let seen = handles.iter().filter(|g| g.backtrace().is_some()).count();
                    assert_eq!(seen, if round == 0 { handles.len() } else { 8 });
                    drop(handles);
                    round = to_main(round);
                    if round == 3 {
                        return round;
                    }
                }
            });
            all.borrow_mut().push(g.clone());
            assert_eq!(go(&g, 0), 0);
        }
        for round in 1..=3 {
            for at in [3, 1, 4, 7, 0, 2, 6, 5] {
                let g = all.borrow()[at].clone();
                assert_eq!(go(&g, round), round);
            }
        }
        all.borrow_mut().clear();
    });
}

/// Where there is no room to look, nothing happens. The portable context does not know.
#[test]
#[cfg(all(unix, any(target_arch = "x86_64", target_arch = "aarch64"), not(greenlet_portable)))]
fn test_a_full_stack_is_left_alone() {
    const SIZE: usize = 16 * 1024;
    /// For the frames around the large one, and less than a capture needs.
    const LEFT: usize = if cfg!(target_arch = "aarch64") { 6 * 1024 } else { 4 * 1024 };
    #[inline(never)]
    fn fill<const BYTES: usize>(v: usize) -> usize {
        let mut here = [0; BYTES];
        std::hint::black_box(&mut here)[0] = v as u8;
        to_main(v) + usize::from(std::hint::black_box(&here)[0])
    }
    if crate::tool::meaningless_under(&["asan"], "frames are larger") {
        return;
    }
    check(|| {
        let looked = |body: fn(usize) -> usize| {
            let g = greenlet::Builder::new().stack_size(SIZE).build(body);
            assert_eq!(g.stack_size(), SIZE);
            go(&g, 0);
            let looked = g.backtrace().is_some();
            assert_eq!(go(&g, 1), 1);
            looked
        };
        assert!(looked(fill::<1>));
        assert!(!looked(fill::<{ SIZE - LEFT }>));
    });
}
