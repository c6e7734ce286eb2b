//! The sidecar: what `<name>.json` says of the archive beside it, strict in both directions.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use super::digest::sha256;
use super::json::{self, Json};
use crate::{Code, Error};

/// Bytes of a sidecar, at most.
pub(super) const LARGEST_SIDECAR: usize = 16 << 20;
const MOST_LAYERS: usize = 16384;
const LARGEST_WIDTH: i128 = (1 << 31) - 1;
const FORMAT: &str = "spikeport-checkpoint";
const KEYS: [&str; 10] = [
    "archive",
    "format",
    "frozen_layers",
    "layer_names",
    "layer_sizes",
    "metadata",
    "n_layers",
    "neuron_types",
    "total_params",
    "version",
];

/// The content of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sidecar {
    pub(super) names: Vec<String>,
    /// (in, out) of every layer.
    pub(super) sizes: Vec<[usize; 2]>,
    pub(super) kinds: Vec<String>,
    pub(super) frozen: Vec<String>,
    pub(super) total_params: i128,
    pub(super) archive_bytes: i128,
    pub(super) archive_sha256: String,
    /// The text of a JSON object.
    pub(super) metadata: String,
}

impl Sidecar {
    /// Read and check a sidecar's bytes; `file` is its name, for messages.
    ///
    /// Errors, in this order: `too_large`, `sidecar_syntax`, `version`, `sidecar_schema`, `layer_chain`.
    pub(super) fn read(content: &[u8], file: &str) -> Result<Self, Error> {
        if content.len() > LARGEST_SIDECAR {
            return Err(Error::new(
                Code::TooLarge,
                format!("{file} is larger than 16 MiB: it is not a sidecar of ours"),
            ));
        }
        let value = json::parse(content, 0).map_err(|fault| {
            Error::new(Code::SidecarSyntax, format!("{file} is not strict JSON: {fault}"))
        })?;
        let fields = Fields {
            members: value.object().ok_or_else(|| schema(file, "the content", "a JSON object"))?,
            file,
        };
        fields.check_version()?;
        let sidecar = fields.check()?;
        sidecar.check(file)?;
        Ok(sidecar)
    }

    /// Check what reading and writing both demand: names, frozen names, the chain.
    pub(super) fn check(&self, file: &str) -> Result<(), Error> {
        let unique: HashSet<&String> = self.names.iter().collect();
        let has_names = (1..=MOST_LAYERS).contains(&self.names.len()) && unique.len() == self.names.len();
        if !has_names || self.names.iter().any(String::is_empty) {
            return Err(schema(file, "layer_names", "1 to 16384 unique names"));
        }
        if self.kinds.len() != self.names.len() || self.kinds.iter().any(String::is_empty) {
            return Err(schema(file, "neuron_types", "a label for every layer"));
        }
        let in_range = |n: &usize| (1..=LARGEST_WIDTH).contains(&(*n as i128));
        if self.sizes.len() != self.names.len() || !self.sizes.iter().flatten().all(in_range) {
            return Err(schema(
                file,
                "layer_sizes",
                "a pair [in, out] of numbers from 1 to 2^31 - 1 for every layer",
            ));
        }
        let frozen: HashSet<&String> = self.frozen.iter().collect();
        if !self.names.iter().filter(|name| frozen.contains(name)).eq(&self.frozen) {
            return Err(schema(
                file,
                "frozen_layers",
                "names of layers, each once, in the order of layer_names",
            ));
        }
        for (k, pair) in self.sizes.windows(2).enumerate() {
            let ([_, out], [input, _]) = (pair[0], pair[1]);
            if out != input {
                let (before, after) = (&self.names[k], &self.names[k + 1]);
                let message =
                    format!("{file}: {before} has {out} outputs, {after} takes {input}: they must agree");
                return Err(Error::new(Code::LayerChain, message));
            }
        }
        Ok(())
    }

    /// Whether `archive` is the one that this sidecar was written for.
    pub(super) fn is_of(&self, archive: &[u8]) -> bool {
        archive.len() as i128 == self.archive_bytes && sha256(archive) == self.archive_sha256
    }

    /// The canonical bytes: keys sorted, one on each line, a line feed at the end. Errors: `too_large`.
    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        let sizes: Vec<String> =
            self.sizes.iter().map(|[n_in, n_out]| format!("[{n_in}, {n_out}]")).collect();
        let values = [
            format!("{{\"bytes\": {}, \"sha256\": \"{}\"}}", self.archive_bytes, self.archive_sha256),
            quoted(FORMAT),
            texts(&self.frozen),
            texts(&self.names),
            format!("[{}]", sizes.join(", ")),
            self.metadata.clone(),
            self.names.len().to_string(),
            texts(&self.kinds),
            self.total_params.to_string(),
            "1".to_owned(),
        ];
        let lines: Vec<String> =
            KEYS.iter().zip(values).map(|(key, value)| format!("  \"{key}\": {value}")).collect();
        let content = format!("{{\n{}\n}}\n", lines.join(",\n")).into_bytes();
        if content.len() > LARGEST_SIDECAR {
            let message = format!("the sidecar has {} bytes: keep metadata under 16 MiB", content.len());
            return Err(Error::new(Code::TooLarge, message));
        }
        Ok(content)
    }
}

