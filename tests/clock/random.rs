//! Random programs of everything that has to do with time, while the clock jumps at random: nothing comes too early, nobody is lost, and
//! the same seed is the same trace.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tasklets::{
    Channel, Missed, Receiver, Sender, advance, bounded, interval, now, run, schedule, select, set_select_seed, sleep,
    sleep_until, spawn, timeout, with_virtual_time,
};

use crate::common::{Random, checked, scale};

const MS: Duration = Duration::from_millis(1);

impl Random {
    fn time(&mut self) -> Duration {
        MS * self.below(50) as u32
    }
}

#[derive(Clone)]
struct World {
    began: Instant,
    trace: Rc<RefCell<Vec<String>>>,
    channel: Channel<u64>,
    ends: (Sender<u64>, Receiver<u64>),
}

impl World {
    fn tell(&self, who: u64, what: &str) {
        let at = (now() - self.began).as_millis();
        self.trace.borrow_mut().push(format!("{at} {who} {what}"));
    }

    /// One thing that waits for some time at the most.
    fn step(&self, who: u64, random: &mut Random) {
        let time = random.time();
        let (before, due) = (now(), now() + time);
        // Whether it is to have lasted until then.
        let (what, whole) = match random.below(9) {
            0 => ("slept", sleep(time).is_ok()),
            1 => ("slept until", sleep_until(due).is_ok()),
            2 => ("in the past", sleep_until(before - MS).is_err()),
            3 => ("received", self.channel.receive_timeout(time).is_err()),
            4 => ("sent", self.channel.send_deadline(who, due).is_err()),
            5 => ("got", self.ends.1.recv_deadline(due).is_err()),
            6 => ("gave", self.ends.0.send_timeout(who, time).is_err()),
            7 => select! {
                recv(self.ends.1) -> _ => ("chose a value", false),
                send(self.ends.0, who) -> _ => ("chose to give", false),
                after(time) => ("chose time", true),
            },
            _ => {
                let inner = time / 2;
                let outcome = timeout(time, || timeout(inner, || self.channel.receive().unwrap()).is_err());
                let outer = outcome.is_err();
                (if outer { "outer" } else { "inner" }, outer || outcome == Ok(true) && now() < before + inner)
            }
        };
        assert!(!whole || now() >= due, "{who} {what} {:?} too early", due - now());
        self.tell(who, what);
    }

    fn tick(&self, who: u64, missed: Missed, random: &mut Random) {
        let period = random.time() + MS;
        let mut ticks = interval(period).when_missed(missed);
        let mut last = now();
        for _ in 0..20 {
            let due = ticks.tick().unwrap();
            assert!(due <= now() && due > last && due - last >= period, "{missed:?}");
            last = due;
            self.tell(who, "ticked");
        }
    }
}

fn program(seed: u64) -> Vec<String> {
    with_virtual_time(|| {
        set_select_seed(seed);
        let world =
            World { began: now(), trace: Rc::default(), channel: Channel::new(), ends: bounded(seed as usize % 3 + 1) };
        for who in 0..12 {
            let (world, mut random) = (world.clone(), Random(seed * 100 + who));
            spawn(move || (0..20).for_each(|_| world.step(who, &mut random))).detach();
        }
        for (who, missed) in [Missed::Skip, Missed::Burst, Missed::Delay].into_iter().enumerate() {
            let (world, mut random) = (world.clone(), Random(seed * 100 + 50 + who as u64));
            spawn(move || world.tick(100 + who as u64, missed, &mut random)).detach();
        }
        let mut random = Random(seed);
        spawn(move || {
            for _ in 0..30 {
                (0..random.below(20)).for_each(|_| schedule().unwrap());
                advance(random.time() * random.below(4) as u32);
                if random.below(3) == 0 {
                    sleep(random.time()).unwrap();
                }
            }
        })
        .detach();
        let outcome = run();
        assert!(outcome.is_finished(), "seed {seed}: {outcome}");
        world.trace.take()
    })
}

#[test]
fn jumps_lose_nobody_and_are_the_same_each_time() {
    checked(|| {
        let mut steps = 0;
        for seed in 0..scale(60) as u64 {
            let trace = program(seed);
            assert_eq!(trace.len(), 12 * 20 + 3 * 20, "seed {seed}");
            assert_eq!(program(seed), trace, "seed {seed}");
            steps += trace.iter().filter(|line| line.ends_with("inner") || line.ends_with("outer")).count();
        }
        assert!(steps > 0);
    });
}

/// One program a hundred times, as users' tests are run again and again.
#[test]
fn a_program_with_jumps_has_the_same_trace_a_hundred_times() {
    checked(|| {
        let first = program(3);
        for _ in 1..scale(100) {
            assert_eq!(program(3), first);
        }
    });
}
