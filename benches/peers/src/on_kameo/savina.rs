//! Savina's programs, as `benches/src/savina` does them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo::reply::{DelegatedReply, ReplySender};

use super::{Add, Counter, Sum, run, runtime};
use crate::measure::per_operation;
use crate::sizes::{ACCOUNTS, BIG, BIG_ROOM, Chance, FORKED};

/// What the state of every actor here begins as is given to it.
macro_rules! given {
    ($state:ty) => {
        impl Actor for $state {
            type Args = Self;
            type Error = Infallible;

            async fn on_start(state: Self, _me: ActorRef<Self>) -> Result<Self, Infallible> {
                Ok(state)
            }
        }
    };
}

fn start<A: Spawn + Actor<Args = A>>(actor: A) -> ActorRef<A> {
    A::spawn_with_mailbox(actor, mailbox::bounded(64))
}

async fn stop<A: Actor>(actors: &[ActorRef<A>]) {
    for actor in actors {
        actor.stop_gracefully().await.expect("the actor");
        actor.wait_for_shutdown().await;
    }
}

struct Expect(usize);
struct One;

#[derive(Default)]
struct Tally {
    come: usize,
    expected: Option<(usize, ReplySender<()>)>,
}

given!(Tally);

impl Tally {
    fn look(&mut self) {
        if let Some((_, reply)) = self.expected.take_if(|(count, _)| *count == self.come) {
            reply.send(());
        }
    }
}

impl Message<Expect> for Tally {
    type Reply = DelegatedReply<()>;

    async fn handle(&mut self, Expect(count): Expect, ctx: &mut Context<Self, Self::Reply>) -> Self::Reply {
        let (delegated, reply) = ctx.reply_sender();
        self.expected = reply.map(|reply| (count, reply));
        self.look();
        delegated
    }
}

impl Message<One> for Tally {
    type Reply = ();

    async fn handle(&mut self, _: One, _ctx: &mut Context<Self, ()>) {
        self.come += 1;
        self.look();
    }
}

struct Begin(usize);
struct Back;
struct Pong(ActorRef<Pinger>);

struct Pinger {
    other: ActorRef<Ponger>,
    left: usize,
    done: Option<ReplySender<()>>,
}

struct Ponger;

given!(Pinger);
given!(Ponger);

impl Pinger {
    async fn next(&mut self, me: &ActorRef<Pinger>) {
        if self.left == 0 {
            self.done.take().expect("it has begun").send(());
        } else {
            self.other.tell(Pong(me.clone())).await.expect("the other one");
        }
    }
}

impl Message<Begin> for Pinger {
    type Reply = DelegatedReply<()>;

    async fn handle(&mut self, Begin(count): Begin, ctx: &mut Context<Self, Self::Reply>) -> Self::Reply {
        let (delegated, reply) = ctx.reply_sender();
        (self.left, self.done) = (count, reply);
        self.next(ctx.actor_ref()).await;
        delegated
    }
}

impl Message<Back> for Pinger {
    type Reply = ();

    async fn handle(&mut self, _: Back, ctx: &mut Context<Self, ()>) {
        self.left -= 1;
        self.next(ctx.actor_ref()).await;
    }
}

impl Message<Pong> for Ponger {
    type Reply = ();

    async fn handle(&mut self, Pong(back): Pong, _ctx: &mut Context<Self, ()>) {
        back.tell(Back).await.expect("the other one");
    }
}

pub(super) fn ping_pong(name: &str, threads: usize) {
    per_operation(name, 1 << 14, |rounds| {
        run(&runtime(threads), async move {
            let other = start(Ponger);
            let pinger = start(Pinger { other, left: 0, done: None });
            let began = Instant::now();
            pinger.ask(Begin(rounds)).await.expect("the end");
            let took = began.elapsed();
            stop(&[pinger]).await;
            took
        })
    });
}

pub(super) fn fork_join(name: &str, threads: usize) {
    per_operation(name, FORKED << 8, |messages| {
        run(&runtime(threads), async move {
            let each = messages / FORKED;
            let actors: Vec<_> = (0..FORKED).map(|_| start(Counter(0))).collect();
            let began = Instant::now();
            for _ in 0..each {
                for actor in &actors {
                    actor.tell(Add(1)).await.expect("the actor");
                }
            }
            for actor in &actors {
                assert_eq!(actor.ask(Sum).await.expect("the actor"), each);
            }
            let took = began.elapsed();
            stop(&actors).await;
            took
        })
    });
}

