//! Workers: they rest only where nobody can tell, and what rests is there for others.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::Rc;

use greenlet::{
    Builder, Event, Greenlet, GreenletLocal, Work, current, enter, main, set_max_stacks, set_pool_capacity,
    set_pool_review, set_tracer, stats, trim,
};

use crate::harness::{Count, check, go, left, on_thread, raise, raised, suspended, to_main};
use crate::misuse_process::{child, is_child};

thread_local! {
    /// What the workers have seen: their numbers.
    static SEEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static KEPT: RefCell<Option<Greenlet>> = const { RefCell::new(None) };
}

static NAME: GreenletLocal<Cell<u32>> = GreenletLocal::new(|| Cell::new(0));

fn worker(work: Work) -> Greenlet {
    Builder::new().parent(&main::<()>()).build_worker(work).unwrap()
}

/// Notes its number and goes back to main.
fn note() -> Option<Greenlet> {
    SEEN.with_borrow_mut(|seen| seen.push(current::<()>().id()));
    Some(main())
}

/// Lets a worker do a piece of work, and no handle of it is left.
fn run(work: Work) {
    let brought = worker(work).exchange(());
    brought.or_else(|other| other.into_result().map(greenlet::Received::unwrap)).unwrap();
}

/// A stack that rests.
fn one_rests() {
    run(note);
    assert_eq!(left(), (0, 0, 0, 1));
}

#[test]
fn one_that_nobody_holds_rests_and_is_another_greenlet_then() {
    check(|| {
        SEEN.take();
        for _ in 0..5 {
            one_rests();
        }
        let mut seen = SEEN.take();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{seen:?}");
    });
}

#[test]
fn one_that_is_held_ends() {
    check(|| {
        let held = worker(note);
        go(&held, ());
        assert!(held.is_dead());
        // What is sent to it goes to its nearest live ancestor, as to any that has ended.
        go(&held, ());
        drop(held);
        assert_eq!(left(), (0, 0, 0, 1));

        run(|| {
            KEPT.set(Some(current()));
            Some(main())
        });
        assert!(KEPT.take().unwrap().is_dead());

        let weak = worker(note).downgrade();
        assert!(weak.upgrade().is_none());
        assert_eq!((stats().greenlets, stats().stacks), (1, 0));
    });
}

#[test]
fn one_with_children_ends_and_is_their_parent_still() {
    check(|| {
        run(|| {
            let child = Greenlet::new(|()| ());
            KEPT.set(Some(child));
            Some(main())
        });
        let child = KEPT.take().unwrap();
        assert!(child.parent().unwrap().is_dead());
        go(&child, ());
        drop(child);
        assert_eq!(left().0, 0);
    });
}

#[test]
fn what_work_returns_is_switched_to() {
    check(|| {
        let there = Greenlet::new(|()| {
            to_main(());
            main().switch(()).unwrap();
        });
        go(&there, ());
        KEPT.set(Some(there.clone()));
        let worker = worker(|| KEPT.take());
        worker.exchange(()).unwrap();
        // It came back from there.
        go(&there, ());
        assert!(there.is_dead());
    });
}

#[test]
fn one_whose_successor_is_below_it_ends_in_main() {
    check(|| {
        run(|| {
            let below = Greenlet::new(|()| {
                let above = current::<()>().parent().unwrap().cast::<()>();
                above.switch(()).unwrap();
            });
            go(&below, ());
            Some(below)
        });
        assert_eq!(left().0, 0);
    });
}

#[test]
fn values_of_its_own_are_dropped_at_its_end() {
    check(|| {
        run(|| {
            NAME.with(|name| name.set(7));
            Some(main())
        });
        run(|| {
            NAME.with(|name| assert_eq!(name.get(), 0));
            Some(main())
        });
    });
}

#[test]
fn a_panic_and_an_exit_end_it() {
    check(|| {
        assert_eq!(raised::<&str, _>(|| run(|| raise("oh"))), "oh");
        one_rests();
        let taken = worker(|| unreachable!("it is killed before"));
        assert!(!taken.is_dead());
        assert!(taken.kill().is_ok());
        assert!(taken.is_dead());
        drop(taken);
        assert_eq!(left().0, 0);
        one_rests();
        drop(worker(|| unreachable!("nobody switches to it")));
        assert_eq!((stats().greenlets, stats().stacks), (0, 0));
    });
}

#[test]
fn a_tracer_is_told_of_ends_as_before() {
    check(|| {
        one_rests();
        let told = Rc::new(RefCell::new(Vec::new()));
        let log = told.clone();
        set_tracer(Some(Rc::new(move |event: &Event| {
            log.borrow_mut().push((event.origin.is_dead(), event.target.is_main()));
        })));
        run(note);
        set_tracer(None);
        assert_eq!(told.take(), [(false, false), (true, true)]);
    });
}

