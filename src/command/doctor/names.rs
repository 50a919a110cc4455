//! Ids and names that several configurations share.

use std::collections::BTreeMap;
use std::path::Path;

use super::finding::{Check, Finding};
use super::install_locations::is_copy;
use crate::context::Context;
use crate::disk;
use crate::finding::roots::ConfigRoots;
use crate::finding::scan::Scan;
use crate::toolkit::config::PipelineConfig;
use crate::toolkit::record::{ConfigName, ConfigRecord};

/// Configurations with one id or name.
type Group<'a> = [&'a ConfigRecord];

struct NameCheck<'a> {
    /// Only groups with this configuration count.
    chosen: Option<&'a Path>,
    roots: &'a ConfigRoots,
    findings: Vec<Finding>,
}

/// Finds ids and names that stand for several projects, and projects with several Primaries: all, or those that
/// concern the chosen configuration.
///
/// A copy still has the names and ids of its original. Its install location is the finding.
pub fn names(scan: &Scan, chosen: Option<&Path>, context: &Context) -> Vec<Finding> {
    let Context { roots, inputs, .. } = context;
    let mut records: Vec<&ConfigRecord> = scan.records.iter().collect();
    // Of a chosen original the copies count: they make its names ambiguous.
    let is_other =
        |record: &ConfigRecord| chosen.is_some_and(|path| !disk::is_same(path, &record.path));
    records.retain(|record| is_other(record) || !is_copy(record, &inputs.variables));
    let mut check = NameCheck { chosen, roots, findings: Vec::new() };
    for (name, group) in grouped(&records, |record| Some(roots.name_of(record))) {
        check.folder_name(&name, &group);
    }
    // Another site may have the ids of realised configurations.
    let config_id =
        |record: &ConfigRecord| record.metadata.config_id.filter(|_| record.realised.is_none());
    for (id, group) in grouped(&records, config_id) {
        check.config_id(id, &group);
    }
    for (id, group) in grouped(&records, |record| record.metadata.project_id) {
        check.id(id, &group);
    }
    for (name, group) in grouped(&records, |record| record.metadata.tank_name.clone()) {
        if !name.is_empty() {
            check.tank_name(&name, &group);
        }
    }
    check.findings
}

impl NameCheck<'_> {
    fn folder_name(&mut self, name: &str, group: &Group) {
        if group.len() > 1 {
            let problem = format!("several folders are named '{name}': {}", folders(group));
            self.add(group, problem, "rename all but one: only the first is found by that name");
        }
    }

    /// Several Primary configurations of one project are another finding.
    fn config_id(&mut self, id: i64, group: &Group) {
        let are_primaries = group.iter().all(|record| record.is_named(&ConfigName::Primary))
            && !differ(group, project_of);
        if group.len() > 1 && !are_primaries {
            let mut files = Vec::new();
            for record in group {
                let file = PipelineConfig::at(&record.path).metadata_file();
                files.push(file.to_string_lossy().into_owned());
            }
            let problem =
                format!("several configurations have the pc_id {id}: {}", files.join(", "));
            let advice = "set pc_id in each configuration to its own id on the site";
            self.add(group, problem, advice);
        }
    }

    fn id(&mut self, id: i64, group: &Group) {
        if differ(group, |record| record.metadata.tank_name.clone().unwrap_or_default()) {
            let problem = format!("several projects have the id {id}: {}", folders(group));
            self.add(group, problem, "set project_id in each configuration to the id on the site");
        } else {
            self.primaries(&format!("id {id}"), group);
        }
    }

    fn tank_name(&mut self, name: &str, group: &Group) {
        let mut without_id = group.to_vec();
        without_id.retain(|record| record.metadata.project_id.is_none());
        self.primaries(&format!("'{name}'"), &without_id);
        if differ(group, |record| record.metadata.project_id.unwrap_or_default()) {
            let problem = format!("several projects are named '{name}': {}", folders(group));
            let advice = "set project_name in each configuration to the tank_name on the site";
            self.add(group, problem, advice);
        }
    }

    fn primaries(&mut self, project: &str, group: &Group) {
        let mut primaries = group.to_vec();
        primaries.retain(|record| record.is_named(&ConfigName::Primary));
        if primaries.len() > 1 {
            let problem = format!(
                "project {project} has several Primary configurations: {}",
                folders(&primaries)
            );
            let advice = if differ(&primaries, |record| record.metadata.config_id) {
                "set another pc_name in all but one"
            } else {
                "set another pc_name and pc_id in all but one"
            };
            self.add(&primaries, problem, advice);
        }
    }

    fn add(&mut self, group: &Group, problem: String, advice: &str) {
        for record in group {
            if self.chosen.is_none_or(|chosen| disk::is_same(&record.path, chosen)) {
                let finding = Finding::wrong(Check::Names, problem, advice).in_file(&record.path);
                self.findings.push(finding.in_project(&self.roots.name_of(record)));
                return;
            }
        }
    }
}

/// Returns the id and `tank_name` of a configuration's project.
fn project_of(record: &ConfigRecord) -> (Option<i64>, Option<String>) {
    (record.metadata.project_id, record.metadata.tank_name.clone())
}

fn grouped<'a, K: Ord>(
    records: &[&'a ConfigRecord],
    key: impl Fn(&ConfigRecord) -> Option<K>,
) -> BTreeMap<K, Vec<&'a ConfigRecord>> {
    let mut groups: BTreeMap<K, Vec<&ConfigRecord>> = BTreeMap::new();
    for record in records {
        if let Some(key) = key(record) {
            groups.entry(key).or_default().push(record);
        }
    }
    groups
}

fn differ<T: PartialEq>(group: &Group, field: impl Fn(&ConfigRecord) -> T) -> bool {
    group.windows(2).any(|pair| matches!(pair, [one, other] if field(one) != field(other)))
}

fn folders(group: &Group) -> String {
    let paths: Vec<_> = group.iter().map(|record| record.path.to_string_lossy()).collect();
    paths.join(", ")
}
