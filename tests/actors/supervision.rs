//! Supervisors.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tasklets::actor::{
    Actor, ActorBuilder, Addr, Child, Context, Handler, Mailbox, Only, Pool, Reason, Registry, Reply, Restart,
    Strategy, Supervisor, SupervisorBuilder,
};
use tasklets::{now, schedule, sleep, spawn, with_virtual_time};

use crate::common::checked;
use crate::support::{crash, crashes_are_quiet, keeping};

enum Msg {
    Fail,
    End,
    Sleep(Duration),
    Run(Reply<u32>),
}

type Log = Arc<Mutex<Vec<String>>>;

/// A child that tells of its beginning and its end, and how often it has begun.
fn child(log: &Log, name: &'static str) -> (Child, Addr<Msg>) {
    let (log, runs) = (log.clone(), Mutex::new(0));
    ActorBuilder::new().name(name).child(move |mailbox: &Mailbox<Msg>| {
        log.lock().unwrap().push(format!("+{name}"));
        let run = {
            let mut runs = runs.lock().unwrap();
            *runs += 1;
            *runs
        };
        for message in mailbox {
            match message {
                Msg::Fail => crash(),
                Msg::End => return,
                Msg::Sleep(time) => sleep(time).unwrap(),
                Msg::Run(reply) => reply.send(run).unwrap(),
            }
        }
        log.lock().unwrap().push(format!("-{name}"));
    })
}

fn three(strategy: Strategy) -> (Log, [Addr<Msg>; 3], Supervisor) {
    let log = Log::default();
    let [(a, addr_a), (b, addr_b), (c, addr_c)] = ["a", "b", "c"].map(|name| child(&log, name));
    let supervisor = SupervisorBuilder::new().strategy(strategy).child(a).child(b).child(c).start();
    (log, [addr_a, addr_b, addr_c], supervisor)
}

fn take(log: &Log) -> String {
    log.lock().unwrap().drain(..).collect()
}

fn runs(addrs: &[Addr<Msg>]) -> Vec<u32> {
    addrs.iter().map(|addr| addr.ask(Msg::Run).unwrap()).collect()
}

#[test]
fn strategies_begin_again_whom_they_should_in_order() {
    crashes_are_quiet();
    let cases = [
        (Strategy::OneForOne, "+b", [1, 2, 1]),
        (Strategy::OneForAll, "-c-a+a+b+c", [2, 2, 2]),
        (Strategy::RestForOne, "-c+b+c", [1, 2, 2]),
    ];
    for (strategy, expected, counts) in cases {
        checked(move || {
            let (log, addrs, supervisor) = three(strategy);
            assert_eq!(runs(&addrs), [1, 1, 1]);
            assert_eq!(take(&log), "+a+b+c");
            addrs[1].tell(Msg::Fail).unwrap();
            // It is there already, and handled by the next run.
            assert_eq!(addrs[1].ask(Msg::Run).unwrap(), 2);
            assert_eq!(runs(&addrs), counts, "{strategy:?}");
            assert_eq!(take(&log), expected, "{strategy:?}");
            assert_eq!(supervisor.shutdown(), Reason::Stopped);
            assert_eq!(take(&log), "-c-b-a");
            assert!(addrs.iter().all(|addr| !addr.is_alive()));
        });
    }
}

#[test]
fn the_kind_of_child_decides_who_begins_again() {
    crashes_are_quiet();
    checked(|| {
        let kinds = [Restart::Permanent, Restart::Transient, Restart::Temporary];
        for (kind, after_end, after_fault) in
            [(kinds[0], true, true), (kinds[1], false, true), (kinds[2], false, false)]
        {
            for (message, again) in [(Msg::End, after_end), (Msg::Fail, after_fault)] {
                let (child, addr) = child(&Log::default(), "a");
                let supervisor = SupervisorBuilder::new().child(child.restart(kind)).start();
                addr.tell(message).unwrap();
                let answer = addr.ask(Msg::Run);
                assert_eq!(answer.is_ok(), again, "{kind:?}: {answer:?}");
                assert_eq!(addr.is_alive(), again);
                supervisor.shutdown();
            }
        }
    });
}