struct Start;
struct Ping {
    from: usize,
}
struct Answer;

struct Member {
    number: usize,
    left: usize,
    chance: Chance,
    all: Arc<OnceLock<Vec<ActorRef<Member>>>>,
    done: ActorRef<Tally>,
}

given!(Member);

impl Member {
    fn all(&self) -> &[ActorRef<Member>] {
        self.all.get().expect("all are there before one begins")
    }

    async fn ping_next(&mut self) {
        if self.left == 0 {
            return self.done.tell(One).await.expect("it waits");
        }
        self.left -= 1;
        let to = self.chance.below(BIG);
        self.all()[to].tell(Ping { from: self.number }).await.expect("all live");
    }
}

impl Message<Start> for Member {
    type Reply = ();

    async fn handle(&mut self, _: Start, _ctx: &mut Context<Self, ()>) {
        self.ping_next().await;
    }
}

impl Message<Ping> for Member {
    type Reply = ();

    async fn handle(&mut self, Ping { from }: Ping, _ctx: &mut Context<Self, ()>) {
        self.all()[from].tell(Answer).await.expect("all live");
    }
}

impl Message<Answer> for Member {
    type Reply = ();

    async fn handle(&mut self, _: Answer, _ctx: &mut Context<Self, ()>) {
        self.ping_next().await;
    }
}

pub(super) fn big(name: &str, threads: usize) {
    per_operation(name, BIG << 7, |pings| {
        run(&runtime(threads), async move {
            let tally = start(Tally::default());
            let all = Arc::new(OnceLock::new());
            let make = |number| {
                let (chance, left, done) = (Chance::new(number), pings / BIG, tally.clone());
                let member = Member { number, left, chance, all: all.clone(), done };
                Member::spawn_with_mailbox(member, mailbox::bounded(BIG_ROOM))
            };
            let actors: Vec<_> = (0..BIG).map(make).collect();
            all.get_or_init(|| actors.clone());
            let began = Instant::now();
            for actor in &actors {
                actor.tell(Start).await.expect("it lives");
            }
            tally.ask(Expect(BIG)).await.expect("all end");
            let took = began.elapsed();
            stop(&actors).await;
            took
        })
    });
}

struct Pay {
    to: ActorRef<Account>,
    amount: i64,
    done: ActorRef<Tally>,
}
struct Take(i64);
struct Balance;

struct Account(i64);

given!(Account);

impl Message<Pay> for Account {
    type Reply = ();

    async fn handle(&mut self, Pay { to, amount, done }: Pay, _ctx: &mut Context<Self, ()>) {
        self.0 -= amount;
        to.ask(Take(amount)).await.expect("the other account");
        done.tell(One).await.expect("it waits");
    }
}

impl Message<Take> for Account {
    type Reply = ();

    async fn handle(&mut self, Take(amount): Take, _ctx: &mut Context<Self, ()>) {
        self.0 += amount;
    }
}

impl Message<Balance> for Account {
    type Reply = i64;

    async fn handle(&mut self, _: Balance, _ctx: &mut Context<Self, i64>) -> i64 {
        self.0
    }
}

pub(super) fn bank(name: &str, threads: usize) {
    per_operation(name, 1 << 12, |transfers| run(&runtime(threads), async move { transfer(transfers).await }));
}

async fn transfer(transfers: usize) -> Duration {
    let tally = start(Tally::default());
    let accounts: Vec<_> = (0..ACCOUNTS).map(|_| start(Account(0))).collect();
    let mut chance = Chance::new(0);
    let began = Instant::now();
    for _ in 0..transfers {
        let (from, to) = chance.transfer();
        let (to, done) = (accounts[to].clone(), tally.clone());
        accounts[from].tell(Pay { to, amount: 1, done }).await.expect("the account");
    }
    tally.ask(Expect(transfers)).await.expect("all end");
    let took = began.elapsed();
    let mut total = 0;
    for account in &accounts {
        total += account.ask(Balance).await.expect("the account");
    }
    assert_eq!(total, 0);
    stop(&accounts).await;
    took
}
