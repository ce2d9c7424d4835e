//! Looking at a thread's tasklets from outside: what a dump says of each, and that looking changes nothing.

mod backtraces;
#[path = "../common/mod.rs"]
mod common;
#[path = "../conformance/greenlets.rs"]
mod greenlets;
mod process;
#[path = "../conformance/tasklets.rs"]
mod recorded;
#[path = "../conformance/traces.rs"]
mod traces;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{checked, scale};
use tasklets::{
    Builder, Channel, Dump, State, TaskletDump, dump, dump_with_backtraces, kill_all, run, schedule, schedule_remove,
    spawn,
};

#[inline(never)]
fn wait_for_an_order(orders: &Channel<u32>) -> u32 {
    orders.receive().unwrap_or(0) + 1
}

#[inline(never)]
fn have_a_rest() {
    schedule_remove().expect("somebody else is runnable");
    std::hint::black_box(());
}

fn find(dump: &Dump, name: &str) -> TaskletDump {
    let found = dump.tasklets.iter().find(|tasklet| tasklet.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in {dump}")).clone()
}

pub(crate) fn backtrace(tasklet: &TaskletDump) -> String {
    tasklet.backtrace.as_ref().unwrap_or_else(|| panic!("no backtrace of {tasklet}")).to_string()
}

fn named(name: &str) -> Builder {
    Builder::new().name(name)
}

#[test]
fn every_state_is_told() {
    checked(|| {
        let channel = Channel::<u32>::named("orders");
        let inbox = channel.clone();
        let blocked = named("blocked").spawn(move || wait_for_an_order(&inbox));
        let joiner = named("joiner").spawn(move || blocked.join().map_err(drop).map(drop));
        let resting = named("resting").spawn(have_a_rest);
        let runner = named("runner").spawn(|| drop(run()));
        let yielding = named("yielding").spawn(|| schedule().map_err(drop));
        let dead = named("dead").spawn(|| ());
        let seen = named("current").spawn(dump);
        let later = named("later").spawn(|| ());
        let put_off = named("put off").paused(|| ());
        let unbound = named("unbound").unbound();
        let bound = named("bound").unbound();
        bound.bind(|| ()).expect("it has no body");
        for _ in 0..2 {
            schedule().expect("the others");
        }
        let dump = seen.join().expect("a dump");
        let state = |name: &str| (find(&dump, name).state, find(&dump, name).begun);
        assert_eq!(state("blocked"), (State::Blocked, true));
        assert_eq!(state("joiner"), (State::Blocked, true));
        assert_eq!(state("resting"), (State::Paused, true));
        assert_eq!(state("runner"), (State::Running, true));
        assert_eq!(state("yielding"), (State::Scheduled, true));
        assert_eq!(state("dead"), (State::Dead, true));
        assert_eq!(state("current"), (State::Current, true));
        assert_eq!(state("later"), (State::Scheduled, false));
        assert_eq!(state("put off"), (State::Paused, false));
        assert_eq!(state("unbound"), (State::Unbound, false));
        assert_eq!(state("bound"), (State::Bound, false));
        assert_eq!((dump.tasklets[0].state, dump.tasklets[0].spawned_at), (State::Scheduled, None));
        let waits = |name: &str| find(&dump, name).blocked_on.map(|on| format!("{} on {}", on.operation, on.on));
        assert_eq!(waits("blocked").as_deref(), Some("receive on channel 1 \"orders\""));
        assert_eq!(waits("joiner").as_deref(), Some("join on tasklet 1 \"blocked\""));
        assert_eq!(waits("resting"), None);
        assert_eq!(find(&dump, "joiner").stack_size, Some(64 * 1024));
        assert_eq!(find(&dump, "dead").stack_size, None);
        assert!(kill_all().is_empty());
        drop((joiner, resting, runner, yielding, dead, later, put_off, unbound));
    });
}

#[test]
fn how_deep_a_stack_was_used_is_told() {
    #[inline(never)]
    fn deep() {
        std::hint::black_box([1_u8; 40 * 1024]);
    }
    checked(|| {
        let (shallow, later) = (named("shallow").spawn(have_a_rest), named("later").paused(|| ()));
        let deep = named("deep").stack_size(128 * 1024).spawn(|| {
            deep();
            have_a_rest();
        });
        schedule().expect("the others");
        let dump = dump();
        let told = |name: &str| (find(&dump, name).stack_used, find(&dump, name).stack_size);
        assert_eq!((told("later"), dump.tasklets[0].stack_used), ((None, Some(64 * 1024)), None));
        if let ((Some(little), _), (Some(much), Some(size))) = (told("shallow"), told("deep")) {
            assert!(0 < little && little < 40 * 1024 && 40 * 1024 < much && much < size, "{dump}");
            assert!(find(&dump, "deep").to_string().contains(&format!(", {} of 128 KiB, ", much / 1024)), "{dump}");
        } else {
            // The portable context does not know.
            assert!(greenlet::stack_memory().resident == 0, "{dump}");
        }
        assert!(kill_all().is_empty());
        drop((shallow, later, deep));
    });
}

#[test]
fn what_waits_for_a_stack_is_told() {
    checked(|| {
        let old = greenlet::set_max_stacks(0);
        let waiting = named("waiting").spawn(|| 1);
        run();
        let dump = dump();
        assert_eq!(find(&dump, "waiting").state, State::Starved);
        assert!(find(&dump, "waiting").since.is_some());
        let text = dump.to_string();
        assert!(text.contains("waiting for a stack") && text.contains("set_max_stacks"), "{text}");
        greenlet::set_max_stacks(old);
        assert_eq!(waiting.join().expect("its end"), 1);
    });
}

#[test]
fn the_text_is_a_table() {
    checked(|| {
        let channel = Channel::<u32>::named("orders");
        let inbox = channel.clone();
        let clerk = named("clerk").stack_size(256 * 1024).spawn(move || wait_for_an_order(&inbox));
        run();
        let paused = Builder::new().paused(|| ());
        let text = dump().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(lines[0], "3 tasklets, 2 switches");
        let column = |title: &str| lines[1].find(title).unwrap_or_else(|| panic!("no {title}: {text}"));
        assert!(lines[2][column("state")..].starts_with("current "), "{text}");
        assert!(lines[3].starts_with("  tasklet 1 \"clerk\"  blocked "), "{text}");
        assert!(lines[3].contains("256 KiB"), "{text}");
        let place = &lines[3][column("where")..];
        assert!(place.starts_with("receive on channel 1 \"orders\" at tests/dump/main.rs:"), "{text}");
        assert!(place.contains(" (1 switch), spawned at tests/dump/main.rs:"), "{text}");
        assert!(lines[4][column("state")..].starts_with("paused, not begun "), "{text}");
        assert!(lines[4][column("where")..].starts_with("spawned at tests/dump/main.rs:"), "{text}");
        let line = find(&dump(), "clerk").to_string();
        assert!(line.starts_with("tasklet 1 \"clerk\": blocked, 1 switch, "), "{line}");
        clerk.kill().expect("a blocked tasklet");
        drop(paused);
    });
}

#[test]
fn switches_are_counted_on_the_plain_path() {
    checked(|| {
        let rounds = scale(500) as u64;
        let work = move || (0..rounds).for_each(|_| schedule().expect("the other"));
        let (one, two) = (named("one").spawn(work), named("two").spawn(work));
        let before = dump().switches;
        schedule().expect("the others");
        for _ in 1..rounds {
            schedule().expect("the others");
        }
        let dump = dump();
        assert_eq!(find(&dump, "one").switches, rounds);
        assert_eq!(find(&dump, "two").switches, rounds);
        assert_eq!(dump.tasklets[0].switches, rounds);
        assert_eq!(dump.switches - before, 3 * rounds);
        assert_eq!(dump.switches, tasklets::stats().switches);
        run();
        drop((one, two));
    });
}

#[test]
fn since_when_is_told_in_switches_and_in_time() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let pair = spawn(|| while schedule().is_ok() {});
        // Something has happened before.
        for _ in 0..1_000 {
            schedule().expect("the pair");
        }
        let before = Instant::now();
        let clerk = named("clerk").spawn(move || wait_for_an_order(&inbox));
        let yields = |time: Duration| {
            let (began, mut count) = (Instant::now(), 0);
            while began.elapsed() < time {
                schedule().expect("the others");
                count += 1;
            }
            count
        };
        schedule().expect("the others");
        let after = Instant::now();
        let count = yields(Duration::from_millis(60));
        let least = after.elapsed();
        let since = find(&dump(), "clerk").since.expect("it is blocked");
        let most = before.elapsed();
        // To the pair, after the clerk, and to main; then two for each.
        assert_eq!(since.switches, 2 * count + 1);
        assert!(since.at_least <= most && since.at_most >= least, "{least:?} to {most:?}: {since:?}");
        assert!(since.at_most - since.at_least <= least / 2, "{least:?} to {most:?}: {since:?}");
        // Where nothing switches, the bounds stay as close as they were.
        std::thread::sleep(Duration::from_millis(30));
        let later = find(&dump(), "clerk").since.expect("it is blocked");
        assert!(later.at_least >= since.at_least + Duration::from_millis(30), "{since:?}, {later:?}");
        assert_eq!(later.switches, since.switches);
        assert!(later.to_string().starts_with("for "), "{later}");
        assert!(kill_all().is_empty());
        drop((clerk, pair));
    });
}

/// Called between the operations of the recorded programs.
fn look(slots: &[Option<greenlet::Greenlet<i64>>]) {
    for slot in slots.iter().flatten() {
        let looked = slot.backtrace();
        assert!(looked.is_some() == slot.is_active() || std::thread::panicking());
    }
    LOOKS.fetch_add(dump_with_backtraces().tasklets.len(), Ordering::Relaxed);
}

static LOOKS: AtomicUsize = AtomicUsize::new(0);

/// The recorded programs of greenlet and Stackless do what they did, while everybody is looked at all the time.
#[test]
fn recorded_programs_do_not_notice() {
    let programs = AtomicUsize::new(0);
    let every = (100 / scale(100)).max(1);
    traces::check(&traces::folder(), |program| {
        if !programs.fetch_add(1, Ordering::Relaxed).is_multiple_of(every) {
            return None;
        }
        Some(match program.get("greenlets") {
            Some(_) => greenlets::run(program),
            None => recorded::run_program(program),
        })
    });
    assert!(LOOKS.load(Ordering::Relaxed) > 1_000);
}
