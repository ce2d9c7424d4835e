//! Killing a tasklet of another thread, and waiting until it has died: from tasklets, and from threads that have none otherwise.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tasklets::{
    Builder, JoinError, RemoteTasklet, TaskletError, current, enter, now, rendezvous, run, schedule, schedule_remove,
    shield, sleep, spawn, timeout,
};

use crate::common::checked;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(20);

/// A thread with one tasklet besides its own flow, until it is told to end.
struct There {
    target: RemoteTasklet,
    ended: Arc<AtomicBool>,
    end: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

fn there(body: impl FnOnce() + Send + 'static) -> There {
    let (tell, told) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let ended = Arc::new(AtomicBool::new(false));
    let tells = ended.clone();
    let thread = std::thread::spawn(move || {
        enter(|| {
            let t = spawn(body);
            tell.send(t.remote()).unwrap();
            while ends.try_recv().is_err() {
                sleep(Duration::from_millis(1)).unwrap();
                tells.store(!t.is_alive(), Ordering::Relaxed);
            }
            drop(t.detach());
        });
    });
    There { target: told.recv().unwrap(), ended, end, thread }
}

impl There {
    fn end(self) {
        self.end.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

#[test]
fn it_dies() {
    checked(|| {
        let sleeper = there(|| sleep(HOUR).unwrap());
        assert!(sleeper.target.kill_and_wait(now() + MINUTE).unwrap());
        sleeper.end();
        // It catches what it meets, but not for ever.
        let slow = there(|| while catch_unwind(|| sleep(HOUR).unwrap()).is_ok() {});
        assert!(slow.target.kill_and_wait(now() + MINUTE).unwrap());
        slow.end();
        let computing = there(|| {
            while !tasklets::is_cancelled() {
                shield(|| schedule().unwrap());
            }
        });
        assert!(computing.target.kill_and_wait(now() + MINUTE).unwrap());
        computing.end();
    });
}

#[test]
fn it_dies_later_or_refuses() {
    checked(|| {
        let (gate, opened) = rendezvous();
        let slow = there(move || {
            shield(|| opened.recv().unwrap());
            sleep(HOUR).unwrap();
        });
        assert!(!slow.target.kill_and_wait(now() + SOON).unwrap());
        gate.send(()).unwrap();
        // It stayed cancelled.
        assert!(slow.target.kill_and_wait(now() + MINUTE).unwrap());
        slow.end();

        let (gate, opened) = rendezvous();
        let stubborn = there(move || {
            shield(|| opened.recv().unwrap());
            for _ in 0..100 {
                assert!(catch_unwind(|| schedule().unwrap()).is_err());
            }
        });
        for _ in 0..3 {
            assert!(!stubborn.target.kill_and_wait(now() + SOON).unwrap());
        }
        gate.send(()).unwrap();
        assert!(stubborn.target.kill_and_wait(now() + MINUTE).unwrap());
        stubborn.end();
    });
}

#[test]
fn it_has_ended_already_or_its_thread_has() {
    checked(|| {
        let (ran, has_run) = mpsc::channel();
        let ended = there(move || ran.send(()).unwrap());
        has_run.recv().unwrap();
        assert!(ended.target.kill_and_wait(now() + MINUTE).unwrap());
        assert!(ended.target.kill_and_wait(now() + MINUTE).unwrap());
        let gone = ended.target.clone();
        ended.end();
        assert!(gone.kill_and_wait(now() + MINUTE).unwrap());
        assert!(gone.kill_and_wait(now()).unwrap(), "that is known at once");
    });
}

#[test]
fn its_thread_ends_meanwhile() {
    checked(|| {
        let refuses = there(|| shield(|| sleep(HOUR).unwrap()));
        let target = refuses.target.clone();
        let killer = spawn(move || target.kill_and_wait(now() + MINUTE).unwrap());
        schedule().unwrap();
        assert!(killer.is_blocked());
        refuses.end();
        assert!(killer.join().unwrap());

        // A thread that gives up the stacks of its tasklets, as nobody has ended them.
        let (tell, told) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let t = spawn(|| ());
            tell.send(t.remote()).unwrap();
            ends.recv().unwrap();
        });
        let target = told.recv().unwrap();
        let killer = spawn(move || target.kill_and_wait(now() + MINUTE).unwrap());
        schedule().unwrap();
        assert!(killer.is_blocked());
        end.send(()).unwrap();
        assert!(killer.join().unwrap());
        thread.join().unwrap();
    });
}

#[test]
fn a_moment_that_has_come() {
    checked(|| {
        let sleeper = there(|| sleep(HOUR).unwrap());
        // It is cancelled, and dies of that alone, if not at once.
        let at_once = sleeper.target.kill_and_wait(now()).unwrap();
        let began = now();
        while !at_once && !sleeper.ended.load(Ordering::Relaxed) {
            assert!(began.elapsed() < MINUTE);
            sleep(Duration::from_millis(1)).unwrap();
        }
        assert!(sleeper.target.kill_and_wait(now() + MINUTE).unwrap());
        sleeper.end();
    });
}

#[test]
fn who_waits_is_the_tasklet_alone() {
    checked(|| {
        let (gate, opened) = rendezvous();
        let slow = there(move || shield(|| opened.recv().unwrap()));
        let killed = Rc::new(Cell::new(false));
        let (target, tells) = (slow.target.clone(), killed.clone());
        let killer = spawn(move || tells.set(target.kill_and_wait(now() + MINUTE).unwrap()));
        schedule().unwrap();
        assert!(killer.is_blocked());
        let report = tasklets::dump().to_string();
        assert!(report.contains("kill_and_wait"), "{report}");
        // Others go on meanwhile, one of which lets the target end.
        let others = spawn(move || {
            (0..10).for_each(|_| schedule().unwrap());
            gate.send(()).unwrap();
        });
        assert!(run().is_finished());
        assert!(killed.get() && !others.is_alive());
        slow.end();
    });
}

#[test]
fn plain_threads_and_several_at_once() {
    checked(|| {
        let sleeper = there(|| sleep(HOUR).unwrap());
        let killers: Vec<_> = (0..3)
            .map(|_| {
                let target = sleeper.target.clone();
                std::thread::spawn(move || target.kill_and_wait(now() + MINUTE).unwrap())
            })
            .collect();
        assert!(killers.into_iter().all(|killer| killer.join().unwrap()));
        sleeper.end();
    });
}

#[test]
fn on_its_own_thread_it_is_as_its_handle() {
    checked(|| {
        let sleeper = spawn(|| schedule_remove().unwrap());
        sleeper.run().unwrap();
        let unstarted = spawn(|| unreachable!("it never begins"));
        assert!(unstarted.remote().kill_and_wait(now() + MINUTE).unwrap());
        assert!(sleeper.remote().kill_and_wait(now() + MINUTE).unwrap());
        let gone = sleeper.remote();
        assert!(matches!(sleeper.join(), Err(JoinError::Killed)));
        drop(sleeper);
        assert!(gone.kill_and_wait(now()).unwrap());
        assert!(matches!(current().remote().kill_and_wait(now()), Err(TaskletError::Current { .. })));
    });
}

#[test]
fn what_has_not_begun_never_does() {
    checked(|| {
        let (tell, told) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            enter(|| {
                let t = Builder::new().paused(|| unreachable!("it never begins"));
                tell.send(t.remote()).unwrap();
                may_go.recv().unwrap();
                while t.is_alive() {
                    sleep(Duration::from_millis(1)).unwrap();
                }
                assert!(matches!(t.join(), Err(JoinError::Killed)));
            });
        });
        let target = told.recv().unwrap();
        let killer = spawn(move || target.kill_and_wait(now() + MINUTE).unwrap());
        schedule().unwrap();
        go.send(()).unwrap();
        assert!(killer.join().unwrap());
        thread.join().unwrap();
    });
}

#[test]
fn the_killer_is_interrupted_or_may_not_wait() {
    checked(|| {
        let (gate, opened) = rendezvous();
        let slow = there(move || shield(|| opened.recv().unwrap()));
        let target = slow.target.clone();
        assert!(timeout(SOON, || target.kill_and_wait(now() + MINUTE)).is_err());
        let theirs = target.clone();
        let killer = spawn(move || theirs.kill_and_wait(now() + MINUTE));
        schedule().unwrap();
        killer.cancel();
        assert!(matches!(killer.join(), Err(JoinError::Killed)));
        current().set_block_trap(true);
        assert!(matches!(target.kill_and_wait(now() + MINUTE), Err(TaskletError::BlockTrap)));
        current().set_block_trap(false);
        gate.send(()).unwrap();
        assert!(target.kill_and_wait(now() + MINUTE).unwrap());
        slow.end();
    });
}
