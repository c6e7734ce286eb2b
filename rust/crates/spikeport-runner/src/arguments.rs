//! The words of a case.

use std::collections::HashMap;
use std::str::FromStr;

use spikeport::{Code, Element, Error, IfParameters, PerNeuron, StBifParameters};

/// Why a case has no answer.
pub enum Fault {
    /// A kernel refused the call.
    Refused(Error),
    /// The case cannot be read.
    Protocol(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// `key=value` words, by key.
pub struct Arguments<'a>(HashMap<&'a str, &'a str>);

impl<'a> Arguments<'a> {
    /// Read the words of a line; what is not `key=value` is left out.
    pub fn new(words: impl Iterator<Item = &'a str>) -> Self {
        Self(words.filter_map(|word| word.split_once('=')).collect())
    }

    /// Whether the case names `key`.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// How many of `key.0`, `key.1`, … the case names, up to the first that it does not.
    pub fn count(&self, key: &str) -> usize {
        (0..).take_while(|k| self.has(&format!("{key}.{k}"))).count()
    }

    /// A word, or an error where the case does not name it.
    pub fn word(&self, key: &str) -> Result<&'a str, Fault> {
        self.0.get(key).copied().ok_or_else(|| Fault::Protocol(format!("the case has no {key}")))
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<String, Fault> {
        unescape(self.word(key)?)
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, Fault> {
        words(self.word(key)?).map(unescape).collect()
    }

    /// A number.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<T, Fault> {
        parse(self.word(key)?)
    }

    /// A number, or `default` where the case does not name it.
    pub fn number_or<T: FromStr>(&self, key: &str, default: T) -> Result<T, Fault> {
        if self.has(key) { self.number(key) } else { Ok(default) }
    }

    /// A list of numbers.
    pub fn numbers<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Fault> {
        words(self.word(key)?).map(parse).collect()
    }

    /// A list of numbers in the type of the case: rounded where that is one of floats.
    ///
    /// Errors, of whole numbers: `non_finite`, `not_whole`, `overflow`.
    pub fn values<E: Element>(&self, key: &str) -> Result<Vec<E>, Fault> {
        Ok(self.numbers(key)?.into_iter().map(E::try_from_f64).collect::<Result<_, _>>()?)
    }

    /// The number of steps. Errors: `timesteps` where it is negative.
    pub fn timesteps(&self) -> Result<usize, Fault> {
        let timesteps: i64 = self.number("timesteps")?;
        usize::try_from(timesteps).map_err(|_| {
            let message = format!("timesteps must be at least 0, not {timesteps}");
            Error::new(Code::Timesteps, message).into()
        })
    }

    /// The word for the element type of the case.
    pub fn dtype(&self) -> &'a str {
        self.0.get("dtype").copied().unwrap_or("f64")
    }

    /// A parameter of neurons: one number, or one for each neuron.
    pub fn per_neuron(&self, key: &str, default: f64) -> Result<PerNeuron, Fault> {
        Ok(self.optional_per_neuron(key)?.unwrap_or(PerNeuron::All(default)))
    }

    /// A parameter of neurons that may be absent.
    pub fn optional_per_neuron(&self, key: &str) -> Result<Option<PerNeuron>, Fault> {
        if !self.has(key) {
            return Ok(None);
        }
        Ok(Some(match self.numbers(key)?.as_slice() {
            &[one] => PerNeuron::All(one),
            each => PerNeuron::Each(each.to_vec()),
        }))
    }

    /// The parameters of integrate-and-fire neurons.
    pub fn if_parameters(&self) -> Result<IfParameters, Fault> {
        Ok(IfParameters {
            threshold: self.per_neuron("threshold", 1.0)?,
            v_init: self.per_neuron("v_init", 0.5)?,
            v_reset: self.optional_per_neuron("v_reset")?,
            beta: self.per_neuron("beta", 1.0)?,
            max_spikes: self.number_or("max_spikes", 1)?,
        })
    }

    /// The parameters of ST-BIF neurons.
    pub fn st_bif_parameters(&self) -> Result<StBifParameters, Fault> {
        Ok(StBifParameters {
            threshold: self.per_neuron("threshold", 1.0)?,
            tracer_min: self.number_or("tracer_min", 0)?,
            tracer_max: self.number_or("tracer_max", 31)?,
            v_init: self.per_neuron("v_init", 0.5)?,
        })
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|_| !list.is_empty())
}

fn parse<T: FromStr>(word: &str) -> Result<T, Fault> {
    word.parse().map_err(|_| Fault::Protocol(format!("'{word:.40}' is not a number of its kind")))
}

fn unescape(word: &str) -> Result<String, Fault> {
    let fault = || Fault::Protocol(format!("'{word:.40}' is not percent-encoded UTF-8"));
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(fault)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| fault())?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| fault())
}
