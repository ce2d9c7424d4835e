//! Greenlets: flows of control with stacks of their own that are switched by hand.
//!
//! A [`Greenlet`] runs plain, blocking code. [`Greenlet::switch`] leaves the running greenlet where it is and goes on with
//! another one, from any depth of calls; it returns when something switches back. There is no scheduler, no clock and no I/O
//! here: who runs is decided by who switches to whom. The behaviour is that of Python's
//! [greenlet](https://greenlet.readthedocs.io), with values and errors in place of arguments and exceptions:
//!
//! - the first switch starts a greenlet; later ones are what its pending [`switch`](Greenlet::switch) returns;
//! - every greenlet has a parent, which receives what it ends with; a panic goes there too, by unwinding;
//! - a [kill](Greenlet::kill) unwinds a greenlet; it reaches the parent as a value, [`Received::Exit`];
//! - a switch to a dead greenlet goes to its nearest live ancestor;
//! - dropping the last handle of a suspended greenlet kills it at once.
//!
//! ```
//! use greenlet::{Greenlet, main};
//!
//! let g = Greenlet::new(|()| {
//!     println!("hello");
//!     main().switch(()).unwrap();
//!     println!("world");
//! });
//! g.switch(()).unwrap();
//! println!("between");
//! g.switch(()).unwrap();
//! ```
//!
//! Greenlets belong to their thread. Wrap what a thread does with them in [`enter`], which ends them before the thread does.
//! What safe code can rely on, and what remains, is in `docs/SOUNDNESS.md`.

mod blocks;
mod body;
mod builder;
mod capture;
mod context;
mod enter;
mod error;
mod generator;
mod handle;
mod inner;
mod lifetime;
mod loans;
mod local;
mod mail;
mod overflow;
mod pool;
mod prefetch;
mod received;
mod route;
mod slot;
mod stacks;
mod sync_task;
mod thread;
mod throw;
mod trace;
mod transfer;
mod unraisable;
mod weak;
mod worker;

pub use builder::{Builder, DEFAULT_STACK_SIZE};
pub use enter::{Stats, enter, stats};
pub use error::{ParentError, StackError, StackLimit, SwitchError};
pub use generator::{Generator, YieldError, yield_, yield_to};
pub use handle::{AnyGreenlet, Greenlet, current, main};
pub use inner::Payload;
pub use loans::{LendError, Lent, Loans, NotShared, SharedLent, SharedLoans, scope};
pub use local::{GreenletLocal, Locals};
pub use overflow::{Describe, describe_overflows};
pub use prefetch::{Spot, prefetch, prefetch_at};
pub use received::{GreenletExit, NoValue, Received};
pub use slot::RcSlot;
pub use stacks::{
    StackMemory, StackPeak, StackUsage, measure_stacks, note_stack_use, refuse_stacks, set_guard_size, set_max_stacks,
    set_pool_capacity, set_pool_review, stack_memory, stack_peaks, trim,
};
pub use sync_task::{SyncTask, WaitForError, in_sync_task, sync_task, wait_for};
pub use trace::{Event, EventKind, Tracer, set_tracer, tracer};
pub use unraisable::{Unraisable, panic_message, set_unraisable_hook};
pub use weak::WeakGreenlet;
pub use worker::Work;
