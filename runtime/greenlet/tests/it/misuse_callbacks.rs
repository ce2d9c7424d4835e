//! User code at every point where the crate drops a user's value: destructors that do nothing, panic, or call back in.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::{
    Builder, Greenlet, GreenletExit, GreenletLocal, Locals, Unraisable, current, main, set_tracer, set_unraisable_hook,
    stats,
};

use crate::harness::{check, exit_of, go, raise, suspended, to_main};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    Nothing,
    Raise,
    RaiseExit,
    Switch,
    Start,
    Kill,
    DropHandles,
    /// Goes to main from within the destructor, which is left suspended.
    Away,
}

const ACTIONS: [Action; 8] = [
    Action::Nothing,
    Action::Raise,
    Action::RaiseExit,
    Action::Switch,
    Action::Start,
    Action::Kill,
    Action::DropHandles,
    Action::Away,
];

/// Acts when it is dropped, and counts that. `Send`, so that it can be thrown: it never leaves its thread.
struct Probe {
    action: Action,
    drops: Rc<Cell<usize>>,
    others: RefCell<Vec<Greenlet>>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        let others = self.others.take();
        let before = (current::<()>(), main::<()>(), stats(), greenlet::tracer().is_some());
        match self.action {
            Action::Nothing => {}
            Action::Raise => raise("probe"),
            Action::RaiseExit => raise(GreenletExit::new("probe")),
            Action::Switch => others.iter().for_each(|g| drop(g.switch(()))),
            Action::Start => {
                let child = Greenlet::new(|()| drop(suspended()));
                let _ = child.switch(());
                drop(Greenlet::<()>::new(|()| ()));
            }
            Action::Kill => others.iter().for_each(|g| drop(g.kill())),
            Action::DropHandles => drop(others),
            Action::Away => {
                if !current::<()>().is_main() {
                    let _ = main::<()>().switch(());
                }
            }
        }
        drop(before);
    }
}

/// A payload has to be `Send`; this one is made, thrown and dropped on one thread.
struct Thrown(Box<dyn Fn() + Send>);

impl Drop for Thrown {
    fn drop(&mut self) {
        (self.0)()
    }
}

thread_local! {
    /// Probes that a thrown payload drops.
    static STASH: RefCell<Vec<Probe>> = const { RefCell::new(Vec::new()) };
}

fn thrown(probe: Probe) -> Thrown {
    STASH.with(|stash| stash.borrow_mut().push(probe));
    Thrown(Box::new(|| drop(STASH.with(|stash| stash.borrow_mut().pop()))))
}

static LOCAL: GreenletLocal<RefCell<Vec<Probe>>> = GreenletLocal::new(|| RefCell::new(Vec::new()));

