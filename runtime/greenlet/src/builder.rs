//! Making greenlets.

use std::ptr::NonNull;
use std::rc::Rc;

use crate::body::{Body, Kind, drop_closure};
use crate::context::Context;
use crate::handle::{AnyGreenlet, Greenlet};
use crate::inner::{Inner, State, family};
use crate::received::Received;
use crate::thread;
use crate::transfer::run_body;

/// The stack size of a greenlet, in bytes, unless its builder says otherwise.
pub const DEFAULT_STACK_SIZE: usize = 64 * 1024;

/// Makes greenlets with a name, a stack size or another parent.
///
/// # Examples
///
/// ```
/// use greenlet::Builder;
///
/// let deep = Builder::new().name("deep").stack_size(1 << 20).build(|()| ());
/// assert_eq!(format!("{deep:?}"), r#"Greenlet { id: 1, name: "deep", state: pending }"#);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    name: Option<Rc<str>>,
    stack_size: Option<usize>,
    parent: Option<AnyGreenlet>,
}

impl Builder {
    /// A builder of unnamed greenlets with [`DEFAULT_STACK_SIZE`], children of the current greenlet.
    #[inline]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A name for messages and reports.
    #[inline]
    pub fn name(mut self, name: impl Into<Rc<str>>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// The size of the stack in bytes, rounded up to a power of two that is at least 16 KiB; on the portable context, to whole
    /// pages, and at least 8 KiB. Only what is used of it takes memory.
    #[inline]
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// The parent, in place of the current greenlet.
    #[inline]
    pub fn parent(mut self, parent: &AnyGreenlet) -> Builder {
        self.parent = Some(parent.clone());
        self
    }

    /// A greenlet that runs `body` with the value of the first switch to it.
    ///
    /// If it is a parent that has not begun when a child ends by an exit, it ends by that exit without running; see
    /// [`build_receiving`](Builder::build_receiving).
    #[must_use = "a greenlet whose last handle is dropped never runs"]
    #[track_caller]
    pub fn build<T: 'static>(self, body: impl FnOnce(T) -> T + 'static) -> Greenlet<T> {
        self.make_of(false, |first: Received<T>| match first {
            Received::Value(value) => body(value),
            Received::Exit(exit) => std::panic::resume_unwind(Box::new(exit)),
        })
    }

    /// A greenlet whose body is also started by the exit of a child, if that is what reaches it first.
    #[must_use = "a greenlet whose last handle is dropped never runs"]
    #[track_caller]
    pub fn build_receiving<T: 'static>(self, body: impl FnOnce(Received<T>) -> T + 'static) -> Greenlet<T> {
        self.make_of(true, body)
    }

    #[track_caller]
    #[inline]
    fn make_of<T: 'static, F: FnOnce(Received<T>) -> T + 'static>(self, takes_exit: bool, body: F) -> Greenlet<T> {
        // SAFETY: the kind of `F`.
        self.make(unsafe { Body::new(body, kind::<T, F>(takes_exit)) })
    }

    /// A greenlet with a body that awaits a `T`.
    #[track_caller]
    pub(crate) fn make<T: 'static>(self, body: Body) -> Greenlet<T> {
        let thread = thread::this();
        let mut inner = Inner::new(NonNull::from(thread), State::Unstarted, family::<T>());
        inner.stack_size = self.rounded_size();
        inner.name = self.name;
        inner.id.set(thread.next_id());
        inner.body.set(Some(body));
        // The edge to the parent is a handle: the builder's, or one of the current greenlet.
        let parent = match self.parent {
            Some(parent) => parent.into_inner(),
            None => {
                thread.current().add_handle();
                thread.current.get()
            }
        };
        inner.parent.set(parent);
        // The block is freed by `inner::free_if_unused`; the handle made here is the one that it was created with.
        Greenlet::adopt(thread.blocks.make(inner))
    }

    /// The size of the stacks.
    #[inline]
    pub(crate) fn rounded_size(&self) -> usize {
        self.stack_size.map_or(thread::this().default_size, Context::round)
    }

    pub(crate) fn has_parent(&self) -> bool {
        self.parent.is_some()
    }

    /// Whether the workers that it makes differ from others in nothing but the size of the stack.
    #[inline]
    pub(crate) fn makes_plain_workers(&self) -> bool {
        self.name.is_none() && self.parent.as_ref().is_none_or(|parent| parent.is_main())
    }
}

/// What bodies of type `F` have in common.
fn kind<T: 'static, F: FnOnce(Received<T>) -> T>(takes_exit: bool) -> &'static Kind {
    match takes_exit {
        true => const { &Kind { run: run_body::<T, F>, drop: drop_closure::<F>, takes_exit: true } },
        false => const { &Kind { run: run_body::<T, F>, drop: drop_closure::<F>, takes_exit: false } },
    }
}
