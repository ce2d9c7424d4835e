//! Synchronous channels between tasklets.
//!
//! A [`Channel`] holds no values: a send waits until somebody receives, and a receive until somebody sends. Whoever finds a
//! partner waiting hands the value over without waiting itself, and the channel's *preference* decides who runs then. The
//! rules, to the order in which tasklets go on, are those of
//! [Stackless Python](https://github.com/stackless-dev/stackless).
//!
//! ```
//! use tasklets_channels::Channel;
//! use tasklets_runtime::{run, spawn};
//!
//! let ch = Channel::new();
//! let names = ch.clone();
//! spawn(move || for name in names { println!("hello {name}") }).detach();
//! spawn(move || {
//!     for name in ["ada", "grace"] {
//!         ch.send(name).unwrap();
//!     }
//!     ch.shutdown();
//! })
//! .detach();
//! assert_eq!(run().to_string(), "all 2 tasklets finished");
//! ```

#![forbid(unsafe_code)]

mod callback;
mod channel;
mod error;
mod iter;
mod list;
mod mpmc;
mod queue;
pub mod select;
mod shared;
pub mod sync;
mod timed;
mod transfer;

pub use callback::{ChannelCallback, ChannelEvent, channel_callback, set_channel_callback};
pub use channel::{Channel, Preference};
pub use error::{Failed, Reason, ReceiveError, SendError, StopIteration};
pub use iter::{IntoIter, Iter, Results};
pub use mpmc::error::RecvError;
pub use mpmc::future::{RecvFuture, SendFuture, ValueStream};
pub use mpmc::iter::{IntoValues, TryValues, Values};
pub use mpmc::receiver::Receiver;
pub use mpmc::sender::Sender;
pub use mpmc::{bounded, bounded_named, rendezvous, rendezvous_named, unbounded, unbounded_named};
pub use select::{Select, SelectError, set_select_seed};
