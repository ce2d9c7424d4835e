//! Locks and other primitives of `tasklets::sync`.

#[path = "../common/mod.rs"]
mod common;
mod condvar;
mod event_barrier;
mod mutex;
mod mutex_ends;
mod once;
mod rwlock;
mod semaphore;
mod stalls;
mod storms;
mod support;
mod wait_group;
