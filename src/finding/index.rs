//! The index: what the last scan of these places found, in a file of the user's cache folder. It may
//! be missing, stale, cut off or made up by somebody: nothing in it is believed without a look at what
//! it speaks of, and every failure to read or write it means that there is none.
//!
//! One line a configuration, its fields between tabs: project's id, configuration's id and name,
//! project's name, mark, folder, data folders. Lines that start with `>` are watched folders; the last
//! line is `.`, without which the file was cut off.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::places::Places;
use super::scan::{Scan, mark};
use super::{Found, Wanted};
use crate::disk;
use crate::inputs::Inputs;
use crate::toolkit::metadata::Metadata;

/// Where the index of some places is.
#[derive(Debug)]
pub struct Index {
    file: Option<PathBuf>,
}

/// What an index says, as it lies in the file: few lines of it are ever looked at.
#[derive(Debug, Default)]
pub struct Known {
    text: Vec<u8>,
}

impl Index {
    /// The index for these places: in `SGTK_PYTHON_CACHE`, else the user's cache folder, else nowhere.
    pub fn of(places: &Places, inputs: &Inputs) -> Self {
        let mut hasher = DefaultHasher::new();
        let roots = places.roots.iter().map(|root| &root.value);
        roots
            .chain(places.named.iter().map(|(_, config)| &config.value))
            .for_each(|path| path.hash(&mut hasher));
        let name = format!("configs-1-{:016x}", hasher.finish());
        Index { file: folder(inputs).map(|folder| folder.join(name)) }
    }

    /// What the index says; nothing if `watched` folders have changed since.
    pub fn read(&self, watched: bool) -> Known {
        let text = self.file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        let known = Known { text };
        let is_whole = known.text.ends_with(b"\n.\n");
        if is_whole && (!watched || known.is_current()) { known } else { Known::default() }
    }

    /// Writes what a scan found in the place of what was there, if that can be done at all.
    pub fn write(&self, scan: &Scan) {
        if let Some(file) = &self.file {
            let _ = replace(file, &text_of(scan));
        }
    }
}

/// `SGTK_PYTHON_CACHE`, else the user's cache folder (XDG Base Directory Specification; having no
/// home folder is normal).
fn folder(inputs: &Inputs) -> Option<PathBuf> {
    let folder = |name| inputs.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(folder) = folder("SGTK_PYTHON_CACHE") {
        return Some(folder);
    }
    let home = || {
        if cfg!(windows) { folder("LOCALAPPDATA") } else { Some(folder("HOME")?.join(".cache")) }
    };
    Some(folder("XDG_CACHE_HOME").or_else(home)?.join("sgtk-python"))
}

/// Other launchers read the old file or the new one, never half of one.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(folder)?;
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = nanos.map_or(0, |now| now.subsec_nanos());
    let aside = file.with_extension(format!("{}-{nanos}", std::process::id()));
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(&aside)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&aside, file));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

fn text_of(scan: &Scan) -> Vec<u8> {
    let mut text = vec![b'\n'];
    for (folder, mark) in &scan.watched {
        text.extend_from_slice(b">");
        line(&mut text, &[mark_text(*mark), path_text(folder)]);
    }
    for (found, mark) in scan.found.iter().zip(&scan.marks) {
        let Metadata { pipeline_id, pipeline, project_id, project } = &found.metadata;
        let number =
            |id: &Option<i64>| id.map_or_else(String::new, |id| id.to_string()).into_bytes();
        let name = |name: &Option<String>| name.clone().unwrap_or_default().into_bytes();
        let mut fields = vec![
            number(project_id),
            number(pipeline_id),
            name(pipeline),
            name(project),
            mark_text(*mark),
            path_text(&found.path),
        ];
        fields.extend(found.data.iter().map(|folder| path_text(folder)));
        line(&mut text, &fields);
    }
    text.extend_from_slice(b".\n");
    text
}

fn mark_text(mark: Option<u64>) -> Vec<u8> {
    mark.map_or_else(String::new, |mark| format!("{mark:x}")).into_bytes()
}

fn path_text(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_owned()
}

fn line(text: &mut Vec<u8>, fields: &[Vec<u8>]) {
    let escaped: Vec<Vec<u8>> = fields.iter().map(|field| escaped(field)).collect();
    text.extend_from_slice(&escaped.join(&b'\t'));
    text.push(b'\n');
}

/// A field as it stands in a line, with what comes before and after it.
fn field(field: &[u8], after: u8) -> Vec<u8> {
    [b"\t", escaped(field).as_slice(), &[after]].concat()
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
    let mut bytes = field.iter();
    let next = || match bytes.next()? {
        b'\\' => bytes.next().map(|byte| match byte {
            b't' => b'\t',
            b'n' => b'\n',
            byte => *byte,
        }),
        byte => Some(*byte),
    };
    std::iter::from_fn(next).collect()
}

