//! The thread that waits for signals, and who has asked for which.
//!
//! A thread of its own, because the process has signals, not the threads with tasklets: whichever of those would watch might end or be busy,
//! while the others wait.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::Signal;
use crate::{Receiver, Sender, bounded_named};

/// How many signals wait for a receiver.
const KEPT: usize = 16;

static WATCH: Mutex<Watch> = Mutex::new(Watch { handle: None, listeners: Vec::new() });

struct Watch {
    /// Adds signals to those that the thread waits for. None until it was started.
    handle: Option<Handle>,
    listeners: Vec<Listener>,
}

#[derive(Clone)]
struct Listener {
    wanted: Vec<Signal>,
    sender: Sender<Signal>,
}

/// Nothing that panics is done under the lock.
fn lock() -> MutexGuard<'static, Watch> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn listen(wanted: &[Signal]) -> io::Result<Receiver<Signal>> {
    let (sender, receiver) = bounded_named("signals", KEPT);
    let listener = Listener { wanted: wanted.to_vec(), sender };
    let mut watch = lock();
    let handle = match &watch.handle {
        Some(handle) => handle.clone(),
        None => {
            let handle = start()?;
            watch.handle = Some(handle.clone());
            handle
        }
    };
    watch.listeners.retain(|listener| !listener.sender.is_disconnected());
    // Before the signal is taken from the process: the first one that comes finds its receiver.
    watch.listeners.push(listener);
    drop(watch);
    wanted.iter().try_for_each(|signal| handle.add_signal(signal.number()))?;
    Ok(receiver)
}

fn start() -> io::Result<Handle> {
    let mut signals = Signals::new([] as [i32; 0])?;
    let handle = signals.handle();
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || signals.forever().filter_map(Signal::from_number).for_each(deliver))?;
    Ok(handle)
}

/// Sends a signal to all that have asked for it. If none of them is left, it does what it would do if nobody ever had.
fn deliver(signal: Signal) {
    let listeners = lock().listeners.clone();
    let mut wanted = false;
    for listener in listeners.iter().filter(|listener| listener.wanted.contains(&signal)) {
        // Not under the lock: who is woken may be anybody's waker.
        let gone = listener.sender.try_send(signal).is_err_and(|error| error.is_disconnected());
        if gone {
            lock().listeners.retain(|other| other.sender != listener.sender);
        }
        wanted |= !gone;
    }
    if !wanted {
        // It can only fail for signals that are not in our table.
        let _ = emulate_default_handler(signal.number());
    }
}
