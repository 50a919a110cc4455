//! `--list`: every project on this machine, and whether it can be launched.

use crate::scene::Runs;
use crate::support::{Studio, write};

#[track_caller]
fn list(studio: &Studio, format: &str) -> String {
    studio.launcher([format]).succeeds().text()
}

fn studio() -> Studio {
    let studio = Studio::new();
    studio.localized("bigbuck");
    studio.shared("parent/child", "v1");
    studio.linked("sintel", "/no/such/core");
    let dev = studio.localized("bigbuck_dev");
    let metadata = "pc_name: Dev\nproject_id: 42\nproject_name: bigbuck\n";
    write(dev.join("config/core/pipeline_configuration.yml"), metadata);
    studio
}

#[test]
fn json_lists_every_project() {
    let studio = studio();
    let list: serde_json::Value = serde_json::from_str(&list(&studio, "--list=json")).unwrap();
    assert_eq!(list["format"], 1);
    let list = &list["projects"];
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bigbuck", "bigbuck_dev", "parent/child", "sintel"]);
    let config = studio.path("configs/bigbuck");
    let expected = serde_json::json!({
        "name": "bigbuck", "id": 42, "project": "bigbuck", "config": config.to_str().unwrap(),
        "pipeline": "Primary", "core": "localized", "version": "v0.99.1",
        "python": studio.python().to_str().unwrap(), "launches": true, "problem": null,
    });
    assert_eq!(list[0], expected);
    assert_eq!(list[1]["pipeline"], "Dev");
    assert_eq!(list[2]["core"], "shared");
    assert_eq!(list[3]["launches"], false);
    assert!(list[3]["problem"].as_str().unwrap().contains("/no/such/core"));
    // A listed project launches as the list says.
    for listed in list.as_array().unwrap().iter().filter(|listed| listed["launches"] == true) {
        let plan = studio.explain(["--project", listed["name"].as_str().unwrap()]);
        assert_eq!(plan["config"]["path"], listed["config"]);
        assert_eq!(plan["interpreter"]["path"], listed["python"]);
    }
}

#[test]
fn text_lists_every_project() {
    let studio = studio();
    assert_eq!(list(&studio, "--list=names"), "bigbuck\nbigbuck_dev\nparent/child\nsintel\n");
    let text = list(&studio, "--list");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("NAME          ID  PIPELINE  CORE"), "{text}");
    assert!(lines[1].starts_with("bigbuck       42  Primary   localized v0.99.1  "), "{text}");
    assert!(lines[4].contains("broken"), "{text}");
    assert!(
        lines[5].starts_with("sintel: core does not exist: ") && lines[5].contains("such/core"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn broken_projects_are_listed() {
    let studio = Studio::new();
    studio.shared("unlistable", "a:b");
    let broken = studio.localized("broken");
    write(broken.join("config/core/pipeline_configuration.yml"), "{");
    let list: serde_json::Value = serde_json::from_str(&list(&studio, "--list=json")).unwrap();
    assert_eq!(list["format"], 1);
    let list = &list["projects"];
    assert_eq!((&list[0]["name"], &list[0]["id"]), (&"broken".into(), &serde_json::Value::Null));
    assert_eq!(list[0]["launches"], true, "by its folder's name");
    assert!(list[1]["problem"].as_str().unwrap().contains("PYTHONPATH"));
}

#[test]
fn empty_studio_lists_nothing() {
    let studio = Studio::new();
    assert_eq!(list(&studio, "--list=json"), "{\n  \"format\": 1,\n  \"projects\": []\n}\n");
    assert_eq!(list(&studio, "--list=names"), "");
    studio.failure(["--list=xml"]).is(125, &["xml"]);
    assert!(list(&studio, "--list").starts_with("no projects below "));
    studio.failure(["--list", "x.py"]).is(125, &["--list"]);
    studio.failure(["--list", "--doctor"]).is(125, &["--list", "--doctor"]);
    studio.failure(["--list", "--project", "x"]).is(125, &["--list", "--project"]);
}

#[cfg(unix)]
#[test]
fn hostile_names_forge_no_line() {
    let studio = Studio::new();
    let config = studio.localized("a\nb\u{1b}[31m");
    write(config.join("config/core/pipeline_configuration.yml"), "pc_name: \"a\\nb\\e[31m\"\n");
    assert_eq!(list(&studio, "--list=names"), "");
    let text = list(&studio, "--list");
    assert!(text.lines().count() == 2 && !text.contains('\u{1b}'), "{text}");
}

#[cfg(unix)]
#[test]
fn list_warns_of_unreadable_configs() {
    let studio = Studio::new();
    studio.localized("bigbuck");
    let config = studio.path("configs/closed/config");
    std::fs::create_dir_all(&config).unwrap();
    std::os::unix::fs::symlink("core", config.join("core")).unwrap();
    for format in ["--list", "--list=json", "--list=names"] {
        studio.launcher([format]).succeeds().warns(&["closed/config/core/roots.yml"]);
    }
}

#[cfg(unix)]
#[test]
fn hidden_characters_in_names_are_escaped() {
    let studio = Studio::new();
    let name = "big\u{202e}kcub\u{85}\u{9b}31m\u{2028}\u{200b}x\u{e0041}\u{3164}";
    let escaped = "big\\u{202e}kcub\\u{85}\\u{9b}31m\\u{2028}\\u{200b}x\\u{e0041}\\u{3164}";
    let config = studio.localized(name);
    let metadata = "project_id: 42\nproject_name: \"a\\u202eb\"\n";
    write(config.join("config/core/pipeline_configuration.yml"), metadata);
    let text = list(&studio, "--list");
    assert!(text.lines().nth(1).is_some_and(|line| line.starts_with(escaped)), "{text}");
    assert_eq!(list(&studio, "--list=names"), "");
    assert_eq!(list(&studio, "--list=ids"), "42\n");
    let run = studio.launcher(["--each", "--python=/bin/sh", "-c", "echo x; exit 1"]).fails_with(1);
    assert_eq!(run.text(), format!("{escaped} | x\n"));
    assert!(run.error().contains(&format!("\n{escaped} ")), "{run}");
}
