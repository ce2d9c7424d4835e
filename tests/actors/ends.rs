//! How actors end, and who is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tasklets::actor::{self, ActorBuilder, Down, Mailbox, MailboxError, Reason, link};
use tasklets::{run, schedule, shield, sleep};

use crate::common::checked;
use crate::support::{crash, crashes_are_quiet, keeping};

const LONG: Duration = Duration::from_secs(1000);

fn idle(mailbox: &Mailbox<u32>) {
    mailbox.iter().for_each(drop);
}

#[test]
fn a_kill_leaves_what_is_queued_to_the_policy() {
    checked(|| {
        let (lost, policy) = keeping();
        let addr = ActorBuilder::new().undelivered(policy).spawn(|mailbox: &Mailbox<u32>| {
            assert_eq!(mailbox.receive().unwrap(), 1);
            sleep(Duration::from_secs(1000)).unwrap();
        });
        for number in 1..=3 {
            addr.tell(number).unwrap();
        }
        schedule().unwrap();
        addr.tell(4).unwrap();
        addr.kill();
        assert_eq!(addr.join(), Reason::Killed);
        assert_eq!(*lost.lock().unwrap(), [2, 3, 4]);
    });
}

#[test]
fn stopping_now_leaves_what_is_queued_and_the_function_goes_on_to_its_end() {
    checked(|| {
        let (lost, policy) = keeping();
        let addr = ActorBuilder::new().undelivered(policy).spawn(|mailbox: &Mailbox<u32>| {
            assert_eq!(mailbox.receive().unwrap(), 1);
            schedule().unwrap();
            assert!(matches!(mailbox.receive(), Err(MailboxError::Stopped(Reason::Stopped))));
            assert!(mailbox.try_receive().is_err());
        });
        for number in 1..=3 {
            addr.tell(number).unwrap();
        }
        schedule().unwrap();
        addr.stop_now();
        assert_eq!(addr.join(), Reason::Stopped);
        assert_eq!(*lost.lock().unwrap(), [2, 3]);
    });
}

#[test]
fn one_that_never_began_has_its_messages_handed_over() {
    checked(|| {
        let (lost, policy) = keeping();
        let addr = ActorBuilder::new().undelivered(policy).spawn(idle);
        addr.tell(7).unwrap();
        tasklets::kill_all();
        assert_eq!(addr.join(), Reason::Abandoned);
        assert_eq!(*lost.lock().unwrap(), [7]);
    });
}

#[test]
fn monitors_are_told_once_with_the_reason() {
    crashes_are_quiet();
    checked(|| {
        let told: Arc<Mutex<Vec<Down>>> = Arc::default();
        let watcher = actor::spawn({
            let told = told.clone();
            move |mailbox: &Mailbox<Down>| {
                let failing = actor::spawn(|mailbox: &Mailbox<u32>| {
                    mailbox.receive().unwrap();
                    crash()
                });
                let kept = actor::spawn(idle);
                mailbox.monitor(&failing.any(), |down| down);
                let forgotten = mailbox.monitor(&kept.any(), |down| down);
                assert!(kept.demonitor(forgotten) && !kept.demonitor(forgotten));
                kept.kill();
                failing.tell(1).unwrap();
                told.lock().unwrap().push(mailbox.receive().unwrap());
                // One that has ended is told at once.
                mailbox.monitor(&kept.any(), |down| down);
                kept.join();
                told.lock().unwrap().push(mailbox.receive().unwrap());
            }
        });
        assert_eq!(watcher.join(), Reason::Normal);
        let told = told.lock().unwrap();
        assert_eq!(told[0].reason, Reason::Panicked("crash".into()));
        assert_eq!(told[1].reason, Reason::Killed);
        assert!(told[0].to_string().ends_with("has ended: it panicked: crash"), "{}", told[0]);
    });
}

#[test]
fn links_pass_faults_on_and_orderly_ends_not() {
    checked(|| {
        let [a, b, c, d] = [(); 4].map(|()| actor::spawn(idle));
        link(&a.any(), &b.any());
        link(&b.any(), &c.any());
        link(&c.any(), &d.any());
        d.stop();
        assert_eq!(d.join(), Reason::Stopped);
        schedule().unwrap();
        assert!(c.is_alive());
        a.kill();
        let Reason::Linked(down) = c.join() else { panic!("{:?}", c.state()) };
        assert!(matches!(&down.reason, Reason::Linked(first) if first.reason == Reason::Killed));
        assert!(!b.is_alive());
        run();
    });
}

#[test]
fn a_kill_is_met_at_every_blocking_point_but_for_those_in_a_shield() {
    checked(|| [true, false].into_iter().for_each(kill_is_a_state));
}

/// It is killed at another blocking point, or idle.
fn kill_is_a_state(first_sleeps: bool) {
    let met = Arc::new(Mutex::new(Vec::new()));
    let theirs = met.clone();
    let addr = actor::spawn(move |mailbox: &Mailbox<()>| {
        let goes_on = |block: &dyn Fn()| {
            let blocked = catch_unwind(AssertUnwindSafe(block));
            theirs.lock().unwrap().push(blocked.is_ok());
        };
        goes_on(&|| if first_sleeps { drop(sleep(LONG)) } else { drop(mailbox.receive()) });
        goes_on(&|| drop(sleep(LONG)));
        goes_on(&|| shield(|| sleep(Duration::from_millis(1)).unwrap()));
        goes_on(&|| assert!(matches!(shield(|| mailbox.receive()), Err(MailboxError::Stopped(Reason::Killed)))));
        goes_on(&|| drop(mailbox.receive()));
        goes_on(&|| drop(sleep(LONG)));
    });
    schedule().unwrap();
    addr.kill();
    assert_eq!(addr.join(), Reason::Killed);
    assert_eq!(*met.lock().unwrap(), [false, false, true, true, false, false]);
}