/// The error for an archive of another sidecar.
pub(super) fn foreign(file: &str) -> Error {
    let message = format!("{file} is not the archive that its sidecar was written for: restore both files");
    Error::new(Code::ArchiveDigest, message)
}

/// Check that `metadata` is the text of a JSON object that fits into a sidecar, and return it without space around.
pub(super) fn check_metadata(metadata: &str) -> Result<&str, Error> {
    let value = json::parse(metadata.as_bytes(), 1)
        .map_err(|fault| Error::new(Code::SidecarSchema, format!("metadata is not strict JSON: {fault}")))?;
    match value.object() {
        Some(_) => Ok(value.text()),
        None => Err(schema("checkpoint", "metadata", "a JSON object")),
    }
}

/// The members of a sidecar's object.
struct Fields<'a> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    file: &'a str,
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<Json<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|&(_, value)| value)
    }

    fn check_version(&self) -> Result<(), Error> {
        let file = self.file;
        if self.get("format").is_some_and(|format| format.string().as_deref() != Some(FORMAT)) {
            return Err(Error::new(Code::Version, format!("{file}: format is not \"{FORMAT}\"")));
        }
        match self.get("version") {
            Some(version) if version.integer() != Some(1) => {
                let message =
                    format!("{file}: version {:.20} is not 1: use a newer spikeport", version.text());
                Err(Error::new(Code::Version, message))
            }
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<Sidecar, Error> {
        if self.members.len() != KEYS.len() || !KEYS.iter().all(|key| self.get(key).is_some()) {
            return Err(schema(self.file, "the keys", &KEYS.join(", ")));
        }
        let names = self.demand("layer_names", "1 to 16384 unique names", texts_of)?;
        let kinds = self.demand("neuron_types", "labels", texts_of)?;
        let sizes =
            self.demand("layer_sizes", "pairs [in, out] of whole numbers from 1 to 2^31 - 1", sizes_of)?;
        let frozen = self.demand("frozen_layers", "names of layers", texts_of)?;
        let count = names.len() as i128;
        self.demand("n_layers", "the number of layers", |n| n.integer().filter(|&n| n == count))?;
        let above_0 = |n: Json<'a>| n.integer().filter(|&n| n > 0);
        let total_params = self.demand("total_params", "a whole number above 0", above_0)?;
        let object = |value: Json<'a>| value.object().map(|_| value.text().to_owned());
        let metadata = self.demand("metadata", "a JSON object", object)?;
        let (archive_bytes, archive_sha256) =
            self.demand("archive", "{bytes, sha256}: a length and 64 hex digits", archive_of)?;
        Ok(Sidecar { names, sizes, kinds, frozen, total_params, archive_bytes, archive_sha256, metadata })
    }

    fn demand<T>(&self, key: &str, expected: &str, read: impl Fn(Json<'a>) -> Option<T>) -> Result<T, Error> {
        self.get(key).and_then(read).ok_or_else(|| schema(self.file, key, expected))
    }
}

fn texts_of(value: Json<'_>) -> Option<Vec<String>> {
    value.array(MOST_LAYERS + 1)?.into_iter().map(|item| item.string().map(Cow::into_owned)).collect()
}

fn sizes_of(value: Json<'_>) -> Option<Vec<[usize; 2]>> {
    let width = |n: Json<'_>| n.integer().filter(|n| (1..=LARGEST_WIDTH).contains(n)).map(|n| n as usize);
    let pair = |size: Json<'_>| match size.array(3)?.as_slice() {
        &[n_in, n_out] => Some([width(n_in)?, width(n_out)?]),
        _ => None,
    };
    value.array(MOST_LAYERS + 1)?.into_iter().map(pair).collect()
}

fn archive_of(value: Json<'_>) -> Option<(i128, String)> {
    let members = value.object()?;
    let get = |key: &str| members.iter().find(|(name, _)| name == key).map(|&(_, value)| value);
    let bytes = get("bytes")?.integer().filter(|&bytes| bytes >= 0)?;
    let sha256 = get("sha256")?.string()?.into_owned();
    let is_digest =
        sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (members.len() == 2 && is_digest).then_some((bytes, sha256))
}

fn schema(file: &str, key: &str, expected: &str) -> Error {
    Error::new(Code::SidecarSchema, format!("{file}: {key} must be {expected}"))
}

fn texts(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
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
