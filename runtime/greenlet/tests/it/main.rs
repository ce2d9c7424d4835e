//! The tests of greenlet and of PyPy's greenlet, translated, and tests of misuse. `docs/greenlet-tests.md` maps the former.

mod harness;
mod loans;
mod loans_process;
mod loans_random;
mod loans_threads;
mod misuse;
mod misuse_callbacks;
mod misuse_process;
mod misuse_stacks;
mod pypy;
#[cfg(all(target_os = "linux", not(greenlet_portable)))]
mod stacks_faults;
#[cfg(all(target_os = "linux", target_env = "gnu", not(greenlet_portable)))]
mod stacks_limits;
mod stacks_overflow;
mod stacks_pool;
mod stacks_refused;
mod stress;
mod sync_task;
mod test_backtrace;
mod test_contextvars;
mod test_cpp;
mod test_generator;
mod test_greenlet;
mod test_greenlet_kill;
mod test_greenlet_parent;
mod test_greenlet_trace;
mod test_interpreter_shutdown;
mod test_leaks;
mod test_throw;
mod test_tracing;
mod test_weakref;
mod tool;
mod workers;
