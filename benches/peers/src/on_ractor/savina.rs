//! Savina's programs, as `benches/src/savina` does them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::{run, runtime};
use crate::measure::per_operation;
use crate::sizes::{ACCOUNTS, BIG, Chance, FORKED};

type Failed = ActorProcessingErr;

async fn start<A: Actor>(actor: A, state: A::Arguments) -> ActorRef<A::Msg> {
    A::spawn(None, actor, state).await.expect("an actor").0
}

async fn stop<M: ractor::Message>(actors: Vec<ActorRef<M>>) {
    for actor in actors {
        actor.stop_and_wait(None, None).await.expect("an orderly end");
    }
}

/// What the state of every actor here begins as is given to it.
macro_rules! given {
    ($state:ty) => {
        type State = $state;
        type Arguments = $state;

        async fn pre_start(&self, _me: ActorRef<Self::Msg>, state: $state) -> Result<$state, Failed> {
            Ok(state)
        }
    };
}

enum Told {
    Expect(usize, RpcReplyPort<()>),
    One,
}

struct Tally;

impl Actor for Tally {
    type Msg = Told;
    given!((usize, Option<(usize, RpcReplyPort<()>)>));

    async fn handle(&self, _: ActorRef<Told>, told: Told, (come, expected): &mut Self::State) -> Result<(), Failed> {
        match told {
            Told::Expect(count, reply) => *expected = Some((count, reply)),
            Told::One => *come += 1,
        }
        if let Some((_, reply)) = expected.take_if(|(count, _)| count == come) {
            reply.send(())?;
        }
        Ok(())
    }
}

async fn wait_for(tally: &ActorRef<Told>, count: usize) {
    tally.call(|reply| Told::Expect(count, reply), None).await.expect("it lives").expect("no time was set");
}

enum Ping {
    Begin(usize, RpcReplyPort<()>),
    Back,
}

struct Pong(ActorRef<Ping>);

struct Pinger(ActorRef<Pong>);

struct Ponger;

impl Actor for Pinger {
    type Msg = Ping;
    given!((usize, Option<RpcReplyPort<()>>));

    async fn handle(&self, me: ActorRef<Ping>, ping: Ping, (left, done): &mut Self::State) -> Result<(), Failed> {
        match ping {
            Ping::Begin(count, reply) => (*left, *done) = (count, Some(reply)),
            Ping::Back => *left -= 1,
        }
        match left {
            0 => done.take().expect("it has begun").send(())?,
            _ => self.0.cast(Pong(me))?,
        }
        Ok(())
    }
}

impl Actor for Ponger {
    type Msg = Pong;
    given!(());

    async fn handle(&self, _: ActorRef<Pong>, Pong(back): Pong, _: &mut ()) -> Result<(), Failed> {
        Ok(back.cast(Ping::Back)?)
    }
}

pub(super) fn ping_pong(name: &str, threads: usize) {
    per_operation(name, 1 << 14, |rounds| {
        run(&runtime(threads), async move {
            let other = start(Ponger, ()).await;
            let pinger = start(Pinger(other.clone()), (0, None)).await;
            let began = Instant::now();
            pinger.call(|reply| Ping::Begin(rounds, reply), None).await.expect("it lives").expect("no time was set");
            let took = began.elapsed();
            stop(vec![pinger]).await;
            stop(vec![other]).await;
            took
        })
    });
}

pub(super) fn fork_join(name: &str, threads: usize) {
    per_operation(name, FORKED << 8, |messages| {
        run(&runtime(threads), async move {
            let each = messages / FORKED;
            let mut actors = Vec::new();
            for _ in 0..FORKED {
                actors.push(super::make().await.0);
            }
            let began = Instant::now();
            for _ in 0..each {
                actors.iter().for_each(|actor| actor.cast(super::Count::Add(1)).expect("the actor"));
            }
            for actor in &actors {
                assert_eq!(super::sum(actor).await, each);
            }
            let took = began.elapsed();
            stop(actors).await;
            took
        })
    });
}