impl Known {
    /// The configurations in the index that may be the wanted ones.
    pub fn matching(&self, wanted: &Wanted) -> Vec<Found> {
        let found: Vec<Found> = match wanted {
            Wanted::Id(id) => self.lines_with(format!("\n{id}\t").as_bytes()),
            Wanted::Name(name) => self.lines_with(&field(name.as_bytes(), b'\t')),
            Wanted::Data(path) => path
                .ancestors()
                .flat_map(|folder| {
                    let folder = folder.as_os_str().as_encoded_bytes();
                    [field(folder, b'\t'), field(folder, b'\n')]
                })
                .flat_map(|field| self.lines_with(&field))
                .collect(),
        };
        let mut matching: Vec<Found> = Vec::new();
        for found in found.into_iter().filter(|found| wanted.matches(found)) {
            // One line may have matched in several of its fields.
            if !matching.contains(&found) {
                matching.push(found);
            }
        }
        matching
    }

    /// All configurations in the index, by folder, with the mark that their files had.
    pub fn by_folder(&self) -> HashMap<PathBuf, (u64, Found)> {
        let marked = self.entries().filter_map(|(mark, found)| Some((mark?, found)));
        marked.map(|(mark, found)| (found.path.clone(), (mark, found))).collect()
    }

    fn lines_with(&self, part: &[u8]) -> Vec<Found> {
        let hits = memmem::find_iter(&self.text, part);
        let line = |hit: usize| {
            // The part may begin with the end of the line before.
            let (before, after) = self.text.split_at_checked(hit + 1)?;
            let start = before.iter().rposition(|byte| *byte == b'\n')? + 1;
            let end = hit + 1 + after.iter().position(|byte| *byte == b'\n')?;
            entry(self.text.get(start..end)?)
        };
        hits.filter_map(line).map(|(_, found)| found).collect()
    }

    fn entries(&self) -> impl Iterator<Item = (Option<u64>, Found)> {
        self.text.split(|byte| *byte == b'\n').filter_map(entry)
    }

    /// Whether no configuration can have come or gone since the scan.
    fn is_current(&self) -> bool {
        let lines = self.text.split(|byte| *byte == b'\n');
        let mut watched = lines.filter_map(|line| line.strip_prefix(b">")).peekable();
        watched.peek().is_some()
            && watched.all(|line| {
                let mut fields = line.split(|byte| *byte == b'\t');
                let then = fields.next().and_then(mark_of);
                let folder = fields.next().and_then(path_of);
                folder.is_some_and(|folder| then.is_some() && mark(&[&folder]) == then)
            })
    }
}

/// The configuration that a line is of, and the mark that its files had.
fn entry(line: &[u8]) -> Option<(Option<u64>, Found)> {
    if line.starts_with(b">") {
        return None;
    }
    let mut fields = line.split(|byte| *byte == b'\t');
    let text = |field: &[u8]| String::from_utf8(unescaped(field)).ok();
    let name = |field: &[u8]| text(field).filter(|name| !name.is_empty());
    let number = |field: &[u8]| text(field)?.parse().ok();
    let metadata = Metadata {
        project_id: number(fields.next()?),
        pipeline_id: number(fields.next()?),
        pipeline: name(fields.next()?),
        project: name(fields.next()?),
    };
    let mark = mark_of(fields.next()?);
    let path = path_of(fields.next()?)?;
    Some((mark, Found { path, metadata, data: fields.filter_map(path_of).collect() }))
}

fn mark_of(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(field).ok()?, 16).ok()
}

fn path_of(field: &[u8]) -> Option<PathBuf> {
    disk::path_of(unescaped(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let found = |path: &str, id, project: &str| Found {
            path: path.into(),
            metadata: Metadata {
                pipeline_id: Some(7),
                pipeline: Some("Primary".into()),
                project_id: id,
                project: Some(project.into()),
            },
            data: vec!["/data\t\\n\n".into(), "/x".into(), "/x/y".into()],
        };
        let all = [
            found("/c/a\tb", Some(17), "odd\tname"),
            found("/c/b", None, "1"),
            found("/c/c", Some(1), "c"),
        ];
        let scan =
            Scan { found: all.to_vec(), marks: vec![Some(5), None, Some(6)], ..Scan::default() };
        let known = Known { text: text_of(&scan) };
        let [odd, _, last] = all;
        assert_eq!(known.matching(&Wanted::Id(1)), std::slice::from_ref(&last));
        assert_eq!(known.matching(&Wanted::Id(7)), []);
        assert_eq!(known.matching(&Wanted::Name("odd\tname")), std::slice::from_ref(&odd));
        assert_eq!(known.matching(&Wanted::Data(Path::new("/x/y"))).len(), 3);
        assert_eq!(known.matching(&Wanted::Data(Path::new("/data\t\\n\n"))).len(), 3);
        assert_eq!(known.matching(&Wanted::Data(Path::new("/data"))), []);
        let marked = known.by_folder();
        assert_eq!(marked.len(), 2);
        assert_eq!(marked[Path::new("/c/c")], (6, last));
    }

    #[test]
    fn rubbish_says_nothing() {
        for text in [&b""[..], b"\n.\n", b"\n1\t2\n.\n", b"\n1\t\\\xff\t\t\t\t", b"\n>\n>x\n.\n"] {
            let known = Known { text: text.to_vec() };
            assert_eq!(known.matching(&Wanted::Id(1)), [], "{text:?}");
            assert!(known.by_folder().is_empty() && !known.is_current());
        }
    }
}
