//! Synchronous code as a future, on executors of others and beside tasklets.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use futures_lite::future::yield_now;
use tasklets::{
    Channel, JoinError, SyncTask, block_on, bounded, in_sync_task, rendezvous, run, schedule, spawn, sync_task,
    unbounded, wait_for,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::LocalSet;

use crate::common::checked;

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

type Log = Rc<RefCell<Vec<&'static str>>>;

/// An async stream as std's traits have it.
struct Blocking(DuplexStream);

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        wait_for(self.0.read(buffer)).map_err(std::io::Error::other)?
    }
}

impl Write for Blocking {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        wait_for(self.0.write(buffer)).map_err(std::io::Error::other)?
    }

    fn flush(&mut self) -> std::io::Result<()> {
        wait_for(self.0.flush()).map_err(std::io::Error::other)?
    }
}

#[test]
fn synchronous_readers_and_writers_meet_on_tokios_stream() {
    checked(|| {
        let (near, far) = tokio::io::duplex(7);
        let sum = current_thread().block_on(LocalSet::new().run_until(async {
            let writer = tokio::task::spawn_local(sync_task(move || {
                let mut far = Blocking(far);
                (0..50).for_each(|number| writeln!(far, "{number}").unwrap());
            }));
            let reader = tokio::task::spawn_local(sync_task(move || {
                BufReader::new(Blocking(near)).lines().map(|line| line.unwrap().parse::<u32>().unwrap()).sum::<u32>()
            }));
            writer.await.unwrap();
            reader.await.unwrap()
        }));
        assert_eq!(sum, 1225);
    });
}

#[test]
fn tasks_of_tokio_take_turns_with_it() {
    checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (mine, theirs) = (log.clone(), log.clone());
        current_thread().block_on(LocalSet::new().run_until(async move {
            let sync = tokio::task::spawn_local(sync_task(move || {
                for number in 0..3 {
                    mine.borrow_mut().push(format!("sync {number}"));
                    wait_for(tokio::task::yield_now()).unwrap();
                }
            }));
            let task = tokio::task::spawn_local(async move {
                for number in 0..3 {
                    theirs.borrow_mut().push(format!("async {number}"));
                    tokio::task::yield_now().await;
                }
            });
            sync.await.unwrap();
            task.await.unwrap();
        }));
        let log = log.borrow();
        let place = |entry: &str| log.iter().position(|other| other == entry).unwrap();
        assert!(place("async 0") < place("sync 2") && place("sync 0") < place("async 2"), "{log:?}");
    });
}

#[test]
fn tokios_timeouts_and_aborts_unwind_it() {
    struct Counts(Rc<Cell<usize>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    checked(|| {
        let dropped = Rc::new(Cell::new(0));
        let endless = || {
            let counts = Counts(dropped.clone());
            sync_task(move || {
                let _counts = counts;
                loop {
                    wait_for(tokio::time::sleep(Duration::from_millis(1))).unwrap();
                }
            })
        };
        current_thread().block_on(LocalSet::new().run_until(async {
            let late = tokio::time::timeout(Duration::from_millis(5), endless()).await;
            late.map(|never: ()| never).unwrap_err();
            assert_eq!(dropped.get(), 1);
            let task = tokio::task::spawn_local(endless());
            tokio::task::yield_now().await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(dropped.get(), 2);
        }));
    });
}

#[test]
fn a_panic_is_what_tokios_handle_says() {
    checked(|| {
        let error = current_thread().block_on(LocalSet::new().run_until(async {
            let task: SyncTask<()> = sync_task(|| {
                wait_for(tokio::task::yield_now()).unwrap();
                std::panic::resume_unwind(Box::new("oh"))
            });
            tokio::task::spawn_local(task).await.unwrap_err()
        }));
        assert_eq!(error.into_panic().downcast_ref(), Some(&"oh"));
    });
}

#[test]
fn smols_local_executor_runs_it_in_a_tasklet() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let producer = spawn(move || (0..10).for_each(|number| tx.send(number).unwrap()));
        let executor = spawn(move || {
            let executor = LocalExecutor::new();
            // It waits for tasklets by a future: the executor's others go on meanwhile.
            let receiver = executor.spawn(sync_task(move || {
                let mut sum = 0;
                while let Ok(number) = wait_for(rx.recv_async()).unwrap() {
                    sum += number;
                }
                sum
            }));
            let other = executor.spawn(sync_task(|| {
                (0..5).for_each(|_| wait_for(yield_now()).unwrap());
                5
            }));
            block_on(executor.run(async { receiver.await + other.await })).unwrap()
        });
        assert_eq!(executor.join().unwrap(), 50);
        producer.join().unwrap();
    });
}

#[test]
fn what_a_tasklet_blocks_in_blocks_the_tasklet_that_polls() {
    checked(|| {
        let ch = Channel::new();
        let (tx, rx) = bounded(1);
        let theirs = ch.clone();
        let poller = spawn(move || {
            block_on(sync_task(move || {
                // On the task's own stack: the tasklet leaves from here, and comes back to here.
                let first: i32 = theirs.receive().unwrap();
                schedule().unwrap();
                let second = wait_for(async { rx.recv_async().await }).unwrap().unwrap();
                let third: i32 = theirs.receive().unwrap();
                first + second + third
            }))
            .unwrap()
        });
        schedule().unwrap();
        assert!(poller.is_blocked());
        ch.send(1).unwrap();
        tx.send(10).unwrap();
        ch.send(100).unwrap();
        assert_eq!(poller.join().unwrap(), 111);
    });
}

#[test]
fn a_tasklet_that_is_killed_in_it_unwinds_it() {
    checked(|| {
        struct Says(Log, &'static str);
        impl Drop for Says {
            fn drop(&mut self) {
                self.0.borrow_mut().push(self.1);
            }
        }
        let log = Log::default();
        for blocks in [true, false] {
            let (outer, inner) = (Says(log.clone(), "outer"), Says(log.clone(), "inner"));
            let (_tx, rx) = unbounded::<()>();
            let poller = spawn(move || {
                let _outer = outer;
                let task = sync_task(move || {
                    let _inner = inner;
                    if blocks { drop(rx.recv()) } else { drop(wait_for(rx.recv_async())) }
                });
                block_on(task).unwrap();
            });
            schedule().unwrap();
            assert!(poller.is_blocked());
            poller.kill().unwrap();
            assert!(matches!(poller.join(), Err(JoinError::Killed)));
        }
        assert_eq!(*log.borrow(), ["inner", "outer", "inner", "outer"]);
    });
}

#[test]
fn tasklets_are_in_no_task_that_polls_on_their_thread() {
    checked(|| {
        block_on(sync_task(|| {
            assert!(in_sync_task());
            let other = spawn(|| {
                assert!(!in_sync_task());
                wait_for(std::future::ready(1)).unwrap_err().is_outside()
            });
            // It runs while this one is in the midst of a poll.
            assert!(other.join().unwrap());
            assert!(in_sync_task());
        }))
        .unwrap();
        run();
    });
}

#[test]
fn a_deadlock_in_it_is_an_error_there() {
    checked(|| {
        let error = block_on(sync_task(|| Channel::<()>::new().receive().unwrap_err().to_string())).unwrap();
        assert!(error.contains("deadlock"), "{error}");
    });
}
