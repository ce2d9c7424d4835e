//! The same program on the virtual clock has the same trace, always.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use tasklets::{
    Channel, Receiver, bounded, interval, kill_all, now, run, select, set_select_seed, sleep, spawn, timeout,
    with_virtual_time,
};

use crate::common::{checked, scale};

const MINUTE: Duration = Duration::from_secs(60);

/// What happened, and when.
#[derive(Clone)]
struct Log {
    began: std::time::Instant,
    lines: Rc<RefCell<Vec<String>>>,
}

impl Log {
    fn tell(&self, what: impl Display) {
        let at = (now() - self.began).as_millis();
        self.lines.borrow_mut().push(format!("{at} {what}"));
    }
}

fn customer(number: u32, log: &Log, counter: &Channel<u32>) {
    let mut x = u64::from(number) + 1;
    for _ in 0..10 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sleep(Duration::from_secs((x >> 33) % 900)).unwrap();
        match timeout(MINUTE * 2, || counter.send(number).unwrap()) {
            Ok(()) => log.tell(format_args!("{number} was served")),
            Err(_) => log.tell(format_args!("{number} went away")),
        }
    }
}

fn clerk(log: &Log, counter: &Channel<u32>, phone: &Receiver<u32>) {
    loop {
        let next = select! {
            recv(counter) -> customer => customer.unwrap(),
            recv(phone) -> caller => match caller {
                Ok(caller) => caller,
                Err(_) => return log.tell("the shop is closed"),
            },
        };
        log.tell(format_args!("begins with {next}"));
        sleep(MINUTE + Duration::from_millis(u64::from(next))).unwrap();
    }
}

/// A day at a shop.
fn day() -> Vec<String> {
    with_virtual_time(|| {
        set_select_seed(7);
        let log = Log { began: now(), lines: Rc::default() };
        let counter = Channel::new();
        let (phone, calls) = bounded(2);
        for number in 0..20 {
            let (log, counter) = (log.clone(), counter.clone());
            spawn(move || customer(number, &log, &counter)).detach();
        }
        let (theirs, serves) = (log.clone(), counter.clone());
        let clerk = spawn(move || clerk(&theirs, &serves, &calls));
        let theirs = log.clone();
        let bell = spawn(move || {
            let mut hours = interval(MINUTE * 60);
            loop {
                hours.tick().unwrap();
                theirs.tell("the bell");
            }
        });
        let ringing = log.clone();
        spawn(move || {
            for caller in 100..140 {
                sleep(MINUTE / 2).unwrap();
                if phone.send_timeout(caller, MINUTE).is_err() {
                    ringing.tell(format_args!("{caller} hung up"));
                }
            }
        })
        .detach();
        let closed = timeout(MINUTE * 60 * 24, run);
        assert!(closed.is_err());
        bell.cancel();
        clerk.cancel();
        assert!(run().is_finished());
        assert!(kill_all().is_empty());
        log.tell("the day is over");
        log.lines.take()
    })
}

#[test]
fn a_hundred_days_are_the_same() {
    checked(|| {
        let first = day();
        let seen = |what: &str| first.iter().filter(|line| line.contains(what)).count();
        assert!(seen("was served") > 20 && seen("went away") > 20 && seen("hung up") > 0, "{first:#?}");
        assert_eq!(seen("the bell"), 23 + 1);
        assert_eq!(first.last().unwrap(), "86400000 the day is over");
        for _ in 1..scale(100) {
            assert_eq!(day(), first);
        }
    });
}
