//! The family `checkpoint`.

use std::path::{Path, PathBuf};

use spikeport::checkpoint::{
    Checkpoint, CheckpointLayer, Loaded, Values, checkpoint_paths, neuron_from_rows, sha256,
};
use spikeport::{Code, Error, Neuron};

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
    let (pairs, odd) = sizes.as_chunks::<2>();
    if names.len() != kinds.len() || names.len() != pairs.len() || !odd.is_empty() {
        return Err(Error::new(
            Code::SidecarSchema,
            "names, kinds and sizes differ in number: give one of each for each layer",
        )
        .into());
    }
    if arguments.count("weight") != names.len() {
        let message = format!("{} weights for {} layers", arguments.count("weight"), names.len());
        return Err(Error::new(Code::Shape, message).into());
    }
    let mut layers = Vec::new();
    for (index, ((name, kind), &size)) in names.into_iter().zip(kinds).zip(pairs).enumerate() {
        let [weight, bias, neuron] = ["weight", "bias", "neuron"].map(|part| format!("{part}.{index}"));
        let rows = optional(arguments, &neuron, |key| arguments.numbers(key))?;
        layers.push(CheckpointLayer {
            neuron: rows.map(|rows: Vec<f64>| neuron_of(&kind, &rows, size[1])).transpose()?,
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
    let digest = |file: &PathBuf| {
        std::fs::read(file).map(|bytes| sha256(&bytes)).map_err(|error| Fault::Protocol(error.to_string()))
    };
    let [archive, sidecar] = checkpoint_paths(Path::new(&path));
    Ok(Reply::default().texts("archive", [digest(&archive)?]).texts("sidecar", [digest(&sidecar)?]))
}

/// The neuron of a layer of `n` neurons, from 7 or 7·n numbers.
fn neuron_of(kind: &str, rows: &[f64], n: usize) -> Result<Neuron, Error> {
    if rows.len() != 7 && Some(rows.len()) != n.checked_mul(7) {
        let message = format!("{} values for a neuron: give 7, or 7 for each of {n}", rows.len());
        return Err(Error::new(Code::Shape, message));
    }
    if !rows.iter().all(|value| value.is_finite()) {
        return Err(Error::new(Code::NonFinite, "a neuron's parameter is NaN or infinite"));
    }
    neuron_from_rows(kind, rows)
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
