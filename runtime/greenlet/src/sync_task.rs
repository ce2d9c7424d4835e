//! Ordinary synchronous code as a future: it runs on a greenlet, and waits for other futures from any depth of calls.
//!
//! Whoever polls the future is the *driver*: the poll switches to the greenlet, and returns when that has ended or waits. A wait polls its own
//! future with the driver's waker, there on the greenlet, and switches back to the driver while there is nothing.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::builder::Builder;
use crate::handle::{AnyGreenlet, Greenlet, current};
use crate::lifetime::release_and_kill;
use crate::local::{GreenletLocal, Locals};
use crate::weak::WeakGreenlet;

/// What passes between a driver and a task. There is nothing to say; but the type is not that of any other switch.
struct Turn;

/// What a task's greenlet, and those that it has made, know of the task. It keeps no greenlet: who drops one is to kill it.
#[derive(Default)]
struct Link {
    /// Who polls the task; none while nobody does.
    driver: Cell<Option<WeakGreenlet<Turn>>>,
    /// The driver's waker.
    waker: RefCell<Option<Rc<Waker>>>,
    /// Who waits, if it is not the task's greenlet but one that it has made.
    waits: Cell<Option<WeakGreenlet<Turn>>>,
    dropped: Cell<bool>,
}

/// The task that the running greenlet is the body of.
static LINK: GreenletLocal<Cell<Option<Rc<Link>>>> = GreenletLocal::new(|| Cell::new(None));

fn link_of(greenlet: &AnyGreenlet) -> Option<Rc<Link>> {
    let cell = greenlet.locals().get(&LINK);
    let link = cell.take();
    cell.set(link.clone());
    link
}

/// The innermost task around the caller, and whether the caller is its own greenlet.
fn innermost() -> Option<(Rc<Link>, bool)> {
    let mut greenlet = Some((*current::<Turn>()).clone());
    let mut own = true;
    while let Some(candidate) = greenlet {
        if let Some(link) = link_of(&candidate) {
            return Some((link, own));
        }
        greenlet = candidate.parent();
        own = false;
    }
    None
}

impl Link {
    /// Who polls it now.
    fn driver(&self) -> Option<Greenlet<Turn>> {
        let weak = self.driver.take();
        let driver = weak.as_ref().and_then(WeakGreenlet::upgrade);
        self.driver.set(weak);
        driver
    }

    fn is_driven(&self) -> bool {
        self.driver().is_some()
    }

    fn waker(&self) -> Option<Rc<Waker>> {
        self.waker.borrow().clone()
    }

    /// Takes the waker of the next poll, unless it is the one that is here.
    fn renew(&self, waker: &Waker) {
        if self.waker().is_none_or(|known| !known.will_wake(waker)) {
            let waker = Rc::new(waker.clone());
            let old = self.waker.replace(Some(waker));
            drop(old);
        }
    }

    /// Lets the driver go on; returns when the task is polled again.
    fn pause(&self, own: bool) -> Result<(), Reason> {
        let Some(driver) = self.driver() else { return Err(Reason::Undriven) };
        if !own {
            self.waits.set(Some(current::<Turn>().downgrade()));
        }
        let resumed = driver.exchange(Turn).map(drop).or_else(|other| other.into_result().map(drop));
        match resumed {
            Ok(()) if self.is_driven() => Ok(()),
            // An exit of a child, or another one's switch: the poll is over since.
            Ok(()) => Err(Reason::Undriven),
            Err(error) => {
                drop(self.waits.take());
                Err(Reason::Refused(error.to_string()))
            }
        }
    }
}

/// Makes a future of ordinary synchronous code, which runs on a greenlet and may wait for other futures by [`wait_for`], from any depth of
/// calls: a parser that reads, a callback of a library, a recursive walk.
///
/// The code begins when the future is first polled, on a stack of its own of [`DEFAULT_STACK_SIZE`](crate::DEFAULT_STACK_SIZE), which
/// [`SyncTask::with_stack_size`] changes. It runs on the executor's thread, within its polls: what blocks there other than by
/// `wait_for` blocks the executor, as in any future.
///
/// Dropping the future before its end kills the greenlet: the code unwinds from where it waits, and what it owns is dropped, as is the future
/// that it waits for. In there `wait_for` is an error.
///
/// The future is `!Send`, as a greenlet stays on its thread: it is for tokio's `LocalSet`, smol's `LocalExecutor`, and whatever blocks on
/// a future. It is what `greenlet_spawn` is to Python's SQLAlchemy.
///
/// # Panics
///
/// The poll panics with what the code panics with; if there is no stack, or no switch is possible as the thread unwinds; and if the future is
/// polled again after it was ready.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use greenlet::{sync_task, wait_for};
///
/// // Code that knows nothing of futures calls something that waits for one.
/// fn sum(depth: u32, mut next: impl FnMut() -> u32) -> u32 {
///     if depth == 0 { 0 } else { next() + sum(depth - 1, next) }
/// }
///
/// let mut task = pin!(sync_task(|| sum(3, || wait_for(async { 7 }).unwrap())));
/// let mut context = Context::from_waker(Waker::noop());
/// assert_eq!(task.as_mut().poll(&mut context), Poll::Ready(21));
/// ```
#[track_caller]
pub fn sync_task<R: 'static>(body: impl FnOnce() -> R + 'static) -> SyncTask<R> {
    Builder::new().sync_task(body)
}

