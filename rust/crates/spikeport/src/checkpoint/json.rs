//! Strict JSON: RFC 8259 and no more.
//!
//! Refused as well: a key that stands twice in one object, nesting deeper than [`DEEPEST`], an escaped lone surrogate, a
//! number longer than [`LONGEST_NUMBER`] or beyond a double. A value is kept as its text, so that a text
//! of 16 MiB never becomes a tree many times its size.

use std::borrow::Cow;
use std::collections::HashSet;

/// Levels of brackets, at most.
const DEEPEST: usize = 64;
/// Characters of a number, at most.
const LONGEST_NUMBER: usize = 400;

type Fault = String;

/// The text of one value that was found to be strict JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a>(&'a str);

/// Check that `text` is one value of strict JSON, where it stands within `depth` levels of brackets.
pub(super) fn parse(text: &[u8], depth: usize) -> Result<Json<'_>, Fault> {
    let text =
        std::str::from_utf8(text).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
    let mut scanner = Scanner { text, at: 0, depth };
    let value = scanner.value()?;
    scanner.space();
    match scanner.peek() {
        None => Ok(value),
        Some(_) => Err(scanner.fault("the end")),
    }
}

impl<'a> Json<'a> {
    /// The text of the value, without space around it.
    pub(super) fn text(self) -> &'a str {
        self.0
    }

    /// The members of an object, in order; `None` for another value.
    pub(super) fn object(self) -> Option<Vec<(Cow<'a, str>, Json<'a>)>> {
        let mut members = Vec::new();
        let push = |key, value| {
            members.push((key, value));
            Ok(())
        };
        self.scanner().object(push).ok()?;
        Some(members)
    }

    /// The items of an array, the first `most` of them; `None` for another value.
    pub(super) fn array(self, most: usize) -> Option<Vec<Json<'a>>> {
        let mut items = Vec::new();
        let push = |item| {
            if items.len() < most {
                items.push(item);
            }
            Ok(())
        };
        self.scanner().array(push).ok()?;
        Some(items)
    }

    /// The text between the quotes, unescaped; `None` for another value.
    pub(super) fn string(self) -> Option<Cow<'a, str>> {
        self.scanner().string().ok()
    }

    /// A number without fraction and exponent, brought into range; `None` for another value.
    pub(super) fn integer(self) -> Option<i128> {
        let digits = self.0.strip_prefix('-').unwrap_or(self.0);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let beyond = if digits.len() == self.0.len() { i128::MAX } else { i128::MIN };
        Some(self.0.parse().unwrap_or(beyond))
    }

    fn scanner(self) -> Scanner<'a> {
        Scanner { text: self.0, at: 0, depth: 0 }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn value(&mut self) -> Result<Json<'a>, Fault> {
        self.space();
        let start = self.at;
        match self.peek() {
            Some(b'{') => {
                let mut keys = HashSet::new();
                self.object(|key, _| match keys.insert(key) {
                    true => Ok(()),
                    false => Err("a key stands twice in one object".into()),
                })?;
            }
            Some(b'[') => self.array(|_| Ok(()))?,
            Some(b'"') => drop(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => {
                let word =
                    ["true", "false", "null"].into_iter().find(|word| self.text[self.at..].starts_with(word));
                self.at += word.ok_or_else(|| self.fault("a value"))?.len();
            }
        }
        Ok(Json(&self.text[start..self.at]))
    }

    fn object(
        &mut self,
        mut each: impl FnMut(Cow<'a, str>, Json<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.enter(b'{')?;
        if !self.take(b'}') {
            loop {
                self.space();
                let key = self.string()?;
                self.expect(b':')?;
                let value = self.value()?;
                each(key, value)?;
                if !self.take(b',') {
                    break;
                }
            }
            self.expect(b'}')?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, mut each: impl FnMut(Json<'a>) -> Result<(), Fault>) -> Result<(), Fault> {
        self.enter(b'[')?;
        if !self.take(b']') {
            loop {
                let value = self.value()?;
                each(value)?;
                if !self.take(b',') {
                    break;
                }
            }
            self.expect(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.expect(b'"')?;
        let mut unescaped = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(match unescaped.is_empty() {
                        true => Cow::Borrowed(rest),
                        false => Cow::Owned(unescaped + rest),
                    });
                }
                Some(b'\\') => {
                    unescaped.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    unescaped.push(self.escape()?);
                    start = self.at;
                }
                Some(0..0x20) | None => return Err(self.fault("a closing quote")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let letter = self.peek().ok_or_else(|| self.fault("an escape"))?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.four_digits()?;
                let code = match high {
                    0xD800..0xDC00 if self.text[self.at..].starts_with("\\u") => {
                        self.at += 2;
                        let low = self.four_digits()?;
                        if !(0xDC00..0xE000).contains(&low) {
                            return Err(self.fault("the second half of a surrogate pair"));
                        }
                        0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                    }
                    _ => high,
                };
                char::from_u32(code).ok_or_else(|| self.fault("a surrogate pair"))?
            }
            _ => return Err(self.fault("an escape")),
        })
    }

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let text = if is_hex { &self.text[self.at..self.at + 4] } else { "" };
        let code = u32::from_str_radix(text, 16).map_err(|_| self.fault("four hex digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let number = &self.text[start..self.at];
        match number.len() <= LONGEST_NUMBER && number.parse().is_ok_and(f64::is_finite) {
            true => Ok(()),
            false => Err(self.fault("a shorter or smaller number")),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("a digit")) } else { Ok(()) }
    }

    fn enter(&mut self, bracket: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        self.expect(bracket)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(&char::from(byte).to_string())) }
    }

    /// Step over `byte`, and the space before it, where it stands next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, expected: &str) -> Fault {
        format!("expected {expected} at byte {}", self.at)
    }
}
