//! Actors of both forms that are told to end at each blocking point in turn.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::Mutex;
use tasklets::actor::{
    self, Actor, ActorBuilder, Addr, AnyAddr, Context, Handler, Mailbox, MailboxError, Only, Reason, Reply,
};
use tasklets::{Receiver, rendezvous, schedule, select, shield, sleep};

use crate::common::checked;

const LONG: Duration = Duration::from_secs(1000);

/// What actors wait for, and never get.
#[derive(Clone)]
struct World {
    never: Receiver<u32>,
    full: Addr<u32>,
    mute: Addr<Reply<u32>>,
    unanswered: Arc<Mutex<Vec<Reply<u32>>>>,
}

type Point = (&'static str, fn(&World));
type MailboxPoint = (&'static str, fn(&World, &Mailbox<u32>));

const POINTS: [Point; 6] = [
    ("sleep", |_| drop(sleep(LONG))),
    ("recv", |world| drop(world.never.recv())),
    ("tell", |world| drop(world.full.tell(7))),
    ("tell_timeout", |world| drop(world.full.tell_timeout(7, LONG))),
    ("ask", |world| drop(world.mute.ask(|reply| reply))),
    ("join", |world| drop(world.mute.join())),
];

const MAILBOX_POINTS: [MailboxPoint; 5] = [
    ("receive", |_, mailbox| drop(mailbox.receive())),
    ("receive_timeout", |_, mailbox| drop(mailbox.receive_timeout(LONG))),
    ("receive_match", |_, mailbox| drop(mailbox.receive_match(|_| true))),
    ("iter", |_, mailbox| mailbox.iter().for_each(drop)),
    ("select", |world, mailbox| {
        select! {
            recv(mailbox) -> message => drop(message),
            recv(world.never) -> message => drop(message),
        }
    }),
];

/// Gives `body` a world, in which nobody was told or answered anything at the end.
fn with_world(body: impl FnOnce(&World)) {
    let (tx, never) = rendezvous();
    let unanswered = Arc::<Mutex<Vec<Reply<u32>>>>::default();
    let (theirs, deaf) = (unanswered.clone(), never.clone());
    let full = ActorBuilder::new().capacity(1).spawn(move |_: &Mailbox<u32>| drop(deaf.recv()));
    full.tell(1).unwrap();
    let mute =
        actor::spawn(move |mailbox: &Mailbox<Reply<u32>>| mailbox.iter().for_each(|reply| theirs.lock().push(reply)));
    let world = World { never, full, mute, unanswered };
    body(&world);
    assert_eq!(world.full.queued(), 1, "what was not told is not there");
    assert!(world.unanswered.lock().iter().all(Reply::is_abandoned));
    drop(tx);
    world.mute.stop();
    world.full.join();
    world.mute.join();
}

/// Blocks again and again, whatever is raised, and in the midst of that in a shield; then goes on with what was raised first.
fn holds_out(block: impl Fn(), tell: &mpsc::Sender<bool>) {
    let raises = || catch_unwind(AssertUnwindSafe(&block)).err();
    let first = raises();
    tell.send(first.is_some()).unwrap();
    tell.send(raises().is_some()).unwrap();
    tell.send(shield(|| sleep(Duration::from_millis(1))).is_ok()).unwrap();
    tell.send(raises().is_some()).unwrap();
    resume_unwind(first.unwrap());
}

/// Tells an actor that waits for something else to end: orderly orders leave it there, and a kill does not.
fn end(actor: &AnyAddr, met: &mpsc::Receiver<bool>, point: &str) {
    schedule().unwrap();
    for order in [AnyAddr::stop, AnyAddr::stop_now] {
        order(actor);
        schedule().unwrap();
        assert!(actor.is_alive() && met.try_recv().is_err(), "{point} was interrupted");
    }
    actor.kill();
    assert_eq!(actor.join(), Reason::Killed, "{point}");
    assert_eq!(met.try_iter().collect::<Vec<_>>(), [true; 4], "{point}");
}

#[test]
fn functions() {
    checked(|| {
        with_world(|world| {
            for (name, block) in POINTS {
                let (tell, met) = mpsc::channel();
                let theirs = world.clone();
                let actor = actor::spawn(move |_: &Mailbox<u32>| holds_out(|| block(&theirs), &tell));
                end(&actor.any(), &met, name);
            }
        });
    });
}

struct Holder(World, mpsc::Sender<bool>);

impl Actor for Holder {
    type Mail = Only<fn(&World)>;
}

impl Handler<fn(&World)> for Holder {
    fn handle(&mut self, block: fn(&World), _cx: &mut Context<'_, Holder>) {
        holds_out(|| block(&self.0), &self.1);
    }
}

#[test]
fn states() {
    checked(|| {
        with_world(|world| {
            for (name, block) in POINTS {
                let (tell, met) = mpsc::channel();
                let actor = actor::start(Holder(world.clone(), tell));
                actor.tell(block).unwrap();
                end(&actor.any(), &met, name);
            }
        });
    });
}

#[test]
fn mailboxes() {
    checked(|| {
        with_world(|world| {
            for (name, block) in MAILBOX_POINTS {
                let (tell, met) = mpsc::channel();
                let theirs = world.clone();
                let actor = actor::spawn(move |mailbox: &Mailbox<u32>| holds_out(|| block(&theirs, mailbox), &tell));
                schedule().unwrap();
                actor.kill();
                assert_eq!(actor.join(), Reason::Killed, "{name}");
                assert_eq!(met.try_iter().collect::<Vec<_>>(), [true; 4], "{name}");
                for order in [Addr::stop, Addr::stop_now] {
                    let theirs = world.clone();
                    let actor = actor::spawn(move |mailbox: &Mailbox<u32>| block(&theirs, mailbox));
                    schedule().unwrap();
                    order(&actor);
                    assert_eq!(actor.join(), Reason::Stopped, "{name}");
                }
            }
        });
    });
}

/// What never waits is no blocking point.
#[test]
fn a_kill_does_not_arrive_where_nothing_blocks() {
    checked(|| {
        let (tell, told) = mpsc::channel();
        let actor = actor::spawn(move |mailbox: &Mailbox<u32>| {
            mailbox.addr().kill();
            tell.send(mailbox.try_receive()).unwrap();
        });
        actor.tell(1).unwrap();
        assert_eq!(actor.join(), Reason::Killed);
        let stopped = told.try_recv().expect("it is not interrupted");
        assert!(matches!(stopped, Err(MailboxError::Stopped(Reason::Killed))));
    });
}
