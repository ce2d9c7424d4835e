//! A random program of actors of both forms, with faults at the boundaries of messages: every message is handled once, comes back, or is
//! handed to the policy; whoever failed is begun again; nothing hangs or leaks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tasklets::actor::{
    Actor, ActorBuilder, Addr, Child, Context, Handler, Mailbox, Only, Reason, Supervisor, SupervisorBuilder, Unhandled,
};
use tasklets::{schedule, sleep, with_virtual_time};

use crate::common::{checked, scale};
use crate::support::{crash, crashes_are_quiet};

const ACTORS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Panic,
    /// The actor kills itself, which comes at its next blocking point or after the message.
    Kill,
    StopNow,
    /// It kills the next one.
    KillNext,
}

const FAULTS: [Fault; 4] = [Fault::Panic, Fault::Kill, Fault::StopNow, Fault::KillNext];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Handled,
    Returned,
    Policy,
    /// Its sender was unwound while it waited for room.
    Unwound,
}

/// Which fault comes at which boundary.
type Faults = Box<dyn Fn(usize) -> Fault + Send + Sync>;

struct World {
    outcomes: Mutex<Vec<Vec<Outcome>>>,
    boundaries: AtomicUsize,
    faults: Faults,
    injected: AtomicUsize,
    /// Nothing goes wrong any more.
    calm: AtomicBool,
    actors: OnceLock<Vec<Addr<Token>>>,
}

struct Token {
    id: usize,
    seed: u64,
    hops: u32,
    world: Arc<World>,
    settled: bool,
}

impl Token {
    fn new(world: &Arc<World>, seed: u64, hops: u32) -> Token {
        let mut outcomes = world.outcomes.lock().unwrap();
        outcomes.push(Vec::new());
        Token { id: outcomes.len() - 1, seed, hops, world: world.clone(), settled: false }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.settled = true;
        self.world.outcomes.lock().unwrap()[self.id].push(outcome);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Outcome::Unwound);
        }
    }
}

fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}

impl World {
    fn new(faults: Faults) -> Arc<World> {
        let (outcomes, boundaries, injected, calm, actors) = Default::default();
        Arc::new(World { outcomes, boundaries, faults, injected, calm, actors })
    }

    fn actor(&self, number: usize) -> &Addr<Token> {
        &self.actors.get().unwrap()[number % ACTORS]
    }

    /// One boundary: what goes wrong there.
    fn boundary(&self, me: usize) {
        let boundary = self.boundaries.fetch_add(1, Ordering::Relaxed);
        let fault = if self.calm.load(Ordering::Relaxed) { Fault::None } else { (self.faults)(boundary) };
        if fault != Fault::None {
            self.injected.fetch_add(1, Ordering::Relaxed);
        }
        match fault {
            Fault::None => {}
            Fault::Panic => crash(),
            Fault::Kill => self.actor(me).kill(),
            Fault::StopNow => self.actor(me).stop_now(),
            Fault::KillNext => self.actor(me + 1).kill(),
        }
    }

    fn handle(self: &Arc<Self>, me: usize, mut token: Token) {
        token.settle(Outcome::Handled);
        self.boundary(me);
        let mut seed = token.seed;
        if token.hops == 0 {
            return;
        }
        for _ in 0..1 + next(&mut seed) % 2 {
            let to = next(&mut seed);
            let child = Token::new(self, seed ^ to as u64, token.hops - 1);
            let how = next(&mut seed) % 4;
            let told = match how {
                0 => self.actor(to).try_tell(child),
                1 => {
                    self.actor(to).tell_first(child);
                    Ok(())
                }
                _ => self.actor(to).tell_timeout(child, Duration::from_millis(5)),
            };
            if let Err(error) = told {
                error.into_message().settle(Outcome::Returned);
            }
            self.boundary(me);
            match next(&mut seed) % 4 {
                0 => sleep(Duration::from_millis(1)).unwrap(),
                1 => schedule().unwrap(),
                _ => {}
            }
        }
    }
}

struct Relay(Arc<World>, usize);

impl Actor for Relay {
    type Mail = Only<Token>;
}

impl Handler<Token> for Relay {
    fn handle(&mut self, token: Token, _cx: &mut Context<'_, Relay>) {
        self.0.handle(self.1, token);
    }
}

