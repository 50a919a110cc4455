//! The rules of CPython's `posixpath.py`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::lookup::{LONGEST, Lookup};

/// `$name` and `${name}`; a name is of ASCII letters, digits and `_`, in braces of anything but `}`.
/// Values are not expanded again.
pub fn variables(text: &str, lookup: &mut Lookup) -> OsString {
    let mut expanded = OsString::new();
    let mut rest = text;
    // Behind the last `}` no reference can be closed; searching there again would be quadratic.
    let after_braces = text.rsplit('}').next().unwrap_or_default().len();
    while let Some(at) = rest.find('$') {
        let (before, from_dollar) = rest.split_at(at);
        expanded.push(before);
        let (reference, name) = reference(from_dollar, from_dollar.len() > after_braces);
        let value = match name {
            Some(name) if expanded.len() < LONGEST => lookup(name),
            _ => None,
        };
        expanded.push(value.unwrap_or_else(|| reference.into()));
        rest = from_dollar.strip_prefix(reference).unwrap_or_default();
    }
    expanded.push(rest);
    expanded
}

/// Splits the reference off a text that starts with `$`: as written, and the name in it. Without a name it is
/// the `$` alone. `may_close` is false if no `}` follows.
fn reference(text: &str, may_close: bool) -> (&str, Option<&str>) {
    let after = text.strip_prefix('$').unwrap_or_default();
    let (name, signs) = if let Some(braced) = after.strip_prefix('{') {
        let closed = if may_close { braced.split_once('}') } else { None };
        (closed.map(|(name, _)| name), 3)
    } else {
        let word = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
        (word.filter(|name| !name.is_empty()), 1)
    };
    let length = name.map_or(1, |name| name.len() + signs);
    (text.get(..length).unwrap_or(text), name)
}

/// `~` is `HOME`, else the home of the user id; `~name` is that user's.
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    let bytes = path.as_bytes();
    if !bytes.starts_with(b"~") {
        return path;
    }
    let end = bytes.iter().position(|byte| *byte == b'/').unwrap_or(bytes.len());
    let (user, rest) =
        (bytes.get(1..end).unwrap_or_default(), bytes.get(end..).unwrap_or_default());
    let home = if user.is_empty() {
        lookup("HOME").or_else(|| home_in_passwd(2, nix::unistd::getuid().to_string().as_bytes()))
    } else {
        home_in_passwd(0, user)
    };
    let Some(home) = home else { return path };
    let mut home = home.into_vec();
    home.truncate(home.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1));
    home.extend_from_slice(rest);
    if home.is_empty() { "/".into() } else { OsString::from_vec(home) }
}

/// The home folder (field 5) of the first entry in `/etc/passwd` with `value` in `field`: passwd(5).
fn home_in_passwd(field: usize, value: &[u8]) -> Option<OsString> {
    let passwd = fs::read("/etc/passwd").ok()?;
    for entry in passwd.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = entry.split(|byte| *byte == b':').collect();
        if fields.get(field) == Some(&value) {
            return Some(OsStr::from_bytes(fields.get(5)?).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<OsString> {
        match name {
            "A" | "odd name" => Some("<$A>".into()),
            "HOME" => Some("/home/me//".into()),
            _ => None,
        }
    }

    #[test]
    fn expands_variables() {
        for (text, expanded) in [
            ("$A/${A}", "<$A>/<$A>"),
            ("${odd name}$B${B}", "<$A>$B${B}"),
            ("$A$", "<$A>$"),
            ("${A$A", "${A<$A>"),
            ("$$A ${} $-é$Aé", "$<$A> ${} $-é<$A>é"),
        ] {
            assert_eq!(variables(text, &mut lookup), expanded, "{text}");
        }
    }

    #[test]
    fn expands_homes() {
        let none = |_: &str| None;
        let empty = |_: &str| Some(OsString::new());
        assert_eq!(home("~/x".into(), &mut lookup), "/home/me/x");
        assert_eq!(home("~".into(), &mut { empty }), "/");
        let roots = home("~root/x".into(), &mut { none }).into_string().unwrap();
        assert!(roots.starts_with('/') && roots.ends_with("/x"), "{roots}");
        for left in ["~nobody-is-called-so/x", "a~", ""] {
            assert_eq!(home(left.into(), &mut lookup), left);
        }
    }
}
