//! A YAML file of Toolkit: its texts and numbers, by key. The files that a launch reads are two levels deep.

mod loader;
mod scalar;

use std::path::Path;

use crate::disk::{self, FileProblem};
use crate::error::Error;
use loader::{Map, Value, load};
use scalar::Scalar;

/// The values of a file, or of one key in it; none for an empty file.
#[derive(Default)]
pub struct YamlFile(Map);

impl YamlFile {
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_file(path).map_err(|problem| Error::of_file(path, problem))
    }

    fn read_file(path: &Path) -> Result<Self, FileProblem> {
        Self::parse(&disk::read(path)?.ok_or(FileProblem::Missing)?)
    }

    /// Parses a text as tk-core's reader does: the last of several equal keys counts.
    pub fn parse(text: &str) -> Result<Self, FileProblem> {
        Self::of(load(text)?.as_ref())
    }

    /// Returns a text or whole number as text; `None` for another value.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.0.keys.get(key)? {
            Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Returns the values below a key; none without the key.
    pub fn below(&self, key: &str) -> Result<Self, FileProblem> {
        Self::of(self.0.keys.get(key))
    }

    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys.keys().map(String::as_str)
    }

    fn of(value: Option<&Value>) -> Result<Self, FileProblem> {
        match value {
            Some(Value::Map(map)) => Ok(YamlFile(map.clone())),
            Some(Value::Scalar(Scalar::Null)) | None => Ok(YamlFile::default()),
            Some(_) => Err(FileProblem::NotYaml("expected keys with values".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::Value as Json;

    use super::*;

    /// The text that another reader sees in a value.
    fn text_of(value: &Json) -> Option<String> {
        match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) if number.is_i64() => Some(number.to_string()),
            _ => None,
        }
    }

    fn compare(text: &str) -> Result<(), TestCaseError> {
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins
        };
        let theirs = serde_saphyr::from_str_with_options::<Json>(text, options);
        let ours = YamlFile::parse(text);
        let Ok(Json::Object(theirs)) = theirs else { return Ok(()) };
        let Ok(ours) = ours else {
            return Err(TestCaseError::fail(format!("{text:?} is refused")));
        };
        for (key, value) in &theirs {
            prop_assert_eq!(ours.text(key), text_of(value), "{} in {:?}", key, text);
            let Json::Object(below) = value else { continue };
            let ours =
                ours.below(key).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
            for (key, value) in below {
                prop_assert_eq!(ours.text(key), text_of(value), "{} in {:?}", key, text);
            }
        }
        Ok(())
    }

    #[test]
    fn aliases_of_aliases_stay_small() {
        let chain = |line: &dyn Fn(usize) -> String, count: usize| -> String {
            std::iter::once("a0: &a0 {k: v}\n".into()).chain((1..count).map(line)).collect()
        };
        let is_refused = |text: &str| YamlFile::parse(text).is_err();
        let merges = |n: usize| format!("a{n}: &a{n} {{<<: *a{}, k{n}: 1}}\n", n - 1);
        assert!(is_refused(&chain(&merges, 1000)) && !is_refused(&chain(&merges, 100)));
        let lists = |n: usize| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
        assert!(!is_refused(&chain(&lists, 20_000)));
        let listed_maps = |n: usize| format!("a{n}: &a{n} [{{k: *a{}}}]\n", n - 1);
        assert!(!is_refused(&chain(&listed_maps, 20_000)));
        let maps = |n: usize| format!("a{n}: &a{n} {{k: *a{0}, l: *a{0}}}\n", n - 1);
        assert!(!is_refused(&chain(&maps, 20_000)));
        let many = "{}, ".repeat(1000);
        let merged_lists = format!("a: &a [{many}]\nb: {{{}}}\n", "<<: *a, ".repeat(1000));
        assert!(is_refused(&merged_lists));
    }

    #[test]
    fn later_merge_key_counts() {
        let name = |text: &str| YamlFile::parse(text).unwrap().text("k");
        assert_eq!(name("<<: {k: a}\n<<: {k: b}\n"), Some("b".into()));
        assert_eq!(name("<<: [{k: a}, {k: b}]\n"), Some("a".into()));
        assert_eq!(name("k: c\n<<: {k: a}\n"), Some("c".into()));
    }

    #[test]
    fn values_are_those_of_another_reader() {
        let value = select(vec![
            "1",
            "-7",
            "+7",
            "0x1F",
            "0b11",
            "1_000",
            "1.5",
            ".5",
            "-.inf",
            ".NaN",
            "NaN",
            "inf",
            "--1",
            "- 1",
            "1 2",
            "-9223372036854775808",
            "0x",
            "+",
            "-",
            ".",
            "Primary",
            "'a'",
            "\"a\\u00e9\"",
            "'1'",
            "'~'",
            "~",
            "null",
            "Null",
            "NULL",
            "yes",
            "No",
            "on",
            "OFF",
            "true",
            "TRUE",
            "[1, [2]]",
            "{a: 1, b: x}",
            "*x",
            "&x {c: d}",
            "&x 7",
            "!!str 7",
            "!!int '7'",
            "!!int x",
            "!x y",
            "!!float 1",
            "!!null x",
            "!!bool x",
            "|\n  a\n  b",
            ">-\n  a\n  b",
            "2020-01-01",
            "12:30:00",
            "#",
            "a #b",
            "a: b",
            "{<<: *x}",
            "'it''s'",
            "\"\"",
            "1,2",
            "-1.0e+3",
            "1.",
            "0x1G",
            " 7 ",
            "7\n  8",
        ]);
        let key =
            select(vec!["a", "b", "'c'", "\"d\"", "1", "<<", "? e", "&x f", "null", "true", "[g]"]);
        let line = (key, value).prop_map(|(key, value)| format!("{key}: {value}\n"));
        let text = prop::collection::vec(line, 0..6).prop_map(|lines| lines.concat());
        proptest!(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() }, |(text in text)| {
            compare(&text)?;
        });
    }
}
