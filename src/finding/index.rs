//! The index: a file in the user's cache folder with the configurations that the last scan of these roots found.
//!
//! The file may be missing, stale, cut off or forged. The launcher checks each record against the configuration
//! before it uses it, and treats an unreadable index as an empty one.
//!
//! Format: one line a configuration, with tabs between the fields: project id, configuration id, configuration
//! name, `tank_name`, folder. The last line is `.`; without it the file was cut off.

use std::ops::Range;
use std::path::PathBuf;

use log::warn;
use memchr::memmem;

use super::roots::ConfigRoots;
use crate::disk::{self, FileProblem};
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::inputs::Inputs;
use crate::toolkit::metadata::Metadata;
use crate::toolkit::record::{ConfigRecord, Query};

/// The index of some roots.
#[derive(Debug)]
pub struct Index {
    /// `None` where the user has no cache folder.
    file: Option<PathBuf>,
    launcher: Option<PathBuf>,
}

/// The largest index that is read, in bytes: some 300,000 configurations.
const LARGEST: u64 = 64 * 1024 * 1024;

impl Index {
    pub fn of(roots: &ConfigRoots, inputs: &Inputs) -> Self {
        let mut fingerprint = Fingerprint::default();
        for root in &roots.folders {
            fingerprint.add(&root.value);
        }
        for (_, config) in &roots.named {
            fingerprint.add(&config.value);
        }
        let name = format!("configs-1-{}", fingerprint.text());
        let file = inputs.cache_folder().map(|folder| folder.join(name));
        Index { file, launcher: inputs.location.launcher.clone() }
    }

    /// Returns the indexed records that match, unchecked; `None` if there is no readable index. A path matches none:
    /// records have no data folders.
    pub fn matching(&self, query: &Query) -> Option<Vec<ConfigRecord>> {
        let file = self.file.as_ref()?;
        match disk::read_trusted_bytes(LARGEST, file, self.launcher.as_deref()) {
            Ok(Some(text)) if text.ends_with(b"\n.\n") => Some(matching(&text, query)),
            Err(problem @ FileProblem::Untrusted(_)) => {
                warn!("{}", Error::of_file(file, problem));
                None
            }
            _ => None,
        }
    }

    /// Returns false where the user has no cache folder.
    pub fn has_a_place(&self) -> bool {
        self.file.is_some()
    }

    /// Replaces the index. Failing to write it costs the next look-up a scan, and no more.
    pub fn write(&self, records: &[ConfigRecord]) {
        if let Some(file) = &self.file {
            let _ = disk::replace(file, &text_of(records));
        }
    }
}

/// Returns the index of some records.
pub fn text_of(records: &[ConfigRecord]) -> Vec<u8> {
    let mut text = vec![b'\n'];
    for ConfigRecord { path, metadata, .. } in records {
        let Metadata { config_id, config_name, project_id, tank_name } = metadata;
        let fields = [
            digits(*project_id),
            digits(*config_id),
            escaped(config_name.as_deref().unwrap_or_default().as_bytes()),
            escaped(tank_name.as_deref().unwrap_or_default().as_bytes()),
            escaped(path.as_os_str().as_encoded_bytes()),
        ];
        text.extend_from_slice(&fields.join(&b'\t'));
        text.push(b'\n');
    }
    text.extend_from_slice(b".\n");
    text
}

fn digits(id: Option<i64>) -> Vec<u8> {
    id.map_or_else(String::new, |id| id.to_string()).into_bytes()
}

fn escaped(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    for byte in field {
        match byte {
            b'\t' => text.extend_from_slice(b"\\t"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\\' => text.extend_from_slice(b"\\\\"),
            byte => text.push(*byte),
        }
    }
    text
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'\\' => match bytes.next() {
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(byte) => *byte,
                None => break,
            },
            byte => *byte,
        };
        text.push(plain);
    }
    text
}

/// Returns the records in an index that match, unchecked.
pub fn matching(text: &[u8], query: &Query) -> Vec<ConfigRecord> {
    let mut records = match query {
        Query::Id(id) => lines_with(text, format!("\n{id}\t").as_bytes()),
        Query::TankName(name) => {
            lines_with(text, &[b"\t", escaped(name.as_bytes()).as_slice(), b"\t"].concat())
        }
        Query::Data(_) => Vec::new(),
    };
    records.retain(|record| query.matches(record));
    records
}

/// Returns the records of the lines that contain a part. A line may contain it in two fields.
fn lines_with(text: &[u8], part: &[u8]) -> Vec<ConfigRecord> {
    let (mut records, mut end) = (Vec::new(), 0);
    for hit in memmem::find_iter(text, part) {
        if hit >= end
            && let Some(line) = line_at(text, hit)
        {
            end = line.end;
            records.extend(text.get(line).and_then(record_in));
        }
    }
    records
}

/// Returns the line of a hit. The hit may begin with the end of the line before.
fn line_at(text: &[u8], hit: usize) -> Option<Range<usize>> {
    let (before, after) = text.split_at_checked(hit + 1)?;
    let start = before.iter().rposition(|byte| *byte == b'\n')? + 1;
    let end = hit + 1 + after.iter().position(|byte| *byte == b'\n')?;
    Some(start..end)
}

fn record_in(line: &[u8]) -> Option<ConfigRecord> {
    let mut fields = line.split(|byte| *byte == b'\t').map(unescaped);
    let metadata = Metadata {
        project_id: number(fields.next()?),
        config_id: number(fields.next()?),
        config_name: name(fields.next()?),
        tank_name: name(fields.next()?),
    };
    let path = disk::path_from_bytes(fields.next()?)?;
    Some(ConfigRecord { path, metadata, ..ConfigRecord::default() })
}

fn name(field: Vec<u8>) -> Option<String> {
    let name = String::from_utf8(field).ok()?;
    (!name.is_empty()).then_some(name)
}

fn number(field: Vec<u8>) -> Option<i64> {
    name(field)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, project_id: Option<i64>, tank_name: &str) -> ConfigRecord {
        let metadata = Metadata {
            config_id: Some(7),
            config_name: Some("Primary".into()),
            project_id,
            tank_name: Some(tank_name.into()),
        };
        ConfigRecord { path: path.into(), metadata, ..ConfigRecord::default() }
    }

    #[test]
    fn written_records_are_read_back() {
        let odd = record("/c/a\tb\\n\n", Some(17), "odd\tname");
        let last = record("/c/c", Some(1), "c");
        let text = text_of(&[odd.clone(), record("/c/b", None, "1"), last.clone()]);
        assert_eq!(matching(&text, &Query::Id(1)), [last]);
        assert_eq!(matching(&text, &Query::Id(7)), []);
        assert_eq!(matching(&text, &Query::TankName("odd\tname")), [odd]);
        assert_eq!(matching(&text, &Query::TankName("Primary")), []);
    }

    #[test]
    fn record_with_a_name_like_an_id_is_found_once() {
        let record = record("/c/a", None, "7");
        let text = text_of(std::slice::from_ref(&record));
        assert_eq!(matching(&text, &Query::TankName("7")), [record]);
    }

    #[test]
    fn malformed_text_matches_nothing() {
        for text in [&b""[..], b"\n.\n", b"\n1\t2\n.\n", b"\n1\t\\\xff\t\t\t\t", b"\n\n\t\n.\n"] {
            assert_eq!(matching(text, &Query::Id(1)), [], "{text:?}");
        }
    }
}
