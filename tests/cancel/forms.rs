//! The forms with a time or a deadline, of what has no other test of them: they give up at their time, and what they waited for can be
//! waited for again.

use std::time::Duration;

use tasklets::actor::{
    Actor, ActorBuilder, AskError, Context, Handler, Mailbox, Many, Reason, Reply, TellError, TellReason,
};
use tasklets::{JoinError, Runtime, Tasklet, now, run, scope, sleep, spawn, with_virtual_time};

use crate::common::checked;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Takes so much virtual time.
#[track_caller]
fn takes<R>(time: Duration, body: impl FnOnce() -> R) -> R {
    let began = now();
    let result = body();
    assert_eq!(now() - began, time);
    result
}

#[test]
fn members_of_scopes_are_joined_in_time() {
    checked(|| {
        with_virtual_time(|| {
            let text = String::from("borrowed");
            scope(|s| {
                let member = s.spawn(|| {
                    sleep(SECOND * 5).unwrap();
                    &*text
                });
                let early = takes(SECOND, || member.join_timeout(SECOND));
                assert!(matches!(early, Err(JoinError::TimedOut)), "{early:?}");
                let early = takes(SECOND, || member.join_deadline(now() + SECOND));
                assert!(matches!(early, Err(JoinError::TimedOut)), "{early:?}");
                assert_eq!(takes(SECOND * 3, || member.join_timeout(HOUR)).unwrap(), "borrowed");
            });
        });
    });
}

#[test]
fn members_on_other_threads_are_joined_in_time() {
    checked(|| {
        let workers = Runtime::builder().threads(1).build().unwrap();
        let spawner = workers.spawner();
        let (go, wait) = tasklets::bounded::<()>(1);
        scope(|s| {
            let member = s.spawn_at(&spawner, || wait.recv().is_ok()).unwrap();
            let early = member.join_timeout(Duration::from_millis(5));
            assert!(matches!(early, Err(JoinError::TimedOut)), "{early:?}");
            let early = member.join_deadline(now());
            assert!(matches!(early, Err(JoinError::TimedOut)), "{early:?}");
            go.send(()).unwrap();
            assert!(member.join_timeout(HOUR).unwrap());
        });
        workers.shutdown();
    });
}

/// Takes an hour for each message.
struct Slow;

impl Actor for Slow {
    type Mail = Many<Slow>;
}

struct Nothing;

impl Handler<Nothing> for Slow {
    fn handle(&mut self, _: Nothing, _: &mut Context<'_, Slow>) {}
}

fn timed_out<M>(told: Result<(), TellError<M>>) -> bool {
    told.is_err_and(|error| matches!(error.reason(), TellReason::TimedOut))
}

impl Handler<Reply<u32>> for Slow {
    fn handle(&mut self, reply: Reply<u32>, _: &mut Context<'_, Slow>) {
        sleep(HOUR).unwrap();
        let _ = reply.send(7);
    }
}

#[test]
fn actors_are_told_asked_and_joined_in_time() {
    checked(|| {
        with_virtual_time(|| {
            let full = ActorBuilder::new().capacity(1).start(Slow);
            // One is handled, and one waits in the mailbox.
            let asking: Vec<Tasklet<_>> = (0..2)
                .map(|_| {
                    let full = full.clone();
                    spawn(move || full.ask_deadline(|reply: Reply<u32>| reply, now() + HOUR * 3))
                })
                .collect();
            sleep(SECOND).unwrap();
            assert!(timed_out(takes(SECOND, || full.tell_timeout(Nothing, SECOND))));
            assert!(timed_out(takes(SECOND, || full.tell_deadline(Nothing, now() + SECOND))));
            assert_eq!(takes(SECOND, || full.join_timeout(SECOND)), None);
            assert_eq!(takes(SECOND, || full.join_deadline(now() + SECOND)), None);
            asking.into_iter().for_each(|asking| assert_eq!(asking.join().unwrap().unwrap(), 7));
            let late = takes(SECOND, || full.ask_deadline(|reply: Reply<u32>| reply, now() + SECOND));
            assert!(matches!(late, Err(AskError::TimedOut(_))), "{late:?}");
            full.stop();
            assert_eq!(full.join_timeout(HOUR * 2), Some(Reason::Stopped));
        });
    });
}

#[test]
fn functions_and_pools_give_up_in_time() {
    checked(|| {
        with_virtual_time(|| {
            let picky = ActorBuilder::new().capacity(1).spawn(|mailbox: &Mailbox<u32>| {
                assert!(takes(SECOND, || mailbox.receive_match_deadline(|_| false, now() + SECOND)).is_err());
                assert_eq!(mailbox.receive_match_deadline(|number| *number == 2, now() + HOUR).unwrap(), 2);
                sleep(SECOND * 10).unwrap();
            });
            picky.tell(1).unwrap();
            sleep(SECOND * 2).unwrap();
            picky.tell(2).unwrap();
            sleep(SECOND).unwrap();
            picky.tell(3).unwrap();
            assert!(timed_out(takes(SECOND, || picky.tell_deadline(4, now() + SECOND))));
            assert_eq!(takes(SECOND, || picky.join_deadline(now() + SECOND)), None);
            assert_eq!(picky.join_deadline(now() + HOUR), Some(Reason::Normal));
            assert!(run().is_finished());
        });
    });
}
