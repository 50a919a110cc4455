//! The readers of files: Toolkit's, the settings, the credentials and the index.

#[cfg(unix)]
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::check::{check_error, check_line};
use crate::disk;
use crate::environment::Variables;
use crate::error::Error;
use crate::finding::index;
#[cfg(unix)]
use crate::os::is_same_path;
use crate::settings::Settings;
use crate::site::Credentials;
use crate::toolkit::cfg_file;
use crate::toolkit::expand;
#[cfg(unix)]
use crate::toolkit::expand::{Lookup, nt, posix};
use crate::toolkit::metadata::{Metadata, storages_in};
use crate::toolkit::record::{ConfigRecord, Query, data_folders};
use crate::toolkit::yaml::YamlFile;

/// The bytes of an expanded text: its limit, and one value more (src/toolkit/expand/lookup.rs).
#[cfg(unix)]
const LONGEST: usize = 1024 * 1024 + 4096;

/// A text that is read stays as it is when it is read again.
pub fn cfg_file(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match cfg_file::stripped(text) {
        Ok(path) => {
            assert!(!path.contains(['\0', '\r']), "{path:?}");
            assert_eq!(cfg_file::stripped(&path).ok(), Some(path));
        }
        Err(problem) => check_line(&problem.to_string()),
    }
}

/// A text of a file that is written as JSON is read as the same text; YAML contains JSON.
pub fn yaml(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match YamlFile::parse(text) {
        Ok(file) => check_texts(&file),
        Err(problem) => check_line(&problem.to_string()),
    }
}

fn check_texts(file: &YamlFile) {
    for key in file.keys() {
        if let Some(text) = file.text(key) {
            let written = in_ascii(&serde_json::json!({ key: text }).to_string());
            let read = YamlFile::parse(&written).ok().and_then(|file| file.text(key));
            assert_eq!(read.as_ref(), Some(&text), "{written}");
        }
        if let Ok(below) = file.below(key) {
            check_texts(&below);
        }
    }
}

/// Escapes the characters of JSON that YAML does not read as they are, such as U+009A.
fn in_ascii(json: &str) -> String {
    let mut written = String::new();
    for unit in json.encode_utf16() {
        match char::from_u32(unit.into()) {
            Some(character @ ' '..='~') => written.push(character),
            _ => written.extend(["\\u", &format!("{unit:04x}")]),
        }
    }
    written
}

/// The data of a project lies below one of its storages, and is never the storage itself. The bytes are two files with
/// a NUL between them.
pub fn record(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (metadata, roots) = text.split_once('\0').unwrap_or((text, ""));
    let (Ok(metadata), Ok(roots)) = (YamlFile::parse(metadata), YamlFile::parse(roots)) else {
        return;
    };
    let variables: Variables = vec![("A".into(), "/a//b/../c".into()), ("ID".into(), "7".into())];
    let expand = |text: String| expand::text(&text, &variables);
    let metadata = Metadata::of(&metadata, expand);
    assert!(metadata.is_same_project(&metadata));
    let storages = match storages_in(&roots, expand) {
        Ok(storages) => storages,
        Err(problem) => return check_line(&problem.to_string()),
    };
    for folder in data_folders(&metadata, &storages) {
        let is_below = |storage: &PathBuf| folder.starts_with(storage) && folder != *storage;
        assert!(folder.is_absolute() && storages.iter().any(is_below), "{}", folder.display());
    }
}

/// An error is one of two texts, whatever the file contains: it contains a key.
pub fn credentials(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let problem = |text| Credentials::of_text(text).err().map(|problem| problem.to_string());
    let found = problem(text);
    assert!([None, problem("["), problem("a: b")].contains(&found), "{found:?}");
}

