//! Toolkit's YAML files: `pipeline_configuration.yml`, `roots.yml` and `install_location.yml` of a configuration,
//! `info.yml` of a core. A launch by name of a localized configuration reads none of them.

use std::path::PathBuf;

use super::config::PipelineConfig;
use super::core::Core;
use super::yaml::YamlFile;
use crate::disk::{self, FileProblem};
use crate::error::Error;
use crate::os::Os;

/// The names and ids in `config/core/pipeline_configuration.yml`.
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

impl Metadata {
    /// Returns true if two configurations are of projects with one id or one `tank_name`.
    pub fn is_same_project(&self, other: &Metadata) -> bool {
        let has_same_id = self.project_id.is_some() && self.project_id == other.project_id;
        has_same_id || self.tank_name == other.tank_name
    }

    /// Returns the names and ids in the file's text; `expand` replaces variables in them.
    pub fn of(file: &YamlFile, mut expand: impl FnMut(String) -> String) -> Self {
        let mut text = |key| file.text(key).map(&mut expand);
        Metadata {
            config_id: text("pc_id").and_then(|id| id.parse().ok()),
            config_name: text("pc_name"),
            tank_name: text("project_name"),
            project_id: text("project_id").and_then(|id| id.parse().ok()),
        }
    }
}

/// Reads a configuration's names and ids; `expand` replaces variables in them.
pub fn read(
    config: &PipelineConfig,
    expand: impl FnMut(String) -> String,
) -> Result<Metadata, Error> {
    Ok(Metadata::of(&YamlFile::read(&config.metadata_file())?, expand))
}

/// Returns true if a configuration's file has no names and ids at all.
pub fn is_empty(config: &PipelineConfig) -> Result<bool, Error> {
    Ok(YamlFile::read(&config.metadata_file())?.is_empty())
}

/// Reads the paths of a configuration's storages on this system.
pub fn storages(
    config: &PipelineConfig,
    expand: impl FnMut(String) -> String,
) -> Result<Vec<PathBuf>, Error> {
    let path = config.roots_file();
    let file = YamlFile::read(&path)?;
    storages_in(&file, expand).map_err(|problem| Error::of_file(&path, problem))
}

/// Returns the paths of the storages in a `roots.yml`.
pub fn storages_in(
    file: &YamlFile,
    mut expand: impl FnMut(String) -> String,
) -> Result<Vec<PathBuf>, FileProblem> {
    let system = match Os::CURRENT {
        Os::Linux => "linux_path",
        Os::Darwin => "mac_path",
        Os::Windows => "windows_path",
    };
    let mut paths = Vec::new();
    for name in file.keys() {
        let storage = file.below(name)?;
        paths.extend(storage.text(system).map(|path| PathBuf::from(expand(path))));
    }
    Ok(paths)
}

/// Returns false if a configuration names no storage.
pub fn has_storages(config: &PipelineConfig) -> Result<bool, Error> {
    Ok(!YamlFile::read(&config.roots_file())?.is_empty())
}

/// Returns true if a configuration has templates of paths. Those in included files do not count.
pub fn has_path_templates(config: &PipelineConfig) -> Result<bool, Error> {
    let path = config.templates_file();
    let paths = YamlFile::read(&path)?.below("paths");
    Ok(!paths.map_err(|problem| Error::of_file(&path, problem))?.is_empty())
}

/// Reads a configuration's registered path on this system; `None` if there is none.
pub fn install_location(config: &PipelineConfig) -> Result<Option<String>, Error> {
    let path = YamlFile::read(&config.install_location_file())?.text(Os::CURRENT.name());
    Ok(path.filter(|path| !path.trim().is_empty()))
}

/// Reads a core's version.
pub fn version(core: &Core) -> Result<Option<String>, Error> {
    Ok(YamlFile::read(&core.manifest_file())?.text("version"))
}

/// Reads the name of a configuration that is not the project's Primary; `None` for a Primary, and if the file
/// cannot be read. An unindented line `pc_name: Primary` settles the usual case without parsing YAML.
pub fn sandbox(config: &PipelineConfig, expand: impl FnOnce(String) -> String) -> Option<String> {
    let text = disk::read(&config.metadata_file()).ok()??;
    if text.lines().any(|line| line.trim_end() == "pc_name: Primary") {
        return None;
    }
    let file = YamlFile::parse(&text).ok()?;
    let name = expand(file.text("pc_name")?);
    (name != "Primary").then_some(name)
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
