//! Variables as values: the caller's, and the changes to them with their reasons. Never reads or writes the
//! process.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

/// Variables and their values, as bytes, in the caller's order.
pub type Variables = Vec<(OsString, OsString)>;

pub fn value_of<'a>(variables: &'a Variables, name: &OsStr) -> Option<&'a OsStr> {
    let (_, value) = variables.iter().find(|(other, _)| is_same_variable(other, name))?;
    Some(value)
}

/// Returns true if two names are one variable's: Windows ignores case.
fn is_same_variable(one: &OsStr, other: &OsStr) -> bool {
    if cfg!(windows) { one.eq_ignore_ascii_case(other) } else { one == other }
}

/// Parts of the names of secret variables. `MYSQL_PWD` and `SSHPASS` are whole names; `PWD` alone is a folder.
#[rustfmt::skip]
const SECRET_PARTS: [&str; 9] = [
    "CREDENTIAL", "KEY", "MYSQL_PWD", "PASSPHRASE", "PASSWD", "PASSWORD", "SECRET", "SSHPASS", "TOKEN",
];

/// Returns true if a variable's name says that its value is a secret; also `PASS` as a word, and `AUTH` as the last one:
/// `SSH_AUTH_SOCK` is a path. `shims/sgtk_python/masking.py` has the same rule.
pub fn holds_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || words.clone().any(|word| word == "PASS")
        || words.next_back() == Some("AUTH")
}

/// Returns true for a proxy's address with a password and without a scheme: `user:password@host:80`.
pub fn is_proxy_with_password(name: &OsStr, value: &str) -> bool {
    name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy")
        && !value.contains("://")
        && value.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Returns true if a variable can have the name: not empty, no `=`, no NUL.
pub fn is_name(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.is_empty() && !bytes.contains(&b'=') && !bytes.contains(&0)
}

/// A variable's name, or with `*` at the end the start of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(OsString);

impl NamePattern {
    /// Returns `None` if no variable can have such a name.
    pub fn new(word: impl Into<OsString>) -> Option<Self> {
        let word = word.into();
        let bytes = word.as_encoded_bytes();
        let start = bytes.strip_suffix(b"*").unwrap_or(bytes);
        (is_name(&word) && !start.contains(&b'*')).then_some(NamePattern(word))
    }

    pub fn matches(&self, name: &OsStr) -> bool {
        let Some(start) = self.0.as_encoded_bytes().strip_suffix(b"*") else {
            return is_same_variable(&self.0, name);
        };
        match name.as_encoded_bytes().get(..start.len()) {
            Some(name) if cfg!(windows) => name.eq_ignore_ascii_case(start),
            name => name == Some(start),
        }
    }
}

/// Returns true if one of the patterns matches.
pub fn any_matches(patterns: &[NamePattern], name: &OsStr) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// A change to one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: OsString,
    /// The new value; `None` if the variable is unset.
    pub value: Option<OsString>,
    /// Shown to the user.
    pub reason: String,
    /// A file of Toolkit that names the variable cancels the change.
    until_named: bool,
}

/// Python's variables: the caller's, and the changes to them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    inherited: Arc<Variables>,
    changes: Vec<Change>,
}

impl Environment {
    pub fn new(inherited: Arc<Variables>) -> Self {
        Environment { inherited, changes: Vec::new() }
    }

    /// Returns the caller's value.
    pub fn inherited(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        value_of(&self.inherited, name.as_ref())
    }

