//! Virtual time goes on by hours while everything that waits for a time waits.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tasklets::sync::{Condvar, Event, Mutex, Semaphore};
use tasklets::{
    Channel, Elapsed, Missed, Tasklet, advance, bounded, interval, now, run, schedule, select, sleep, sleep_until,
    spawn, timeout, timeout_at, with_virtual_time,
};

use crate::common::{checked, scale};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn timed(body: impl FnOnce() + Send + 'static) {
    checked(|| with_virtual_time(body));
}

/// What happened, in its order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn tell(&self, what: impl ToString) {
        self.0.borrow_mut().push(what.to_string());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Lets the others come to their waits, and then lets time go on.
fn jump(time: Duration) {
    schedule().unwrap();
    advance(time);
}

#[test]
fn intervals_do_what_they_were_told_about_what_was_missed() {
    timed(|| {
        let base = now();
        let log = Log::default();
        let ticking: Vec<Tasklet<()>> = [(Missed::Skip, "skip"), (Missed::Burst, "burst"), (Missed::Delay, "delay")]
            .into_iter()
            .map(|(missed, name)| {
                let log = log.clone();
                spawn(move || {
                    let mut ticks = interval(SECOND).when_missed(missed);
                    for _ in 0..6 {
                        let due = ticks.tick().unwrap() - base;
                        log.tell(format_args!("{name} {} at {}", due.as_millis(), (now() - base).as_millis()));
                    }
                })
            })
            .collect();
        jump(4 * SECOND + SECOND / 2);
        ticking.into_iter().for_each(|ticking| ticking.join().unwrap());
        let of = |name: &str, lines: &[String]| {
            let own = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            own.map(str::to_owned).collect::<Vec<_>>()
        };
        let lines = log.take();
        let grid = ["1000 at 4500", "5000 at 5000", "6000 at 6000", "7000 at 7000", "8000 at 8000", "9000 at 9000"];
        assert_eq!(of("skip", &lines), grid);
        let burst = ["1000 at 4500", "2000 at 4500", "3000 at 4500", "4000 at 4500", "5000 at 5000", "6000 at 6000"];
        assert_eq!(of("burst", &lines), burst);
        let delay = ["1000 at 4500", "5500 at 5500", "6500 at 6500", "7500 at 7500", "8500 at 8500", "9500 at 9500"];
        assert_eq!(of("delay", &lines), delay);
    });
}

#[test]
fn a_jump_over_years_is_one_missed_tick() {
    timed(|| {
        let mut ticks = interval(Duration::from_nanos(1));
        let base = now();
        advance(HOUR * 24 * 365 * 200);
        assert_eq!(ticks.tick().unwrap() - base, Duration::from_nanos(1));
        assert_eq!(ticks.tick().unwrap() - base, HOUR * 24 * 365 * 200 + Duration::from_nanos(1));
    });
}

/// Which of three nested timeouts have expired is what was up when the clock stood still again.
#[test]
fn nested_timeouts_each_know_their_own() {
    type Limited<T> = Result<T, Elapsed>;
    fn nested(limits: [u32; 3]) -> Tasklet<Limited<Limited<Limited<()>>>> {
        spawn(move || {
            timeout(SECOND * limits[0], || {
                let middle = timeout(SECOND * limits[1], || {
                    let inner = timeout(SECOND * limits[2], || sleep(HOUR).unwrap());
                    sleep(SECOND * 100).unwrap();
                    inner
                });
                sleep(SECOND * 100).unwrap();
                middle
            })
        })
    }
    timed(|| {
        let began = now();
        // How far time jumps, the three limits, and which expired: 0 is the outermost.
        for (jumped, limits, which) in [
            (1000, [10, 20, 30], 0),
            (1000, [30, 20, 10], 0),
            (15, [1000, 1000, 10], 2),
            (15, [1000, 10, 20], 1),
            (25, [1000, 20, 10], 1),
            (25, [20, 30, 10], 0),
        ] {
            let nested = nested(limits);
            jump(SECOND * jumped);
            let (said, expected) = match (which, nested.join().unwrap()) {
                (0, Err(outer)) => (outer, limits[0]),
                (1, Ok(Err(middle))) => (middle, limits[1]),
                (2, Ok(Ok(Err(inner)))) => (inner, limits[2]),
                (_, other) => panic!("{jumped}, {limits:?}: {other:?}"),
            };
            assert!(said.deadline().unwrap() <= now());
            assert!(said.deadline().unwrap() >= began + SECOND * expected, "{jumped}, {limits:?}");
        }
    });
}

