//! Finds configurations on disk by a project's id, its `tank_name` or a path in its data.
//!
//! The index in the user's cache folder is a hint: each of its records is read again from the configuration
//! itself. Where the index has no answer, or a wrong one, the roots are scanned.

pub mod index;
pub mod roots;
pub mod scan;

use log::debug;

use crate::environment::Variables;
use crate::toolkit::record::{ConfigName, ConfigRecord, Query};
use index::Index;
use roots::ConfigRoots;

/// Returns the indexed configurations that match and still are as the index says; `None` where only a scan
/// can answer. A path always needs a scan: no single record can show that another configuration holds the
/// path more closely.
pub fn indexed(
    query: &Query,
    name: &ConfigName,
    roots: &ConfigRoots,
    variables: &Variables,
    index: &Index,
) -> Option<Vec<ConfigRecord>> {
    let mut records = Vec::new();
    for hit in index.matching(query)? {
        if !roots.may_hold(&hit.path) || !hit.is_named(name) {
            continue;
        }
        let record = ConfigRecord::read_metadata(&hit.path, variables)?;
        if !query.matches(&record) || !record.is_named(name) {
            return None;
        }
        records.push(record);
    }
    debug!("the index knows {} matching configurations", records.len());
    (!records.is_empty()).then_some(records)
}

/// Returns true if a project's configuration of that name may lie here: the index has one, or there is no index yet.
/// One that was added after the last scan is not seen.
pub fn may_be_here(project_id: i64, name: &ConfigName, roots: &ConfigRoots, index: &Index) -> bool {
    match index.matching(&Query::Id(project_id)) {
        Some(records) => {
            records.iter().any(|record| roots.may_hold(&record.path) && record.is_named(name))
        }
        None => index.has_a_place(),
    }
}