/// An invalid file gives one line with the number of a line that it has.
pub fn settings(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Settings::of_text(Path::new("/etc/sgtk-python.toml"), text) {
        Ok(settings) => {
            for root in settings.roots.iter().flat_map(|roots| &roots.value) {
                assert!(!root.is_empty() && !root.contains('\0'), "{root:?}");
            }
        }
        Err(error) => {
            check_error(&error);
            if let Error::Settings { line, .. } = error {
                assert!(line >= 1 && line <= text.split('\n').count(), "line {line}");
            }
        }
    }
}

/// All records of an index are found that match, and each once; another file gives records that match.
pub fn index(data: &[u8]) {
    let id = Query::Id(7);
    for query in [&id, &Query::TankName("7")] {
        assert!(index::matching(data, query).iter().all(|record| query.matches(record)));
    }
    let records = records_in(data);
    let text = index::text_of(&records);
    for ConfigRecord { metadata, .. } in &records {
        let by_id = metadata.project_id.map(Query::Id);
        let by_name = metadata.tank_name.as_deref().map(Query::TankName);
        for query in by_id.into_iter().chain(by_name) {
            let expected: Vec<&ConfigRecord> =
                records.iter().filter(|record| query.matches(record)).collect();
            let found = index::matching(&text, &query);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query:?}");
        }
    }
}

/// Makes records of five fields each, with NULs between the fields.
fn records_in(data: &[u8]) -> Vec<ConfigRecord> {
    let fields: Vec<&[u8]> = data.split(|byte| *byte == 0).collect();
    let mut records = Vec::new();
    for fields in fields.chunks_exact(5).take(20) {
        let [project, config, name, tank_name, path] = fields else { continue };
        let text = |field: &[u8]| str::from_utf8(field).ok().map(str::to_owned);
        let name_of = |field: &[u8]| text(field).filter(|name| !name.is_empty());
        let metadata = Metadata {
            config_id: text(config).and_then(|id| id.parse().ok()),
            config_name: name_of(name),
            project_id: text(project).and_then(|id| id.parse().ok()),
            tank_name: name_of(tank_name),
        };
        if let Some(path) = disk::path_from_bytes(path.to_vec()) {
            records.push(ConfigRecord { path, metadata, ..ConfigRecord::default() });
        }
    }
    records
}

/// Without variables a text stays as it is; with long ones its length has a limit.
#[cfg(unix)]
pub fn expand_posix(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    assert_eq!(posix::variables(text, &mut |_: &str| None), text);
    check_expansion(text, text.contains('$'), posix::variables, posix::home);
    check_without_dots(text);
}

/// The same for Windows, where doubled signs become one.
#[cfg(unix)]
pub fn expand_nt(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    assert!(nt::variables(text, &mut |_: &str| None).len() <= text.len());
    check_expansion(text, text.contains(['$', '%']), nt::variables, nt::home);
}

#[cfg(unix)]
fn check_expansion(
    text: &str,
    has_sign: bool,
    variables: fn(&str, &mut Lookup) -> OsString,
    home: fn(OsString, &mut Lookup) -> OsString,
) {
    let long = OsString::from("x".repeat(4096));
    let expanded = variables(text, &mut |_: &str| Some(long.clone()));
    assert!(expanded.len() <= LONGEST + text.len());
    assert!(has_sign || expanded == text);
    let mut me = |name: &str| match name {
        "HOME" | "USERPROFILE" => Some("/home/me".into()),
        "USERNAME" => Some("me".into()),
        _ => None,
    };
    let path = home(text.into(), &mut me);
    assert!(text.starts_with('~') || path == text);
    assert!(!text.starts_with("~/") || path.to_string_lossy().starts_with("/home/me/"));
}

/// A path without dots has none, and stays the same.
#[cfg(unix)]
fn check_without_dots(text: &str) {
    let path = expand::without_dots(&Path::new("/").join(text));
    assert!(path.is_absolute() && !path.iter().any(|part| part == "." || part == ".."));
    assert!(is_same_path(&expand::without_dots(&path), &path), "{}", path.display());
}
