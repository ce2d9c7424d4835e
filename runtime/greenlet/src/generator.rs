//! Generators on greenlets: a function that yields values from any depth of calls, as an iterator.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::handle::{AnyGreenlet, Greenlet, current};
use crate::local::{GreenletLocal, Locals};
use crate::received::Received;

/// What passes between a generator and who iterates over it: a request is `None`, a value `Some`.
type Step<T> = Option<T>;

/// What a generator's greenlet knows of itself.
struct Frame {
    consumer: RefCell<Option<AnyGreenlet>>,
    /// The generator whose body iterates over this one.
    outer: RefCell<Option<Rc<Frame>>>,
    /// Who yielded over this generator's head, and is resumed in its place.
    inner: RefCell<Option<AnyGreenlet>>,
}

/// The generator that the running greenlet is the body of.
static FRAME: GreenletLocal<Cell<Option<Rc<Frame>>>> = GreenletLocal::new(|| Cell::new(None));

fn frame() -> Option<Rc<Frame>> {
    FRAME.with(|cell| {
        let frame = cell.take();
        cell.set(frame.clone());
        frame
    })
}

/// An iterator over what its body yields with [`yield_`], from any depth of calls.
///
/// The body runs on a stack of its own, only while the iterator is asked. A generator that is dropped before its end
/// unwinds its body. It may be iterated over from any greenlet of its thread, and by the body of another generator.
///
/// # Examples
///
/// A recursive walk needs no iterator adapters:
///
/// ```
/// use greenlet::{Generator, yield_};
///
/// fn countdown(n: u32) {
///     if n > 0 {
///         yield_(n).unwrap();
///         countdown(n - 1);
///     }
/// }
/// assert_eq!(Generator::new(|| countdown(3)).collect::<Vec<u32>>(), [3, 2, 1]);
/// ```
pub struct Generator<T: 'static> {
    body: Greenlet<Step<T>>,
    frame: Rc<Frame>,
}

impl<T: 'static> Generator<T> {
    /// A generator whose body begins at the first `next`.
    #[track_caller]
    pub fn new(body: impl FnOnce() + 'static) -> Generator<T> {
        let frame =
            Rc::new(Frame { consumer: RefCell::new(None), outer: RefCell::new(frame()), inner: RefCell::new(None) });
        let body = Greenlet::new(move |_: Step<T>| {
            body();
            None
        });
        let locals = Locals::new();
        locals.set(&FRAME, Cell::new(Some(frame.clone())));
        body.set_locals(locals);
        Generator { body, frame }
    }
}

impl<T: 'static> Iterator for Generator<T> {
    type Item = T;

    /// Lets the body go on until it yields.
    ///
    /// # Panics
    ///
    /// With what the body panics with; the generator has ended then. Also where a switch is refused, as while the thread
    /// unwinds, or where no stack is to be had.
    fn next(&mut self) -> Option<T> {
        if self.body.is_dead() {
            return None;
        }
        let consumer = current::<Step<T>>();
        // The body's end, by a panic too, comes to who asks now. It may be one of the body's own descendants, which cannot
        // be its parent: then the request itself fails below.
        let _ = self.body.set_parent(&consumer);
        *self.frame.consumer.borrow_mut() = Some((*consumer).clone());
        let target = self.frame.inner.take().map_or_else(|| self.body.clone(), |inner| inner.cast());
        match target.switch(None) {
            Ok(Received::Value(step)) => step,
            Ok(Received::Exit(_)) => None,
            Err(error) => panic!("the generator cannot go on: {}", error),
        }
    }
}

impl<T: 'static> fmt::Debug for Generator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Generator").field(&self.body).finish()
    }
}

/// Why a value could not be yielded. It is given back.
#[derive(Debug)]
pub struct YieldError<T> {
    /// The value that was to be yielded.
    pub value: T,
    why: String,
}

impl<T> fmt::Display for YieldError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot yield: {}", self.why)
    }
}

impl<T: fmt::Debug> Error for YieldError<T> {}

/// Yields a value to whoever iterates over the running generator. Returns when the next value is asked for.
///
/// # Errors
///
/// [`YieldError`] outside a generator, or if the generator yields values of another type.
///
/// # Panics
///
/// Unwinds if the generator is dropped meanwhile.
pub fn yield_<T: 'static>(value: T) -> Result<(), YieldError<T>> {
    yield_to(1, value)
}

/// Yields a value over the heads of generators: with level 2, not to who iterates over the running generator but to who
/// iterates over the generator that does so; and so on. The next request there comes straight back here.
///
/// # Errors
///
/// [`YieldError`] if there are not that many generators around the caller, or if that one yields values of another type.
///
/// # Panics
///
/// Unwinds if the generator is dropped meanwhile.
pub fn yield_to<T: 'static>(level: usize, value: T) -> Result<(), YieldError<T>> {
    let outside = |value| YieldError { value, why: format!("there are not {level} generators around the caller") };
    let mut target = match frame() {
        Some(frame) if level > 0 => frame,
        _ => return Err(outside(value)),
    };
    for _ in 1..level {
        let outer = target.outer.borrow().clone();
        match outer {
            Some(outer) => target = outer,
            None => return Err(outside(value)),
        }
    }
    let Some(consumer) = target.consumer.borrow().clone() else { return Err(outside(value)) };
    let me = current::<Step<T>>();
    let resumed = (level > 1).then(|| (*me).clone());
    *target.inner.borrow_mut() = resumed;
    // Handles of its own would keep a generator that is dropped from being killed.
    drop(me);
    match consumer.cast::<Step<T>>().switch(Some(value)) {
        Ok(_) => Ok(()),
        Err(error) => {
            target.inner.take();
            let why = error.to_string();
            match error.into_value().flatten() {
                Some(value) => Err(YieldError { value, why }),
                None => panic!("a generator was resumed with something else than a request: {why}"),
            }
        }
    }
}
