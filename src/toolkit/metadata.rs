//! The names, numbers and paths that Toolkit's YAML files hold: `pipeline_configuration.yml` and
//! `roots.yml` of a configuration, `info.yml` of a core. A launch by name from a localized core needs
//! none of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::DuplicateKeyPolicy;

use super::config::PipelineConfig;
use super::core::Core;
use crate::disk::{self, FileProblem};
use crate::error::Error;
use crate::os::Os;

/// What `config/core/pipeline_configuration.yml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The configuration's id on the site (`pc_id`).
    pub config_id: Option<i64>,
    /// The configuration's name: `Primary`, or a sandbox's (`pc_name`).
    pub config_name: Option<String>,
    /// The project's id on the site (`project_id`).
    pub project_id: Option<i64>,
    /// The project's name on disk (`project_name`, the site's `tank_name`).
    pub tank_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PipelineConfigurationFile {
    pc_id: Scalar,
    pc_name: Scalar,
    project_id: Scalar,
    project_name: Scalar,
}

/// One storage in `config/core/roots.yml`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Storage {
    #[serde(rename = "linux_path")]
    linux: Scalar,
    #[serde(rename = "mac_path")]
    mac: Scalar,
    #[serde(rename = "windows_path")]
    windows: Scalar,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InfoFile {
    version: Scalar,
}

/// A value of any type: people write `project_id: "$ID"` and `pc_name: 2019`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Integer(i64),
    Text(String),
    Other(IgnoredAny),
}

impl Default for Scalar {
    fn default() -> Self {
        Scalar::Other(IgnoredAny)
    }
}

impl Scalar {
    pub(super) fn text(self) -> Option<String> {
        match self {
            Scalar::Integer(number) => Some(number.to_string()),
            Scalar::Text(text) => Some(text),
            Scalar::Other(_) => None,
        }
    }
}

/// What a configuration says of itself, `expand` replacing the variables in it; an error is what is
/// wrong with the file.
pub fn read(
    config: &PipelineConfig,
    mut expand: impl FnMut(String) -> String,
) -> Result<Metadata, Error> {
    let file: PipelineConfigurationFile = parse(&config.metadata_file())?;
    let mut text = |scalar: Scalar| scalar.text().map(&mut expand);
    Ok(Metadata {
        config_id: text(file.pc_id).and_then(|id| id.parse().ok()),
        config_name: text(file.pc_name),
        tank_name: text(file.project_name),
        project_id: text(file.project_id).and_then(|id| id.parse().ok()),
    })
}

/// The storages' paths on this system that a configuration's `roots.yml` names; an error is what is
/// wrong with the file.
pub fn storages(
    config: &PipelineConfig,
    mut expand: impl FnMut(String) -> String,
) -> Result<Vec<PathBuf>, Error> {
    let storages: Option<BTreeMap<String, Option<Storage>>> = parse(&config.roots_file())?;
    let path = |storage: Storage| match Os::CURRENT {
        Os::Linux => storage.linux,
        Os::Darwin => storage.mac,
        Os::Windows => storage.windows,
    };
    let storages = storages.unwrap_or_default().into_values().flatten();
    let paths = storages.filter_map(|storage| path(storage).text());
    Ok(paths.map(|path| PathBuf::from(expand(path))).collect())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PlaceFile {
    linux: Scalar,
    darwin: Scalar,
    windows: Scalar,
}

/// Where a configuration says that it lies on this system, if it says so.
pub fn place(config: &PipelineConfig) -> Result<Option<String>, Error> {
    let file: PlaceFile = parse(&config.place_file())?;
    let place = match Os::CURRENT {
        Os::Linux => file.linux,
        Os::Darwin => file.darwin,
        Os::Windows => file.windows,
    };
    Ok(place.text().filter(|place| !place.trim().is_empty()))
}

/// The version that a core says it has.
pub fn version(core: &Core) -> Result<Option<String>, Error> {
    parse(&core.manifest_file()).map(|file: InfoFile| file.version.text())
}

/// The name of a configuration that is not the project's Primary; `None` for a Primary, and where
/// that cannot be told. The usual case is told without parsing YAML: a line that is not indented is
/// no part of another value.
pub fn sandbox(config: &PipelineConfig, expand: impl FnOnce(String) -> String) -> Option<String> {
    let text = disk::read(&config.metadata_file()).ok()??;
    if text.lines().any(|line| line.trim_end() == "pc_name: Primary") {
        return None;
    }
    let file: PipelineConfigurationFile = from_yaml(&text).ok()?;
    file.pc_name.text().map(expand).filter(|name| name != "Primary")
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = disk::read(path).and_then(|text| text.ok_or(FileProblem::Missing));
    text.and_then(|text| from_yaml(&text)).map_err(|problem| Error::of_file(path, problem))
}

/// As tk-core's reader has it, the last of several equal keys counts.
fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, FileProblem> {
    let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let text = error.to_string();
        FileProblem::NotYaml(text.lines().next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

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
        let line = (
            key,
            select(vec![": ", ":", " : ", "= "]),
            value,
            select(vec!["\n", "\r\n", "\n\n", ""]),
        );
        let line = line.prop_map(|(key, colon, value, end)| format!("{key}{colon}{value}{end}"));
        prop_oneof![
            prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..64),
            "[-\\[\\]{}:,&*!|>'\"%@`a1 \n]{0,40}".prop_map(String::into_bytes),
        ]
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = PipelineConfig::at(folder.path());
        fs::create_dir_all(folder.path().join("config/core")).unwrap();
        let cases = Config { cases: 3000, failure_persistence: None, ..Config::default() };
        let result = TestRunner::new(cases).run(&(yaml(), yaml()), |(metadata, roots)| {
            fs::write(config.metadata_file(), metadata).unwrap();
            fs::write(config.roots_file(), roots).unwrap();
            let read = read(&config, |text| text);
            let storages = super::storages(&config, |text| text);
            for fault in [read.err(), storages.err()].into_iter().flatten() {
                prop_assert_eq!(fault.code() as u8, 122);
                prop_assert_eq!(fault.to_string().lines().count(), 1);
            }
            sandbox(&config, |text| text);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}
