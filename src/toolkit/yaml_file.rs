//! A YAML file of Toolkit: its texts and numbers, by key. Toolkit's files that a launch reads are two levels deep; what
//! lies deeper is not kept, and lists are kept only for merge keys.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use crate::disk::{self, FileProblem};
use crate::error::Error;

/// The key of values that count unless the file has their keys itself (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

/// The levels of maps that are kept, with that of the file.
const LEVELS: usize = 3;

/// Keys that merges may add in one file: aliases of aliases could ask for any number.
const MOST_MERGED: usize = 100_000;

const TRUTH_VALUES: [&str; 6] = ["yes", "no", "true", "false", "on", "off"];

/// The values of a file, or of one key in it; none for an empty file.
#[derive(Default)]
pub struct YamlFile(Map);

type Keys = BTreeMap<String, Value>;

/// A value; an alias shares it with its anchor, so that aliases of aliases stay small.
#[derive(Clone)]
enum Value {
    Null,
    /// A text, or a whole number's decimal digits: people write `project_id: "$ID"` and `pc_name: 2019`.
    Text(String),
    Map(Map),
    /// The maps in a list, for merge keys.
    List(Rc<Vec<Map>>),
    /// A number that is not whole, a truth value, what a tag says, or a value that is not kept.
    Other,
}

impl Value {
    /// Returns the value without what no reader asks for.
    fn shallow(self) -> Self {
        match self {
            Value::List(_) => Value::Other,
            Value::Map(map) if map.levels >= LEVELS => Value::Other,
            value => value,
        }
    }
}

#[derive(Clone, Default)]
struct Map {
    keys: Rc<Keys>,
    /// The number of maps in each other, this one included.
    levels: usize,
}

impl Map {
    fn new(keys: Keys) -> Self {
        let mut below = 0;
        for value in keys.values() {
            if let Value::Map(map) = value {
                below = below.max(map.levels);
            }
        }
        Map { keys: Rc::new(keys), levels: below + 1 }
    }
}

impl YamlFile {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = disk::read(path).and_then(|text| text.ok_or(FileProblem::Missing));
        text.and_then(|text| Self::parse(&text)).map_err(|problem| Error::of_file(path, problem))
    }

    /// Parses a text as tk-core's reader does: the last of several equal keys counts.
    pub fn parse(text: &str) -> Result<Self, FileProblem> {
        let mut loader = Loader::default();
        for event in Parser::new_from_str(text) {
            loader.add(event.map_err(|error| not_yaml(&error))?.0)?;
        }
        Self::of(loader.document.as_ref())
    }

    /// Returns a text or whole number as text; `None` for another value.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.0.keys.get(key)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Returns the values below a key; none without the key.
    pub fn below(&self, key: &str) -> Result<Self, FileProblem> {
        Self::of(self.0.keys.get(key))
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys.keys().map(String::as_str)
    }

    fn of(value: Option<&Value>) -> Result<Self, FileProblem> {
        match value {
            Some(Value::Map(map)) => Ok(YamlFile(map.clone())),
            Some(Value::Null) | None => Ok(YamlFile::default()),
            Some(_) => Err(FileProblem::NotYaml("expected keys with values".into())),
        }
    }
}

fn not_yaml(error: &ScanError) -> FileProblem {
    let at = error.marker();
    let message = format!("{}, line {}, column {}", error.info(), at.line(), at.col() + 1);
    FileProblem::NotYaml(message)
}

/// Builds the document's value from the parser's events. The parser limits the nesting.
#[derive(Default)]
struct Loader {
    document: Option<Value>,
    /// The maps and lists around the next value, the innermost last.
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    /// The maps and keys that merges have looked at.
    merged: usize,
}

/// A map or list whose end has not come, with its anchor.
enum Open {
    Map {
        keys: Keys,
        merged: Vec<Map>,
        key: Option<Key>,
        anchor: usize,
    },
    /// `maps` is `None` if no merge can ask for them.
    List {
        maps: Option<Vec<Map>>,
        anchor: usize,
    },
}

/// A key whose value has not come.
enum Key {
    Text(String),
    Merge,
    /// A map, a list or an alias.
    Unread,
}

