//! What is left of tasklets under `panic = "abort"`: everything but unwinding. Exits with 0 if it is as documented.
//!
//! `cargo run -p tasklets-runtime --example abort_tasklets --config 'profile.dev.panic="abort"'`

use tasklets_runtime::{TaskletError, kill_all, run, schedule, schedule_remove, spawn, stats};

fn main() {
    if cfg!(panic = "unwind") {
        println!("compiled with panic = \"unwind\": nothing to see");
        return;
    }
    let answer = spawn(|| schedule().map(|()| 42));
    assert!(matches!(answer.join(), Ok(Ok(42))), "tasklets run and are joined");

    // Nothing can be raised in frames.
    let started = spawn(schedule);
    schedule().unwrap();
    assert!(matches!(started.kill(), Err(TaskletError::Unsupported)));
    assert!(matches!(started.kill_pending(), Err(TaskletError::Unsupported)));
    assert!(matches!(started.throw("payload"), Err(TaskletError::Unsupported)));
    run();
    assert!(!started.is_alive(), "and the tasklet goes on to its end");

    // Where there are no frames, an exit ends a tasklet as ever.
    let unstarted = spawn(|| ());
    unstarted.kill().unwrap();
    assert!(!unstarted.is_alive());

    // A paused one whose last handle is dropped is given up, and counted.
    let before = stats().greenlets.leaked;
    let paused = spawn(schedule_remove);
    paused.run().unwrap();
    assert!(paused.is_paused());
    drop(paused);
    assert_eq!(stats().greenlets.leaked, before + 1);
    assert_eq!(stats().tasklets, 3, "the three that have handles");

    // What has frames refuses to end.
    let endless = spawn(schedule_remove);
    endless.run().unwrap();
    assert_eq!(kill_all(), [(*endless).clone()]);
}
