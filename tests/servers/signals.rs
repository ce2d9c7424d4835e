//! Signals as messages.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use signal_hook::low_level::raise;
use tasklets::signal::{Signal, ctrl_c, signals};
use tasklets::{run, select, spawn};

use crate::common::checked;
use crate::common::tool::this_program;

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
fn without_receivers_a_signal_does_what_it_always_did() {
    const CHILD: &str = "TASKLETS_SIGNALS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        drop(ctrl_c().unwrap());
        raise(Signal::Interrupt.number()).unwrap();
        // The thread that waits for signals ends the process.
        std::thread::sleep(LONG);
    }
    let mut program = this_program();
    program.args(["--exact", "signals::without_receivers_a_signal_does_what_it_always_did"]).env(CHILD, "1");
    let status = program.output().unwrap().status;
    assert_eq!(status.signal(), Some(Signal::Interrupt.number()), "{status}");
}

#[test]
fn no_signals_at_all_are_refused() {
    assert_eq!(signals(&[]).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