/// Both forms; some carry messages over, some do not.
fn actor(world: &Arc<World>, number: usize) -> (Child, Addr<Token>) {
    let world = world.clone();
    if number.is_multiple_of(2) {
        let policy = |mut token: Token, _: &Unhandled| token.settle(Outcome::Policy);
        let builder = ActorBuilder::new().capacity(2).carry_over(number == 0).undelivered(policy);
        builder.child(move |mailbox: &Mailbox<Token>| {
            mailbox.iter().for_each(|token| world.handle(number, token));
        })
    } else {
        let policy = |Only(mut token): Only<Token>, _: &Unhandled| token.settle(Outcome::Policy);
        let builder = ActorBuilder::new().capacity(2).carry_over(number == 1).undelivered(policy);
        let (child, actor) = builder.child_of(move || Relay(world.clone(), number));
        (child, actor.addr())
    }
}

fn begin(world: &Arc<World>) -> Supervisor {
    let (mut supervisor, mut addrs) =
        (SupervisorBuilder::new().intensity(usize::MAX, Duration::from_secs(1)), Vec::new());
    for number in 0..ACTORS {
        let (child, addr) = actor(world, number);
        supervisor = supervisor.child(child);
        addrs.push(addr);
    }
    world.actors.set(addrs).ok().unwrap();
    supervisor.start()
}

/// Runs the program. How many boundaries it had.
fn play(seed: u64, faults: Faults, what: &dyn Fn() -> String) -> usize {
    let world = World::new(faults);
    let supervisor = begin(&world);
    for number in 0..6 {
        let token = Token::new(&world, seed.wrapping_add(number), 4);
        if let Err(error) = world.actor(number as usize).tell(token) {
            error.into_message().settle(Outcome::Returned);
        }
    }
    sleep(Duration::from_secs(10_000)).unwrap();
    let (boundaries, injected) = (world.boundaries.load(Ordering::Relaxed), world.injected.load(Ordering::Relaxed));
    world.calm.store(true, Ordering::Relaxed);
    // Everybody is there still, and handles messages.
    let last: Vec<usize> = (0..ACTORS)
        .map(|number| {
            let token = Token::new(&world, 0, 0);
            let id = token.id;
            assert!(world.actor(number).tell(token).is_ok(), "actor {number} is gone: {}", what());
            id
        })
        .collect();
    let begun_again: u64 = supervisor.tree().children.iter().map(|child| child.restarts).sum();
    sleep(Duration::from_secs(10_000)).unwrap();
    assert_eq!(supervisor.shutdown(), Reason::Stopped, "{}", what());
    let outcomes = world.outcomes.lock().unwrap();
    for (id, outcomes) in outcomes.iter().enumerate() {
        assert_eq!(outcomes.len(), 1, "token {id}: {outcomes:?}: {}", what());
    }
    let unwound = outcomes.iter().filter(|outcomes| outcomes[0] == Outcome::Unwound).count();
    assert!(unwound <= injected, "{unwound} messages are gone: {}", what());
    if injected <= 1 {
        assert_eq!(begun_again, injected as u64, "begun again, with {injected} faults: {}", what());
    }
    assert!(last.iter().all(|id| outcomes[*id][0] == Outcome::Handled), "{}", what());
    boundaries
}

#[test]
fn every_single_fault() {
    crashes_are_quiet();
    checked(|| {
        with_virtual_time(|| {
            for seed in 0..scale(6) as u64 {
                let boundaries = play(seed, Box::new(|_| Fault::None), &|| format!("no fault, seed {seed}"));
                assert!(boundaries > 20);
                for at in 0..boundaries {
                    for fault in FAULTS {
                        let faults: Faults = Box::new(move |now| if now == at { fault } else { Fault::None });
                        play(seed, faults, &|| format!("seed {seed}: {fault:?} at boundary {at}"));
                    }
                }
            }
        });
    });
}

/// The seed of a failure is in its message: `TEST_SEED` runs that one alone.
#[test]
fn many_faults() {
    crashes_are_quiet();
    let only = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    checked(move || {
        with_virtual_time(|| {
            let seeds = only.map_or(0..scale(1_000) as u64, |seed| seed..seed + 1);
            for seed in seeds {
                let faults: Faults = Box::new(move |now| {
                    let mut random = seed ^ (now as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    next(&mut random);
                    let luck = next(&mut random);
                    // Those that come last are handled in peace.
                    if now < 200 && luck.is_multiple_of(8) { FAULTS[luck / 8 % FAULTS.len()] } else { Fault::None }
                });
                play(seed, faults, &|| format!("TEST_SEED={seed}"));
            }
        });
    });
}
