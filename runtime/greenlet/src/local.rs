//! Values that belong to a greenlet, as thread-locals belong to a thread.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::handle::AnyGreenlet;
use crate::thread;

/// A key to a value that every greenlet has of its own, made when the greenlet first asks for it.
///
/// A new greenlet starts with none: values are not inherited. A started one's values are dropped when it ends, in it.
/// It takes the place of the context variables of Python's greenlet.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use greenlet::{Greenlet, GreenletLocal};
///
/// static DEPTH: GreenletLocal<Cell<u32>> = GreenletLocal::new(|| Cell::new(0));
///
/// DEPTH.with(|depth| depth.set(7));
/// let seen = Greenlet::new(|_| DEPTH.with(|depth| depth.get())).switch(1)?;
/// assert_eq!(seen.value(), Some(0));
/// # Ok::<(), greenlet::SwitchError<u32>>(())
/// ```
pub struct GreenletLocal<V: 'static> {
    init: fn() -> V,
    /// Gives every key an address of its own.
    _address: u8,
}

impl<V: 'static> GreenletLocal<V> {
    /// A key whose values are made by `init`.
    pub const fn new(init: fn() -> V) -> GreenletLocal<V> {
        GreenletLocal { init, _address: 0 }
    }

    /// Calls `f` with the running greenlet's value. `f` may switch: the value is kept until it returns.
    pub fn with<R>(&'static self, f: impl FnOnce(&V) -> R) -> R {
        let locals = thread::this().current().locals();
        let value = locals.get(self);
        f(&value)
    }

    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }
}

impl<V> fmt::Debug for GreenletLocal<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GreenletLocal<{}>", std::any::type_name::<V>())
    }
}

/// A greenlet's local values.
impl AnyGreenlet {
    /// The greenlet's own values; see [`GreenletLocal`].
    pub fn locals(&self) -> Locals {
        self.inner().locals()
    }

    /// Gives the greenlet other local values; returns those that it had.
    pub fn set_locals(&self, locals: Locals) -> Locals {
        self.inner().locals.replace(Some(locals)).unwrap_or_default()
    }

    /// Takes the greenlet's local values away; none if it has not used any.
    #[inline]
    pub fn take_locals(&self) -> Option<Locals> {
        self.inner().locals.take()
    }
}

/// The local values of a greenlet, which another one can be given: shared if it is cloned, by a copy of its own with
/// [`copy`](Locals::copy). See [`AnyGreenlet::set_locals`](crate::AnyGreenlet::set_locals).
///
/// They belong to their thread:
///
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// send(greenlet::Locals::new());
/// ```
#[derive(Clone, Default)]
pub struct Locals {
    values: Rc<RefCell<HashMap<usize, Rc<dyn Any>>>>,
}

impl Locals {
    /// No values.
    pub fn new() -> Locals {
        Locals::default()
    }

    /// The same values under a set of its own: a key that is first used later, or replaced, differs.
    pub fn copy(&self) -> Locals {
        Locals { values: Rc::new(RefCell::new(self.values.borrow().clone())) }
    }

    /// Puts a value under a key, in place of the one that was there.
    pub fn set<V: 'static>(&self, key: &'static GreenletLocal<V>, value: V) {
        let old = self.values.borrow_mut().insert(key.key(), Rc::new(value));
        drop(old);
    }

    /// The value under a key, made if there is none.
    pub fn get<V: 'static>(&self, key: &'static GreenletLocal<V>) -> Rc<V> {
        let found = self.values.borrow().get(&key.key()).cloned();
        if let Some(value) = found.and_then(|value| value.downcast::<V>().ok()) {
            return value;
        }
        let value = Rc::new((key.init)());
        // `init` may have put one there; its destructor runs once the map is free.
        let old = self.values.borrow_mut().insert(key.key(), value.clone());
        drop(old);
        value
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.values.borrow().len()
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Locals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locals({} values)", self.len())
    }
}
