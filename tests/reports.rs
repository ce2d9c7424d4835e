//! What a stuck program says: who is blocked, in what, on what, where that is, and where it was spawned.

#[path = "common/mod.rs"]
mod common;

use std::panic::Location;

use common::checked;
use tasklets::{Builder, Channel, Reason, ReceiveError, kill_all, run, schedule, spawn};

/// A line of this file.
fn line(at: &Location<'_>, offset: u32) -> String {
    format!("{}:{}", at.file(), at.line() + offset)
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

#[test]
fn run_names_every_blocked_tasklet_with_its_places() {
    checked(|| {
        let orders = Channel::<u32>::named("orders");
        let (inbox, outbox) = (orders.clone(), Channel::<u32>::new());
        let spawned = here();
        let clerk = Builder::new().name("clerk").spawn(move || {
            let order = inbox.receive();
            order.map(drop)
        });
        let sender = spawn(move || outbox.send(1).map_err(drop));
        let text = run().to_string();
        let expected = [
            "0 tasklets finished; 2 tasklets blocked:".to_owned(),
            format!(
                "  tasklet 1 \"clerk\": receive on channel 1 \"orders\" at {}:31, spawned at {}:50",
                line(spawned, 2),
                line(spawned, 1)
            ),
            format!("  tasklet 2: send on channel 2 at {}:43, spawned at {}:22", line(spawned, 5), line(spawned, 5)),
        ];
        assert_eq!(text, expected.join("\n"));
        clerk.kill().expect("a blocked tasklet");
        sender.kill().expect("a blocked tasklet");
    });
}

#[test]
fn a_loop_over_a_channel_waits_at_the_loop() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let inbox = channel.clone();
        let spawned = here();
        spawn(move || {
            let total: u32 = inbox.iter().sum();
            total
        });
        let text = run().to_string();
        let expected = format!("receive on channel 1 at {}:36,", line(spawned, 2));
        assert!(text.contains(&expected), "{expected} is not in: {text}");
        channel.shutdown();
        run();
    });
}

#[test]
fn a_deadlock_error_says_who_and_where_and_lists_the_others() {
    checked(|| {
        let channel = Channel::<u32>::named("replies");
        let (inbox, sink) = (channel.clone(), Channel::<u32>::new());
        let joined = spawn(move || sink.receive().map(drop));
        let waiting = spawn(move || joined.join().map(drop).map_err(drop));
        schedule().expect("the others");
        let asked = here();
        let error = inbox.receive().expect_err("nobody can send");
        assert!(matches!(error.reason(), Some(Reason::Deadlock(report)) if report.blocked.len() == 2));
        let text = error.to_string();
        let place = format!("receive by the main tasklet on channel 1 \"replies\" at {}:27: deadlock", line(asked, 1));
        assert!(text.starts_with(&place), "{place} does not begin: {text}");
        assert!(text.contains("tasklet 1: receive on channel 2 at "), "{text}");
        assert!(text.contains("tasklet 2: join on tasklet 1 at "), "{text}");
        assert_eq!(channel.balance(), 0, "it was not queued");
        assert!(kill_all().is_empty());
        drop(waiting);
    });
}

#[test]
fn a_blocked_main_is_told_what_it_waited_for() {
    checked(|| {
        let channel = Channel::<u32>::new();
        let ender = spawn(|| ());
        let error = channel.receive().expect_err("the last runnable one ends");
        let ReceiveError::Failed(failed) = error else { panic!("{error}") };
        let Reason::Deadlock(report) = failed.reason else { panic!("{failed}") };
        assert_eq!(report.blocked.len(), 1);
        assert_eq!(report.blocked[0].tasklet, "the main tasklet");
        assert_eq!(report.blocked[0].spawned_at, None);
        assert!(!ender.is_alive());
    });
}

#[test]
fn a_long_report_is_cut_in_its_text_only() {
    checked(|| {
        let channel = Channel::<u32>::new();
        for _ in 0..250 {
            let inbox = channel.clone();
            spawn(move || inbox.receive().map(drop));
        }
        let outcome = run();
        let text = outcome.to_string();
        assert!(text.starts_with("0 tasklets finished; 250 tasklets blocked:"), "{text}");
        assert!(text.ends_with("\n  and 150 more"), "{text}");
        assert_eq!(outcome.report().blocked.len(), 250);
        assert!(kill_all().is_empty());
    });
}

#[test]
fn a_finished_run_says_so() {
    checked(|| {
        assert_eq!(run().to_string(), "all 0 tasklets finished");
        spawn(|| ());
        assert_eq!(run().to_string(), "the 1 tasklet finished");
        (0..3).for_each(|_| drop(spawn(|| ())));
        assert_eq!(run().to_string(), "all 3 tasklets finished");
    });
}

#[test]
fn a_shortage_of_stacks_is_named_with_its_remedy() {
    checked(|| {
        let old = greenlet::set_max_stacks(0);
        let waiting = spawn(|| 1);
        let text = run().to_string();
        for part in ["1 tasklet waiting for a stack", "cap is 0 stacks", "set_max_stacks", "tasklet 1, spawned at "] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        greenlet::set_max_stacks(old);
        assert_eq!(waiting.join().expect("its end"), 1);
    });
}
