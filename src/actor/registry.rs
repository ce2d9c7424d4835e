//! Finding actors by name.

use std::any::Any;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::addr::{Addr, Port};
use super::core::Phase;
use super::node::Node;

/// Unique names of actors. A clone is the same registry. It does not keep actors: an entry goes when its actor has ended; one that a
/// supervisor begins again keeps its name.
///
/// # Examples
///
/// ```
/// use tasklets::actor::{self, Mailbox, Registry};
///
/// let registry = Registry::new();
/// let logger = actor::spawn(|mailbox: &Mailbox<String>| mailbox.iter().for_each(drop));
/// registry.register("logger", &logger)?;
/// assert!(registry.register("logger", &logger).is_err(), "the name is taken");
/// registry.find::<String>("logger").unwrap().tell("hello".to_owned()).unwrap();
/// assert!(registry.find::<u32>("logger").is_none(), "it takes other messages");
/// # Ok::<(), actor::NameTaken>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<Mutex<HashMap<String, Entry>>>,
}

struct Entry {
    node: Weak<dyn Node>,
    /// A `Weak<dyn Port<M>>`.
    port: Box<dyn Any + Send>,
}

impl Entry {
    fn is_alive(&self) -> bool {
        self.node.upgrade().is_some_and(|node| !matches!(node.phase(), Phase::Ended(_)))
    }
}

impl Registry {
    /// One without names.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Gives an actor a name.
    ///
    /// # Errors
    ///
    /// [`NameTaken`], if another one has it that has not ended.
    pub fn register<M: 'static>(&self, name: impl Into<String>, addr: &Addr<M>) -> Result<(), NameTaken> {
        let name = name.into();
        let node: Arc<dyn Node> = addr.port().clone();
        let port: Weak<dyn Port<M>> = Arc::downgrade(addr.port());
        let entry = Entry { node: Arc::downgrade(&node), port: Box::new(port) };
        let old = {
            let mut entries = self.entries.lock();
            if entries.get(&name).is_some_and(Entry::is_alive) {
                return Err(NameTaken { name });
            }
            entries.insert(name, entry)
        };
        drop(old);
        Ok(())
    }

    /// The actor with this name, if there is one that takes messages of this type.
    pub fn find<M: 'static>(&self, name: &str) -> Option<Addr<M>> {
        let port = {
            let entries = self.entries.lock();
            let entry = entries.get(name)?;
            entry.port.downcast_ref::<Weak<dyn Port<M>>>()?.upgrade()
        }?;
        (!matches!(port.phase(), Phase::Ended(_))).then(|| Addr::new(port))
    }

    /// Takes a name back; false if nobody had it.
    pub fn unregister(&self, name: &str) -> bool {
        let old = self.entries.lock().remove(name);
        old.is_some_and(|entry| entry.is_alive())
    }

    /// The names of actors that have not ended, sorted.
    pub fn names(&self) -> Vec<String> {
        let gone: Vec<Entry> = {
            let mut entries = self.entries.lock();
            let dead: Vec<_> =
                entries.iter().filter(|(_, entry)| !entry.is_alive()).map(|(name, _)| name.clone()).collect();
            dead.iter().filter_map(|name| entries.remove(name)).collect()
        };
        drop(gone);
        let mut names: Vec<_> = self.entries.lock().keys().cloned().collect();
        names.sort();
        names
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

/// A name belongs to another actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTaken {
    name: String,
}

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the name {:?} belongs to an actor that has not ended; unregister it first, or take another one",
            self.name
        )
    }
}

impl Error for NameTaken {}
