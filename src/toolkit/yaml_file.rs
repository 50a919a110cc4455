//! A YAML file of Toolkit, read into untyped values: people write `project_id: "$ID"` and `pc_name: 2019`.

use std::path::Path;

use serde_json::{Map, Value};
use serde_saphyr::DuplicateKeyPolicy;

use crate::disk::{self, FileProblem};
use crate::error::Error;

/// The values of a file, or of one key in it; none for an empty file.
#[derive(Default)]
pub struct YamlFile(Map<String, Value>);

impl YamlFile {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = disk::read(path).and_then(|text| text.ok_or(FileProblem::Missing));
        text.and_then(|text| Self::parse(&text)).map_err(|problem| Error::of_file(path, problem))
    }

    /// Parses a text as tk-core's reader does: the last of several equal keys counts.
    pub fn parse(text: &str) -> Result<Self, FileProblem> {
        let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
        match serde_saphyr::from_str_with_options(text, options) {
            Ok(value) => Self::of(&value),
            Err(error) => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Err(FileProblem::NotYaml(line.to_owned()))
            }
        }
    }

    /// Returns a text or whole number as text; `None` for another value.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_i64() => Some(number.to_string()),
            _ => None,
        }
    }

    /// Returns the values below a key; none without the key.
    pub fn below(&self, key: &str) -> Result<Self, FileProblem> {
        Self::of(self.0.get(key).unwrap_or(&Value::Null))
    }

    fn of(value: &Value) -> Result<Self, FileProblem> {
        match value {
            Value::Object(values) => Ok(YamlFile(values.clone())),
            Value::Null => Ok(YamlFile::default()),
            _ => Err(FileProblem::NotYaml("expected keys with values".into())),
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
