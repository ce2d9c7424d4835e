//! Owners of scopes that are ended from outside.

use std::cell::RefCell;
use std::rc::Rc;

use tasklets::{Builder, current, kill_all, run, scope, set_error_handler, spawn};

use crate::common::checked;
use crate::support::{OnDrop, Watch, caught, for_ever, hold, raise, turns};

/// Whoever suspends inside of the scope's body, and how it is ended from outside.
fn owner(watch: &'static Watch) -> tasklets::Tasklet<()> {
    let owner = Builder::new().name("owner").spawn(move || {
        let text = String::from("the owner's");
        scope(|s| {
            for _ in 0..2 {
                let (listener, text) = (watch.listener(), &text);
                s.spawn(move || {
                    let _listener = listener;
                    let _ = caught(for_ever);
                    assert_eq!(text, "the owner's");
                });
            }
            let listener = watch.listener();
            s.spawn(move || unreachable!("{:p}", &listener)).remove().unwrap();
            for_ever();
        });
        unreachable!("the owner is killed");
    });
    turns(2);
    owner
}

/// What tasklets without a scope use, too; it stays.
fn watch() -> &'static Watch {
    Box::leak(Box::new(Watch::new()))
}

#[track_caller]
fn nothing_is_left(watch: &Watch) {
    assert_eq!(watch.made.get(), watch.gone.get(), "something of a scope is left");
}

#[test]
fn the_last_handle_of_a_paused_owner_is_dropped() {
    std::thread::spawn(|| {
        tasklets::enter(|| {
            let watch = watch();
            let owner = owner(watch);
            assert!(owner.is_paused());
            // Its own frame has a handle, too.
            owner.kill().unwrap();
            run();
            assert!(!owner.is_alive());
            nothing_is_left(watch);
        });
    })
    .join()
    .unwrap();
}

#[test]
fn kill_all_ends_scopes_however_deep() {
    fn nest(watch: &'static Watch, depth: usize) {
        let text = depth.to_string();
        scope(|s| {
            let (listener, text) = (watch.listener(), &text);
            s.spawn(move || {
                let _listener = listener;
                if depth != 0 {
                    nest(watch, depth - 1);
                } else {
                    for_ever();
                }
                assert_eq!(text, "never gets here");
            });
        });
    }
    checked(|| {
        let watch = watch();
        spawn(|| nest(watch, 30)).detach();
        run();
        assert!(kill_all().is_empty());
        nothing_is_left(watch);
    });
}

#[test]
fn leaving_enter_ends_scopes() {
    let watch_gone = std::thread::spawn(|| {
        let watch = watch();
        tasklets::enter(|| drop(owner(watch)));
        (watch.made.get(), watch.gone.get())
    });
    assert_eq!(watch_gone.join().unwrap(), (3, 3));
}

/// A destructor kills the owner while the thread unwinds: the members end in place.
#[test]
fn an_owner_that_is_killed_while_the_thread_unwinds() {
    checked(|| {
        let watch = watch();
        for in_body in [true, false] {
            let owner = if in_body {
                owner(watch)
            } else {
                let waits = spawn(|| {
                    scope(|s| {
                        let listener = watch.listener();
                        s.spawn(move || hold(listener));
                    })
                });
                turns(2);
                waits
            };
            let payload = caught(|| {
                let _guard = OnDrop(|| owner.kill().unwrap());
                raise("first")
            });
            assert_eq!(payload.downcast_ref(), Some(&"first"));
            assert!(!owner.is_alive());
            nothing_is_left(watch);
        }
    });
}

/// A member kills its owner, and goes on: the owner waits for it.
#[test]
fn a_member_that_kills_its_owner() {
    checked(|| {
        let watch = watch();
        let log = crate::support::Log::default();
        let inside = log.clone();
        let owner = spawn(move || {
            let me = current();
            scope(|s| {
                let listener = watch.listener();
                s.spawn(|| {
                    let listener = listener;
                    me.kill().unwrap();
                    let _ = caught(|| turns(3));
                    listener.0.sing();
                    inside.add("member");
                });
            });
            inside.add("not told");
        });
        turns(4);
        assert!(owner.join().is_err());
        assert_eq!(log.take(), "member");
        nothing_is_left(watch);
    });
}

/// What a killed owner's members panic with surfaces where nobody's panics do.
#[test]
fn panics_of_a_killed_owners_members_are_told() {
    checked(|| {
        let told = Rc::new(RefCell::new(String::new()));
        let log = told.clone();
        set_error_handler(Some(Rc::new(move |payload| {
            log.borrow_mut().push_str(greenlet::panic_message(&payload));
        })));
        let owner = spawn(|| {
            scope(|s| {
                s.spawn(|| {
                    let _ = caught(for_ever);
                    raise("lost?")
                });
            })
        });
        turns(2);
        owner.kill().unwrap();
        turns(3);
        assert!(!owner.is_alive());
        assert_eq!(*told.borrow(), "lost?");
        set_error_handler(None);
    });
}
