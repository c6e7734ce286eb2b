//! The members of a sidecar's object, and how values are written there, whichever version it has.

use std::borrow::Cow;
use std::fmt::Write;

use super::json::Json;
use crate::{Code, Error};

/// Layers of a checkpoint, at most.
pub(super) const MOST_LAYERS: usize = 16384;
/// Values of a signal of one sample, and weights of a layer, at most.
pub(super) const LARGEST_WIDTH: usize = (1 << 31) - 1;

/// The members of an object, by key; `file` is what messages call it.
pub(super) struct Fields<'a> {
    pub(super) members: Vec<(Cow<'a, str>, Json<'a>)>,
    pub(super) file: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, key: &str) -> Option<Json<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|&(_, value)| value)
    }

    /// Whether the keys are these and no others.
    pub(super) fn are(&self, keys: &[&str]) -> bool {
        self.members.len() == keys.len() && keys.iter().all(|key| self.get(key).is_some())
    }

    /// What `read` makes of a member. Errors: `sidecar_schema` where that is nothing.
    pub(super) fn demand<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(Json<'a>) -> Option<T>,
    ) -> Result<T, Error> {
        self.get(key).and_then(read).ok_or_else(|| schema(self.file, key, expected))
    }
}

/// A list of texts.
pub(super) fn texts_of(value: Json<'_>) -> Option<Vec<String>> {
    value.array(MOST_LAYERS + 1)?.into_iter().map(|item| item.string().map(Cow::into_owned)).collect()
}

/// The error for a field that is not what it must be.
pub(super) fn schema(file: &str, key: &str, expected: &str) -> Error {
    Error::new(Code::SidecarSchema, format!("{file}: {key} must be {expected}"))
}

/// A list of texts as it is written.
pub(super) fn texts(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// A list of numbers as it is written.
pub(super) fn numbers(items: &[usize]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    format!("[{}]", items.join(", "))
}

/// A text as it is written.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
