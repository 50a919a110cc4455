//! Asks another Python something: starts a program of the launcher's own and exchanges lines of text with it.

pub mod conversation;
pub mod probe;