type Point = (&'static str, fn(Probe));

/// Every point where the crate drops a value of the user's. Each drops its probe exactly once.
const POINTS: [Point; 20] = [
    ("an unstarted body, by its last handle", |p| drop(Greenlet::<()>::new(move |()| drop(p)))),
    ("an unstarted body, by a kill", |p| drop(Greenlet::<()>::new(move |()| drop(p)).kill())),
    ("an unstarted body, by a throw", |p| drop(Greenlet::<()>::new(move |()| drop(p)).throw("thrown"))),
    ("an unstarted parent's body, by a child's panic", |p| {
        let parent = Greenlet::<()>::new(move |()| drop(p));
        drop(Builder::new().parent(&parent).build(|()| raise("child")).switch(()));
    }),
    ("an unstarted parent's body, by a child's exit", |p| {
        let parent = Greenlet::<()>::new(move |()| drop(p));
        drop(Builder::new().parent(&parent).build(|()| raise(GreenletExit::default())).switch(()));
    }),
    ("a captured value, by the body's end", |p| drop(Greenlet::new(move |()| drop(p)).switch(()))),
    ("a frame's value, by a drop", |p| {
        let g = Greenlet::new(move |()| {
            let _p = p;
            to_main(());
        });
        go(&g, ());
    }),
    ("a frame's value, by a kill", |p| {
        let g = Greenlet::new(move |()| {
            let _p = p;
            to_main(());
        });
        go(&g, ());
        drop(g.kill());
    }),
    ("a local value, by the end", |p| {
        drop(Greenlet::new(move |()| LOCAL.with(|l| l.borrow_mut().push(p))).switch(()));
    }),
    ("a local value of a dead one", |p| {
        let g = Greenlet::new(|()| ());
        go(&g, ());
        g.locals().get(&LOCAL).borrow_mut().push(p);
    }),
    ("a local value of an unstarted one", |p| {
        Greenlet::<()>::new(|()| ()).locals().get(&LOCAL).borrow_mut().push(p);
    }),
    ("a local value that is replaced", |p| {
        let locals = Locals::new();
        locals.get(&LOCAL).borrow_mut().push(p);
        locals.set(&LOCAL, RefCell::new(Vec::new()));
    }),
    ("a result that its parent does not await", |p| {
        let parent = Greenlet::new(|v: i32| v);
        let child = Builder::new().parent(&parent).build(move |_: Option<Probe>| Some(p));
        drop(child.switch(None));
    }),
    ("a value that is sent to who waits for a kill", |p| {
        // The dropper awaits anything: it takes no value, which is dropped where it came from, once that is resumed.
        let again = Rc::new(RefCell::new(None));
        let own = again.clone();
        let g = Greenlet::new(move |_: Option<Probe>| {
            let _ = exit_of(|| to_main(None::<Probe>));
            own.replace(Some(current::<Option<Probe>>()));
            to_main(Some(p));
            None
        });
        drop(g.switch(None));
        drop(g);
        if let Some(g) = again.take() {
            drop(g.switch(None));
        }
    }),
    ("a payload that only the hook receives", |p| {
        let g = Greenlet::new(move |()| {
            let _ = exit_of(|| to_main(()));
            raise(thrown(p))
        });
        go(&g, ());
    }),
    ("a value that the tracer's panic replaces", |p| {
        let g = Greenlet::new(|v: Option<Probe>| to_main(v));
        go(&g, None);
        set_tracer(Some(Rc::new(|_| raise("tracer"))));
        drop(g.switch(Some(p)));
    }),
    ("a payload that the tracer's panic replaces", |p| {
        set_tracer(Some(Rc::new(|_| raise("tracer"))));
        drop(Greenlet::<()>::new(|()| ()).throw(thrown(p)));
    }),
    ("a tracer that removes itself", |p| {
        set_tracer(Some(Rc::new(move |_| {
            let _ = &p;
            drop(set_tracer(None));
        })));
        drop(Greenlet::new(|()| ()).switch(()));
    }),
    ("a tracer that panics", |p| {
        set_tracer(Some(Rc::new(move |_| {
            let _ = &p;
            raise("tracer")
        })));
        drop(Greenlet::new(|()| ()).switch(()));
    }),
    ("a hook that removes itself", |p| {
        set_unraisable_hook(Some(Rc::new(move |_, what: Unraisable| {
            let _ = &p;
            assert!(matches!(what, Unraisable::Panicked(_)));
            drop(set_unraisable_hook(Some(Rc::new(|_, _| {}))));
        })));
        let fails = crate::harness::OnDrop(|| raise("fails"));
        drop(Greenlet::<()>::new(move |()| drop(fails)));
    }),
];

#[test]
fn destructors_call_back_in_at_every_point() {
    for (name, point) in POINTS {
        for action in ACTIONS {
            // A destructor that panics while its own stack unwinds ends the process, in any Rust program.
            if name.starts_with("a frame's value") && matches!(action, Action::Raise | Action::RaiseExit) {
                continue;
            }
            check(move || {
                set_unraisable_hook(Some(Rc::new(|_, _| {})));
                let drops = Rc::new(Cell::new(0));
                let others = RefCell::new(vec![suspended(), suspended()]);
                let probe = Probe { action, drops: drops.clone(), others };
                // Whether the panic of a destructor comes out or goes to the hook depends on the point.
                let _ = catch_unwind(AssertUnwindSafe(|| point(probe)));
                set_tracer(None);
                greenlet_still_works();
                assert_eq!(drops.get(), 1, "{name}, {action:?}");
            });
        }
    }
}

fn greenlet_still_works() {
    assert!(current::<()>().is_main());
    let g = Greenlet::new(|v: u32| to_main(v + 1) + 1);
    assert_eq!(go(&g, 1), 2);
    assert_eq!(go(&g, 5), 6);
}
