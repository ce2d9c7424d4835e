//! Stacks that are refused, by every request in turn, by every cap and by the system: no tasklet is lost, nobody else's operation
//! fails, everything starts once stacks come back, and the results are those of a run in which nothing was refused.

use std::cell::Cell;
use std::rc::Rc;

use tasklets::{Builder, Channel, StackLimit, refuse_stacks, run, schedule, set_max_stacks, spawn, stats, trim};

use crate::common::{checked, scale};

/// Tasklets of the program below, which has stacks of two sizes.
const TASKLETS: usize = 100;

/// Servers answer what clients ask. Each client spawns two tasklets more, of which one spawns another one, and joins them. Returns what the clients have
/// found out, in an order of its own; `relieve` is called when nothing can go on for lack of stacks, and the times are counted.
fn program(relieve: impl Fn()) -> (Vec<u64>, usize) {
    let questions: Channel<(u64, Channel<u64>)> = Channel::new();
    let ended = Rc::new(Cell::new(0));
    for n in 0..4 {
        let (questions, ended) = (questions.clone(), ended.clone());
        let serve = move || {
            for (question, answer) in &questions {
                // The answer is awaited, sooner or later.
                answer.send(question * question).unwrap();
                schedule().unwrap();
            }
            ended.set(ended.get() + 1);
        };
        drop(Builder::new().stack_size(if n % 2 == 0 { 64 } else { 256 } * 1024).spawn(serve));
    }
    let clients: Vec<_> = (0..24_u64)
        .map(|n| {
            let (questions, ended) = (questions.clone(), ended.clone());
            let ask = move |question| {
                let answer = Channel::new();
                questions.send((question, answer.clone())).unwrap();
                answer.receive().unwrap()
            };
            let asks = ask.clone();
            spawn(move || {
                let count = |by| ended.set(ended.get() + by);
                let nested = asks.clone();
                let first = spawn(move || spawn(move || nested(n)).join().unwrap() + 1);
                let asks_too = asks.clone();
                let second = Builder::new().stack_size(200 * 1024).name("second").spawn(move || asks_too(n + 100));
                let sum = asks(n + 1_000) + second.join().unwrap() + first.join().unwrap();
                count(4);
                sum
            })
        })
        .collect();
    let mut relieved = 0;
    loop {
        let outcome = run();
        if outcome.starved == 0 {
            assert_eq!(outcome.blocked, 4, "the servers wait: {outcome}");
            break;
        }
        let report = outcome.report();
        assert_eq!(report.starved.len(), outcome.starved);
        let shortage = report.shortage.as_ref().expect("why there was no stack");
        assert!(outcome.to_string().contains(&shortage.to_string()), "{outcome}");
        relieve();
        relieved += 1;
        assert!(relieved < TASKLETS, "{outcome}");
    }
    let found = clients.into_iter().map(|client| client.join().unwrap()).collect();
    questions.shutdown();
    run();
    assert_eq!((stats().tasklets, ended.get()), (0, TASKLETS));
    (found, relieved)
}

fn expected() -> Vec<u64> {
    let square = |n: u64| n * n;
    (0..24).map(|n| square(n) + 1 + square(n + 100) + square(n + 1_000)).collect()
}

/// Nothing is left of a program before, so that it asks for every stack anew.
fn afresh(relieve: impl Fn()) -> usize {
    trim();
    let (found, relieved) = program(relieve);
    assert_eq!(found, expected());
    relieved
}

#[test]
fn nothing_is_refused() {
    checked(|| assert_eq!(afresh(|| unreachable!()), 0));
}

/// Whatever request fails, one alone.
#[test]
fn each_request_in_turn() {
    checked(|| {
        for nth in 1..=scale(TASKLETS + 30) {
            refuse_stacks(nth, 1);
            afresh(|| ());
            refuse_stacks(0, 0);
        }
    });
}