#[test]
fn a_timeout_whose_value_was_there_has_not_expired() {
    timed(|| {
        let (tx, rx) = bounded(1);
        let waiting = spawn(move || timeout(SECOND, || rx.recv().unwrap()));
        schedule().unwrap();
        // It is served, and then time jumps before it runs.
        tx.send("in time").unwrap();
        advance(HOUR);
        assert_eq!(waiting.join().unwrap(), Ok("in time"));
    });
}

#[test]
fn a_select_takes_what_is_there_before_its_timers() {
    timed(|| {
        let (tx, rx) = bounded(1);
        let (mut early, mut late, mut served) = (0, 0, 0);
        for round in 0..scale(60) {
            let rx = rx.clone();
            let waiting = spawn(move || {
                select! {
                    biased;
                    recv(rx) -> value => value.unwrap(),
                    after(SECOND) => "early",
                    after(2 * SECOND) => "late",
                }
            });
            schedule().unwrap();
            if round % 3 == 0 {
                tx.send("served").unwrap();
            }
            advance(if round % 3 == 1 { SECOND } else { HOUR });
            match waiting.join().unwrap() {
                "served" => served += 1,
                "early" => early += 1,
                _ => late += 1,
            }
            assert!(tx.is_empty());
        }
        assert_eq!(served, scale(60).div_ceil(3));
        assert_eq!((early + served, late), (scale(60), 0));
    });
}

#[test]
fn a_moment_that_is_over_is_one_turn() {
    timed(|| {
        let log = Log::default();
        let over = now();
        advance(HOUR);
        for (name, moment) in [("long ago", over), ("now", now())] {
            let theirs = log.clone();
            spawn(move || theirs.tell("another")).detach();
            sleep_until(moment).unwrap();
            log.tell(name);
        }
        assert_eq!(log.take(), ["another", "long ago", "another", "now"]);
        assert!(timeout_at(over, || schedule().unwrap()).is_err());
    });
}

/// How fast the thread switches in real time has no part in it.
#[test]
fn who_is_out_of_time_at_once_goes_on_at_the_next_switch() {
    timed(|| {
        let (_tx, rx) = bounded::<u8>(1);
        let turns = Rc::new(RefCell::new(0));
        // Two: one that is alone looks more often.
        let busy = [(), ()].map(|()| {
            let count = turns.clone();
            spawn(move || {
                for _ in 0..scale(20_000) {
                    *count.borrow_mut() += 1;
                    schedule().unwrap();
                }
            })
        });
        for round in 0..scale(500) {
            let before = *turns.borrow();
            match round % 3 {
                0 => drop(rx.recv_deadline(now()).unwrap_err()),
                1 => {
                    let rx = rx.clone();
                    let waiting = spawn(move || rx.recv_timeout(SECOND).unwrap_err());
                    jump(SECOND);
                    waiting.join().unwrap();
                }
                _ => {
                    let waiting = spawn(|| timeout(SECOND, || sleep(HOUR).unwrap()).unwrap_err());
                    jump(SECOND);
                    waiting.join().unwrap();
                }
            }
            let turns = *turns.borrow() - before;
            assert!(turns <= 8, "{turns} turns of others, in round {round}");
        }
        busy.into_iter().for_each(|busy| busy.join().unwrap());
    });
}

