//! Parts of messages, and hints that depend on more than one thing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::disk::Distrust;
use crate::display::{Printable, between};
use crate::origin::Decided;

/// The most folders or options that a sentence lists.
const MOST: usize = 4;

const SCRIPT_LINE: &str = "a script's first line passes everything as one word: use '#!/usr/bin/env -S sgtk-python …' or --project=NAME alone";

pub fn shown(value: &(impl AsRef<OsStr> + ?Sized)) -> Printable<'_> {
    Printable::new(value)
}

/// A value in quotes, as messages show it.
pub fn quoted(value: &(impl AsRef<OsStr> + ?Sized)) -> String {
    format!("'{}'", Printable::new(value))
}

/// A value between two texts; nothing without a value.
pub fn shown_between(before: &str, value: Option<&impl AsRef<OsStr>>, after: &str) -> String {
    between(before, value.map(shown), after)
}

/// Folders in one line, the first few by name.
pub fn folders<'a>(paths: impl ExactSizeIterator<Item = &'a PathBuf>) -> String {
    let more = paths.len().saturating_sub(MOST);
    let first: Vec<String> = paths.take(MOST).map(|path| shown(path).to_string()).collect();
    let first = first.join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// The roots, and the origin that they share.
pub fn roots(roots: &[Decided<PathBuf>]) -> String {
    let origin = between(" (", roots.first().map(|root| &root.origin), ")");
    folders(roots.iter().map(|root| &root.value)) + &origin
}

pub fn searched(roots: &[Decided<PathBuf>]) -> String {
    if roots.is_empty() {
        return "no root is set".into();
    }
    format!("searched below {}", self::roots(roots))
}

/// The options that would choose one of some values.
pub fn options<'a>(option: &str, values: impl Iterator<Item = &'a OsStr>) -> String {
    let mut options = Vec::new();
    for value in values.filter(|value| !value.is_empty()) {
        let value = shown(value).to_string();
        options.push(format!("{option} {}", shell_words::quote(&value)));
    }
    options.dedup();
    options.truncate(2 * MOST);
    options.join(" or ")
}

pub fn unknown_option(word: &OsStr, near: Option<&str>) -> String {
    if word.as_encoded_bytes().iter().any(u8::is_ascii_whitespace) {
        return SCRIPT_LINE.into();
    }
    let start = near.map_or_else(|| "see --help;".into(), |near| format!("did you mean {near}?"));
    format!("{start} words after '--' are passed to Python")
}

pub fn unknown_project(name: &OsStr, near: &[String], roots: &[Decided<PathBuf>]) -> String {
    if name.as_encoded_bytes().windows(2).any(|pair| pair == b" -") {
        return SCRIPT_LINE.into();
    }
    if roots.is_empty() {
        return "set SHOTGUN_BASE, or 'roots' in the settings".into();
    }
    if near.is_empty() {
        return "use the name of the configuration's folder or the project's tank_name; if it lies elsewhere, set SHOTGUN_BASE or 'roots' in the settings".into();
    }
    let names: Vec<String> = near.iter().map(quoted).collect();
    format!("did you mean {}?", names.join(" or "))
}

/// Returns the hint for a core without `tank`. A common mistake is to name `ROOT/install/core` instead of `ROOT`.
pub fn core_to_name(python_path: &Path) -> String {
    let mut above = python_path.ancestors();
    if let (Some(named), Some(root)) = (above.nth(3), above.nth(1))
        && named.ends_with("install/core")
    {
        return format!("name the folder above 'install/core': {}", shown(root));
    }
    "install the core again, or name one that contains sgtk, tank and tank_vendor".into()
}

/// Returns the mend of a file that does not count.
pub fn trust(file: &Path, why: &Distrust) -> String {
    match why {
        Distrust::Owner(_) => {
            format!("give the file to root or to the user who runs it: chown root {}", shown(file))
        }
        Distrust::Link(_) => {
            format!(
                "give the link to root or to the user who runs it: chown -h root {}",
                shown(file)
            )
        }
        Distrust::Home => "set HOME and XDG_CONFIG_HOME to this user's own folders".into(),
        Distrust::File => format!("remove the permission: chmod o-w {}", shown(file)),
        Distrust::Folder(folder) => format!(
            "move the file to a folder that only some users can write to, or remove the permission: chmod o-w {}",
            shown(folder)
        ),
    }
}

/// The likely mistake in the text of a path that does not exist.
pub fn mistake_in(written: &OsStr) -> Option<String> {
    let (text, bytes) = (quoted(written), written.as_encoded_bytes());
    if bytes.windows(2).any(|pair| matches!(pair, [b'$', b'{' | b'_' | b'A'..=b'Z' | b'a'..=b'z']))
    {
        return Some(format!("set the variable that is not set for Python: {text}"));
    }
    if bytes.starts_with(b"$(") || written.to_string_lossy().contains(['\'', '"', '`']) {
        return Some(format!("write the path alone, without shell syntax: {text}"));
    }
    let is_relative = !Path::new(written).is_absolute();
    let advice = format!("write an absolute path, {text} is relative to the working directory");
    is_relative.then_some(advice)
}
