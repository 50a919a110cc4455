//! The index: what the last scan of these places found, in a file of the user's cache folder. It may
//! be missing, stale, cut off or made up by somebody: nothing in it is believed without a look at what
//! it speaks of, and every failure to read or write it means that there is none.
//!
//! One line a configuration, its fields between tabs: project's id, configuration's id and name,
//! project's name, folder. The last line is `.`, without which the file was cut off.

use std::path::PathBuf;

use memchr::memmem;

use super::places::Places;
use super::{Found, Wanted};
use crate::disk;
use crate::fingerprint::Fingerprint;
use crate::inputs::Inputs;
use crate::os::Os;
use crate::toolkit::metadata::Metadata;

/// Where the index of some places is.
#[derive(Debug)]
pub struct Index {
    file: Option<PathBuf>,
}

/// No index is larger (bytes): some 300,000 configurations.
const LARGEST: u64 = 64 * 1024 * 1024;

impl Index {
    /// The index for these places: in `SGTK_PYTHON_CACHE`, else the user's cache folder, else nowhere.
    pub fn of(places: &Places, inputs: &Inputs) -> Self {
        let mut fingerprint = Fingerprint::default();
        let roots = places.roots.iter().map(|root| &root.value);
        let named = places.named.iter().map(|(_, config)| &config.value);
        roots.chain(named).for_each(|path| fingerprint.add(path));
        let name = format!("configs-1-{}", fingerprint.text());
        Index { file: folder(inputs).map(|folder| folder.join(name)) }
    }

    /// The configurations in the index that are of the wanted project; none for a path, which the
    /// index alone cannot tell.
    pub fn matching(&self, wanted: &Wanted) -> Vec<Found> {
        let text = self.file.as_ref().and_then(|file| disk::bytes_up_to(LARGEST, file).ok()?);
        match text {
            Some(text) if text.ends_with(b"\n.\n") => matching(&text, wanted),
            _ => Vec::new(),
        }
    }

    /// Writes what a scan found in the place of what was there, if that can be done at all.
    pub fn write(&self, found: &[Found]) {
        if let Some(file) = &self.file {
            let _ = disk::replace(file, &text_of(found));
        }
    }
}

/// The launcher's cache folder: `SGTK_PYTHON_CACHE`, else in the user's cache folder (XDG Base Directory Specification; having no
/// home folder is normal).
pub fn folder(inputs: &Inputs) -> Option<PathBuf> {
    if let Some(folder) = inputs.folder("SGTK_PYTHON_CACHE") {
        return Some(folder);
    }
    let home = || match Os::CURRENT {
        Os::Windows => inputs.folder("LOCALAPPDATA"),
        _ => Some(inputs.folder("HOME")?.join(".cache")),
    };
    Some(inputs.folder("XDG_CACHE_HOME").or_else(home)?.join("sgtk-python"))
}

fn text_of(found: &[Found]) -> Vec<u8> {
    let mut text = vec![b'\n'];
    for Found { path, metadata, .. } in found {
        let Metadata { pipeline_id, pipeline, project_id, project } = metadata;
        let number =
            |id: &Option<i64>| id.map_or_else(String::new, |id| id.to_string()).into_bytes();
        let name = |name: &Option<String>| name.clone().unwrap_or_default().into_bytes();
        let path = path.as_os_str().as_encoded_bytes().to_owned();
        let fields = [number(project_id), number(pipeline_id), name(pipeline), name(project), path];
        text.extend_from_slice(&fields.map(|field| escaped(&field)).join(&b'\t'));
        text.push(b'\n');
    }
    text.extend_from_slice(b".\n");
    text
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

fn matching(text: &[u8], wanted: &Wanted) -> Vec<Found> {
    let mut found = match wanted {
        Wanted::Id(id) => lines_with(text, format!("\n{id}\t").as_bytes()),
        Wanted::Name(name) => {
            lines_with(text, &[b"\t", escaped(name.as_bytes()).as_slice(), b"\t"].concat())
        }
        Wanted::Data(_) => Vec::new(),
    };
    found.retain(|found| wanted.matches(found));
    found
}

fn lines_with(text: &[u8], part: &[u8]) -> Vec<Found> {
    let line = |hit: usize| {
        // The part may begin with the end of the line before.
        let (before, after) = text.split_at_checked(hit + 1)?;
        let start = before.iter().rposition(|byte| *byte == b'\n')? + 1;
        let end = hit + 1 + after.iter().position(|byte| *byte == b'\n')?;
        entry(text.get(start..end)?)
    };
    memmem::find_iter(text, part).filter_map(line).collect()
}

/// The configuration that a line is of.
fn entry(line: &[u8]) -> Option<Found> {
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
    let path = disk::path_of(unescaped(fields.next()?))?;
    Some(Found { path, metadata, ..Found::default() })
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
            ..Found::default()
        };
        let odd = found("/c/a\tb\\n\n", Some(17), "odd\tname");
        let last = found("/c/c", Some(1), "c");
        let text = text_of(&[odd.clone(), found("/c/b", None, "1"), last.clone()]);
        assert_eq!(matching(&text, &Wanted::Id(1)), [last]);
        assert_eq!(matching(&text, &Wanted::Id(7)), []);
        assert_eq!(matching(&text, &Wanted::Name("odd\tname")), [odd]);
        assert_eq!(matching(&text, &Wanted::Name("Primary")), []);
    }

    #[test]
    fn rubbish_says_nothing() {
        for text in [&b""[..], b"\n.\n", b"\n1\t2\n.\n", b"\n1\t\\\xff\t\t\t\t", b"\n\n\t\n.\n"] {
            assert_eq!(matching(text, &Wanted::Id(1)), [], "{text:?}");
        }
    }
}
