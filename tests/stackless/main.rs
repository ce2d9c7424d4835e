//! Stackless Python's behaviour, as it was recorded on Stackless 3.7.5 and as its own unit tests state it, on tasklets and
//! channels. `docs/stackless-tests.md` maps every test of those files to one here.

#[path = "../common/mod.rs"]
mod common;

mod additions_channel;
mod additions_hooks;
mod additions_values;
mod goldens_callbacks;
mod goldens_channel;
mod goldens_checks;
mod goldens_control;
mod goldens_errors;
mod goldens_ring;
mod goldens_run;
mod goldens_states;
mod support;
mod test_chan_cb;
mod test_channel;
mod test_sched_cb;
mod test_watchdog;
mod test_watchdog_nested;