enum Mail {
    Begin,
    Ping { from: usize },
    Pong,
}

struct One {
    number: usize,
    done: ActorRef<Told>,
}

struct Running {
    left: usize,
    chance: Chance,
    all: Arc<OnceLock<Vec<ActorRef<Mail>>>>,
}

impl Running {
    fn all(&self) -> &[ActorRef<Mail>] {
        self.all.get().expect("all are there before one begins")
    }
}

impl One {
    fn ping_next(&self, running: &mut Running) -> Result<(), Failed> {
        if running.left == 0 {
            return Ok(self.done.cast(Told::One)?);
        }
        running.left -= 1;
        let to = running.chance.below(BIG);
        Ok(running.all()[to].cast(Mail::Ping { from: self.number })?)
    }
}

impl Actor for One {
    type Msg = Mail;
    given!(Running);

    async fn handle(&self, _: ActorRef<Mail>, mail: Mail, running: &mut Running) -> Result<(), Failed> {
        match mail {
            Mail::Ping { from } => Ok(running.all()[from].cast(Mail::Pong)?),
            Mail::Begin | Mail::Pong => self.ping_next(running),
        }
    }
}

pub(super) fn big(name: &str, threads: usize) {
    per_operation(name, BIG << 7, |pings| {
        run(&runtime(threads), async move {
            let tally = start(Tally, (0, None)).await;
            let (all, mut actors) = (Arc::new(OnceLock::new()), Vec::new());
            for number in 0..BIG {
                let running = Running { left: pings / BIG, chance: Chance::new(number), all: all.clone() };
                actors.push(start(One { number, done: tally.clone() }, running).await);
            }
            all.get_or_init(|| actors.clone());
            let began = Instant::now();
            actors.iter().for_each(|actor| actor.cast(Mail::Begin).expect("it lives"));
            wait_for(&tally, BIG).await;
            let took = began.elapsed();
            stop(actors).await;
            stop(vec![tally]).await;
            took
        })
    });
}

enum Order {
    Pay { to: ActorRef<Order>, amount: i64, done: ActorRef<Told> },
    Take(i64, RpcReplyPort<()>),
    Balance(RpcReplyPort<i64>),
}

struct Account;

impl Actor for Account {
    type Msg = Order;
    given!(i64);

    async fn handle(&self, _: ActorRef<Order>, order: Order, balance: &mut i64) -> Result<(), Failed> {
        match order {
            Order::Pay { to, amount, done } => {
                *balance -= amount;
                to.call(|reply| Order::Take(amount, reply), None).await?.expect("no time was set");
                done.cast(Told::One)?;
            }
            Order::Take(amount, reply) => {
                *balance += amount;
                reply.send(())?;
            }
            Order::Balance(reply) => reply.send(*balance)?,
        }
        Ok(())
    }
}

pub(super) fn bank(name: &str, threads: usize) {
    per_operation(name, 1 << 12, |transfers| run(&runtime(threads), async move { transfer(transfers).await }));
}

async fn transfer(transfers: usize) -> Duration {
    let tally = start(Tally, (0, None)).await;
    let mut accounts = Vec::new();
    for _ in 0..ACCOUNTS {
        accounts.push(start(Account, 0).await);
    }
    let mut chance = Chance::new(0);
    let began = Instant::now();
    for _ in 0..transfers {
        let (from, to) = chance.transfer();
        let (to, done) = (accounts[to].clone(), tally.clone());
        accounts[from].cast(Order::Pay { to, amount: 1, done }).expect("the account");
    }
    wait_for(&tally, transfers).await;
    let took = began.elapsed();
    let mut total = 0;
    for account in &accounts {
        total += account.call(Order::Balance, None).await.expect("the account").expect("no time was set");
    }
    assert_eq!(total, 0);
    stop(accounts).await;
    stop(vec![tally]).await;
    took
}