#[test]
fn too_many_restarts_end_the_supervisor_and_the_one_above_decides() {
    crashes_are_quiet();
    checked(|| {
        let log = Log::default();
        let (leaf, addr) = child(&log, "leaf");
        let (inner, handle) =
            SupervisorBuilder::new().name("inner").intensity(2, Duration::from_secs(5)).child(leaf).into_child();
        let outer = SupervisorBuilder::new().name("outer").intensity(1, Duration::from_secs(5)).child(inner).start();
        for failures in 1..=2 {
            addr.tell(Msg::Fail).unwrap();
            assert_eq!(addr.ask(Msg::Run).unwrap(), failures + 1);
        }
        let tree = outer.tree().to_string();
        assert!(tree.contains("\"inner\" OneForOne") && tree.contains("begun again 2 times"), "{tree}");
        // The inner one gives up, and the outer one begins it again.
        addr.tell(Msg::Fail).unwrap();
        assert_eq!(addr.ask(Msg::Run).unwrap(), 4);
        assert!(outer.tree().children[0].restarts == 1);
        for _ in 0..3 {
            addr.tell(Msg::Fail).unwrap();
        }
        let reason = outer.any().join();
        assert!(matches!(&reason, Reason::Failed(text) if text.contains("more than 1 restarts")), "{reason}");
        assert!(!addr.is_alive() && !handle.any().is_alive());
    });
}

#[test]
fn restarts_wait_longer_and_longer() {
    crashes_are_quiet();
    checked(|| {
        with_virtual_time(|| {
            let (child, addr) = child(&Log::default(), "a");
            let supervisor = SupervisorBuilder::new()
                .intensity(10, Duration::from_secs(1000))
                .back_off(Duration::from_secs(1), Duration::from_secs(4))
                .child(child)
                .start();
            for delay in [1, 2, 4, 4] {
                addr.tell(Msg::Fail).unwrap();
                let began = now();
                addr.ask(Msg::Run).unwrap();
                assert_eq!(now() - began, Duration::from_secs(delay));
            }
            supervisor.shutdown();
        });
    });
}

#[test]
fn a_child_that_does_not_stop_in_time_is_killed() {
    checked(|| {
        with_virtual_time(|| {
            let (lost, policy) = keeping::<u32>();
            let log = Log::default();
            let (slow, addr) = child(&log, "slow");
            let (other, kept) = ActorBuilder::new().undelivered(policy).child(|mailbox: &Mailbox<u32>| {
                mailbox.receive().unwrap();
                sleep(Duration::from_secs(1)).unwrap();
            });
            let slow = slow.grace(Duration::from_secs(3));
            let supervisor = SupervisorBuilder::new().child(other).child(slow).start();
            addr.tell(Msg::Sleep(Duration::from_secs(100))).unwrap();
            kept.tell(1).unwrap();
            kept.tell(2).unwrap();
            schedule().unwrap();
            schedule().unwrap();
            let began = now();
            assert_eq!(supervisor.shutdown(), Reason::Stopped);
            assert_eq!(now() - began, Duration::from_secs(3));
            assert!(!addr.is_alive() && !kept.is_alive());
            assert_eq!(take(&log), "+slow");
            assert_eq!(*lost.lock().unwrap(), [2]);
        });
    });
}

#[test]
fn children_come_and_go() {
    checked(|| {
        let supervisor = SupervisorBuilder::new().start();
        let log = Log::default();
        let (a, addr) = child(&log, "a");
        addr.tell(Msg::Sleep(Duration::ZERO)).unwrap();
        supervisor.add(a).unwrap();
        assert_eq!(addr.ask(Msg::Run).unwrap(), 1);
        assert!(supervisor.tree().to_string().contains("\"a\" (idle, 0 queued)"), "{}", supervisor.tree());
        assert!(supervisor.remove(&addr.any()).unwrap());
        assert!(!supervisor.remove(&addr.any()).unwrap());
        assert!(!addr.is_alive());
        assert_eq!(take(&log), "+a-a");
        supervisor.shutdown();
        let (b, late) = child(&log, "b");
        assert!(supervisor.add(b).is_err());
        assert!(!late.is_alive(), "it never begins");
    });
}

