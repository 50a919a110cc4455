//! Variables and home folders in texts on Windows, compared with CPython's `ntpath`, which runs on every system.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::pythons::on_each_python;
use crate::scene::Runs;
use crate::support::{Studio, write};

#[path = "../../src/toolkit/expand/lookup.rs"]
mod lookup;
#[path = "../../src/toolkit/expand/nt.rs"]
mod nt;

/// Texts for each environment.
const TEXTS: usize = 300;

/// Parts of texts: signs of references, names, and what may end one.
const PARTS: [&str; 24] = [
    "%", "%", "$", "$", "${", "}", "'", "A", "A", "B", "B-1", "é", "\"", "\\", "/", "~", " ", ":",
    ".", "\n", "%A%", "$A", "${B}", "{",
];

const HOMES: [&str; 10] =
    ["~", "~\\x", "~/x", "~me", "~me\\x", "~you", "~you/x\\y", "~~", "a~", "~ me"];

fn environments() -> Vec<BTreeMap<&'static str, &'static str>> {
    let own = [("A", "<$B%A%'>"), ("B", ""), ("B-1", "C:\\b"), ("é", "accent")];
    let homes: [&[(&str, &str)]; 9] = [
        &[],
        &[("USERPROFILE", "C:\\Users\\me"), ("USERNAME", "me")],
        &[("USERPROFILE", "C:\\Users\\me")],
        &[("USERPROFILE", "D:/people//me"), ("USERNAME", "me"), ("HOMEPATH", "\\no")],
        &[("USERPROFILE", "\\\\server\\share\\homes\\me"), ("USERNAME", "me")],
        &[("USERPROFILE", "C:\\me"), ("USERNAME", "me")],
        &[("USERPROFILE", "me"), ("USERNAME", "me")],
        &[("USERPROFILE", "C:\\Users\\me\\"), ("USERNAME", "me")],
        &[("HOMEDRIVE", "H:"), ("HOMEPATH", "\\me"), ("USERNAME", "me")],
    ];
    homes.iter().map(|homes| own.iter().chain(*homes).copied().collect()).collect()
}

fn texts() -> Vec<String> {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let part = prop::collection::vec(select(&PARTS[..]), 0..12);
    let text = part.prop_map(|parts| parts.concat());
    let mut texts: Vec<String> =
        (0..TEXTS).map(|_| text.new_tree(&mut runner).unwrap().current()).collect();
    texts.extend(HOMES.map(String::from));
    texts
}

/// The texts with their variables replaced, and with their home folders replaced, as this Python does.
fn expanded_by(python: &Path, question: &Value) -> Vec<(String, String)> {
    let studio = Studio::new();
    write(studio.path("question.json"), question.to_string());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ntpath_reference.py");
    let mut command = Command::new(python);
    command.args(["-I", "-X", "utf8"]).arg(script).env_clear();
    command.stdin(fs::File::open(studio.path("question.json")).unwrap()).stderr(Stdio::inherit());
    serde_json::from_str(&command.prints()).unwrap()
}

fn text_expands_as_in_python(python: &Path, minor: u32) {
    for environment in environments() {
        let texts = texts();
        let question = json!({"environment": environment, "texts": texts});
        let expected = expanded_by(python, &question);
        assert_eq!(expected.len(), texts.len());
        let mut lookup = |name: &str| environment.get(name).map(OsString::from);
        for (text, (variables, home)) in texts.iter().zip(expected) {
            assert_eq!(nt::variables(text, &mut lookup), *variables, "{text:?} in {environment:?}");
            // Older ones guess other users' homes in other ways. No user's name holds a colon.
            let user = text.split(['/', '\\']).next().unwrap_or_default();
            if minor >= 10 && !user.contains(':') {
                let own = nt::home(text.into(), &mut lookup);
                assert_eq!(own, *home, "{text:?} in {environment:?}");
            }
        }
    }
}

on_each_python!(text_expands_as_in_python);
