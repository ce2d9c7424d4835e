//! What a destructor or a callback does to the runtime that runs it, and whether the runtime lives on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tasklets::{
    AnyTasklet, Channel, Tasklet, TaskletExit, current, kill_all, main_tasklet, run, run_count, schedule,
    schedule_remove, set_error_handler, set_schedule_callback, spawn, stats,
};

use crate::support::*;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    Nothing,
    Spawn,
    SpawnAndRun,
    Schedule,
    ScheduleRemove,
    Run,
    RunOther,
    SwitchOther,
    InsertRemove,
    KillOthers,
    KillAll,
    ThrowOther,
    KillMainPending,
    Send,
    Receive,
    SendAndReceive,
    Join,
    DropHandles,
    Current,
    Callbacks,
    Panic,
    KillSelf,
}

use Deed::*;

pub(crate) const DEEDS: [Deed; 22] = [
    Nothing,
    Spawn,
    SpawnAndRun,
    Schedule,
    ScheduleRemove,
    Run,
    RunOther,
    SwitchOther,
    InsertRemove,
    KillOthers,
    KillAll,
    ThrowOther,
    KillMainPending,
    Send,
    Receive,
    SendAndReceive,
    Join,
    DropHandles,
    Current,
    Callbacks,
    Panic,
    KillSelf,
];

/// What the deeds are done to.
pub(crate) struct World {
    /// Somebody waits in a receive on it.
    channel: Channel<i32>,
    receiver: AnyTasklet,
    sleeper: RefCell<Option<AnyTasklet>>,
    yielder: AnyTasklet,
    joined: RefCell<Option<Tasklet<i32>>>,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static DONE: Cell<usize> = const { Cell::new(0) };
}

impl World {
    fn new() -> World {
        let channel = Channel::new();
        let end = channel.clone();
        let receiver = go(move || while end.receive().is_ok() {});
        let sleeper = go(|| while schedule_remove().is_ok() {});
        receiver.run().unwrap();
        sleeper.run().unwrap();
        let yielder = go(|| (0..3).for_each(|_| drop(schedule())));
        let joined = spawn(|| {
            let _ = schedule();
            7
        });
        World { channel, receiver, sleeper: Some(sleeper).into(), yielder, joined: Some(joined).into() }
    }

    /// Every result will do; that it returns, or unwinds as it should, is the point.
    fn suffer(&self, deed: Deed) {
        let sleeper = self.sleeper.borrow().clone();
        match deed {
            Nothing => {}
            Spawn => drop(spawn(|| drop(schedule()))),
            SpawnAndRun => drop(go(|| ()).run()),
            Schedule => drop(schedule()),
            ScheduleRemove => drop(schedule_remove()),
            Run => drop(run()),
            RunOther => drop((self.yielder.run(), self.receiver.run(), sleeper.map(|sleeper| sleeper.run()))),
            SwitchOther => drop((self.yielder.switch(), sleeper.map(|sleeper| sleeper.switch()))),
            InsertRemove => {
                drop((self.yielder.remove(), self.yielder.insert(), sleeper.map(|sleeper| sleeper.insert())))
            }
            KillOthers => drop((self.yielder.kill(), self.receiver.kill(), sleeper.map(|sleeper| sleeper.kill()))),
            KillAll => drop(kill_all()),
            ThrowOther => drop((self.yielder.throw(TaskletExit), self.receiver.throw_pending(TaskletExit))),
            KillMainPending => drop(main_tasklet().throw_pending(TaskletExit)),
            Send => drop((self.channel.send(1), Channel::new().send(2))),
            Receive => drop(Channel::<i32>::new().receive()),
            SendAndReceive => {
                let channel = Channel::new();
                let end = channel.clone();
                drop(spawn(move || drop(end.send(3))));
                drop(channel.receive());
            }
            Join => drop(self.joined.borrow().clone().map(|joined| joined.join())),
            DropHandles => drop((self.sleeper.take(), self.joined.take())),
            Current => assert!(current().is_current() && current().is_alive()),
            Callbacks => {
                drop(set_schedule_callback(Some(Rc::new(|_, _| ()))));
                drop(set_error_handler(Some(Rc::new(drop))));
                drop((set_schedule_callback(None), set_error_handler(None)));
            }
            Panic if !std::thread::panicking() => raise("deed"),
            Panic => {}
            KillSelf => drop(current().kill()),
        }
    }
}

/// Does a deed, once, to this thread's world.
pub(crate) fn act(deed: Deed) {
    DONE.set(DONE.get() + 1);
    let world = WORLD.with_borrow(Clone::clone);
    if let Some(world) = world {
        world.suffer(deed);
    }
}

/// A value whose destructor does a deed. It is `Send`, as a payload has to be.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) Deed);

impl Drop for Guard {
    fn drop(&mut self) {
        act(self.0);
    }
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Guard {}

/// Whether an unwinding is one that a deed may have begun.
fn is_of_deed(payload: &tasklets::Payload) -> bool {
    payload.is::<TaskletExit>() || payload.is::<Guard>() || payload.downcast_ref() == Some(&"deed")
}

/// Runs `scene` with every deed, each on a thread of its own. In a scene one deed is done, by a destructor or a callback.
pub(crate) fn each_deed(scene: fn(Deed)) {
    for deed in DEEDS {
        checked(move || {
            let world = World::new();
            WORLD.with_borrow_mut(|cell| *cell = Some(Rc::new(world)));
            if let Err(payload) = caught(|| scene(deed)) {
                assert!(is_of_deed(&payload), "{deed:?} raised something else");
                let _ = caught(move || drop(payload));
            }
            let _ = caught(run);
            for _ in 0..3 {
                let _ = caught(kill_all);
            }
            let world = WORLD.with_borrow_mut(Option::take);
            drop(world);
            assert_eq!(DONE.get(), 1, "{deed:?} is done once");
            check_order(deed);
        });
    }
}

/// The scheduler is as good as new.
#[track_caller]
fn check_order(deed: Deed) {
    // What a deed has left pending for main is raised here.
    let _ = caught(schedule);
    let _ = caught(run);
    assert!(current().is_main(), "{deed:?}: {:?}", current());
    assert_eq!((run_count(), stats().tasklets, stats().blocked), (1, 0, 0), "{deed:?}");
    let (log, channel) = (Log::default(), Channel::new());
    let (entries, end) = (log.clone(), channel.clone());
    go(move || end.iter().for_each(|i| entries.add(format!("r{i}"))));
    let entries = log.clone();
    go(move || {
        for i in 0..3 {
            channel.send(i).unwrap();
            entries.add(format!("s{i}"));
        }
        channel.shutdown();
    });
    let outcome = run();
    assert!(outcome.is_finished(), "{deed:?}: {outcome}");
    assert_eq!(log.take(), "r0 s0 r1 s1 r2 s2", "{deed:?}");
}
