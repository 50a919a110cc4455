//! Chooses the project: from the request to a configuration on disk, or to a query that only the site can
//! answer.

mod search;
mod selection;
pub mod selector;

pub use selection::{CONFIG_VARIABLE, Chosen, Distributed, Selection};
pub use selector::select;
