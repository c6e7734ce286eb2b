//! The words of a reply.

use std::fmt::{self, Display, Write};

use spikeport::{Counts, Signal};

/// ` key=value` words.
#[derive(Default)]
pub struct Reply(String);

impl Reply {
    /// Append a list of integers.
    pub fn numbers<T: Display>(self, key: &str, numbers: impl IntoIterator<Item = T>) -> Self {
        self.list(key, numbers.into_iter().map(|number| number.to_string()))
    }

    /// Append a list of texts.
    pub fn texts<T: AsRef<str>>(self, key: &str, texts: impl IntoIterator<Item = T>) -> Self {
        self.list(key, texts.into_iter().map(|text| escape(text.as_ref())))
    }

    /// Append values of an element type.
    pub fn values<E: Written>(self, key: &str, values: &[E]) -> Self {
        self.list(key, values.iter().map(|value| value.written()))
    }

    /// Append a layer's signal.
    pub fn signal<E: Written>(self, key: &str, signal: &Signal<E>) -> Self {
        match signal {
            Signal::Spikes(spikes) => self.numbers(key, spikes),
            Signal::Graded(values) => self.values(key, values),
        }
    }

    /// Append a layer's counts.
    pub fn counts<E: Written>(self, key: &str, counts: &Counts<E>) -> Self {
        match counts {
            Counts::Spikes(counts) => self.numbers(key, counts),
            Counts::Graded(values) => self.values(key, values),
        }
    }

    fn list(mut self, key: &str, items: impl Iterator<Item = String>) -> Self {
        let items: Vec<String> = items.collect();
        // Writing to a String cannot fail.
        let _ = write!(self.0, " {key}={}", items.join(","));
        self
    }
}

impl Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A value of an element type: a float leaves as the hex digits of its bits, a whole number as a decimal.
pub trait Written {
    /// The word for it.
    fn written(&self) -> String;
}

impl Written for f32 {
    fn written(&self) -> String {
        format!("{:08x}", self.to_bits())
    }
}

impl Written for f64 {
    fn written(&self) -> String {
        format!("{:016x}", self.to_bits())
    }
}

impl Written for i32 {
    fn written(&self) -> String {
        self.to_string()
    }
}

/// A text with every byte outside `A-Z a-z 0-9 . _ - / :` as `%XX`.
pub fn escape(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    let escaped = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escaped).collect()
}
