//! The rules of CPython's `ntpath.py`.

use std::ffi::OsString;

use super::lookup::{LONGEST, Lookup};

/// `$name`, `${name}` and `%name%`, none of them inside single quotes; `$$` and `%%` are one of each.
/// Values are not expanded again.
pub fn variables(text: &str, lookup: &mut Lookup) -> OsString {
    let mut expanded = OsString::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '%', '$']) {
        let (before, from_sign) = rest.split_at(at);
        expanded.push(before);
        let (written, meaning) = reference(from_sign);
        match meaning {
            Meaning::Text(text) => expanded.push(text),
            Meaning::Variable(name) => {
                let value = if expanded.len() < LONGEST { lookup(name) } else { None };
                expanded.push(value.unwrap_or_else(|| written.into()));
            }
        }
        rest = from_sign.strip_prefix(written).unwrap_or_default();
    }
    expanded.push(rest);
    expanded
}

enum Meaning<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Splits the reference off a text that starts with `'`, `%` or `$`: as written, and its meaning. An unclosed
/// reference reaches to the end and means itself.
fn reference(text: &str) -> (&str, Meaning<'_>) {
    let (sign, after) = text.split_at_checked(1).unwrap_or_default();
    if sign != "'" && after.starts_with(sign) {
        return (text.get(..2).unwrap_or(text), Meaning::Text(sign));
    }
    let name = match (sign, after.strip_prefix('{')) {
        ("'" | "%", _) => before(sign, after),
        (_, Some(braced)) => before("}", braced),
        _ => after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').next(),
    };
    let Some(name) = name else { return (text, Meaning::Text(text)) };
    let around =
        if after.starts_with('{') && sign == "$" { 3 } else { 2 - usize::from(sign == "$") };
    let written = text.get(..name.len() + around).unwrap_or(text);
    match sign {
        "'" => (written, Meaning::Text(written)),
        _ => (written, Meaning::Variable(name)),
    }
}

fn before<'a>(end: &str, text: &'a str) -> Option<&'a str> {
    Some(text.split_once(end)?.0)
}

/// `~` is `USERPROFILE`, else `HOMEDRIVE` and `HOMEPATH`; another user's home is the folder of that name beside it. The
/// rules are those since Python 3.10: older ones guess other users' homes more freely, and 3.7 takes `HOME` first.
pub fn home(path: OsString, lookup: &mut Lookup) -> OsString {
    let Some(text) = path.to_str().filter(|text| text.starts_with('~')) else { return path };
    let end = text.find(SEPARATORS).unwrap_or(text.len());
    let (user, rest) = (text.get(1..end).unwrap_or_default(), text.get(end..).unwrap_or_default());
    let profile = lookup("USERPROFILE").or_else(|| {
        let below = lookup("HOMEPATH")?;
        let mut home = lookup("HOMEDRIVE").unwrap_or_default();
        home.push(below);
        Some(home)
    });
    let Some(mut home) = profile else { return path };
    let current = lookup("USERNAME");
    if !user.is_empty() && current.as_ref().is_none_or(|name| name != user) {
        let (Some(own), Some(current)) = (home.to_str(), current) else { return path };
        let (folder, name) = own.split_at(own.rfind(SEPARATORS).map_or(0, |at| at + 1));
        if *name != *current {
            return path;
        }
        home = beside(folder, user).into();
    }
    home.push(rest);
    home
}

const SEPARATORS: [char; 2] = ['/', '\\'];

/// Joins a name to a folder with the separators that end it, as `ntpath.dirname` and `ntpath.join` do: one is left, and
/// it stays as written only in the root.
fn beside(folder: &str, name: &str) -> String {
    match folder.trim_end_matches(SEPARATORS) {
        "" => format!("{folder}{name}"),
        drive if drive.ends_with(':') => format!("{folder}{name}"),
        folder => format!("{folder}\\{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<OsString> {
        match name {
            "A" | "A-B" => Some("<$A>".into()),
            "USERPROFILE" => Some("/Users/me".into()),
            "USERNAME" => Some("me".into()),
            _ => None,
        }
    }

    #[test]
    fn expands_variables() {
        for (text, expanded) in [
            ("%A%/${A}/$A-B", "<$A>/<$A>/<$A>"),
            ("'%A%'%A%", "'%A%'<$A>"),
            ("$$A%%A", "$A%A"),
            ("$B%B%${B}", "$B%B%${B}"),
            ("%A ${A", "%A ${A"),
            ("$", "$"),
        ] {
            assert_eq!(variables(text, &mut lookup), expanded, "{text}");
        }
    }

    #[test]
    fn expands_homes() {
        assert_eq!(home("~\\x".into(), &mut lookup), "/Users/me\\x");
        assert_eq!(home("~me/x".into(), &mut lookup), "/Users/me/x");
        assert_eq!(home("~you/x".into(), &mut lookup), "/Users\\you/x");
        assert_eq!(home("~/x".into(), &mut |_: &str| None), "~/x");
    }
}
