//! Readers of the values in a settings file. Each fails with what the value should be, never with the value
//! itself unless it is a name: a secret may stand in a wrong place.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as DeError;
use serde::{Deserialize, Deserializer};

use crate::environment::{NamePattern, Variables, is_name};
use crate::fast_import::FastImport;

/// Fails if the text is empty or holds a NUL.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match String::deserialize(deserializer)? {
        text if is_text(&text) => Ok(Some(text)),
        _ => Err(D::Error::custom(
            "value is empty or contains a NUL byte; leave the key out instead",
        )),
    }
}

/// Reads true, false or "release".
pub fn fast_import<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<FastImport>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Switch(bool),
        Name(String),
    }
    match Written::deserialize(deserializer) {
        Ok(Written::Switch(true)) => Ok(Some(FastImport::On)),
        Ok(Written::Switch(false)) => Ok(Some(FastImport::Off)),
        Ok(Written::Name(name)) if name == "release" => Ok(Some(FastImport::Release)),
        _ => Err(D::Error::custom("expected true, false or \"release\"")),
    }
}

/// Fails if one of the texts is empty or holds a NUL.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.iter().all(|text| is_text(text)) {
        Ok(Some(texts))
    } else {
        Err(D::Error::custom("a path is empty or contains a NUL byte"))
    }
}

/// Reads dotted names of Python modules.
pub fn modules<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    match names.iter().find(|name| !name.split('.').all(is_identifier)) {
        Some(name) => Err(D::Error::custom(format!("invalid module name: '{name}'"))),
        None => Ok(Some(names)),
    }
}

pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match humantime::parse_duration(&String::deserialize(deserializer)?) {
        Ok(duration) => Ok(Some(duration)),
        Err(_) => Err(D::Error::custom("expected a duration such as \"1d\", \"12h\" or \"10m\"")),
    }
}

/// Reads a duration that is not zero.
pub fn time_limit<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    match duration(deserializer)? {
        Some(Duration::ZERO) => Err(D::Error::custom("duration must be longer than zero")),
        limit => Ok(limit),
    }
}

pub fn optional_patterns<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<NamePattern>>, D::Error> {
    Ok(Some(patterns(deserializer)?))
}

pub fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NamePattern>, D::Error> {
    let mut patterns = Vec::new();
    for word in Vec::<String>::deserialize(deserializer)? {
        patterns.push(NamePattern::new(&word).ok_or_else(|| not_a_name(&word))?);
    }
    Ok(patterns)
}

/// Reads the variables to set. Fails if a name cannot be a variable's, or a value holds a NUL.
pub fn assignments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
    let mut variables = Variables::new();
    for (name, value) in BTreeMap::<String, String>::deserialize(deserializer)? {
        if !is_name(name.as_ref()) {
            return Err(not_a_name(&name));
        }
        if value.contains('\0') {
            return Err(D::Error::custom(format!("the value of '{name}' contains a NUL byte")));
        }
        variables.push((name.into(), value.into()));
    }
    Ok(variables)
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0')
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with(|c: char| c.is_ascii_digit())
        && part.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn not_a_name<E: DeError>(word: &str) -> E {
    E::custom(format!("invalid variable name: '{word}'"))
}
