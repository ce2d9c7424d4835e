//! Waiting for tasklets, and for a time.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;

use tasklets::{
    Budget, Handle, JoinError, Runtime, block_on, block_on_timeout, current, interval, now, run, run_for, schedule,
    schedule_remove, scope, shield, sleep, sleep_until, spawn,
};

use super::{HOUR, in_all_ways, in_real_time, point};

#[test]
fn waiting_for_tasklets_and_time() {
    in_all_ways("join", || {
        let target = spawn(|| sleep(HOUR).map(|()| 7).unwrap());
        let theirs = target.clone();
        point(move || drop(theirs.join()), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("join_timeout", || {
        let target = spawn(|| sleep(HOUR).map(|()| 7).unwrap());
        let theirs = target.clone();
        point(move || drop(theirs.join_timeout(HOUR)), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("kill_and_wait", || {
        let target = spawn(|| shield(|| sleep(HOUR).map(|()| 7).unwrap()));
        schedule().unwrap();
        let theirs = target.clone();
        point(move || drop(theirs.kill_and_wait(now() + HOUR)), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("sleep", || point(|| drop(sleep(HOUR)), || ()));
    in_all_ways("sleep_until", || point(|| drop(sleep_until(now() + HOUR)), || ()));
    in_all_ways("Interval::tick", || point(|| drop(interval(HOUR).tick()), || ()));
    in_all_ways("schedule_remove", || {
        let block = || {
            let _handle = current(); // or it would end at once, as nobody could insert it
            drop(schedule_remove());
        };
        point(block, || ())
    });
    in_all_ways("run", || {
        let block = || {
            spawn(|| sleep(HOUR * 2).unwrap()).detach();
            drop(run());
        };
        point(block, || drop(tasklets::kill_all()))
    });
    in_all_ways("block_on", || point(|| drop(block_on(std::future::pending::<()>())), || ()));
    in_all_ways("join_deadline", || {
        let target = spawn(|| sleep(HOUR).map(|()| 7).unwrap());
        let theirs = target.clone();
        point(move || drop(theirs.join_deadline(now() + HOUR)), move || assert_eq!(target.join().unwrap(), 7))
    });
    in_all_ways("block_on_timeout", || {
        let pending = || std::future::pending::<()>();
        point(move || drop(block_on_timeout(pending(), HOUR)), || ())
    });
    in_all_ways("run_for", || {
        let block = || {
            spawn(|| sleep(HOUR * 2).unwrap()).detach();
            drop(run_for(Budget::time(HOUR)));
        };
        point(block, || drop(tasklets::kill_all()))
    });
    in_all_ways("leaving a scope", || {
        let ended = Rc::new(Cell::new(false));
        let theirs = ended.clone();
        let block = move || {
            scope(|s| {
                s.spawn(|| {
                    let _ends = OnDrop(|| theirs.set(true));
                    sleep(HOUR).unwrap();
                });
            });
        };
        // It is left when the member has ended, and not before.
        point(block, move || assert!(ended.get()))
    });
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A worker that is busy until it is told to end, with a tasklet on it.
struct Busy {
    runtime: Runtime,
    handle: Handle<u8>,
    end: mpsc::Sender<()>,
}

impl Busy {
    fn new() -> Busy {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let (end, ends) = mpsc::channel();
        let handle = runtime.spawn(move || ends.recv().map(|()| 7).unwrap()).unwrap();
        while handle.remote().is_none() {
            std::thread::yield_now();
        }
        Busy { runtime, handle, end }
    }

    /// The tasklet comes to its own end.
    fn end(self) {
        self.end.send(()).unwrap();
        assert_eq!(self.handle.join().unwrap(), 7);
        drop(self.runtime);
    }
}

#[test]
fn waiting_for_other_threads() {
    in_real_time("Handle::join", || {
        let busy = Busy::new();
        let theirs = busy.handle.clone();
        point(move || drop(theirs.join()), move || busy.end())
    });
    in_real_time("Handle::kill_and_wait", || {
        let busy = Busy::new();
        let theirs = busy.handle.clone();
        point(move || drop(theirs.kill_and_wait(now() + HOUR)), move || busy.end())
    });
    in_real_time("RemoteTasklet::kill_and_wait", || {
        let busy = Busy::new();
        let theirs = busy.handle.remote().unwrap();
        point(move || drop(theirs.kill_and_wait(now() + HOUR)), move || busy.end())
    });
    in_real_time("Runtime::shutdown", || {
        let runtime = Runtime::builder().threads(1).build().unwrap();
        let handle = runtime.spawn(|| sleep(HOUR).unwrap()).unwrap();
        while handle.remote().is_none() {
            std::thread::yield_now();
        }
        // The unwinding drops the runtime, and kills what is in it.
        point(move || _ = runtime.shutdown(), move || assert!(matches!(handle.join(), Err(JoinError::Killed))))
    });
}