impl Builder {
    /// [`sync_task`] with a name or a stack size.
    #[track_caller]
    pub fn sync_task<R: 'static>(self, body: impl FnOnce() -> R + 'static) -> SyncTask<R> {
        let link = Rc::new(Link::default());
        let result = Rc::new(Cell::new(None));
        let returned = result.clone();
        let greenlet = self.build(move |_: Turn| {
            returned.set(Some(body()));
            Turn
        });
        let locals = Locals::new();
        locals.set(&LINK, Cell::new(Some(link.clone())));
        greenlet.set_locals(locals);
        SyncTask { greenlet: Some(greenlet), link, result }
    }
}

/// Synchronous code as a future; made by [`sync_task`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct SyncTask<R: 'static> {
    /// None once it is dropped.
    greenlet: Option<Greenlet<Turn>>,
    link: Rc<Link>,
    result: Rc<Cell<Option<R>>>,
}

impl<R: 'static> Future for SyncTask<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let (Some(greenlet), link) = (&self.greenlet, &self.link) else { unreachable!("it is not dropped") };
        assert!(!greenlet.is_dead(), "{self:?} was polled after it was ready");
        self.adopt(greenlet);
        link.renew(context.waker());
        link.driver.set(Some(current::<Turn>().downgrade()));
        let left = Undriven(link);
        let waits = link.waits.take().and_then(|waits| waits.upgrade());
        let received = waits.unwrap_or_else(|| greenlet.clone()).exchange(Turn);
        drop(left);
        match received {
            Ok(Turn) => self.result.take().map_or(Poll::Pending, Poll::Ready),
            Err(other) => match other.into_result() {
                Ok(_) => panic!("{self:?} was killed, and has no result"),
                Err(error) => panic!("{self:?} cannot run: {error}"),
            },
        }
    }
}

impl<R: 'static> SyncTask<R> {
    /// [`sync_task`] on a stack of so many bytes; see [`Builder::stack_size`].
    #[track_caller]
    pub fn with_stack_size(bytes: usize, body: impl FnOnce() -> R + 'static) -> SyncTask<R> {
        Builder::new().stack_size(bytes).sync_task(body)
    }

    /// Has what the code ends with come to the running greenlet.
    fn adopt(&self, greenlet: &Greenlet<Turn>) {
        let driver = current::<Turn>();
        if greenlet.parent().as_ref() != Some(&driver) {
            let adopted = greenlet.set_parent(&driver);
            adopted.unwrap_or_else(|error| panic!("{self:?} cannot be polled here: {error}"));
        }
    }
}

/// Nobody polls the task any more, however the poll ends.
struct Undriven<'a>(&'a Link);

impl Drop for Undriven<'_> {
    fn drop(&mut self) {
        drop(self.0.driver.take());
    }
}

impl<R: 'static> Drop for SyncTask<R> {
    fn drop(&mut self) {
        self.link.dropped.set(true);
        if let Some(greenlet) = self.greenlet.take() {
            release_and_kill(greenlet.erase());
        }
    }
}

impl<R: 'static> fmt::Debug for SyncTask<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(greenlet) = &self.greenlet else { return f.write_str("SyncTask") };
        f.debug_tuple("SyncTask").field(greenlet).finish()
    }
}

/// Whether the caller is in the code of a [`sync_task`] that is being polled, and [`wait_for`] can wait.
pub fn in_sync_task() -> bool {
    innermost().is_some_and(|(link, _)| link.is_driven() && !link.dropped.get())
}

/// Waits for a future in the code of a [`sync_task`], at any depth of calls: the executor that runs the task goes on with others until
/// the future is ready.
///
/// The future is polled on the caller's stack with the waker of the executor's task, so that everything works in it that works in the
/// executor's tasks: its timers and sockets, its own `spawn`. It need be neither `Send` nor `'static`.
///
/// In a greenlet that the task's code has made, as a [`Generator`](crate::Generator), it waits for the task around.
///
/// # Errors
///
/// [`WaitForError`] outside of such a task, or if it may not switch: because the thread unwinds, or because the task is being dropped. A
/// future that is ready at the first poll is no error while the task is polled.
///
/// # Panics
///
/// With what the future panics with; and it unwinds if the task is dropped meanwhile.
pub fn wait_for<F: Future>(future: F) -> Result<F::Output, WaitForError> {
    let failed = |reason| WaitForError { what: type_name::<F>(), who: current::<Turn>().to_string(), reason };
    let Some((link, own)) = innermost() else { return Err(failed(Reason::Outside)) };
    if link.dropped.get() {
        return Err(failed(Reason::Dropped));
    }
    let mut future = pin!(future);
    loop {
        let Some(waker) = link.waker().filter(|_| link.is_driven()) else { return Err(failed(Reason::Undriven)) };
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(value);
        }
        drop(waker);
        link.pause(own).map_err(failed)?;
    }
}

/// Why [`wait_for`] did not wait.
pub struct WaitForError {
    /// The type of the future.
    what: &'static str,
    /// The greenlet that called it.
    who: String,
    reason: Reason,
}

enum Reason {
    Outside,
    Undriven,
    Dropped,
    Refused(String),
}

impl WaitForError {
    /// Whether the caller is in no [`sync_task`].
    pub fn is_outside(&self) -> bool {
        matches!(self.reason, Reason::Outside)
    }

    /// Whether the task is being dropped.
    pub fn is_dropped(&self) -> bool {
        matches!(self.reason, Reason::Dropped)
    }
}

impl fmt::Debug for WaitForError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitForError({self})")
    }
}

impl fmt::Display for WaitForError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot wait for {}: ", self.who, self.what)?;
        match &self.reason {
            Reason::Outside => f.write_str("it is in no `sync_task`; run the code that waits in one"),
            Reason::Undriven => f.write_str("its `sync_task` is not being polled: something else has switched here"),
            Reason::Dropped => f.write_str("its `sync_task` is being dropped"),
            Reason::Refused(error) => f.write_str(error),
        }
    }
}

impl Error for WaitForError {}
