//! Realised configurations: the folders that the bootstrap API makes in the user's cache from the site's
//! descriptions. Each has a core of its own (tk-core: `bootstrap/configuration_writer.py`,
//! `util/local_file_storage.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::config::PipelineConfig;
use super::expand::{self, Lookup};
use super::yaml::YamlFile;
use crate::disk;
use crate::os::Os;

/// The configuration's folder below that of its project.
const CONFIG: &str = "cfg";

/// Toolkit's `tank_name` for every project without one (tk-core: `bootstrap/constants.py`).
pub const UNNAMED: &str = "unnamed";

/// Returns the folder of Toolkit's caches; `None` if there is no home folder.
pub fn cache_root(lookup: &mut Lookup) -> Option<PathBuf> {
    let root = match lookup("SHOTGUN_HOME") {
        Some(home) if !home.is_empty() => {
            let home = home.to_str().map_or(home.clone(), |text| expand::variables(text, lookup));
            expand::home(home, lookup)
        }
        _ => match Os::CURRENT {
            Os::Linux => expand::home("~/.shotgun".into(), lookup),
            Os::Darwin => expand::home("~/Library/Caches/Shotgun".into(), lookup),
            Os::Windows => {
                let folder = lookup("APPDATA").filter(|folder| !folder.is_empty())?;
                PathBuf::from(folder).join("Shotgun").into()
            }
        },
    };
    // Without a home folder the `~` is still there.
    let root = PathBuf::from(root);
    (!root.starts_with("~")).then_some(root)
}

/// Returns the name of a site's folder below the cache root; `None` if the address is invalid. An address with a
/// user name or password is invalid: it would be shown.
pub fn site_folder(host: &str) -> Option<String> {
    let rest = host.strip_prefix("https://").or(host.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (name, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_odd = host.contains(|c: char| c.is_whitespace() || c.is_control() || "@\\".contains(c));
    let is_address = !is_odd && (name.starts_with('[') || port.parse::<u16>().is_ok());
    let name = name.to_lowercase();
    let name = name.replace(".shotgunstudio.com", "").replace(".shotgrid.autodesk.com", "");
    (is_address && !name.is_empty() && !name.starts_with('.')).then_some(name)
}

/// Returns the realised configurations in a site's folder that belong to a plugin id, complete or not.
pub fn configs(site_folder: &Path, plugin_id: &str) -> Vec<PathBuf> {
    let plugin = file_name_of(plugin_id);
    let mut configs = Vec::new();
    for folder in fs::read_dir(site_folder).into_iter().flatten().flatten() {
        if folder.file_name().to_str().and_then(plugin_in_name) == Some(&plugin) {
            configs.push(folder.path().join(CONFIG));
        }
    }
    configs.sort_unstable();
    configs
}

/// Returns `basic.` of `p101c11.basic.` and of `p101.basic.`.
fn plugin_in_name(folder: &str) -> Option<&str> {
    let rest = without_digits(folder.strip_prefix('p')?);
    rest.strip_prefix('c').map_or(rest, without_digits).strip_prefix('.')
}

fn without_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Returns a plugin id as it stands in a folder's name (tk-core: `filesystem.create_valid_filename`).
fn file_name_of(plugin_id: &str) -> String {
    let name = plugin_id.trim().replace(|c: char| !c.is_alphanumeric() && !"_.-".contains(c), "_");
    // Windows drops the dots at a name's end.
    if cfg!(windows) { name.trim_end_matches('.').into() } else { name }
}

/// The proof that realising a configuration has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Both marks of a transaction are there.
    Marked,
    /// Neither mark is there: old cores set none.
    Unmarked,
}

/// Returns the proof that a realised configuration is complete; `None` if it is incomplete. While Toolkit realises
/// a configuration, and after it was interrupted, there is a start mark without an end mark.
pub fn finish(config: &PipelineConfig) -> Option<Finish> {
    if !is_there(&config.metadata_file()) || !is_there(&descriptor_file(config)) {
        return None;
    }
    match (is_there(&start_mark(config)), is_there(&end_mark(config))) {
        (true, true) => Some(Finish::Marked),
        (false, false) => Some(Finish::Unmarked),
        _ => None,
    }
}

fn is_there(path: &Path) -> bool {
    disk::exists(path).unwrap_or(false)
}

/// Returns true if a configuration that was complete still is: realising it again first removes the end mark, or
/// sets the start mark if there was no end mark.
pub fn is_still_complete(finish: Finish, config: &PipelineConfig) -> bool {
    match finish {
        Finish::Marked => is_there(&end_mark(config)),
        Finish::Unmarked => !disk::exists(&start_mark(config)).unwrap_or(true),
    }
}

/// Returns the time at which a configuration was realised, by the times of its files.
pub fn realised_at(config: &PipelineConfig) -> Option<SystemTime> {
    let modified = |path: PathBuf| fs::metadata(path).ok()?.modified().ok();
    modified(end_mark(config)).or_else(|| modified(descriptor_file(config)))
}

/// Returns the descriptor that a configuration was realised from, in one line:
/// `sgtk:descriptor:git?path=…&version=v1.0`.
pub fn descriptor(config: &PipelineConfig) -> Option<String> {
    let fields = YamlFile::read(&descriptor_file(config)).ok()?.below("config_descriptor").ok()?;
    let kind = fields.text("type")?;
    let mut parts = Vec::new();
    for key in fields.keys().filter(|key| *key != "type") {
        if let Some(value) = fields.text(key) {
            parts.push(format!("{key}={value}"));
        }
    }
    Some(format!("sgtk:descriptor:{kind}?{}", parts.join("&")))
}

fn start_mark(config: &PipelineConfig) -> PathBuf {
    config.path.join("cache").join("update_start.txt")
}

fn end_mark(config: &PipelineConfig) -> PathBuf {
    config.path.join("cache").join("update_end.txt")
}

fn descriptor_file(config: &PipelineConfig) -> PathBuf {
    config.path.join("cache").join("descriptor_info.yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn site_folder_drops_known_domains() {
        for (host, folder) in [
            ("https://mystudio.shotgrid.autodesk.com", Some("mystudio")),
            ("https://MyStudio.shotgunstudio.com/", Some("mystudio")),
            ("http://127.0.0.1:8080/x", Some("127.0.0.1")),
            ("https://tracking.internal.example", Some("tracking.internal.example")),
            ("mystudio", None),
            ("https://", None),
            ("https://..", None),
            ("https://.shotgunstudio.com", None),
            ("https://me@there", None),
            ("https://me:secret@there", None),
            ("https://there:port", None),
            ("https://the re", None),
            ("ftp://there", None),
            ("https://a\\b", None),
        ] {
            assert_eq!(site_folder(host).as_deref(), folder, "{host}");
        }
    }

    #[test]
    fn plugin_id_becomes_a_file_name() {
        assert_eq!(file_name_of(" basic.* "), "basic._");
        assert_eq!(file_name_of("basic."), if cfg!(windows) { "basic" } else { "basic." });
        assert_eq!(file_name_of("réview rv/x-1"), "réview_rv_x-1");
    }
}
