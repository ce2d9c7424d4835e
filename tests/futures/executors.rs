//! Executors of others: tokio's and smol's, beside tasklets and under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::yield_now;
use tasklets::{Runtime, block_on, bounded, rendezvous, run, schedule, spawn, unbounded};

use crate::common::{checked, scale};

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn tasklets_and_tokios_tasks_exchange_messages() {
    checked(|| {
        let tokio = tokio();
        for capacity in [0, 1, 16] {
            let (ask, asked) = bounded::<usize>(capacity);
            let (answer, answers) = bounded::<usize>(capacity);
            let count = scale(500);
            let servers: Vec<_> = (0..4)
                .map(|_| {
                    let (asked, answer) = (asked.clone(), answer.clone());
                    tokio.spawn(async move {
                        while let Ok(number) = asked.recv_async().await {
                            answer.send_async(number * 2).await.unwrap();
                        }
                    })
                })
                .collect();
            drop((asked, answer));
            let asker = spawn(move || (0..count).for_each(|number| ask.send(number).unwrap()));
            let sum: usize = answers.iter().sum();
            assert_eq!(sum, (0..count).map(|number| number * 2).sum());
            asker.join().unwrap();
            for server in servers {
                block_on(server).unwrap().unwrap();
            }
        }
    });
}

#[test]
fn cancelled_receives_lose_nothing() {
    checked(|| {
        let tokio = tokio();
        let (tx, rx) = unbounded();
        let received = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (rx, received) = (rx.clone(), received.clone());
                tokio.spawn(async move {
                    loop {
                        // Most receives are given up at some await point.
                        match tokio::time::timeout(Duration::from_micros(20), rx.recv_async()).await {
                            Ok(Ok(())) => drop(received.fetch_add(1, Ordering::SeqCst)),
                            Ok(Err(_)) => return,
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        let count = scale(2_000);
        for number in 0..count {
            tx.send(()).unwrap();
            if number % 16 == 0 {
                std::thread::sleep(Duration::from_micros(30));
            }
        }
        drop((tx, rx));
        for task in tasks {
            block_on(task).unwrap().unwrap();
        }
        assert_eq!(received.load(Ordering::SeqCst), count);
    });
}

#[test]
fn cancelled_sends_arrive_once_or_not_at_all() {
    checked(|| {
        let tokio = tokio();
        let (tx, rx) = rendezvous();
        let sent = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (tx, sent) = (tx.clone(), sent.clone());
                let count = scale(300);
                tokio.spawn(async move {
                    for _ in 0..count {
                        let send = tokio::time::timeout(Duration::from_micros(20), tx.send_async(()));
                        if let Ok(Ok(())) = send.await {
                            sent.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        let received = rx.iter().count();
        for task in tasks {
            block_on(task).unwrap().unwrap();
        }
        // One that was given up just after it had been received is not counted by its sender.
        let sent = sent.load(Ordering::SeqCst);
        assert!(sent <= received && received <= 4 * scale(300), "{sent} sent, {received} received");
    });
}

#[test]
fn handles_are_awaited_by_tokio() {
    checked(|| {
        let tokio = tokio();
        let runtime = Runtime::builder().threads(2).build().unwrap();
        let (tx, rx) = rendezvous();
        let handle = runtime.spawn(move || rx.recv().unwrap()).unwrap();
        let task = tokio.spawn(handle);
        tx.send("through").unwrap();
        assert_eq!(block_on(task).unwrap().unwrap().unwrap(), "through");
        runtime.shutdown();
    });
}

#[test]
fn tokios_clock_and_channels_are_waited_for_in_tasklets() {
    checked(|| {
        let tokio = tokio();
        let _context = tokio.enter();
        let (tx, mut rx) = tokio::sync::mpsc::channel(1);
        let producer = spawn(move || {
            for number in 0..10 {
                block_on(tokio::time::sleep(Duration::from_micros(100))).unwrap();
                block_on(tx.send(number)).unwrap().unwrap();
            }
        });
        let consumer = spawn(move || {
            let mut got = Vec::new();
            while let Some(number) = block_on(rx.recv()).unwrap() {
                got.push(number);
            }
            got
        });
        producer.join().unwrap();
        assert_eq!(consumer.join().unwrap(), (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn an_executor_runs_in_a_tasklet_and_others_beside_it() {
    checked(|| {
        let (tx, rx) = rendezvous();
        let executor = spawn(move || {
            let executor = LocalExecutor::new();
            let (first, second) = (tx.clone(), tx);
            let tasks = [
                executor.spawn(async move {
                    for number in 0..3 {
                        first.send_async(number).await.unwrap();
                        yield_now().await;
                    }
                }),
                executor.spawn(async move { second.send_async(100).await.unwrap() }),
            ];
            block_on(executor.run(async {
                for task in tasks {
                    task.await;
                }
            }))
            .unwrap();
        });
        // It waits for tasklets of the same thread.
        let sum = spawn(move || rx.iter().sum::<i32>());
        schedule().unwrap();
        assert_eq!(sum.join().unwrap(), 103);
        executor.join().unwrap();
    });
}

#[test]
fn smols_executor_on_several_threads_serves_tasklets() {
    checked(|| {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = unbounded::<()>();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (executor, stopped) = (executor.clone(), stopped.clone());
                std::thread::spawn(move || {
                    let _ = futures_lite::future::block_on(executor.run(async { stopped.recv_async().await }));
                })
            })
            .collect();
        let tasklets: Vec<_> = (0..scale(50))
            .map(|number| {
                let executor = executor.clone();
                spawn(move || block_on(executor.spawn(async move { number * 3 })).unwrap())
            })
            .collect();
        run();
        for (number, tasklet) in tasklets.iter().enumerate() {
            assert_eq!(tasklet.join().unwrap(), number * 3);
        }
        drop(stop);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A handle, and both ends of a channel, in tasks of smol's executor on other threads, and of its local one.
#[test]
fn handles_and_both_ends_are_awaited_by_smol() {
    checked(|| {
        let workers = Runtime::builder().threads(2).build().unwrap();
        let (questions, asked) = bounded::<u32>(2);
        let (answer, answers) = rendezvous::<u32>();
        let doubling = workers.spawn(move || asked.iter().try_for_each(|number| answer.send(number * 2))).unwrap();
        let count = scale(200) as u32;
        let executor = Arc::new(Executor::new());
        let asking = executor.spawn(async move {
            for number in 0..count {
                questions.send_async(number).await.unwrap();
            }
        });
        let (stop, stopped) = unbounded::<()>();
        let theirs = executor.clone();
        let thread = std::thread::spawn(move || {
            let _ = futures_lite::future::block_on(theirs.run(async { stopped.recv_async().await }));
        });
        let local = LocalExecutor::new();
        let sum = local.spawn(async move {
            let mut sum = 0;
            while let Ok(number) = answers.recv_async().await {
                sum += number;
            }
            sum
        });
        let ended = local.spawn(async move { doubling.await.unwrap().is_ok() });
        let (sum, ended) = futures_lite::future::block_on(local.run(async { (sum.await, ended.await) }));
        assert_eq!((sum, ended), (count * (count - 1), true));
        futures_lite::future::block_on(asking);
        drop(stop);
        thread.join().unwrap();
        workers.shutdown();
    });
}