    /// Returns the value that Python gets.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        match self.change(name.as_ref()) {
            Some(change) => change.value.as_deref(),
            None => self.inherited(name),
        }
    }

    /// Sets a variable. The caller's own value is no change.
    pub fn set(
        &mut self,
        name: impl AsRef<OsStr>,
        value: impl Into<OsString>,
        reason: impl Into<String>,
    ) {
        let (name, value) = (name.as_ref(), value.into());
        self.cancel_change(name);
        if self.inherited(name) != Some(&value) {
            let (name, reason) = (name.to_owned(), reason.into());
            self.changes.push(Change { name, value: Some(value), reason, until_named: false });
        }
    }

    /// Unsets a variable. For one that the caller does not have this is no change.
    pub fn unset(&mut self, name: impl AsRef<OsStr>, reason: impl Into<String>) {
        self.remove(name.as_ref(), reason, false);
    }

    /// Unsets a variable until a file of Toolkit names it, see [`Self::named`].
    pub fn unset_until_named(&mut self, name: impl AsRef<OsStr>, reason: impl Into<String>) {
        self.remove(name.as_ref(), reason, true);
    }

    /// Returns the planned value of a variable that a file of Toolkit names. Toolkit will read the file again
    /// in Python, so a variable that was unset until named gets the caller's value back.
    pub fn named(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let name = name.as_ref();
        if let Some(Change { until_named: true, .. }) = self.change(name) {
            self.cancel_change(name);
        }
        Some(self.get(name)?.to_owned())
    }

    /// Returns the names of the variables that Python gets, as far as `is_wanted` holds for them.
    pub fn names(&self, is_wanted: impl Fn(&OsStr) -> bool) -> Vec<OsString> {
        let mut names = Vec::new();
        for (name, _) in self.variables() {
            if is_wanted(name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Returns the changes by name.
    pub fn changes(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        changes.sort_by(|one, other| one.name.cmp(&other.name));
        changes
    }

    /// Returns the variables that Python gets.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let unchanged = self.inherited.iter().filter(|(name, _)| self.change(name).is_none());
        let unchanged = unchanged.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let set =
            self.changes.iter().filter_map(|c| Some((c.name.as_os_str(), c.value.as_deref()?)));
        unchanged.chain(set)
    }

    fn change(&self, name: &OsStr) -> Option<&Change> {
        self.changes.iter().find(|change| is_same_variable(&change.name, name))
    }

    fn cancel_change(&mut self, name: &OsStr) {
        self.changes.retain(|change| !is_same_variable(&change.name, name));
    }

    fn remove(&mut self, name: &OsStr, reason: impl Into<String>, until_named: bool) {
        self.cancel_change(name);
        if self.inherited(name).is_some() {
            let (name, reason) = (name.to_owned(), reason.into());
            self.changes.push(Change { name, value: None, reason, until_named });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new(vec![("A".into(), "1".into()), ("B".into(), "2".into())].into())
    }

    fn pairs(environment: &Environment) -> Vec<(&str, &str)> {
        environment.variables().map(|(n, v)| (n.to_str().unwrap(), v.to_str().unwrap())).collect()
    }

    #[test]
    fn setting_the_same_value_is_no_change() {
        let mut environment = environment();
        environment.set("A", "1", "same");
        environment.unset("C", "not there");
        assert!(environment.changes().is_empty());
        environment.set("C", "3", "new");
        environment.unset("A", "gone");
        assert_eq!(pairs(&environment), [("B", "2"), ("C", "3")]);
        environment.unset("C", "never mind");
        assert_eq!(environment.changes().len(), 1);
    }

    #[test]
    fn variable_named_by_a_file_comes_back() {
        let mut environment = environment();
        environment.unset_until_named("A", "clean");
        environment.unset("B", "unwanted");
        assert_eq!(environment.named("A"), Some("1".into()));
        assert_eq!(environment.named("B"), None);
        assert_eq!(pairs(&environment), [("A", "1")]);
    }

    #[test]
    fn pattern_matches_whole_names_and_starts() {
        let matches =
            |pattern, name: &str| NamePattern::new(pattern).unwrap().matches(name.as_ref());
        assert!(matches("LC_*", "LC_ALL") && matches("*", "A") && matches("A", "A"));
        assert!(!matches("LC_*", "LANG") && !matches("A", "AB") && !matches("LC_*", "LC"));
        assert!(
            ["", "A=B", "A*B", "*A*", "**"].iter().all(|word| NamePattern::new(*word).is_none())
        );
    }
}
