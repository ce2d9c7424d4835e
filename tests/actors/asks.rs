//! Questions and answers; circles of them.

use std::time::Duration;

use tasklets::actor::{self, Addr, AskError, Mailbox, Reason, Reply};
use tasklets::{Runtime, now, sleep, with_virtual_time};

use crate::common::checked;

enum Msg {
    Meet(Addr<Msg>),
    /// Asks the one that was met, and so on, so many times.
    Around(u32, Reply<String>),
    Never(Reply<String>),
    Slow(Reply<String>),
}

fn member(mailbox: &Mailbox<Msg>) {
    let mut friend = None;
    let mut kept = Vec::new();
    for message in mailbox {
        match message {
            Msg::Meet(other) => friend = Some(other),
            Msg::Around(0, reply) => drop(reply.send("here".to_owned())),
            Msg::Around(left, reply) => {
                let friend: &Addr<Msg> = friend.as_ref().unwrap();
                let answer = friend.ask(|reply| Msg::Around(left - 1, reply));
                drop(reply.send(answer.unwrap_or_else(|error| error.to_string())));
            }
            Msg::Never(reply) => kept.push(reply),
            Msg::Slow(reply) => {
                sleep(Duration::from_secs(2)).unwrap();
                assert!(reply.is_abandoned());
                assert_eq!(reply.send("late".to_owned()), Err("late".to_owned()));
            }
        }
    }
}

#[test]
fn a_circle_of_three_is_a_deadlock_that_names_them() {
    checked(|| {
        let three = ["ada", "grace", "alan"];
        let [a, b, c] = three.map(|name| actor::ActorBuilder::new().name(name).spawn(member));
        for (one, other) in [(&a, &b), (&b, &c), (&c, &a)] {
            one.tell(Msg::Meet(other.clone())).unwrap();
        }
        assert_eq!(a.ask(|reply| Msg::Around(2, reply)).unwrap(), "here");
        let circle = a.ask(|reply| Msg::Around(3, reply)).unwrap();
        assert!(circle.contains("deadlock"), "{circle}");
        three.iter().for_each(|name| assert!(circle.contains(name), "{circle}"));
        for actor in [&a, &b, &c] {
            actor.stop();
            assert_eq!(actor.join(), Reason::Stopped);
        }
    });
}

#[test]
fn who_asks_itself_is_told() {
    checked(|| {
        let one = actor::spawn(member);
        one.tell(Msg::Meet(one.clone())).unwrap();
        let answer = one.ask(|reply| Msg::Around(1, reply)).unwrap();
        assert!(answer.contains("deadlock"), "{answer}");
        one.stop();
        one.join();
    });
}

#[test]
fn a_circle_over_two_threads_is_found() {
    let runtime = Runtime::builder().threads(2).build().unwrap();
    let spawner = runtime.spawner();
    let [a, b] = ["ada", "grace"].map(|name| actor::ActorBuilder::new().name(name).spawn_by(&spawner, member));
    a.tell(Msg::Meet(b.clone())).unwrap();
    b.tell(Msg::Meet(a.clone())).unwrap();
    let (first, second) = (a.clone(), b.clone());
    let asked = runtime.spawn(move || second.ask(|reply| Msg::Around(4, reply)).unwrap()).unwrap();
    let mine = first.ask(|reply| Msg::Around(4, reply)).unwrap();
    let theirs = asked.join().unwrap();
    assert!(mine.contains("deadlock") && theirs.contains("deadlock"), "{mine}; {theirs}");
    for actor in [&a, &b] {
        actor.stop();
        actor.join();
    }
    drop([a, b]);
    drop(first);
    assert!(runtime.shutdown().is_clean());
}

#[test]
fn a_dropped_reply_tells_who_asked() {
    checked(|| {
        let one = actor::spawn(|mailbox: &Mailbox<Reply<u32>>| drop(mailbox.receive()));
        assert!(matches!(one.ask(|reply| reply), Err(AskError::Unanswered(_))));
        assert!(matches!(one.ask(|reply| reply), Err(AskError::Untold(_))));
    });
}

#[test]
fn an_answer_that_is_late_is_given_back() {
    checked(|| {
        with_virtual_time(|| {
            let one = actor::spawn(member);
            let began = now();
            let error = one.ask_timeout(Msg::Never, Duration::from_secs(1)).unwrap_err();
            assert!(error.is_timed_out(), "{error}");
            assert_eq!(now() - began, Duration::from_secs(1));
            assert!(one.ask_timeout(Msg::Slow, Duration::from_secs(1)).unwrap_err().is_timed_out());
            one.stop();
            assert_eq!(one.join(), Reason::Stopped);
        });
    });
}
