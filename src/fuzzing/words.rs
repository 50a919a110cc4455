//! The readers of words: command lines, names, and texts that are printed.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use clap::Parser;

use super::check::{check_error, check_line};
use crate::cli::Cli;
use crate::disk;
use crate::display::Printable;
use crate::environment::Variables;
use crate::inputs::Inputs;
use crate::interpreter::{Program, Version, Words};
use crate::request::Request;
use crate::request::choices::project_of_link;
use crate::request::launch_words;
use crate::select::selector::is_hostile;
use crate::status::Status;

/// Returns the words of a command line, each with a NUL or a line end after it.
fn words(data: &[u8]) -> Vec<OsString> {
    let parts = data.split(|byte| matches!(byte, 0 | b'\n'));
    parts.filter_map(os_text).collect()
}

fn os_text(data: &[u8]) -> Option<OsString> {
    disk::path_from_bytes(data.to_vec()).map(Into::into)
}

/// A command line means the same with and without clap; its errors print on one line.
pub fn command_line(data: &[u8]) {
    let words = words(data);
    if let Some(cli) = launch_words::read(&words) {
        let all = std::iter::once("sgtk-python".into()).chain(words.iter().cloned());
        let expected = Cli::try_parse_from(all).map_err(|error| error.to_string());
        assert_eq!(format!("{:?}", Ok::<_, String>(cli)), format!("{expected:?}"));
    }
    let inputs = Inputs {
        program: "sgtk-python".into(),
        arguments: words,
        variables: Variables::new().into(),
        ..Inputs::capture()
    };
    match Request::parse(&inputs) {
        Ok(request) => assert!(inputs.arguments.ends_with(&request.arguments)),
        Err(error) => check_error(&error),
    }
}

/// The options of a Python are options alone: read again they are the same, and run nothing.
pub fn python_words(data: &[u8]) {
    let words = words(data);
    let read = Words::read(&words);
    assert!(words.ends_with(&read.arguments));
    if !words.is_empty() && matches!(read.program, Program::Prompt) {
        assert!(read.arguments.is_empty());
    }
    let options = Words::read(&read.options);
    assert_eq!((&options.options, options.program), (&read.options, Program::Prompt));
    assert_eq!(options.isolating.is_some(), read.isolating.is_some(), "{read:?}");
    for word in words.iter().filter_map(|word| word.to_str()) {
        if let Some(version) = Version::parse(word) {
            assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }
}

/// A project's name that is not refused leads to a folder below a root, and so does a link's.
pub fn project_name(data: &[u8]) {
    let Some(name) = os_text(data) else { return };
    if let Some(project) = project_of_link(&name) {
        assert_eq!(Path::new(&project).components().count(), 1, "{}", project.display());
        check_project(&project);
    }
    check_project(&name);
}

fn check_project(name: &OsStr) {
    if is_hostile(name) {
        return;
    }
    let root = Path::new("/root/of/configs");
    let path = root.join(Path::new(name).iter().collect::<PathBuf>());
    let below = path.strip_prefix(root).ok();
    let is_plain = |part| matches!(part, Component::Normal(_));
    assert!(below.is_some_and(|below| below.components().all(is_plain)), "{}", path.display());
    assert!(path != root && !name.as_encoded_bytes().contains(&0), "{}", path.display());
}

/// A value prints on one line of limited length.
pub fn printable(data: &[u8]) {
    let Some(value) = os_text(data) else { return };
    let text = Printable::new(&value).to_string();
    check_line(&text);
    assert!(text.chars().count() <= 10 * 400 + 1);
}

/// A status is one line of JSON with the same text; a code is one that a process can have.
pub fn status_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for status in [Status::Cold { why: &text }, Status::Lost { why: &text }] {
        let line = serde_json::to_string(&status).unwrap_or_default();
        assert!(!line.contains('\n'));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(read.get("why").and_then(|why| why.as_str()), Some(&*text));
    }
    #[cfg(target_os = "linux")]
    if let Some(bytes) = data.first_chunk() {
        let status = Status::of_exit(i32::from_le_bytes(*bytes));
        assert!(matches!(status, Status::Ended { code: 0..=255, .. }), "{status:?}");
    }
}
