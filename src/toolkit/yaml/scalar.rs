//! The meaning of a YAML scalar, by the rules of tk-core's reader.

use granit_parser::{ScalarStyle, Tag};

const TRUTH_VALUES: [&str; 6] = ["yes", "no", "true", "false", "on", "off"];

/// A scalar's value.
#[derive(Clone)]
pub enum Scalar {
    Null,
    /// A text, or a whole number's decimal digits: people write `project_id: "$ID"` and `pc_name: 2019`.
    Text(String),
    /// A number that is not whole, a truth value, or what a tag says.
    Other,
}

/// Returns the value of a scalar, by the rules of tk-core's reader (`PyYAML`, `resolver.py`).
pub fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    let tag = tag.map(Tag::suffix);
    if matches!(tag, Some("str" | "python/str" | "python/unicode"))
        || (tag.is_none() && style != ScalarStyle::Plain)
    {
        return Scalar::Text(text.to_owned());
    }
    let is_integer = matches!(tag, None | Some("int" | "python/int"));
    if let Some(number) = integer(text).filter(|_| is_integer) {
        return Scalar::Text(number.to_string());
    }
    if tag.is_some() || is_fraction(text) || is_word(text, &TRUTH_VALUES) {
        return Scalar::Other;
    }
    if text.is_empty() || text == "~" || is_word(text, &["null"]) {
        return Scalar::Null;
    }
    Scalar::Text(text.to_owned())
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
    is_number.then_some(i64::from_str_radix(&format!("{sign}{digits}"), radix).ok())?
}

/// Returns true for a number with a point. An exponent has a sign.
fn is_fraction(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let has_sign = match text.split_once(['e', 'E']) {
        Some((_, exponent)) => exponent.starts_with(['-', '+']),
        None => true,
    };
    let is_number = text.starts_with('.') || unsigned.starts_with(|c: char| c.is_ascii_digit());
    matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || (is_number && has_sign && text.contains('.') && text.parse::<f64>().is_ok())
}
