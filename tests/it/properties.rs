//! What holds for any input.

#[cfg(unix)]
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use sgtk_python::toolkit::config::PipelineConfig;
use sgtk_python::toolkit::metadata;

use crate::support::{Studio, write};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// YAML as people and accidents write it.
fn yaml() -> impl Strategy<Value = Vec<u8>> {
    let key = select(vec![
        "pc_id",
        "pc_name",
        "project_id",
        "project_name",
        "linux_path",
        "primary",
        "- pc_name",
        "<<",
        "? x",
        "&a b",
        "\"pc_name\"",
        "  pc_id",
        "\tpc_id",
        "",
    ]);
    let value = select(vec![
        "1",
        "-7",
        "1.5",
        "99999999999999999999",
        "0x10",
        "Primary",
        "'a'",
        "\"a\\e\"",
        "~",
        "null",
        "[1, [2]]",
        "{a: 1}",
        "*a",
        "&a x",
        "!!python/object:os.system 'x'",
        "!!int 'x'",
        "|\n  a\n b",
        ">-",
        "$X",
        "2020-01-01",
        "yes",
        "#",
        "\u{feff}",
        "{linux_path: /mnt, mac_path: [}",
    ]);
    let line =
        (key, select(vec![": ", ":", " : ", "= "]), value, select(vec!["\n", "\r\n", "\n\n", ""]));
    let line = line.prop_map(|(key, colon, value, end)| format!("{key}{colon}{value}{end}"));
    prop_oneof![
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..64),
        "[-\\[\\]{}:,&*!|>'\"%@`a1 \n]{0,40}".prop_map(String::into_bytes),
    ]
}

#[test]
fn any_bytes_are_metadata_or_an_error() {
    let studio = Studio::new();
    let config = PipelineConfig::at(studio.config("bigbuck"));
    let result = runner(3000).run(&(yaml(), yaml()), |(metadata, roots)| {
        write(config.metadata_file(), metadata);
        write(config.roots_file(), roots);
        let read = metadata::read(&config, |text| text);
        let storages = metadata::storages(&config, |text| text);
        for fault in [read.err(), storages.err()].into_iter().flatten() {
            prop_assert_eq!(fault.code() as u8, 122);
            prop_assert_eq!(fault.to_string().lines().count(), 1);
        }
        metadata::sandbox(&config, |text| text);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[cfg(unix)]
/// The config of the project whose data holds `path`, by the rule as it is told: the longest of
/// `storage/project_name` that is the path or a folder above it.
fn reference<'a>(projects: &'a BTreeMap<String, String>, path: &str) -> Vec<&'a str> {
    let holds = |data: &str| path == data || path.starts_with(&format!("{data}/"));
    let data = |name: &str| format!("/data/{name}");
    let longest = projects.values().filter(|name| holds(&data(name))).map(String::len).max();
    let best =
        projects.iter().filter(|(_, name)| holds(&data(name)) && Some(name.len()) == longest);
    best.map(|(folder, _)| folder.as_str()).collect()
}

#[cfg(unix)]
#[test]
fn paths_match_as_the_rule_says() {
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
        let output = studio.launcher(["--explain=json", "--path", &asked]).output().unwrap();
        let code = match expected.len() {
            0 => 121,
            1 => 0,
            _ => 122,
        };
        prop_assert_eq!(output.status.code(), Some(code), "{:?}", &output);
        if let [folder] = expected[..] {
            let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let config = studio.path(std::path::Path::new("configs").join(folder));
            prop_assert_eq!(printed["config"]["path"].as_str(), config.to_str());
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
