//! Properties of any input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::scene::Runs;
use crate::support::{Studio, write};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// The configs whose project's data holds `path`: the longest of `storage/project_name` that is the path or a folder
/// above it.
fn reference<'a>(projects: &'a BTreeMap<String, String>, path: &str) -> Vec<&'a str> {
    let holds = |data: &str| path == data || path.starts_with(&format!("{data}/"));
    let data = |name: &str| format!("/data/{name}");
    let longest = projects.values().filter(|name| holds(&data(name))).map(String::len).max();
    let best =
        projects.iter().filter(|(_, name)| holds(&data(name)) && Some(name.len()) == longest);
    best.map(|(folder, _)| folder.as_str()).collect()
}

#[test]
fn paths_match_the_longest_data_folder() {
    let part = || select(vec!["a", "b", "ab", "a b", "é"]);
    let name = || prop::collection::vec(part(), 1..3).prop_map(|parts| parts.join("/"));
    let folder = select(vec!["one", "two", "three", "four/five"]).prop_map(String::from);
    let projects = prop::collection::btree_map(folder, name(), 1..5);
    let path = prop::collection::vec(part(), 0..4).prop_map(|parts| parts.join("/"));
    let tail = select(vec!["", "/", "/.", "/x/..", "//x"]);
    let result = runner(300).run(&(projects, path, tail), |(projects, path, tail)| {
        let studio = Studio::new();
        for (folder, name) in &projects {
            let config = studio.localized(folder);
            let metadata = format!("pc_name: Primary\nproject_name: \"{name}\"\n");
            write(config.join("config/core/pipeline_configuration.yml"), metadata);
            let roots = "primary: {linux_path: /data/, mac_path: /data/, windows_path: null}\n";
            write(config.join("config/core/roots.yml"), roots);
        }
        let plain = if path.is_empty() { "/data".into() } else { format!("/data/{path}") };
        let plain = if tail == "//x" { format!("{plain}/x") } else { plain };
        let asked =
            if tail == "//x" { format!("/data/{path}//x") } else { format!("{plain}{tail}") };
        let expected = reference(&projects, &plain);
        let run = studio.launcher(["--explain=json", "--path", &asked]).run();
        let code = match expected.len() {
            0 => 121,
            1 => 0,
            _ => 122,
        };
        prop_assert_eq!(run.status.code(), Some(code), "{}", run);
        if let [folder] = expected[..] {
            let printed = run.json();
            let config = studio.path(std::path::Path::new("configs").join(folder));
            prop_assert_eq!(printed["config"]["path"].as_str(), config.to_str());
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
