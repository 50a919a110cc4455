//! Builds values from the events of the YAML parser. What no reader asks for is not kept: maps that lie deep, and lists
//! but for merge keys.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::scalar::{Scalar, scalar};
use crate::disk::FileProblem;

/// The key of values that count unless the file has their keys itself (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

/// The levels of maps that are kept, with that of the file.
const LEVELS: usize = 3;

/// Keys that merges may add in one file: aliases of aliases could ask for any number.
const MOST_MERGED: usize = 100_000;

/// Stands for a value that is not kept.
const UNKEPT: Value = Value::Scalar(Scalar::Other);

type Keys = BTreeMap<String, Value>;

/// A value; an alias shares it with its anchor, so that aliases of aliases stay small.
#[derive(Clone)]
pub enum Value {
    Scalar(Scalar),
    Map(Map),
    /// The maps in a list, for merge keys.
    List(Rc<Vec<Map>>),
}

impl Value {
    /// Returns the value without what no reader asks for.
    fn shallow(self) -> Self {
        match self {
            Value::List(_) => UNKEPT,
            Value::Map(map) if map.levels >= LEVELS => UNKEPT,
            value => value,
        }
    }
}

#[derive(Clone, Default)]
pub struct Map {
    pub keys: Rc<Keys>,
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

/// Returns the value of a text; `None` for a text without one.
pub fn load(text: &str) -> Result<Option<Value>, FileProblem> {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        loader.add(event.map_err(|error| not_yaml(&error))?.0)?;
    }
    Ok(loader.document)
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
                let value = Value::Scalar(scalar(&text, style, tag.as_deref()));
                let is_merge = style == ScalarStyle::Plain && text == MERGE;
                let key = if is_merge { Key::Merge } else { Key::Text(text.into_owned()) };
                self.put(value, key, anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or(UNKEPT);
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
                let maps = (is_merged || anchor > 0).then_some(Vec::new());
                self.open.push(Open::List { maps, anchor });
                Ok(())
            }
            Event::MappingEnd | Event::SequenceEnd => match self.open.pop() {
                Some(Open::Map { keys, merged, anchor, .. }) => {
                    let map = Map::new(self.merge(keys, merged)?);
                    self.put(Value::Map(map), Key::Unread, anchor)
                }
                Some(Open::List { maps, anchor }) => {
                    let list = maps.map_or(UNKEPT, |maps| Value::List(Rc::new(maps)));
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
