//! Synchronous code as a future: what it waits for, what drops it, and what is refused.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use greenlet::{
    Builder, Generator, Greenlet, GreenletExit, SyncTask, in_sync_task, main, stats, sync_task, wait_for, yield_,
};

use crate::harness::check;

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending so many times, then a value.
fn after<T>(turns: usize, value: T) -> impl Future<Output = T> {
    let (mut left, mut value) = (turns, Some(value));
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(value.take().unwrap());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Polls until it is ready; the number of polls.
fn drive<F: Future + Unpin>(mut future: F) -> (usize, F::Output) {
    for polls in 1.. {
        if let Poll::Ready(value) = poll(&mut future) {
            return (polls, value);
        }
    }
    unreachable!()
}

struct Counts(Rc<Cell<usize>>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn code_that_waits_for_nothing_is_ready_at_once() {
    check(|| assert_eq!(drive(sync_task(|| 6 * 7)), (1, 42)));
}

#[test]
fn it_waits_from_any_depth_and_goes_on_where_it_was() {
    fn descend(depth: usize) -> usize {
        if depth == 0 { 0 } else { wait_for(after(2, depth)).unwrap() + descend(depth - 1) }
    }
    check(|| assert_eq!(drive(sync_task(|| descend(10))), (21, 55)));
}

#[test]
fn nothing_happens_before_the_first_poll() {
    check(|| {
        let dropped = Rc::new(Cell::new(0));
        let counts = Counts(dropped.clone());
        let task = sync_task(move || {
            let _counts = counts;
            unreachable!("it is never polled")
        });
        assert_eq!(stats().stacks, 0);
        drop::<SyncTask<()>>(task);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn what_is_waited_for_may_borrow() {
    check(|| {
        let task = sync_task(|| {
            let text = String::from("borrowed");
            let counter = RefCell::new(0);
            let length = wait_for(async {
                after(1, ()).await;
                *counter.borrow_mut() += 1;
                text.len()
            })
            .unwrap();
            length + counter.into_inner()
        });
        assert_eq!(drive(task), (2, 9));
    });
}

/// A task that owns something at every depth, and waits so many times.
fn owner(waits: usize, dropped: Rc<Cell<usize>>) -> SyncTask<()> {
    fn descend(waits: usize, dropped: &Rc<Cell<usize>>) {
        if waits == 0 {
            return;
        }
        let _mine = Counts(dropped.clone());
        let theirs = Counts(dropped.clone());
        wait_for(async {
            let _theirs = theirs;
            after(1, ()).await;
        })
        .unwrap();
        descend(waits - 1, dropped);
    }
    sync_task(move || descend(waits, &dropped))
}

#[test]
fn dropped_at_every_wait_it_drops_everything_once() {
    check(|| {
        for polls in 0..=5_usize {
            let dropped = Rc::new(Cell::new(0));
            let mut task = owner(5, dropped.clone());
            for _ in 0..polls {
                assert!(poll(&mut task).is_pending());
            }
            // One of each wait that is over: what the future owned.
            assert_eq!(dropped.get(), polls.saturating_sub(1));
            drop(task);
            assert_eq!(dropped.get(), 2 * polls);
            assert_eq!(Rc::strong_count(&dropped), 1);
        }
    });
}

#[test]
fn a_panic_of_the_code_is_the_polls() {
    check(|| {
        let mut task = sync_task(|| {
            wait_for(after(1, ())).unwrap();
            resume_unwind(Box::new(7))
        });
        assert!(poll::<SyncTask<()>>(&mut task).is_pending());
        let payload = catch_unwind(AssertUnwindSafe(|| poll(&mut task))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7));
    });
}

#[test]
fn a_panic_of_a_future_may_be_caught_by_the_code() {
    check(|| {
        let task = sync_task(|| {
            let caught = catch_unwind(|| {
                wait_for(async {
                    after(1, ()).await;
                    resume_unwind(Box::new("oh"));
                })
            });
            wait_for(after(1, *caught.unwrap_err().downcast::<&str>().unwrap())).unwrap()
        });
        assert_eq!(drive(task), (3, "oh"));
    });
}

#[test]
fn tasks_are_waited_for_in_tasks() {
    check(|| {
        let task = sync_task(|| {
            let inner = sync_task(|| wait_for(after(2, 1)).unwrap() + wait_for(after(1, 2)).unwrap());
            let before = wait_for(after(1, 10)).unwrap();
            before + wait_for(inner).unwrap() + wait_for(after(1, 100)).unwrap()
        });
        assert_eq!(drive(task), (6, 113));
    });
}

#[test]
fn dropping_the_outer_task_drops_the_inner_one() {
    check(|| {
        let dropped = Rc::new(Cell::new(0));
        let theirs = dropped.clone();
        let mut task = sync_task(move || {
            let _outer = Counts(theirs.clone());
            wait_for(owner(3, theirs)).unwrap();
        });
        assert!(poll(&mut task).is_pending());
        assert!(poll(&mut task).is_pending());
        assert_eq!(dropped.get(), 1);
        drop(task);
        assert_eq!(dropped.get(), 5);
    });
}

#[test]
fn greenlets_of_the_code_wait_for_the_task() {
    check(|| {
        let task = sync_task(|| {
            let values: Generator<usize> = Generator::new(|| {
                for number in 1..=3_usize {
                    let value = wait_for(after(2, number)).unwrap();
                    yield_(value * 10).unwrap();
                }
            });
            values.sum::<usize>()
        });
        assert_eq!(drive(task), (7, 60));
    });
}

#[test]
fn a_generator_that_waits_is_dropped_with_the_task() {
    check(|| {
        let dropped = Rc::new(Cell::new(0));
        let theirs = dropped.clone();
        let mut task = sync_task(move || {
            let _outer = Counts(theirs.clone());
            let values: Generator<i32> = Generator::new(move || {
                let _inner = Counts(theirs);
                wait_for(pending::<()>()).unwrap();
                yield_(1).unwrap();
            });
            values.sum::<i32>()
        });
        assert!(poll(&mut task).is_pending());
        assert!(poll(&mut task).is_pending());
        drop(task);
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn it_may_be_polled_by_ever_other_greenlets() {
    check(|| {
        let task = Rc::new(RefCell::new(sync_task(|| wait_for(after(3, "there")).unwrap())));
        for _ in 0..3 {
            let theirs = task.clone();
            let poller = Greenlet::new(move |()| assert!(poll(&mut *theirs.borrow_mut()).is_pending()));
            poller.switch(()).unwrap();
            assert!(poller.is_dead());
        }
        assert_eq!(poll(&mut *task.borrow_mut()), Poll::Ready("there"));
    });
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn futures_get_the_waker_of_the_poll_in_which_they_are_polled() {
    check(|| {
        let counts = [(); 3].map(|()| Arc::new(Count(AtomicUsize::new(0))));
        let mut task = sync_task(|| wait_for(after(2, ())).unwrap());
        for count in &counts {
            let waker = Waker::from(count.clone());
            let _ = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
        }
        drop(task);
        assert_eq!(counts.each_ref().map(|count| count.0.load(Ordering::SeqCst)), [1, 1, 0]);
        assert!(counts.iter().all(|count| Arc::strong_count(count) == 1));
    });
}

#[test]
fn outside_of_a_task_it_is_an_error_that_says_who_and_what() {
    check(|| {
        assert!(!in_sync_task());
        let error = wait_for(ready(1)).unwrap_err();
        assert!(error.is_outside());
        let text = error.to_string();
        assert!(text.contains("main") && text.contains("Ready<i32>") && text.contains("sync_task"), "{text}");
        let named = Builder::new().name("lonely").build(|()| {
            let text = wait_for(pending::<()>()).unwrap_err().to_string();
            assert!(text.contains("lonely") && text.contains("Pending<()>"), "{text}");
        });
        named.switch(()).unwrap();
        assert!(drive(sync_task(in_sync_task)).1);
    });
}

#[test]
fn while_it_is_dropped_it_can_wait_for_nothing() {
    struct Waits(Rc<Cell<bool>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.set(wait_for(pending::<()>()).is_err_and(|error| error.is_dropped()));
        }
    }
    check(|| {
        let refused = Rc::new(Cell::new(false));
        let waits = Waits(refused.clone());
        let mut task = sync_task(move || {
            let _waits = waits;
            // It does not even help to catch the exit.
            let caught = catch_unwind(|| wait_for(pending::<()>()));
            assert!(caught.unwrap_err().is::<GreenletExit>());
            assert!(!in_sync_task());
            assert!(wait_for(ready(1)).unwrap_err().is_dropped());
        });
        assert!(poll(&mut task).is_pending());
        drop(task);
        assert!(refused.get());
    });
}

#[test]
fn it_is_dropped_while_the_thread_unwinds() {
    check(|| {
        let dropped = Rc::new(Cell::new(0));
        let mut task = owner(2, dropped.clone());
        assert!(poll(&mut task).is_pending());
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _task = task;
            resume_unwind(Box::new(1));
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&1));
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn who_else_switches_into_it_ends_the_wait() {
    check(|| {
        let inside = Rc::new(RefCell::new(None));
        let theirs = inside.clone();
        let mut task = sync_task(move || {
            let child = Greenlet::new(|()| {
                main().switch(()).unwrap();
            });
            *theirs.borrow_mut() = Some(child.clone());
            // It ends by an exit, which comes to its parent: here.
            let error = wait_for(pending::<()>()).unwrap_err();
            let again = wait_for(ready(())).unwrap_err();
            assert!(error.to_string().contains("not being polled"), "{error}");
            assert!(!again.is_outside() && !again.is_dropped());
        });
        assert!(poll(&mut task).is_pending());
        let child: Greenlet = inside.take().unwrap();
        // Killed before it begins.
        let _ = child.kill();
        assert!(child.is_dead());
        drop(task);
    });
}

#[test]
fn polled_after_its_end_it_panics() {
    check(|| {
        let mut task = sync_task(|| 1);
        assert_eq!(poll(&mut task), Poll::Ready(1));
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let again = catch_unwind(AssertUnwindSafe(|| poll(&mut task)));
        std::panic::set_hook(hook);
        assert!(again.unwrap_err().downcast_ref::<String>().unwrap().contains("after it was ready"));
    });
}

#[test]
fn the_builder_names_it_and_sizes_its_stack() {
    check(|| {
        let task = Builder::new().name("parser").stack_size(256 * 1024).sync_task(|| {
            let large = [1_u8; 64 * 1024];
            wait_for(after(1, ())).unwrap();
            std::hint::black_box(large).iter().map(|byte| usize::from(*byte)).sum::<usize>()
        });
        assert!(format!("{task:?}").contains("parser"));
        assert_eq!(drive(task), (2, 64 * 1024));
    });
}
