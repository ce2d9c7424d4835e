//! The handles of tasklets as futures.

use std::panic::resume_unwind;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tasklets::{JoinError, Runtime, Tasklet, block_on, rendezvous, run, schedule, spawn};

use crate::common::{checked, scale};

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_tasklet_is_awaited_by_another() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let first = spawn(move || rx.recv().unwrap());
        let second = spawn(|| block_on(async { first.await.unwrap() + 1 }).unwrap());
        schedule().unwrap();
        assert!(second.is_blocked());
        tx.send(1).unwrap();
        assert_eq!(second.join().unwrap(), 2);
    });
}

#[test]
fn several_futures_and_joiners_of_one_tasklet() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let worker = spawn(move || rx.recv().unwrap());
        let waiters: Vec<_> = (0..5)
            .map(|number| {
                let worker = worker.clone();
                spawn(move || if number % 2 == 0 { block_on(worker).unwrap() } else { worker.join() })
            })
            .collect();
        schedule().unwrap();
        tx.send(7).unwrap();
        run();
        let results: Vec<_> = waiters.iter().map(|waiter| waiter.join().unwrap()).collect();
        assert_eq!(results.iter().filter(|result| matches!(result, Ok(7))).count(), 1);
        assert_eq!(results.iter().filter(|result| matches!(result, Err(JoinError::Taken))).count(), 4);
        assert!(matches!(worker.join(), Err(JoinError::Taken)));
    });
}

#[test]
fn how_a_tasklet_ended_is_told() {
    checked(|| {
        let panics = spawn(|| resume_unwind(Box::new(3)));
        let Err(JoinError::Panicked(payload)) = block_on(panics).unwrap() else { panic!("it did") };
        assert_eq!(payload.downcast_ref(), Some(&3));

        let returned = spawn(|| 4);
        run();
        assert_eq!(block_on(returned.clone()).unwrap().unwrap(), 4);
        assert!(matches!(block_on(returned).unwrap(), Err(JoinError::Taken)));
    });
}

#[test]
fn a_killed_tasklet_wakes_who_awaits_it() {
    checked(|| {
        let (_tx, rx) = rendezvous::<()>();
        let blocked = spawn(move || drop(rx.recv()));
        let waiter = spawn({
            let blocked = blocked.clone();
            move || block_on(blocked).unwrap()
        });
        schedule().unwrap();
        blocked.kill().unwrap();
        assert!(matches!(waiter.join().unwrap(), Err(JoinError::Killed)));
    });
}

#[test]
fn its_own_end_cannot_be_awaited() {
    checked(|| {
        let (tx, rx) = rendezvous::<Tasklet<()>>();
        let own = spawn(move || {
            let me = rx.recv().unwrap();
            assert!(matches!(block_on(me).unwrap(), Err(JoinError::Current)));
        });
        spawn({
            let own = own.clone();
            move || tx.send(own).unwrap()
        })
        .detach();
        own.join().unwrap();
    });
}

#[test]
fn a_dropped_handle_leaves_the_tasklet_in_peace() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let tasklet = spawn(move || rx.recv().unwrap());
        let mut first = tasklet.clone();
        let mut second = tasklet.clone();
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        assert!(poll(&mut first).is_pending());
        drop(first);
        let joiner = spawn({
            let tasklet = tasklet.clone();
            move || tasklet.join().unwrap()
        });
        schedule().unwrap();
        drop(second);
        tx.send(5).unwrap();
        assert_eq!(joiner.join().unwrap(), 5);
    });
}

#[test]
fn reports_pass_over_futures_that_wait_with_joiners() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let tasklet = spawn(move || rx.recv().unwrap());
        let joiners: Vec<_> = (0..2)
            .map(|_| {
                let mut future = tasklet.clone();
                assert!(poll(&mut future).is_pending());
                spawn(move || drop(future.join()))
            })
            .collect();
        schedule().unwrap();
        assert!(tasklets::Scheduler::local().report().to_string().contains("join"));
        tx.send(()).unwrap();
        joiners.iter().for_each(|joiner| joiner.join().unwrap());
    });
}

#[test]
fn a_runtimes_handle_is_awaited_anywhere() {
    checked(|| {
        let runtime = Runtime::builder().threads(2).build().unwrap();
        let handles: Vec<_> = (0..scale(100)).map(|number| runtime.spawn(move || number).unwrap()).collect();
        let sum = block_on(async {
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum.unwrap(), (0..scale(100)).sum());

        let late = runtime.spawn(|| thread::sleep(Duration::from_millis(5))).unwrap();
        let plain = thread::spawn(|| block_on(late).unwrap());
        plain.join().unwrap().unwrap();

        let mut taken = runtime.spawn(|| 1).unwrap();
        assert_eq!(block_on(&mut taken).unwrap().unwrap(), 1);
        assert!(matches!(poll(&mut taken), Poll::Ready(Err(JoinError::Taken))));

        let (_tx, rx) = rendezvous::<()>();
        let killed = runtime.spawn(move || drop(rx.recv())).unwrap();
        let mut polled = killed.clone();
        assert!(poll(&mut polled).is_pending());
        drop(polled);
        killed.kill();
        assert!(matches!(block_on(killed).unwrap(), Err(JoinError::Killed)));
        runtime.shutdown();
    });
}
