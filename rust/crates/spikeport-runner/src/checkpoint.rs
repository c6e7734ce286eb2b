//! The family `checkpoint`.

use std::path::{Path, PathBuf};

use spikeport::checkpoint::{Checkpoint, CheckpointLayer, Loaded, Values, neuron_from_rows, sha256};
use spikeport::{Code, Error};

use crate::arguments::{Arguments, Fault};
use crate::reply::Reply;

pub fn read(arguments: &Arguments) -> Result<Reply, Fault> {
    let Loaded { checkpoint, archive_sha256 } = Checkpoint::load(Path::new(&arguments.text("path")?))?;
    Ok(Reply::default()
        .texts("names", checkpoint.layers.iter().map(|layer| &layer.name))
        .numbers("sizes", checkpoint.layers.iter().flat_map(|layer| layer.size))
        .texts("kinds", checkpoint.layers.iter().map(|layer| &layer.kind))
        .texts("frozen", &checkpoint.frozen)
        .texts("metadata", [&checkpoint.metadata])
        .numbers("params", [checkpoint.total_params()])
        .texts("digest", [archive_sha256])
        .texts("arrays", [checkpoint.arrays_digest()]))
}

pub fn write(arguments: &Arguments) -> Result<Reply, Fault> {
    let (names, kinds) = (arguments.texts("names")?, arguments.texts("kinds")?);
    let sizes: Vec<usize> = arguments.numbers("sizes")?;
    let (pairs, _) = sizes.as_chunks::<2>();
    if names.len() != kinds.len() || names.len() != pairs.len() {
        return Err(Error::new(
            Code::SidecarSchema,
            "names, kinds and sizes differ in number: give one of each for each layer",
        )
        .into());
    }
    let mut layers = Vec::new();
    for (index, ((name, kind), &size)) in names.into_iter().zip(kinds).zip(pairs).enumerate() {
        let [weight, bias, neuron] = ["weight", "bias", "neuron"].map(|part| format!("{part}.{index}"));
        let rows = optional(arguments, &neuron, |key| arguments.numbers(key))?;
        layers.push(CheckpointLayer {
            neuron: rows.map(|rows: Vec<f64>| neuron_from_rows(&kind, &rows)).transpose()?,
            weight: values(arguments, &weight)?,
            bias: optional(arguments, &bias, |key| values(arguments, key))?,
            name,
            kind,
            size,
        });
    }
    let frozen = optional(arguments, "frozen", |key| arguments.texts(key))?.unwrap_or_default();
    let path = arguments.text("path")?;
    let metadata =
        optional(arguments, "metadata", |key| arguments.text(key))?.unwrap_or_else(|| "{}".to_owned());
    Checkpoint { layers, frozen, metadata }.save(Path::new(&path))?;
    let digest = |suffix: &str| {
        let file = PathBuf::from(format!("{path}.{suffix}"));
        std::fs::read(file).map(|bytes| sha256(&bytes)).map_err(|error| Fault::Protocol(error.to_string()))
    };
    Ok(Reply::default().texts("archive", [digest("npz")?]).texts("sidecar", [digest("json")?]))
}

fn values(arguments: &Arguments, key: &str) -> Result<Values, Fault> {
    Ok(match arguments.is_single() {
        true => arguments.floats::<f32>(key)?.into(),
        false => arguments.floats::<f64>(key)?.into(),
    })
}

fn optional<T>(
    arguments: &Arguments,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    if arguments.has(key) { read(key).map(Some) } else { Ok(None) }
}
