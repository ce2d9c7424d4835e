//! The servers of `examples/`, each in a process of its own.

mod chat;
mod child;
mod echo;
mod files;
mod load;
