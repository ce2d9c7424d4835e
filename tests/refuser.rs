//! What is said of a tasklet that refuses to end with its thread. Its stack is given up, and that is counted for the whole process: so
//! this is alone in one.

use std::time::{Duration, Instant};

use tasklets::{JoinError, Runtime, sleep, stats};

#[test]
fn who_waits_for_a_refuser_is_told_when_its_thread_has_ended() {
    let runtime = Runtime::builder().threads(1).build().unwrap();
    let handle = runtime.spawn(|| {
        loop {
            let _ = std::panic::catch_unwind(|| sleep(Duration::from_secs(60)));
        }
    });
    let handle = handle.unwrap();
    let began = Instant::now();
    while handle.remote().is_none() {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    let (joiner, remote) = (handle.clone(), handle.remote().unwrap());
    let joiner = std::thread::spawn(move || joiner.join().map(|_: ()| ()));
    // It is a tasklet as soon as it is taken, and refuses once it has begun.
    std::thread::sleep(Duration::from_millis(50));
    let end = runtime.shutdown_timeout(Duration::from_millis(1));
    assert_eq!((end.killed, end.survived, end.unstarted), (0, 1, 0));
    assert_eq!(end.to_string(), "0 killed, 0 never begun, 1 refused to be killed");
    let error = joiner.join().unwrap().unwrap_err();
    assert!(matches!(error, JoinError::ThreadEnded));
    assert_eq!(error.to_string(), "the tasklet's thread ended while it refused to be killed");
    assert_eq!(remote.kill().unwrap_err().to_string(), "tasklet 1 of worker-0 is gone: its thread has ended");
    assert_eq!(stats().greenlets.leaked, 1);
}
