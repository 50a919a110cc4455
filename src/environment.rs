//! Variables as values: what the caller has, and the changes to it, each with its reason. Pure:
//! nothing here reads or writes the process.

use std::ffi::{OsStr, OsString};

/// Variables and their values, as bytes, in the caller's order.
pub type Variables = Vec<(OsString, OsString)>;

/// The value of a variable.
pub fn value_of<'a>(variables: &'a Variables, name: &OsStr) -> Option<&'a OsStr> {
    let found = variables.iter().find(|(other, _)| is_same_name(other, name));
    found.map(|(_, value)| value.as_os_str())
}

/// Whether two names are of one variable; on Windows case does not matter.
pub fn is_same_name(one: &OsStr, other: &OsStr) -> bool {
    if cfg!(windows) { one.eq_ignore_ascii_case(other) } else { one == other }
}

/// Whether a variable's name says that nobody should see its value.
pub fn holds_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    ["KEY", "PASSWD", "PASSWORD", "SECRET", "TOKEN"].iter().any(|word| name.contains(word))
}

/// Whether a variable can have this name: not empty, no `=`, no NUL.
pub fn is_name(name: &OsStr) -> bool {
    !name.is_empty() && !name.as_encoded_bytes().iter().any(|byte| matches!(byte, b'=' | 0))
}

/// The names that a word stands for: one name, or with a `*` at its end all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(OsString);

impl NamePattern {
    /// The pattern in `word`, or `None` if no variable can have such a name.
    pub fn new(word: impl Into<OsString>) -> Option<Self> {
        let word = word.into();
        let bytes = word.as_encoded_bytes();
        let start = bytes.strip_suffix(b"*").unwrap_or(bytes);
        (is_name(&word) && !start.contains(&b'*')).then_some(NamePattern(word))
    }

    /// Whether the pattern stands for `name`.
    pub fn matches(&self, name: &OsStr) -> bool {
        let Some(start) = self.0.as_encoded_bytes().strip_suffix(b"*") else {
            return is_same_name(&self.0, name);
        };
        let name = name.as_encoded_bytes().get(..start.len());
        name.is_some_and(|name| {
            if cfg!(windows) { name.eq_ignore_ascii_case(start) } else { name == start }
        })
    }
}

/// What becomes of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The variable.
    pub name: OsString,
    /// Its new value; `None`: it is unset.
    pub value: Option<OsString>,
    /// Why, for a person.
    pub reason: String,
    /// Whether a file of Toolkit's that names the variable brings it back.
    withheld: bool,
}

/// The variables that Python will have: the caller's, and the changes to them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    inherited: Variables,
    changes: Vec<Change>,
}

impl Environment {
    /// The caller's variables, unchanged.
    pub fn new(inherited: Variables) -> Self {
        Environment { inherited, changes: Vec::new() }
    }

    /// The caller's value of a variable.
    pub fn inherited(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        value_of(&self.inherited, name.as_ref())
    }

    /// The planned value of a variable.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        match self.change(name.as_ref()) {
            Some(change) => change.value.as_deref(),
            None => self.inherited(name),
        }
    }

    /// Sets a variable. Setting what is there already is no change.
    pub fn set(
        &mut self,
        name: impl AsRef<OsStr>,
        value: impl Into<OsString>,
        reason: impl Into<String>,
    ) {
        let (name, value) = (name.as_ref(), value.into());
        self.forget(name);
        if self.inherited(name) != Some(&value) {
            self.note(name, Some(value), reason, false);
        }
    }

    /// Unsets a variable. Unsetting what the caller does not have is no change.
    pub fn unset(&mut self, name: impl AsRef<OsStr>, reason: impl Into<String>) {
        self.leave_out(name.as_ref(), reason, false);
    }

    /// Unsets a variable, unless a file of Toolkit's turns out to name it (see [`Self::named`]).
    pub fn withhold(&mut self, name: impl AsRef<OsStr>, reason: impl Into<String>) {
        self.leave_out(name.as_ref(), reason, true);
    }

    /// The planned value of a variable that a file of Toolkit's names. Toolkit will read that file
    /// again, so a withheld variable comes back.
    pub fn named(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let name = name.as_ref();
        if self.change(name).is_some_and(|change| change.withheld) {
            self.forget(name);
        }
        self.get(name).map(OsStr::to_owned)
    }

    /// The names that are set so far and that `chosen` holds for.
    pub fn names(&self, chosen: impl Fn(&OsStr) -> bool) -> Vec<OsString> {
        let names = self.variables().map(|(name, _)| name).filter(|name| chosen(name));
        names.map(OsStr::to_owned).collect()
    }

    /// Every change, by name.
    pub fn changes(&self) -> Vec<&Change> {
        let mut changes: Vec<&Change> = self.changes.iter().collect();
        changes.sort_by(|one, other| one.name.cmp(&other.name));
        changes
    }

    /// The variables that Python gets.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let kept = self.inherited.iter().filter(|(name, _)| self.change(name).is_none());
        let kept = kept.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let set =
            self.changes.iter().filter_map(|c| Some((c.name.as_os_str(), c.value.as_deref()?)));
        kept.chain(set)
    }

    fn change(&self, name: &OsStr) -> Option<&Change> {
        self.changes.iter().find(|change| is_same_name(&change.name, name))
    }

    fn forget(&mut self, name: &OsStr) {
        self.changes.retain(|change| !is_same_name(&change.name, name));
    }

    fn leave_out(&mut self, name: &OsStr, reason: impl Into<String>, withheld: bool) {
        self.forget(name);
        if self.inherited(name).is_some() {
            self.note(name, None, reason, withheld);
        }
    }

    fn note(
        &mut self,
        name: &OsStr,
        value: Option<OsString>,
        reason: impl Into<String>,
        withheld: bool,
    ) {
        self.changes.push(Change { name: name.to_owned(), value, reason: reason.into(), withheld });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::new(vec![("A".into(), "1".into()), ("B".into(), "2".into())])
    }

    fn pairs(environment: &Environment) -> Vec<(&str, &str)> {
        environment.variables().map(|(n, v)| (n.to_str().unwrap(), v.to_str().unwrap())).collect()
    }

    #[test]
    fn only_real_changes_are_kept() {
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
    fn a_withheld_variable_comes_back_when_it_is_named() {
        let mut environment = environment();
        environment.withhold("A", "clean");
        environment.unset("B", "unwanted");
        assert_eq!(environment.named("A"), Some("1".into()));
        assert_eq!(environment.named("B"), None);
        assert_eq!(pairs(&environment), [("A", "1")]);
    }

    #[test]
    fn patterns() {
        let matches =
            |pattern, name: &str| NamePattern::new(pattern).unwrap().matches(name.as_ref());
        assert!(matches("LC_*", "LC_ALL") && matches("*", "A") && matches("A", "A"));
        assert!(!matches("LC_*", "LANG") && !matches("A", "AB") && !matches("LC_*", "LC"));
        assert!(
            ["", "A=B", "A*B", "*A*", "**"].iter().all(|word| NamePattern::new(*word).is_none())
        );
    }
}
