//! A process that is stopped while its tasklets wait, and goes on long after all their times are up: for it, the clock has jumped, and
//! every wait in the kernel was interrupted.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tasklets::io::Pollable;
use tasklets::net::{UdpSocket, UnixStream};
use tasklets::{
    Missed, Runtime, Tasklet, bounded, interval, now, rendezvous, run, schedule, select, sleep, sleep_until, spawn,
    timeout, unblock,
};

use crate::common::tool::this_program;
use crate::common::{checked, scale};

const CHILD: &str = "CLOCK_TEST_CHILD";
const MS: Duration = Duration::from_millis(1);
/// How long the process stands still, at least: longer than any of the times that it waits for.
const STILL: Duration = Duration::from_millis(400);

/// The process that is stopped: it says a line when it is about to wait.
struct Stopped {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Stopped {
    /// Runs a test of this module again, in a process of its own.
    fn start(test: &str) -> Stopped {
        let mut child = this_program()
            .args([&format!("stopped::{test}"), "--exact", "--nocapture", "--test-threads", "1"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Stopped { child, stdin, stdout }
    }

    /// Waits until the process says this.
    fn says(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "it has ended without saying {what:?}");
        }
    }

    /// Stops it for a while; the clock goes on meanwhile.
    fn stop(&mut self, time: Duration, meanwhile: impl FnOnce(&mut ChildStdin)) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).unwrap();
        let status = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()), "it has ended: {status:?}");
        std::thread::sleep(time);
        meanwhile(&mut self.stdin);
        kill_process(pid, Signal::CONT).unwrap();
    }

    fn ends_well(mut self) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success() && rest.contains("1 passed"), "{rest}");
    }
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn say(what: &str) {
    println!("\n{what}");
    std::io::stdout().flush().unwrap();
}

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Waits of all kinds that end by their time, and the order in which they have to end.
fn timed(log: &Log) -> Vec<Tasklet<()>> {
    let began = now();
    let after = |due: Duration, name: &'static str, wait: Box<dyn FnOnce(Duration)>| {
        let log = log.clone();
        spawn(move || {
            wait(due);
            assert!(now() >= began + due, "{name} came too early");
            log.borrow_mut().push(name);
        })
    };
    let (held, full) = bounded(1);
    held.send(()).unwrap();
    let (silent, quiet) = bounded::<()>(1);
    vec![
        after(90 * MS, "third", Box::new(move |time| assert!(held.send_timeout((), time).is_err()))),
        after(60 * MS, "second", Box::new(move |time| assert!(quiet.recv_timeout(time).is_err()))),
        after(
            150 * MS,
            "fifth",
            Box::new(move |time| {
                let _kept = (full, silent);
                assert!(timeout(time, || timeout(time * 1000, || sleep(time * 2000).unwrap())).is_err());
            }),
        ),
        after(30 * MS, "first", Box::new(move |time| sleep_until(began + time).unwrap())),
        after(
            120 * MS,
            "fourth",
            Box::new(|time| select! { after(time) => (), after(time * 1000) => panic!("wrong one") }),
        ),
    ]
}

/// Three intervals over a clock that stands still; each ends when it has seen what it must.
fn ticking() -> Vec<Tasklet<()>> {
    let period = 20 * MS;
    [Missed::Skip, Missed::Burst, Missed::Delay]
        .into_iter()
        .map(|missed| {
            spawn(move || {
                let began = now();
                let mut ticks = interval(period).starting_at(began + period).when_missed(missed);
                let mut count = 0;
                let mut last = began;
                while now() < began + STILL || count < 5 {
                    let due = ticks.tick().unwrap();
                    assert!(due <= now() && due >= last + period, "{missed:?}");
                    let on_grid = (due - began).as_nanos() / period.as_nanos();
                    match missed {
                        // None is left out.
                        Missed::Burst => assert_eq!(due, began + period * (count + 1)),
                        Missed::Skip => assert!((due - began - period * on_grid as u32) < MS),
                        Missed::Delay => {}
                    }
                    (count, last) = (count + 1, due);
                }
            })
        })
        .collect()
}

fn joined(waiting: Vec<Tasklet<()>>) {
    waiting.into_iter().for_each(|waiting| waiting.join().unwrap());
}

