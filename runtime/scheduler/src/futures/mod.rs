//! Futures and tasklets: waiting for a future in a tasklet, and for what tasklets do in a future.

pub(crate) mod bell;
pub(crate) mod block_on;
pub(crate) mod error;
mod joined;
pub(crate) mod proxy;