impl Loader {
    fn add(&mut self, event: Event<'_>) -> Result<(), FileProblem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                let is_merge = style == ScalarStyle::Plain && text == MERGE;
                let key = if is_merge { Key::Merge } else { Key::Text(text.into_owned()) };
                self.put(value, key, anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or(Value::Other);
                self.put(value, Key::Unread, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let (keys, merged) = (Keys::new(), Vec::new());
                self.open.push(Open::Map { keys, merged, key: None, anchor });
                Ok(())
            }
            Event::SequenceStart(_, anchor, _) => {
                let is_merged =
                    matches!(self.open.last(), Some(Open::Map { key: Some(Key::Merge), .. }));
                let maps = (is_merged || anchor > 0).then(Vec::new);
                self.open.push(Open::List { maps, anchor });
                Ok(())
            }
            Event::MappingEnd | Event::SequenceEnd => match self.open.pop() {
                Some(Open::Map { keys, merged, anchor, .. }) => {
                    let map = Map::new(self.merge(keys, merged)?);
                    self.put(Value::Map(map), Key::Unread, anchor)
                }
                Some(Open::List { maps, anchor }) => {
                    let list = maps.map_or(Value::Other, |maps| Value::List(Rc::new(maps)));
                    self.put(list, Key::Unread, anchor)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Puts a value in its place, which may be that of a key: then `key` is what it means there.
    fn put(&mut self, value: Value, key: Key, anchor: usize) -> Result<(), FileProblem> {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            Some(Open::List { maps, .. }) => {
                if let (Some(maps), Value::Map(map)) = (maps, value) {
                    maps.push(map);
                }
            }
            Some(Open::Map { keys, merged, key: place, .. }) => match (place.take(), value) {
                (None, _) => *place = Some(key),
                (Some(Key::Text(key)), value) => drop(keys.insert(key, value.shallow())),
                (Some(Key::Merge), Value::Map(map)) => merged.push(map),
                (Some(Key::Merge), Value::List(maps)) => {
                    self.merged += maps.len();
                    merged.extend(maps.iter().rev().cloned());
                }
                (Some(Key::Merge | Key::Unread), _) => {}
            },
            None if self.document.is_none() => self.document = Some(value),
            None => return Err(FileProblem::NotYaml("more than one document".into())),
        }
        self.check_merged()
    }

    fn check_merged(&self) -> Result<(), FileProblem> {
        if self.merged > MOST_MERGED {
            return Err(FileProblem::NotYaml(format!("more than {MOST_MERGED} merged keys")));
        }
        Ok(())
    }

    /// Adds the values of merged maps to those of a map: its own keys count first, then the last merged map.
    fn merge(&mut self, mut keys: Keys, merged: Vec<Map>) -> Result<Keys, FileProblem> {
        for map in merged.into_iter().rev() {
            self.merged += map.keys.len();
            self.check_merged()?;
            for (key, value) in map.keys.iter() {
                keys.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        Ok(keys)
    }
}

/// Returns the value of a scalar, by the rules of tk-core's reader (`PyYAML`, `resolver.py`).
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let tag = tag.map(Tag::suffix);
    if matches!(tag, Some("str" | "python/str" | "python/unicode"))
        || (tag.is_none() && style != ScalarStyle::Plain)
    {
        return Value::Text(text.to_owned());
    }
    let is_integer = matches!(tag, None | Some("int" | "python/int"));
    if let Some(number) = integer(text).filter(|_| is_integer) {
        return Value::Text(number.to_string());
    }
    if tag.is_some() || is_fraction(text) || is_word(text, &TRUTH_VALUES) {
        return Value::Other;
    }
    if text.is_empty() || text == "~" || is_word(text, &["null"]) {
        return Value::Null;
    }
    Value::Text(text.to_owned())
}

/// Returns true for one of the words in lower case, in upper case, or with a capital.
fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        let is_lower = text.get(1..) == word.get(1..);
        text.eq_ignore_ascii_case(word) && (is_lower || text == word.to_uppercase())
    })
}

/// Reads a whole number; `None` for one of more than 64 bits. A zero in front makes it octal.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x', ..] => (digits.get(2..)?, 16),
        [b'0', b'b', ..] => (digits.get(2..)?, 2),
        [b'0', _, ..] => (digits, 8),
        [b'0'..=b'9', ..] => (digits, 10),
        _ => return None,
    };
    let digits = digits.replace('_', "");
    let is_number = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    is_number.then(|| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok())?
}

/// Returns true for a number with a point. An exponent has a sign.
fn is_fraction(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let exponent = text.split_once(['e', 'E']).map(|(_, exponent)| exponent);
    let has_sign = exponent.is_none_or(|exponent| exponent.starts_with(['-', '+']));
    let is_number = text.starts_with('.') || unsigned.starts_with(|c: char| c.is_ascii_digit());
    matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || (is_number && has_sign && text.contains('.') && text.parse::<f64>().is_ok())
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