/// A thread that sleeps for its timers alone, without a poller.
#[test]
fn timers_of_a_thread_without_a_poller() {
    if !is_child() {
        let mut stopped = Stopped::start("timers_of_a_thread_without_a_poller");
        for _ in 0..scale(3) {
            stopped.says("waiting");
            stopped.stop(STILL, |_| ());
        }
        return stopped.ends_well();
    }
    for _ in 0..scale(3) {
        checked(|| {
            let log = Log::default();
            let waiting = [timed(&log), ticking()].concat_all();
            schedule().unwrap();
            say("waiting");
            assert!(run().is_finished());
            joined(waiting);
            assert_eq!(*log.borrow(), ["first", "second", "third", "fourth", "fifth"]);
        });
    }
}

trait ConcatAll<T> {
    fn concat_all(self) -> Vec<T>;
}

impl<T, const N: usize> ConcatAll<T> for [Vec<T>; N] {
    fn concat_all(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}

/// The same in a poller, beside waits for descriptors: what comes in while the process stands still is there when it goes on, and
/// what does not come is given up, once.
#[test]
fn timers_and_descriptors_of_a_thread_with_a_poller() {
    if !is_child() {
        let mut stopped = Stopped::start("timers_and_descriptors_of_a_thread_with_a_poller");
        for round in 0..scale(3) {
            stopped.says("waiting");
            stopped.stop(STILL, |stdin| stdin.write_all(&[round as u8; 100]).unwrap());
        }
        return stopped.ends_well();
    }
    for round in 0..scale(3) {
        checked(move || {
            let log = Log::default();
            let input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned().unwrap();
            let comes = spawn(move || {
                let mut got = [0; 100];
                Pollable::new(std::fs::File::from(input)).unwrap().read_exact(&mut got).unwrap();
                assert_eq!(got, [round as u8; 100]);
            });
            let (silent, _kept) = UnixStream::pair().unwrap();
            silent.set_read_timeout(Some(50 * MS)).unwrap();
            let given_up = spawn(move || {
                assert_eq!((&silent).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            });
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            udp.set_read_timeout(Some(70 * MS)).unwrap();
            let also = spawn(move || assert_eq!(udp.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut));
            let waiting = [timed(&log), ticking(), vec![comes, given_up, also]].concat_all();
            schedule().unwrap();
            say("waiting");
            assert!(run().is_finished());
            joined(waiting);
            assert_eq!(*log.borrow(), ["first", "second", "third", "fourth", "fifth"]);
        });
    }
}

/// Idle workers, a plain thread, and work on the pool: whoever waits for another thread hears of it afterwards.
#[test]
fn threads_that_wait_for_each_other() {
    if !is_child() {
        let mut stopped = Stopped::start("threads_that_wait_for_each_other");
        for _ in 0..scale(5) {
            stopped.says("waiting");
            stopped.stop(STILL / 2, |_| ());
        }
        return stopped.ends_well();
    }
    for _ in 0..scale(5) {
        checked(|| {
            let workers = Runtime::builder().threads(2).build().unwrap();
            let (question, asked) = rendezvous::<u32>();
            let (answer, answers) = rendezvous();
            // A plain thread, a worker, and a tasklet here.
            let plain = std::thread::spawn(move || asked.iter().try_for_each(|number| answer.send(number + 1)));
            let doubled = workers.spawn(move || answers.iter().take(20).map(|number| number * 2).sum::<u32>()).unwrap();
            let asker = spawn(move || {
                for number in 0..20 {
                    sleep(10 * MS).unwrap();
                    question.send(number).unwrap();
                }
            });
            let slow = spawn(|| unblock(|| std::thread::sleep(60 * MS)).unwrap());
            schedule().unwrap();
            say("waiting");
            let began = Instant::now();
            assert_eq!(doubled.join().unwrap(), 2 * (1..=20).sum::<u32>());
            assert!(began.elapsed() >= 190 * MS);
            asker.join().unwrap();
            slow.join().unwrap();
            plain.join().unwrap().unwrap();
            // Those who idled may be called still.
            assert_eq!(workers.spawn(|| 42).unwrap().join().unwrap(), 42);
            workers.shutdown();
        });
    }
}