/// Everything with a deadline that is up after one jump: in the order of the deadlines, whatever it waits on.
#[test]
fn all_that_is_up_ends_in_the_order_of_its_deadlines() {
    timed(|| {
        type Wait = Box<dyn Fn(Duration)>;
        let (tx, full) = bounded(1);
        tx.send(0).unwrap();
        let (_open, empty) = bounded::<u8>(1);
        let channel = Channel::<u8>::new();
        let lock = Rc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let (gate, none) = (Event::new(), Semaphore::new(0));
        let (other, changed) = (Mutex::new(()), Condvar::new());
        let waits: Vec<(&str, Wait)> = vec![
            ("sleep", Box::new(|time| sleep(time).unwrap())),
            ("send", Box::new(move |time| drop(tx.send_timeout(1, time).unwrap_err()))),
            ("recv", Box::new(move |time| drop(empty.recv_timeout(time).unwrap_err()))),
            ("receive", Box::new(move |time| drop(channel.receive_timeout(time).unwrap_err()))),
            (
                "lock",
                Box::new({
                    let lock = lock.clone();
                    move |time| assert!(lock.lock_timeout(time).is_err())
                }),
            ),
            ("event", Box::new(move |time| assert!(gate.wait_timeout(time).is_err()))),
            ("semaphore", Box::new(move |time| assert!(none.acquire_timeout(1, time).is_err()))),
            (
                "condvar",
                Box::new(move |time| {
                    let _ = changed.wait_timeout(other.lock().unwrap(), time);
                }),
            ),
            ("timeout", Box::new(|time| assert!(timeout(time, || sleep(HOUR * 1000).unwrap()).is_err()))),
            ("select", Box::new(|time| select! { after(time) => () })),
        ];
        let waits: Rc<[_]> = waits.into();
        let count = waits.len();
        for round in 0..scale(20) {
            let log = Log::default();
            let mut expected = Vec::new();
            for place in 0..count {
                // Another one is first each time.
                let index = (place * 3 + round) % count;
                let time = SECOND * ((index * 7 + round * 3) % count + 1) as u32;
                let (waits, theirs) = (waits.clone(), log.clone());
                expected.push((time, waits[index].0));
                spawn(move || {
                    waits[index].1(time);
                    theirs.tell(waits[index].0);
                })
                .detach();
            }
            jump(HOUR);
            assert!(run().is_finished());
            expected.sort();
            assert_eq!(log.take(), expected.iter().map(|(_, name)| *name).collect::<Vec<_>>());
        }
        drop((held, full));
    });
}

#[test]
fn thousands_of_timers_near_and_far_survive_jumps() {
    timed(|| {
        let count = scale(5_000) as u64;
        let base = now();
        let woken = Rc::new(RefCell::new(Vec::new()));
        for number in 0..count {
            let woken = woken.clone();
            // From a millisecond to hundreds of days.
            let due = Duration::from_millis(1 + (number * 7919) % count * ((number % 5) * 1_000_000 + 1));
            spawn(move || {
                sleep(due).unwrap();
                let now = now() - base;
                assert!(now >= due, "woken {:?} too early", due - now);
                woken.borrow_mut().push((now, due));
            })
            .detach();
        }
        for step in [SECOND / 10, HOUR, SECOND, 1000 * HOUR, Duration::from_nanos(1), 100_000 * HOUR] {
            jump(step);
            sleep(SECOND).unwrap();
        }
        assert!(run().is_finished());
        let woken = woken.take();
        assert_eq!(woken.len() as u64, count);
        assert!(woken.is_sorted(), "of two deadlines the earlier is woken first");
    });
}

#[cfg(unix)]
#[test]
fn sockets_give_up_once_and_lose_nothing() {
    use std::io::{ErrorKind, Read, Write};
    use tasklets::net::{TcpListener, UnixStream};

    timed(|| {
        let (here, mut there) = UnixStream::pair().unwrap();
        here.set_read_timeout(Some(SECOND)).unwrap();
        let reader = spawn(move || {
            let error = (&here).read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            here
        });
        jump(HOUR);
        let here = reader.join().unwrap();
        // What is there is read, however late it is.
        there.write_all(b"x").unwrap();
        advance(HOUR);
        assert_eq!((&here).read(&mut [0; 2]).unwrap(), 1);
        let began = now();
        assert_eq!((&here).read(&mut [0; 2]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(now() - began, SECOND);
        there.set_write_timeout(Some(SECOND)).unwrap();
        let writer = spawn(move || {
            let error = there.write_all(&vec![0; 1 << 24]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = spawn(move || listener.accept_timeout(SECOND).unwrap_err().kind());
        jump(HOUR);
        writer.join().unwrap();
        assert_eq!(acceptor.join().unwrap(), ErrorKind::TimedOut);
    });
}
