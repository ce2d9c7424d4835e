//! Spans and events: a tasklet's span is entered while it runs and left while it does not.

#![cfg(feature = "tracing")]

#[path = "common/mod.rs"]
mod common;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tasklets::{Builder, Channel, run, schedule, spawn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info};

/// What a subscriber has heard.
#[derive(Default)]
struct Heard {
    /// Names of spans by id.
    spans: Vec<String>,
    entered: Vec<usize>,
    /// References to spans that were made and not given back.
    held: isize,
    /// The names of the spans that were entered, and the text, of every event.
    events: Vec<String>,
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Heard>>);

impl Listener {
    fn heard<R>(&self, f: impl FnOnce(&mut Heard) -> R) -> R {
        f(&mut self.0.lock().expect("a listener that does not panic"))
    }

    /// The events of a target.
    fn of(&self, target: &str) -> Vec<String> {
        let prefix = format!("{target}: ");
        self.heard(|heard| {
            heard.events.iter().filter_map(|event| event.strip_prefix(&prefix)).map(str::to_owned).collect()
        })
    }
}

/// Writes the fields of a span or event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" | "name" => write!(self.0, "{value:?}"),
            "spawned_at" => Ok(()),
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(String::new());
        span.record(&mut text);
        self.heard(|heard| {
            heard.spans.push(text.0);
            heard.held += 1;
            Id::from_u64(heard.spans.len() as u64)
        })
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.heard(|heard| {
            let names: Vec<&str> = heard.entered.iter().map(|id| heard.spans[id - 1].as_str()).collect();
            let line = format!("{}: [{}] {}", event.metadata().target(), names.join(","), text.0);
            heard.events.push(line);
        });
    }

    fn enter(&self, id: &Id) {
        self.heard(|heard| heard.entered.push(id.into_u64() as usize));
    }

    fn exit(&self, id: &Id) {
        self.heard(|heard| assert_eq!(heard.entered.pop(), Some(id.into_u64() as usize), "spans nest"));
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.heard(|heard| heard.held += 1);
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        self.heard(|heard| heard.held -= 1);
        true
    }
}

fn listening(body: impl FnOnce() + Send + 'static) -> Listener {
    let listener = Listener::default();
    let subscriber = listener.clone();
    common::checked(move || tracing::subscriber::with_default(subscriber, body));
    listener
}

#[test]
fn events_of_interleaved_tasklets_carry_their_names() {
    let listener = listening(|| {
        for name in ["ada", "grace"] {
            Builder::new().name(name).spawn(move || {
                info!(target: "user", "one");
                schedule().expect("a switch");
                info!(target: "user", "two");
            });
        }
        info!(target: "user", "before");
        run();
        info!(target: "user", "after");
    });
    let expected = ["[] before", "[ada] one", "[grace] one", "[ada] two", "[grace] two", "[] after"];
    assert_eq!(listener.of("user"), expected);
    listener.heard(|heard| {
        assert_eq!(heard.entered, [], "every span is left at the end");
        assert_eq!((heard.spans.len(), heard.held), (2, 0), "every span is closed at the end");
    });
}

#[test]
fn a_span_is_left_when_a_tasklet_is_killed() {
    let listener = listening(|| {
        let channel = Channel::<()>::named("orders");
        let inbox = channel.clone();
        let blocked = Builder::new().name("waiter").spawn(move || {
            struct Says;
            impl Drop for Says {
                fn drop(&mut self) {
                    info!(target: "user", "cleaned up");
                }
            }
            let _says = Says;
            inbox.receive().expect("it is killed");
        });
        run();
        blocked.kill().expect("a blocked tasklet");
        info!(target: "user", "killed");
    });
    assert_eq!(listener.of("user"), ["[waiter] cleaned up", "[] killed"]);
}

#[test]
fn spawn_block_wake_and_end_are_told() {
    let listener = listening(|| {
        let channel = Channel::named("orders");
        let inbox = channel.clone();
        Builder::new().name("clerk").spawn(move || inbox.receive().expect("an order"));
        run();
        channel.send(1).expect("the clerk");
        run();
    });
    let expected = [
        "[] spawn tasklet=tasklet 1 \"clerk\"",
        "[clerk] block tasklet=tasklet 1 \"clerk\" operation=receive on=channel 1 \"orders\"",
        "[] wake tasklet=tasklet 1 \"clerk\"",
        "[clerk] end tasklet=tasklet 1 \"clerk\"",
    ];
    assert_eq!(listener.of("tasklets"), expected);
}

#[test]
fn without_a_listener_nothing_is_told_and_all_goes_on() {
    common::checked(|| {
        assert_eq!(spawn(|| 1).join().expect("its end"), 1);
    });
}

/// A listener that switches, or panics, is kept from doing harm.
#[test]
fn a_listener_that_switches_or_panics_does_no_harm() {
    struct Meddles;
    impl Subscriber for Meddles {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "tasklets"
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            assert!(schedule().is_err() || tasklets::run_count() == 1, "a listener must not switch");
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            std::panic::resume_unwind(Box::new("a listener's panic"));
        }
        fn enter(&self, _: &Id) {
            std::panic::resume_unwind(Box::new("a listener's panic"));
        }
        fn exit(&self, _: &Id) {
            let _ = schedule();
        }
    }
    common::checked(|| {
        tracing::subscriber::with_default(Meddles, || {
            let first = spawn(|| schedule().map(|()| 1).expect("a switch"));
            let second = spawn(|| 2);
            assert_eq!(first.join().expect("its end") + second.join().expect("its end"), 3);
        });
    });
}
