//! A callback before every channel operation.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasklets_runtime::{AnyTasklet, switch_trap};

/// Told of every channel operation; see [`set_channel_callback`].
pub type ChannelCallback = Rc<dyn Fn(&ChannelEvent<'_>)>;

/// A channel operation that is about to happen.
#[non_exhaustive]
pub struct ChannelEvent<'a> {
    /// How the channel is called.
    pub channel: &'a str,
    /// Who sends or receives.
    pub tasklet: AnyTasklet,
    /// Whether it sends.
    pub sending: bool,
    /// Whether nobody waits on the other side.
    pub will_block: bool,
    /// The value that is sent.
    pub value: Option<&'a dyn Any>,
}

impl fmt::Debug for ChannelEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ChannelEvent");
        out.field("channel", &self.channel).field("tasklet", &self.tasklet);
        out.field("sending", &self.sending).field("will_block", &self.will_block).finish_non_exhaustive()
    }
}

thread_local! {
    static CALLBACK: Slot = const { Slot(RefCell::new(None)) };
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

/// A thread's callback, which counts as long as the thread is there.
struct Slot(RefCell<Option<ChannelCallback>>);

impl Drop for Slot {
    fn drop(&mut self) {
        CALLBACKS.fetch_sub(usize::from(self.0.get_mut().is_some()), Ordering::Relaxed);
    }
}

/// Threads with a callback, so that operations on all others are spared a look.
static CALLBACKS: AtomicUsize = AtomicUsize::new(0);

/// Sets what this thread calls before every channel operation, also before one that then fails; returns what was set before.
///
/// Channel operations in the callback fail with [`Reason::Recursive`](crate::Reason::Recursive), and what else would switch
/// with [`SwitchTrap`](tasklets_runtime::TaskletError::SwitchTrap). If it panics, the operation does not happen, and the
/// panic goes on in the tasklet that tried it.
///
/// Semantics: Stackless's `set_channel_callback`, for one thread.
///
/// # Examples
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use tasklets_channels::{Channel, set_channel_callback};
/// use tasklets_runtime::spawn;
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let events = log.clone();
/// set_channel_callback(Some(Rc::new(move |event| events.borrow_mut().push((event.sending, event.will_block)))));
/// let ch = Channel::new();
/// let sender = ch.clone();
/// spawn(move || sender.send(1).unwrap()).detach();
/// ch.receive().unwrap();
/// set_channel_callback(None);
/// assert_eq!(*log.borrow(), [(false, true), (true, false)]);
/// ```
pub fn set_channel_callback(callback: Option<ChannelCallback>) -> Option<ChannelCallback> {
    let set = usize::from(callback.is_some());
    let old = CALLBACK.try_with(|cell| cell.0.replace(callback)).ok().flatten();
    CALLBACKS.fetch_add(set, Ordering::Relaxed);
    CALLBACKS.fetch_sub(usize::from(old.is_some()), Ordering::Relaxed);
    old
}

/// What this thread calls before every channel operation.
pub fn channel_callback() -> Option<ChannelCallback> {
    CALLBACK.try_with(|cell| cell.0.borrow().clone()).ok().flatten()
}

/// Whether any thread has a callback.
#[inline]
pub(crate) fn any() -> bool {
    CALLBACKS.load(Ordering::Relaxed) != 0
}

/// Whether the caller is a callback.
pub(crate) fn calling() -> bool {
    CALLING.get()
}

/// Calls this thread's callback.
pub(crate) fn call(callback: &ChannelCallback, event: &ChannelEvent<'_>) {
    struct Called;
    impl Drop for Called {
        fn drop(&mut self) {
            CALLING.set(false);
            switch_trap(-1);
        }
    }
    // Others' channel operations would fail meanwhile, too.
    switch_trap(1);
    CALLING.set(true);
    let _called = Called;
    callback(event);
}
