//! Where tasks of async-executor run.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;
use std::thread;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{self, block_on};

use crate::futures::Place;

/// The thread that enters it, with an executor of its own each time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Local;

thread_local! {
    static ENTERED: RefCell<Option<Rc<LocalExecutor<'static>>>> = const { RefCell::new(None) };
}

impl Place for Local {
    fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        ENTERED.with_borrow(|executor| executor.as_ref().expect("a place that was entered").spawn(task).detach());
    }

    fn yield_now(self) -> impl Future<Output = ()> + Send {
        future::yield_now()
    }

    fn enter<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        let executor = Rc::<LocalExecutor<'_>>::default();
        ENTERED.set(Some(executor.clone()));
        // As a task, because what is given to `run` itself is polled only between rounds of the executor.
        let result = block_on(executor.run(executor.spawn(task)));
        ENTERED.take();
        result
    }
}

/// Two threads that share their work.
#[derive(Clone, Copy, Default)]
pub(crate) struct Two;

static SHARED: Executor<'static> = Executor::new();

impl Place for Two {
    fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        SHARED.spawn(task).detach();
    }

    fn yield_now(self) -> impl Future<Output = ()> + Send {
        future::yield_now()
    }

    fn enter<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        static START: Once = Once::new();
        START.call_once(|| {
            for _ in 0..2 {
                thread::spawn(|| block_on(SHARED.run(future::pending::<()>())));
            }
        });
        block_on(SHARED.spawn(task))
    }
}
