//! Warns of roots and configurations that a scan cannot read, and of configurations that lost their `roots.yml`.

use crate::console;
use crate::context::Context;
use crate::display::Printable;
use crate::finding::roots::root_problem;
use crate::finding::scan::Scan;

/// The fault of a configuration that lost its `roots.yml`.
pub const LOST_ROOTS_FILE: &str = "configuration has lost config/core/roots.yml";

/// Warns of roots that cannot be read.
pub fn warn_of_roots(context: &Context) {
    if context.roots.are_named() {
        for (root, error) in context.roots.unreadable() {
            console::warn(&root_problem(root, &error), context.colour());
        }
    }
}

/// Warns of configurations that lost their `roots.yml` or cannot be read at all.
pub fn warn_of_lost_configs(scan: &Scan, context: &Context) {
    for (folder, fault) in &scan.faults {
        let is_listed = scan.records.iter().any(|record| record.path == *folder);
        if !is_listed && !context.roots.is_root(folder) {
            console::warn(&fault.to_string(), context.colour());
        }
    }
    for folder in scan.without_roots_file() {
        let path = Printable::new(folder);
        console::warn(&format!("{LOST_ROOTS_FILE}: {path}"), context.colour());
    }
}
