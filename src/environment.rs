//! Variables as values: what the caller has, and the changes to it, each with its reason. Pure:
//! nothing here reads or writes the process.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// The name of a variable. Names that differ only in case are the same one on Windows.
#[derive(Clone, Debug)]
pub struct Name(OsString);

impl Name {
    /// The name as it was written.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    fn key(&self) -> Cow<'_, OsStr> {
        if cfg!(windows) { self.0.to_ascii_uppercase().into() } else { self.0.as_os_str().into() }
    }
}

impl<T: Into<OsString>> From<T> for Name {
    fn from(name: T) -> Self {
        Name(name.into())
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Name {}

/// Variables and their values, as bytes.
pub type Variables = BTreeMap<Name, OsString>;

/// The names that a word stands for: one name, or with a `*` at its end all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(OsString);

impl NamePattern {
    /// The pattern in `word`, or `None` if no variable can have such a name.
    pub fn new(word: impl Into<OsString>) -> Option<Self> {
        let word = word.into();
        is_name(&word).then_some(NamePattern(word))
    }

    /// Whether the pattern stands for `name`.
    pub fn matches(&self, name: &Name) -> bool {
        let pattern = Name(self.0.clone());
        let (pattern, name) = (pattern.key(), name.key());
        match pattern.as_encoded_bytes().strip_suffix(b"*") {
            Some(prefix) => name.as_encoded_bytes().starts_with(prefix),
            None => pattern == name,
        }
    }
}

/// Whether a variable can have this name: not empty, no `=`, no NUL.
pub fn is_name(name: &OsStr) -> bool {
    !name.is_empty() && !name.as_encoded_bytes().iter().any(|byte| matches!(byte, b'=' | 0))
}

/// What becomes of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new value; `None`: the variable is unset.
    pub value: Option<OsString>,
    /// Why, for a person.
    pub reason: String,
}

/// The variables that Python will have: the caller's, and the changes to them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    inherited: Variables,
    changes: BTreeMap<Name, Change>,
    withheld: BTreeSet<Name>,
}

impl Environment {
    /// The caller's variables, unchanged.
    pub fn new(inherited: Variables) -> Self {
        Environment { inherited, ..Environment::default() }
    }

    /// The planned value of a variable.
    pub fn get(&self, name: &Name) -> Option<&OsStr> {
        match self.changes.get(name) {
            Some(change) => change.value.as_deref(),
            None => self.inherited.get(name).map(OsString::as_os_str),
        }
    }

    /// The caller's value of a variable.
    pub fn inherited(&self, name: &str) -> Option<&OsStr> {
        self.inherited.get(&name.into()).map(OsString::as_os_str)
    }

    /// Sets a variable. Setting what is there already is no change.
    pub fn set(&mut self, name: impl Into<Name>, value: OsString, reason: impl Into<String>) {
        let name = name.into();
        self.withheld.remove(&name);
        if self.inherited.get(&name) == Some(&value) {
            self.changes.remove(&name);
        } else {
            self.changes.insert(name, Change { value: Some(value), reason: reason.into() });
        }
    }

    /// Unsets a variable. Unsetting what the caller does not have is no change.
    pub fn unset(&mut self, name: &Name, reason: impl Into<String>) {
        if self.inherited.contains_key(name) {
            let change = Change { value: None, reason: reason.into() };
            self.changes.insert(name.clone(), change);
        } else {
            self.changes.remove(name);
        }
        self.withheld.remove(name);
    }

    /// Unsets a variable, unless a file of Toolkit's turns out to name it (see [`Self::named`]).
    pub fn withhold(&mut self, name: &Name, reason: impl Into<String>) {
        self.unset(name, reason);
        self.withheld.insert(name.clone());
    }

    /// The planned value of a variable that a file of Toolkit's names. Toolkit will read that file
    /// again, so a withheld variable comes back.
    pub fn named(&mut self, name: &str) -> Option<OsString> {
        let name = Name::from(name);
        if self.withheld.remove(&name) {
            self.changes.remove(&name);
        }
        self.get(&name).map(OsStr::to_owned)
    }

    /// The names that are set so far and that `chosen` holds for.
    pub fn names(&self, chosen: impl Fn(&Name) -> bool) -> Vec<Name> {
        let unset = |name: &&Name| self.changes.get(*name).is_some_and(|c| c.value.is_none());
        let added = self.changes.keys().filter(|name| !self.inherited.contains_key(*name));
        let names = self.inherited.keys().chain(added);
        names.filter(|name| chosen(name) && !unset(name)).cloned().collect()
    }

    /// Every change, by name.
    pub fn changes(&self) -> impl Iterator<Item = (&Name, &Change)> {
        self.changes.iter()
    }

    /// The variables that Python gets.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let kept = self.inherited.iter().filter(|(name, _)| !self.changes.contains_key(*name));
        let changed = self.changes.iter().filter_map(|(name, c)| Some((name, c.value.as_ref()?)));
        kept.chain(changed).map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new(Variables::from([("A".into(), "1".into()), ("B".into(), "2".into())]))
    }

    fn pairs(environment: &Environment) -> Vec<(&str, &str)> {
        environment.variables().map(|(n, v)| (n.to_str().unwrap(), v.to_str().unwrap())).collect()
    }

    #[test]
    fn only_real_changes_are_kept() {
        let mut environment = environment();
        environment.set("A", "1".into(), "same");
        environment.unset(&"C".into(), "not there");
        assert_eq!(environment.changes().count(), 0);
        environment.set("C", "3".into(), "new");
        environment.unset(&"A".into(), "gone");
        assert_eq!(pairs(&environment), [("B", "2"), ("C", "3")]);
        environment.unset(&"C".into(), "never mind");
        assert_eq!(environment.changes().count(), 1);
    }

    #[test]
    fn a_withheld_variable_comes_back_when_it_is_named() {
        let mut environment = environment();
        environment.withhold(&"A".into(), "clean");
        environment.unset(&"B".into(), "unwanted");
        assert_eq!(environment.named("A"), Some("1".into()));
        assert_eq!(environment.named("B"), None);
        assert_eq!(pairs(&environment), [("A", "1")]);
    }

    #[test]
    fn patterns() {
        let matches =
            |pattern, name: &str| NamePattern::new(pattern).unwrap().matches(&name.into());
        assert!(matches("LC_*", "LC_ALL") && matches("*", "A") && matches("A", "A"));
        assert!(!matches("LC_*", "LANG") && !matches("A", "AB"));
        assert!(NamePattern::new("").is_none() && NamePattern::new("A=B").is_none());
    }
}
