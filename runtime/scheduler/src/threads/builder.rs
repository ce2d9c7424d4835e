//! Making a runtime.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;

use crossbeam_deque::Worker as Queue;
use greenlet::Payload;

use crate::stacks::StackSize;
use crate::threads::affinity;
use crate::threads::pool::Pool;
use crate::threads::runtime::{self, Runtime};
use crate::threads::stall::RuntimeReport;

type ThreadHook = Box<dyn Fn(usize) + Send + Sync>;
type StallHook = Box<dyn Fn(&RuntimeReport) + Send + Sync>;
type PanicHook = Box<dyn Fn(Payload) + Send + Sync>;

/// What the workers of a runtime are like.
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) stack_size: StackSize,
    pub(crate) closed: bool,
    pub(crate) hooks: Hooks,
}

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) start: Option<ThreadHook>,
    pub(crate) stop: Option<ThreadHook>,
    pub(crate) stall: Option<StallHook>,
    panic: Option<PanicHook>,
}

impl Hooks {
    /// A tasklet has panicked, and nobody can join it.
    pub(crate) fn panicked(&self, payload: Payload) {
        let told = catch_unwind(AssertUnwindSafe(|| match &self.panic {
            Some(hook) => hook(payload),
            None => drop(payload),
        }));
        if let Err(payload) = told {
            eprintln!("a panic hook of a runtime panicked, which is ignored: {}", greenlet::panic_message(&payload));
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                // Its destructor panics. That of what it panics with might, too, and so on.
                std::mem::forget(again);
            }
        }
    }
}

/// Makes a [`Runtime`]: how many threads it has, how they are called, and what they tell.
///
/// # Examples
///
/// ```
/// use tasklets_runtime::Runtime;
///
/// let runtime = Runtime::builder().threads(2).name("crunch").stack_size(256 * 1024).build()?;
/// let name = runtime.run(|| std::thread::current().name().map(str::to_owned))?;
/// assert!(name.unwrap().starts_with("crunch-"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct RuntimeBuilder {
    threads: Option<usize>,
    pin: bool,
    settings: Settings,
}

impl RuntimeBuilder {
    pub(crate) fn new() -> RuntimeBuilder {
        let settings = Settings {
            name: "worker".to_owned(),
            stack_size: StackSize::default(),
            closed: false,
            hooks: Hooks::default(),
        };
        RuntimeBuilder { threads: None, pin: false, settings }
    }

    /// How many threads; by default as many as the process may use processors. At least one.
    pub fn threads(mut self, threads: usize) -> RuntimeBuilder {
        self.threads = Some(threads.max(1));
        self
    }

    /// How the threads are called: this, a hyphen and a number that begins with 0. By default `worker`.
    pub fn name(mut self, name: impl Into<String>) -> RuntimeBuilder {
        self.settings.name = name.into();
        self
    }

    /// The size of the stacks in bytes of the tasklets that are spawned on the runtime, as [`Builder::stack_size`](crate::Builder::stack_size).
    /// What these spawn for their own thread has its own.
    pub fn stack_size(mut self, bytes: usize) -> RuntimeBuilder {
        self.settings.stack_size = StackSize::holding(bytes);
        self
    }

    /// Keeps each thread on a processor of its own, of those that the caller of [`build`](RuntimeBuilder::build) may use; in turn, if
    /// there are more threads than those. Only on Linux.
    pub fn pin_workers(mut self, pin: bool) -> RuntimeBuilder {
        self.pin = pin;
        self
    }

    /// Says that nothing outside the runtime's threads will ever end a wait of its tasklets: no other thread holds an end of their
    /// channels. When all workers are idle then, tasklets are blocked, and none waits for a time, a descriptor or a future, every waiter fails with a
    /// deadlock whose report has all of them.
    pub fn closed(mut self) -> RuntimeBuilder {
        self.settings.closed = true;
        self
    }

    /// Called on each thread with its number before its first tasklet begins. It may not switch.
    pub fn on_thread_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> RuntimeBuilder {
        self.settings.hooks.start = Some(Box::new(hook));
        self
    }

    /// Called on each thread with its number when its last tasklet has ended. It may not switch.
    pub fn on_thread_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> RuntimeBuilder {
        self.settings.hooks.stop = Some(Box::new(hook));
        self
    }

    /// Called when all workers are idle while tasklets are blocked and none waits for a time: once, until any of them goes on. It
    /// runs on one of the threads, and may not switch. What comes from outside may end such a stall.
    pub fn on_stall(mut self, hook: impl Fn(&RuntimeReport) + Send + Sync + 'static) -> RuntimeBuilder {
        self.settings.hooks.stall = Some(Box::new(hook));
        self
    }

    /// Called with what a tasklet panicked with that nobody can join. The others go on. Without it, only Rust's panic hook is told.
    pub fn on_panic(mut self, hook: impl Fn(Payload) + Send + Sync + 'static) -> RuntimeBuilder {
        self.settings.hooks.panic = Some(Box::new(hook));
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started, or not be kept on its processor.
    pub fn build(self) -> io::Result<Runtime> {
        let RuntimeBuilder { threads, pin, settings } = self;
        let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let processors = if pin { affinity::available()? } else { Vec::new() };
        let queues: Vec<_> = (0..threads).map(|_| Queue::new_lifo()).collect();
        let pool = Arc::new(Pool::new(settings, queues.iter().map(Queue::stealer)));
        runtime::start(pool, queues, &processors)
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { name, stack_size, closed, .. } = &self.settings;
        let mut out = f.debug_struct("RuntimeBuilder");
        out.field("threads", &self.threads).field("name", name).field("stack_size", stack_size);
        out.field("pin", &self.pin).field("closed", closed).finish_non_exhaustive()
    }
}