#[test]
fn stacks_that_rest_are_there_for_others() {
    check(|| {
        one_rests();
        set_max_stacks(1);
        let larger = Builder::new().stack_size(1 << 20).build(|()| ());
        go(&larger, ());
        drop(larger);
        set_max_stacks(usize::MAX);
        assert_eq!(trim(), 1);
        one_rests();
        assert_eq!(trim(), 1);
        assert_eq!(left(), (0, 0, 0, 0));
        let before = set_pool_capacity(0);
        run(note);
        assert_eq!(left(), (0, 0, 0, 0), "what may not be pooled does not rest");
        set_pool_capacity(before);
    });
}

#[test]
fn many_at_once_rest_or_end() {
    check(|| {
        let done = Count::default();
        let all: Vec<Greenlet> = (0..100)
            .map(|_| {
                worker(|| {
                    to_main(());
                    Some(main())
                })
            })
            .collect();
        for round in 0..2 {
            for worker in &all {
                go(worker, ());
                done.add();
                assert_eq!(worker.is_dead(), round == 1);
            }
        }
        drop(all);
        assert_eq!((done.get(), left()), (200, (0, 0, 0, 100)));
        let size = Builder::new().stack_size(256 * 1024).parent(&main::<()>()).build_worker(note).unwrap();
        size.exchange(()).unwrap();
        assert_eq!(left(), (0, 0, 0, 101));
    });
}

thread_local! {
    /// Where the frames of workers are.
    static PLACES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Notes where it is and waits.
fn stand() -> Option<Greenlet> {
    let frame = black_box(0_u8);
    PLACES.with_borrow_mut(|places| places.push((&raw const frame).addr()));
    to_main(());
    Some(main())
}

/// So many at once, that end in the order of what `key` makes of their numbers; where they were.
fn stand_together(count: usize, key: impl Fn(usize) -> u64) -> Vec<usize> {
    let all: Vec<Greenlet> = (0..count).map(|_| worker(stand)).collect();
    all.iter().for_each(|worker| go(worker, ()));
    let mut all: Vec<_> = all.into_iter().enumerate().collect();
    all.sort_by_key(|(number, _)| key(*number));
    for (_, worker) in all {
        worker.exchange(()).unwrap();
    }
    PLACES.take()
}

#[test]
fn those_that_rest_count_as_idle_stacks_and_are_reviewed() {
    check(|| {
        let (capacity, review) = (set_pool_capacity(50), set_pool_review(1000));
        stand_together(80, |number| number as u64);
        assert_eq!(left(), (0, 0, 0, 50));
        // Those that others have taken come back as idle stacks, and there is room for as many.
        drop((0..70).map(|_| suspended()).collect::<Vec<_>>());
        assert_eq!(left(), (0, 0, 0, 50));
        stand_together(50, |number| number as u64);
        assert_eq!(left(), (0, 0, 0, 50));
        (0..1000).for_each(|_| run(note));
        (0..1000).for_each(|_| run(note));
        assert_eq!(left(), (0, 0, 0, 1));
        set_pool_capacity(capacity);
        set_pool_review(review);
    });
}

/// The stacks that come back then are counted for a review, too, which may come in the midst of that.
#[test]
fn those_that_rest_are_ended_whenever_the_review_is_due() {
    check(|| {
        let (capacity, review) = (set_pool_capacity(usize::MAX), set_pool_review(100));
        for needed in [5, 10, 20, 40, 80] {
            stand_together(100, |number| number as u64);
            stand_together(needed, |number| number as u64);
            trim();
            assert_eq!(left(), (0, 0, 0, 0));
        }
        set_pool_capacity(capacity);
        set_pool_review(review);
    });
}

#[test]
fn thousands_that_have_rested_begin_in_the_order_in_which_they_lie() {
    check(|| {
        let before = set_pool_capacity(usize::MAX);
        let mut first = stand_together(3_000, |number| (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let then = stand_together(3_000, |number| number as u64);
        let near = |(a, b): &(&usize, &usize)| a.abs_diff(**b) < 1 << 20;
        let neighbours = then.iter().zip(&then[1..]).filter(near).count();
        let ordered = first.iter().zip(&first[1..]).filter(near).count();
        assert!(neighbours * 10 >= ordered * 9, "{neighbours} of {ordered}");
        first.sort_unstable();
        let mut same = then;
        same.sort_unstable();
        assert!(first == same, "other stacks were used");
        set_pool_capacity(before);
    });
}

#[test]
fn one_that_rests_when_its_thread_ends_is_not_leaked() {
    let out = child("workers::child_ends_a_thread");
    assert!(out.status.success(), "{out:?}");
}

#[test]
fn child_ends_a_thread() {
    if is_child() {
        on_thread(one_rests);
        assert_eq!(stats().leaked, 0);
        on_thread(|| enter(one_rests));
        assert_eq!(stats().leaked, 0);
    }
}
