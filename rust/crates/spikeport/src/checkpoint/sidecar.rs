//! The sidecar: what `<name>.json` says of the archive beside it, strict in both directions.

use std::collections::HashSet;

use super::content::Checkpoint;
use super::digest::sha256;
use super::fields::{Fields, MOST_LAYERS, quoted, schema, texts, texts_of};
use super::json::{self, Json};
use super::{version_1, version_2};
use crate::{Code, Error};

/// Bytes of a sidecar, at most.
pub(super) const LARGEST_SIDECAR: usize = 16 << 20;
const FORMAT: &str = "spikeport-checkpoint";

/// The content of a sidecar.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sidecar {
    /// All but the arrays.
    pub(super) checkpoint: Checkpoint,
    /// Of the format.
    pub(super) version: u8,
    pub(super) total_params: i128,
    pub(super) archive_bytes: i128,
    pub(super) archive_sha256: String,
}

/// What a sidecar says of the layers.
enum Said {
    Version1(version_1::Layers),
    Version2(version_2::Nodes),
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
        let members = value.object().ok_or_else(|| schema(file, "the content", "a JSON object"))?;
        let fields = Fields { members, file };
        let version = version_of(&fields)?;
        let keys = keys_of(version);
        if !fields.are(keys) {
            return Err(schema(file, "the keys", &keys.join(", ")));
        }
        let said = match version {
            1 => Said::Version1(version_1::Layers::read(&fields)?),
            _ => Said::Version2(version_2::Nodes::read(&fields)?),
        };
        let frozen = fields.demand("frozen_layers", "names of layers", texts_of)?;
        match &said {
            Said::Version1(layers) => check_names(&layers.names(), &layers.kinds(), &frozen, file)?,
            Said::Version2(nodes) => check_names(&nodes.names(), &nodes.kinds(), &frozen, file)?,
        }
        let above_0 = |n: Json<'_>| n.integer().filter(|&n| n > 0);
        let total_params = fields.demand("total_params", "a whole number above 0", above_0)?;
        let object = |value: Json<'_>| value.object().map(|_| value.text().to_owned());
        let metadata = fields.demand("metadata", "a JSON object", object)?;
        let (archive_bytes, archive_sha256) =
            fields.demand("archive", "{bytes, sha256}: a length and 64 hex digits", archive_of)?;
        let (input_shape, layers) = match said {
            Said::Version1(layers) => layers.chained(file)?,
            Said::Version2(nodes) => nodes.chained(file)?,
        };
        let checkpoint = Checkpoint { input_shape, layers, frozen, metadata };
        Ok(Self { checkpoint, version, total_params, archive_bytes, archive_sha256 })
    }

    /// Whether `archive` is the one that this sidecar was written for.
    pub(super) fn is_of(&self, archive: &[u8]) -> bool {
        archive.len() as i128 == self.archive_bytes && sha256(archive) == self.archive_sha256
    }

    /// The canonical bytes: keys sorted, one on each line, a line feed at the end. Errors: `too_large`.
    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        let Checkpoint { input_shape, layers, frozen, metadata } = &self.checkpoint;
        let mut values = match self.version {
            1 => version_1::fields_of(input_shape, layers),
            _ => version_2::fields_of(input_shape, layers),
        };
        let archive =
            format!("{{\"bytes\": {}, \"sha256\": \"{}\"}}", self.archive_bytes, self.archive_sha256);
        values.extend([
            ("archive", archive),
            ("format", quoted(FORMAT)),
            ("frozen_layers", texts(frozen)),
            ("metadata", metadata.clone()),
            ("total_params", self.total_params.to_string()),
            ("version", self.version.to_string()),
        ]);
        values.sort_unstable_by_key(|&(key, _)| key);
        let lines: Vec<String> = values.iter().map(|(key, value)| format!("  \"{key}\": {value}")).collect();
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

impl Checkpoint {
    /// Check what reading a file of this version demands of all but the arrays. Errors: `sidecar_schema`, `layer_chain`.
    pub(super) fn check(&self, version: u8, file: &str) -> Result<(), Error> {
        let names: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        let kinds: Vec<&str> = self.layers.iter().map(|layer| layer.kind.as_str()).collect();
        check_names(&names, &kinds, &self.frozen, file)?;
        if version > 1 && names.contains(&version_2::INPUT) {
            return Err(schema(file, "a name", "another than 'input', which names the input"));
        }
        if !version_2::is_shape(&self.input_shape) {
            return Err(schema(file, "input_shape", version_2::SHAPE));
        }
        for (index, layer) in self.layers.iter().enumerate() {
            layer
                .check_shape(&self.input_shape, &self.layers[..index])
                .map_err(|what| Error::new(Code::LayerChain, format!("{file}: {} {what}", layer.name)))?;
        }
        Ok(())
    }
}

/// Refuse names, labels or frozen names that a sidecar cannot have. Errors: `sidecar_schema`.
fn check_names(names: &[&str], kinds: &[&str], frozen: &[String], file: &str) -> Result<(), Error> {
    let unique: HashSet<&&str> = names.iter().collect();
    let has_names = (1..=MOST_LAYERS).contains(&names.len()) && unique.len() == names.len();
    if !has_names || names.iter().any(|name| name.is_empty()) {
        return Err(schema(file, "the names of layers", "1 to 16384 unique names"));
    }
    if kinds.iter().any(|kind| kind.is_empty()) {
        return Err(schema(file, "the labels of neurons", "a label for every layer"));
    }
    let listed: HashSet<&str> = frozen.iter().map(String::as_str).collect();
    if !names.iter().filter(|name| listed.contains(**name)).eq(frozen) {
        return Err(schema(file, "frozen_layers", "names of layers, each once, in network order"));
    }
    Ok(())
}

/// Keys of a sidecar, in their order.
fn keys_of(version: u8) -> &'static [&'static str] {
    if version == 1 { &version_1::KEYS } else { &version_2::KEYS }
}

/// The version of the format. Errors: `version`.
fn version_of(fields: &Fields<'_>) -> Result<u8, Error> {
    let file = fields.file;
    if fields.get("format").is_some_and(|format| format.string().as_deref() != Some(FORMAT)) {
        return Err(Error::new(Code::Version, format!("{file}: format is not \"{FORMAT}\"")));
    }
    let Some(version) = fields.get("version") else { return Ok(1) };
    let known = version.integer().and_then(|version| u8::try_from(version).ok());
    known.filter(|version| (1..=2).contains(version)).ok_or_else(|| {
        let message = format!("{file}: version {:.20} is not 1 or 2: use a newer spikeport", version.text());
        Error::new(Code::Version, message)
    })
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
