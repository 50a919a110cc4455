//! A realised configuration: what the bootstrap API made in the user's cache of one that the site
//! describes. It has a core of its own (tk-core: `bootstrap/configuration_writer.py`,
//! `util/local_file_storage.py`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use super::config::PipelineConfig;
use super::expand::{self, Lookup};
use super::metadata;
use crate::disk;
use crate::os::Os;

/// Below the folder of a project: the configuration itself.
const CONFIG: &str = "cfg";

/// What Toolkit calls every project that has no name on disk (tk-core: `bootstrap/constants.py`).
pub const UNNAMED: &str = "unnamed";

/// The folder below which Toolkit keeps what can be made again, `None` where nothing names one.
pub fn cache_root(lookup: &mut Lookup) -> Option<PathBuf> {
    let not_empty = |text: OsString| Some(text).filter(|text| !text.is_empty());
    let root = match lookup("SHOTGUN_HOME").and_then(not_empty) {
        Some(home) => {
            let home = home.to_str().map_or(home.clone(), |text| expand::variables(text, lookup));
            expand::home(home, lookup)
        }
        None => match Os::CURRENT {
            Os::Linux => expand::home("~/.shotgun".into(), lookup),
            Os::Darwin => expand::home("~/Library/Caches/Shotgun".into(), lookup),
            Os::Windows => {
                PathBuf::from(lookup("APPDATA").and_then(not_empty)?).join("Shotgun").into()
            }
        },
    };
    // Without a home there is none.
    Some(PathBuf::from(root)).filter(|root| !root.starts_with("~"))
}

/// The name of a site's folder below the cache root; `None` for what is no address of a site: a name
/// and password in it would be shown.
pub fn site_folder(host: &str) -> Option<String> {
    let rest = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "@\\".contains(c);
    let (name, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_address =
        !host.contains(is_odd) && (name.starts_with('[') || port.parse::<u16>().is_ok());
    let name = name.to_lowercase();
    let name = name.replace(".shotgunstudio.com", "").replace(".shotgrid.autodesk.com", "");
    (is_address && !name.is_empty() && !name.starts_with('.')).then_some(name)
}

/// The realised configurations in a site's folder that were made for a plugin, finished or not.
pub fn configs(site_folder: &Path, plugin_id: &str) -> Vec<PathBuf> {
    let plugin = file_name_of(plugin_id);
    let is_ours = |name: &str| {
        let rest = name.strip_prefix('p')?.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = rest
            .strip_prefix('c')
            .map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        (rest.strip_prefix('.')? == plugin).then_some(())
    };
    let folders = fs::read_dir(site_folder).into_iter().flatten().flatten();
    let ours = folders.filter(|folder| folder.file_name().to_str().and_then(is_ours).is_some());
    let mut configs: Vec<PathBuf> = ours.map(|folder| folder.path().join(CONFIG)).collect();
    configs.sort_unstable();
    configs
}

/// A plugin's id as it stands in a folder's name (tk-core: `filesystem.create_valid_filename`).
fn file_name_of(plugin_id: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "_.-".contains(c) { c } else { '_' };
    let name: String = plugin_id.trim().chars().map(plain).collect();
    // Windows drops the dots at a name's end.
    if cfg!(windows) { name.trim_end_matches('.').into() } else { name }
}

/// What shows that realising came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Both marks of a transaction are there.
    Marked,
    /// An old core's: it sets no marks.
    Unmarked,
}

/// What shows that a realised configuration is whole; `None` if it is not. One that is being realised,
/// or whose realising broke off, has a start without an end.
pub fn finish(config: &PipelineConfig) -> Option<Finish> {
    let is_there = |path: PathBuf| disk::exists(&path).unwrap_or(false);
    if !is_there(config.metadata_file()) || !is_there(descriptor_file(config)) {
        return None;
    }
    match (is_there(start_mark(config)), is_there(end_mark(config))) {
        (true, true) => Some(Finish::Marked),
        (false, false) => Some(Finish::Unmarked),
        _ => None,
    }
}

/// Whether a configuration that was whole is so still: realising it anew begins with taking away the
/// end's mark, or setting the start's where there was none.
pub fn is_still(finish: Finish, config: &PipelineConfig) -> bool {
    match finish {
        Finish::Marked => disk::exists(&end_mark(config)).unwrap_or(false),
        Finish::Unmarked => !disk::exists(&start_mark(config)).unwrap_or(true),
    }
}

/// When a configuration was realised, as far as its files tell.
pub fn made(config: &PipelineConfig) -> Option<SystemTime> {
    let modified = |path: PathBuf| fs::metadata(path).ok()?.modified().ok();
    modified(end_mark(config)).or_else(|| modified(descriptor_file(config)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DescriptorFile {
    config_descriptor: BTreeMap<String, metadata::Scalar>,
}

/// The descriptor that a configuration was realised from, as one line:
/// `sgtk:descriptor:git?path=…&version=v1.0`.
pub fn descriptor(config: &PipelineConfig) -> Option<String> {
    let file: DescriptorFile = metadata::parse(&descriptor_file(config)).ok()?;
    let mut fields = file.config_descriptor;
    let kind = fields.remove("type")?.text()?;
    let field = |(key, value): (String, metadata::Scalar)| Some(format!("{key}={}", value.text()?));
    let fields: Vec<String> = fields.into_iter().filter_map(field).collect();
    Some(format!("sgtk:descriptor:{kind}?{}", fields.join("&")))
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
    fn sites_have_folders() {
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
    fn plugins_in_names() {
        assert_eq!(file_name_of(" basic.* "), "basic._");
        assert_eq!(file_name_of("basic."), if cfg!(windows) { "basic" } else { "basic." });
        assert_eq!(file_name_of("réview rv/x-1"), "réview_rv_x-1");
    }
}