/// Whatever request fails, with all after it, until nothing goes on.
#[test]
fn all_requests_from_one_on() {
    checked(|| {
        let mut relieved = 0;
        let requests = scale(TASKLETS + 30);
        for nth in 1..=requests {
            refuse_stacks(nth, usize::MAX);
            relieved += afresh(|| refuse_stacks(0, 0));
            refuse_stacks(0, 0);
        }
        // With a few stacks the servers wait for clients that have none.
        assert!(relieved >= 1 && (relieved < requests || requests < TASKLETS), "{relieved} of {requests}");
    });
}

#[test]
fn every_cap() {
    checked(|| {
        let mut relieved = 0;
        for cap in 0..scale(TASKLETS) {
            set_max_stacks(cap);
            relieved += afresh(|| {
                set_max_stacks(usize::MAX);
            });
            set_max_stacks(usize::MAX);
        }
        assert!(relieved >= 1, "{relieved}");
    });
}

/// The error of a tasklet that is run directly tells the limit, as text and as a value.
#[test]
fn a_direct_run_gets_the_error() {
    checked(|| {
        trim();
        refuse_stacks(1, usize::MAX);
        let tasklet = Builder::new().stack_size(100_000).paused(|| 5);
        let Err(tasklets::TaskletError::Stack(error)) = tasklet.run() else { panic!("it ran") };
        // Tasklets ask for powers of two, whatever the context could do.
        assert_eq!((error.limit(), error.size()), (StackLimit::Memory, 131_072));
        assert!(tasklet.is_alive() && tasklet.is_paused());
        refuse_stacks(0, 0);
        tasklet.run().unwrap();
        assert_eq!(tasklet.join().unwrap(), 5);
    });
}

/// With as little address space as a shell gives it.
#[cfg(all(target_os = "linux", not(greenlet_portable)))]
mod by_the_system {
    use std::process::Command;

    use super::*;

    const CHILD: &str = "TASKLETS_TEST_LIMITED";

    #[test]
    fn address_space() {
        if crate::common::tool::meaningless_under(
            &["asan", "tsan", "valgrind", "qemu"],
            "the tool needs far more of it",
        ) {
            return;
        }
        let exe = std::env::current_exe().expect("the path of the test binary");
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 400000 && exec \"$0\" \"$@\""]).arg(exe);
        command.args(["--exact", "refused::by_the_system::child_process", "--nocapture", "--test-threads=1"]);
        let out = command.env(CHILD, "1").output().expect("there is a shell");
        assert!(out.status.success(), "{out:?}");
    }

    #[test]
    fn child_process() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let (channel, received) = (Channel::new(), Rc::new(Cell::new(0)));
        let all = 1_000;
        for _ in 0..all {
            let (channel, received) = (channel.clone(), received.clone());
            let receive = move || {
                let one: usize = channel.receive().unwrap();
                received.set(received.get() + one);
            };
            drop(Builder::new().stack_size(1 << 20).spawn(receive));
        }
        let outcome = run();
        assert!(outcome.starved >= 600 && outcome.blocked >= 200, "{outcome:?}");
        assert_eq!(outcome.starved + outcome.blocked, all);
        let text = outcome.to_string();
        assert!(text.contains("RLIMIT_AS allows 409600000; raise it (ulimit -v)"), "{text}");
        let limit = outcome.report().shortage.map(|shortage| shortage.limit());
        assert_eq!(limit, Some(StackLimit::AddressSpace));
        // One that ends makes room for one that waits.
        (0..all).for_each(|_| channel.send(1).unwrap());
        run();
        assert_eq!((received.get(), stats().tasklets), (all, 0));
    }
}

#[test]
fn those_that_wait_for_a_stack_try_again_while_others_wait_for_another_thread() {
    checked(|| {
        let (quit, waiting) = tasklets::rendezvous::<()>();
        let waiter = spawn(move || waiting.recv().unwrap());
        schedule().unwrap();
        assert!(waiter.is_blocked());
        // There is none for a while, as if other threads had them all; and nobody tells when they have given some back.
        refuse_stacks(1, 40);
        let starved = spawn(move || drop(quit.send(())));
        assert!(run().is_finished());
        refuse_stacks(0, 0);
        assert!(!starved.is_alive() && !waiter.is_alive());
    });
}