#[test]
fn a_killed_supervisor_takes_its_children_with_it() {
    checked(|| {
        let (_, addrs, supervisor) = three(Strategy::OneForOne);
        assert_eq!(runs(&addrs), [1, 1, 1]);
        supervisor.any().kill();
        assert_eq!(supervisor.any().join(), Reason::Killed);
        for addr in &addrs {
            assert_eq!(addr.join(), Reason::Killed);
        }
    });
}

#[test]
fn the_last_handle_ends_a_supervisor() {
    checked(|| {
        let (_, addrs, supervisor) = three(Strategy::OneForOne);
        assert_eq!(runs(&addrs), [1, 1, 1]);
        drop(supervisor);
        addrs.iter().for_each(|addr| assert!(addr.join().is_orderly()));
    });
}

#[test]
fn what_never_begins_again_lets_go_of_what_it_is_begun_from() {
    struct Idle(#[allow(dead_code, reason = "it is held, and nothing else")] Arc<Vec<Addr<Msg>>>);
    impl Actor for Idle {
        type Mail = Only<Msg>;
    }
    impl Handler<Msg> for Idle {
        fn handle(&mut self, _: Msg, _cx: &mut Context<'_, Idle>) {}
    }
    checked(|| {
        // Actors that know of each other: who begins them holds their addresses.
        let all: Arc<Mutex<Vec<Addr<Msg>>>> = Arc::default();
        let (theirs, known) = (all.clone(), all.clone());
        let (function, first) = ActorBuilder::new().child(move |mailbox: &Mailbox<Msg>| {
            assert_eq!(theirs.lock().unwrap().len(), 2);
            mailbox.iter().for_each(drop);
        });
        let make = move || Idle(Arc::new(known.lock().unwrap().clone()));
        let (state, second) = ActorBuilder::new().child_of(make);
        all.lock().unwrap().extend([first, second.addr()]);
        let supervisor = SupervisorBuilder::new().child(function).child(state).start();
        for _ in 0..10 {
            schedule().unwrap();
        }
        supervisor.shutdown();
        assert_eq!(Arc::strong_count(&all), 1);
    });
}

#[test]
fn names_outlive_restarts_and_go_with_their_actors() {
    crashes_are_quiet();
    checked(|| {
        let registry = Registry::new();
        let (child, addr) = child(&Log::default(), "a");
        let supervisor = SupervisorBuilder::new().child(child).start();
        registry.register("a", &addr).unwrap();
        addr.tell(Msg::Fail).unwrap();
        assert_eq!(registry.find::<Msg>("a").unwrap().ask(Msg::Run).unwrap(), 2);
        assert_eq!(registry.names(), ["a"]);
        supervisor.shutdown();
        assert!(registry.find::<Msg>("a").is_none());
        assert!(registry.names().is_empty());
    });
}

#[test]
fn a_pool_passes_over_who_has_ended() {
    checked(|| {
        let worker = |number: u32| {
            tasklets::actor::spawn(move |mailbox: &Mailbox<Reply<u32>>| {
                mailbox.iter().for_each(|reply| reply.send(number).unwrap());
            })
        };
        let pool = Pool::new((0..3).map(worker));
        pool.workers()[1].kill();
        pool.workers()[1].join();
        let theirs = pool.clone();
        let asked = spawn(move || (0..4).map(|_| theirs.ask(|reply| reply).unwrap()).collect::<Vec<_>>());
        assert_eq!(asked.join().unwrap(), [0, 2, 0, 2]);
    });
}
