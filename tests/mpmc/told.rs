//! What errors, reports and `Debug` say.

use std::error::Error;

use tasklets::{
    Reason, Scheduler, bounded, bounded_named, rendezvous, rendezvous_named, schedule, spawn, unbounded,
    unbounded_named,
};

use crate::common::checked;
use crate::support::MS;

#[test]
fn errors_name_the_operation_the_channel_both_sides_and_the_place() {
    checked(|| {
        let (tx, rx) = rendezvous_named::<i32>("orders");
        let also = rx.clone();
        let said = tx.try_send(1).unwrap_err().to_string();
        assert!(said.starts_with("send on rendezvous channel "), "{said}");
        assert!(said.contains(" \"orders\" (1 sender, 2 receivers) at "), "{said}");
        assert!(said.contains("told.rs:") && said.ends_with("it is full; receive from it first, or let `send` wait"));
        let said = rx.recv_timeout(MS).unwrap_err().to_string();
        assert!(said.starts_with("recv on rendezvous channel ") && said.contains("its time was up"), "{said}");
        drop((rx, also));
        let error = tx.send(2).unwrap_err();
        assert!(matches!(error.reason, Reason::Disconnected) && error.source().is_none());
        assert!(error.to_string().contains("(1 sender, 0 receivers)"), "{error}");
        assert_eq!(format!("{error:?}"), format!("SendError({error})"));

        let (tx, rx) = bounded::<i32>(3);
        drop(tx);
        let error = rx.recv().unwrap_err();
        assert!(error.to_string().starts_with("recv on bounded channel "), "{error}");
        assert!(error.to_string().contains("(0 senders, 1 receiver)"), "{error}");
        assert_eq!(format!("{error:?}"), format!("RecvError({error})"));
    });
}

#[test]
fn reports_name_who_waits_on_what() {
    checked(|| {
        let (tx, rx) = rendezvous_named::<i32>("orders");
        let (full, behind) = bounded_named("full", 1);
        full.send(0).unwrap();
        let theirs = rx.clone();
        let receiver = spawn(move || theirs.recv());
        let sender = spawn(move || full.send(1));
        schedule().unwrap();
        let report = Scheduler::local().report();
        let waits: Vec<_> = report.blocked.iter().map(|waiting| (waiting.operation, waiting.on.clone())).collect();
        assert_eq!(waits[0].0, "recv");
        assert!(waits[0].1.ends_with("\"orders\" (1 sender, 2 receivers)"), "{waits:?}");
        assert_eq!(waits[1].0, "send");
        assert!(waits[1].1.contains("bounded channel ") && waits[1].1.ends_with("\"full\" (1 sender, 1 receiver)"));
        assert!(report.blocked.iter().all(|waiting| waiting.waits_at.file().ends_with("told.rs")));
        tx.send(3).unwrap();
        assert_eq!(receiver.join().unwrap().unwrap(), 3);
        assert_eq!(behind.iter().collect::<Vec<_>>(), [0, 1]);
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn handles_show_what_they_are() {
    checked(|| {
        let (tx, rx) = unbounded_named("jobs");
        tx.send(1).unwrap();
        let also = tx.clone();
        let said = format!("{tx:?}");
        assert!(
            said.starts_with("Sender { id: ") && said.contains("kind: Unbounded, name: \"jobs\", len: 1"),
            "{said}"
        );
        assert!(format!("{rx:?}").ends_with("senders: 2, receivers: 1 }"), "{rx:?}");
        assert_eq!((also.name(), rx.name()), (Some("jobs"), Some("jobs")));
        assert_eq!(rendezvous::<()>().0.name(), None);
    });
}

#[test]
fn numbers_are_of_the_process() {
    checked(|| {
        let number =
            |text: String| text.split("id: ").nth(1).and_then(|rest| rest.split(',').next().map(str::to_owned));
        let here = number(format!("{:?}", unbounded::<()>().0));
        let there = std::thread::spawn(move || number(format!("{:?}", unbounded::<()>().0))).join().unwrap();
        assert!(here.is_some() && here != there, "{here:?} {there:?}");
    });
}
