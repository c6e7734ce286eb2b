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

    /// Append floats as bit patterns.
    pub fn floats<F: Bits>(self, key: &str, floats: &[F]) -> Self {
        self.list(key, floats.iter().map(|float| float.bits()))
    }

    /// Append a layer's signal.
    pub fn signal<F: Bits>(self, key: &str, signal: &Signal<F>) -> Self {
        match signal {
            Signal::Spikes(spikes) => self.numbers(key, spikes),
            Signal::Graded(values) => self.floats(key, values),
        }
    }

    /// Append a layer's counts.
    pub fn counts<F: Bits>(self, key: &str, counts: &Counts<F>) -> Self {
        match counts {
            Counts::Spikes(counts) => self.numbers(key, counts),
            Counts::Graded(values) => self.floats(key, values),
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

/// A float that leaves as its bit pattern.
pub trait Bits {
    /// Its bits in hex digits.
    fn bits(&self) -> String;
}

impl Bits for f32 {
    fn bits(&self) -> String {
        format!("{:08x}", self.to_bits())
    }
}

impl Bits for f64 {
    fn bits(&self) -> String {
        format!("{:016x}", self.to_bits())
    }
}

/// A text with every byte outside `A-Z a-z 0-9 . _ - / :` as `%XX`.
pub fn escape(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    let escaped = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escaped).collect()
}
