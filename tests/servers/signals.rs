//! Signals as messages.

use std::time::Duration;

use signal_hook::low_level::raise;
use tasklets::signal::{Signal, signals};
use tasklets::{run, select, spawn};

use crate::common::checked;

/// Longer than any wait of these tests.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_signal_is_a_message_for_all_who_asked_for_it() {
    checked(|| {
        let both = signals(&[Signal::User1, Signal::User2]).unwrap();
        let one = signals(&[Signal::User2]).unwrap();
        raise(Signal::User2.number()).unwrap();
        assert_eq!(both.recv_timeout(LONG).unwrap(), Signal::User2);
        assert_eq!(one.recv_timeout(LONG).unwrap(), Signal::User2);
        raise(Signal::User1.number()).unwrap();
        assert_eq!(both.recv_timeout(LONG).unwrap(), Signal::User1);
        assert!(one.try_recv().is_err());
    });
}

#[test]
fn a_signal_wakes_a_select_while_the_others_run() {
    checked(|| {
        let changed = signals(&[Signal::WindowChange]).unwrap();
        let waiting = spawn(move || {
            select! {
                recv(changed) -> signal => signal.unwrap(),
                after(LONG) => panic!("no signal came"),
            }
        });
        spawn(|| raise(Signal::WindowChange.number()).unwrap()).detach();
        assert!(run().is_finished());
        assert_eq!(waiting.join().unwrap(), Signal::WindowChange);
    });
}

#[test]
fn what_nobody_receives_is_merged() {
    checked(|| {
        // A kind that no other test sends: those run in the same process.
        let hangup = signals(&[Signal::Hangup]).unwrap();
        for _ in 0..100 {
            raise(Signal::Hangup.number()).unwrap();
        }
        assert_eq!(hangup.recv_timeout(LONG).unwrap(), Signal::Hangup);
        let more = std::iter::from_fn(|| hangup.try_recv().ok()).count();
        assert!(more < 100, "{more} more");
    });
}

#[test]
fn no_signals_at_all_are_refused() {
    assert_eq!(signals(&[]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
