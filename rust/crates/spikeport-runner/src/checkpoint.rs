//! The family `checkpoint`.

use std::path::{Path, PathBuf};

use spikeport::checkpoint::{
    Checkpoint, CheckpointLayer, Loaded, NodeRecord, Values, checkpoint_paths, layers_of_nodes,
    layers_of_sizes, neuron_from_rows, sha256,
};
use spikeport::{Code, Error, Neuron, OperationKind, Source};

use crate::arguments::{Arguments, Fault};
use crate::operation::attributes;
use crate::reply::Reply;

pub fn read(arguments: &Arguments) -> Result<Reply, Fault> {
    let Loaded { checkpoint, archive_sha256 } = Checkpoint::load(Path::new(&arguments.text("path")?))?;
    let reply = Reply::default()
        .texts("names", checkpoint.layers.iter().map(|layer| &layer.name))
        .texts("kinds", checkpoint.layers.iter().map(|layer| &layer.kind))
        .texts("frozen", &checkpoint.frozen)
        .texts("metadata", [&checkpoint.metadata])
        .numbers("params", [checkpoint.total_params()])
        .texts("digest", [archive_sha256])
        .texts("arrays", [checkpoint.arrays_digest()]);
    Ok(match checkpoint.version() {
        1 => reply.numbers("sizes", sizes(&checkpoint)),
        _ => nodes(&checkpoint, reply),
    })
}

/// (in, out) of each layer of a chain.
fn sizes(checkpoint: &Checkpoint) -> Vec<usize> {
    let outs = || checkpoint.layers.iter().map(|layer| layer.shape[0]);
    checkpoint.input_shape.iter().copied().chain(outs()).zip(outs()).flat_map(|(i, o)| [i, o]).collect()
}

fn nodes(checkpoint: &Checkpoint, reply: Reply) -> Reply {
    let layers = &checkpoint.layers;
    let name = |source: &Source| match source {
        Source::Input => "input",
        Source::Node(node) => layers[*node].name.as_str(),
    };
    let mut reply = reply
        .numbers("input_shape", &checkpoint.input_shape)
        .texts("operations", layers.iter().map(|layer| layer.operation.name()));
    for (i, layer) in layers.iter().enumerate() {
        reply = reply
            .texts(&format!("reads.{i}"), layer.inputs.iter().map(name))
            .numbers(&format!("shape.{i}"), &layer.shape);
        if let Some(window) = layer.operation.window() {
            reply = reply
                .numbers(&format!("kernel.{i}"), window.kernel())
                .numbers(&format!("stride.{i}"), window.stride())
                .numbers(&format!("padding.{i}"), window.padding());
            if let OperationKind::Conv { groups, .. } = layer.operation {
                reply = reply
                    .numbers(&format!("dilation.{i}"), window.dilation())
                    .numbers(&format!("groups.{i}"), [groups]);
            }
        }
    }
    reply
}

pub fn write(arguments: &Arguments) -> Result<Reply, Fault> {
    let (input_shape, mut layers) =
        if arguments.has("input_shape") { version_2(arguments)? } else { version_1(arguments)? };
    let rows = if arguments.has("input_shape") { 8 } else { 7 };
    for (index, layer) in layers.iter_mut().enumerate() {
        let [weight, bias, neuron] = ["weight", "bias", "neuron"].map(|part| format!("{part}.{index}"));
        let given = optional(arguments, &neuron, |key| arguments.numbers(key))?;
        layer.neuron =
            given.map(|given: Vec<f64>| neuron_of(&layer.kind, &given, rows, layer.shape[0])).transpose()?;
        layer.weight = optional(arguments, &weight, |key| weights(arguments, key))?;
        layer.bias = optional(arguments, &bias, |key| biases(arguments, key))?;
        if layer.weight.is_none() && layer.operation.has_weight() {
            return Err(Error::new(Code::Shape, format!("{} has no weight", layer.name)).into());
        }
    }
    let frozen = optional(arguments, "frozen", |key| arguments.texts(key))?.unwrap_or_default();
    let path = arguments.text("path")?;
    let metadata =
        optional(arguments, "metadata", |key| arguments.text(key))?.unwrap_or_else(|| "{}".to_owned());
    let checkpoint = Checkpoint { input_shape, layers, frozen, metadata };
    if arguments.has("input_shape") && checkpoint.version() == 1 {
        checkpoint.to_bytes()?;
        let message =
            "a chain of linear layers of floats, each with one spike a step, is written in version 1";
        return Err(Error::new(Code::Version, message).into());
    }
    checkpoint.save(Path::new(&path))?;
    let digest = |file: &PathBuf| {
        std::fs::read(file).map(|bytes| sha256(&bytes)).map_err(|error| Fault::Protocol(error.to_string()))
    };
    let [archive, sidecar] = checkpoint_paths(Path::new(&path));
    Ok(Reply::default().texts("archive", [digest(&archive)?]).texts("sidecar", [digest(&sidecar)?]))
}

type Layers = (Vec<usize>, Vec<CheckpointLayer>);

fn version_1(arguments: &Arguments) -> Result<Layers, Fault> {
    let (names, kinds) = (arguments.texts("names")?, arguments.texts("kinds")?);
    let sizes: Vec<usize> = arguments.numbers("sizes")?;
    let (pairs, odd) = sizes.as_chunks::<2>();
    if names.len() != kinds.len() || names.len() != pairs.len() || !odd.is_empty() {
        return Err(differ("names, kinds and sizes").into());
    }
    if arguments.count("weight") != names.len() {
        let message = format!("{} weights for {} layers", arguments.count("weight"), names.len());
        return Err(Error::new(Code::Shape, message).into());
    }
    Ok(layers_of_sizes(names, kinds, pairs.to_vec())?)
}

fn version_2(arguments: &Arguments) -> Result<Layers, Fault> {
    let (names, kinds) = (arguments.texts("names")?, arguments.texts("kinds")?);
    let operations = arguments.texts("operations")?;
    if names.len() != kinds.len() || names.len() != operations.len() {
        return Err(differ("names, kinds and operations").into());
    }
    let mut records = Vec::with_capacity(names.len());
    for (i, ((name, kind), operation)) in names.into_iter().zip(kinds).zip(operations).enumerate() {
        records.push(NodeRecord {
            name,
            kind,
            operation,
            attributes: attributes(arguments, &format!(".{i}"))?,
            inputs: arguments.texts(&format!("reads.{i}"))?,
            shape: arguments.numbers(&format!("shape.{i}"))?,
        });
    }
    Ok(layers_of_nodes(arguments.numbers("input_shape")?, records)?)
}

fn differ(what: &str) -> Error {
    let message = format!("{what} differ in number: give one of each for each layer");
    Error::new(Code::SidecarSchema, message)
}

/// The neuron of a layer whose first axis is `n`, from as many numbers as a neuron has rows, or `n` times that.
fn neuron_of(kind: &str, given: &[f64], rows: usize, n: usize) -> Result<Neuron, Error> {
    if given.len() != rows && Some(given.len()) != n.checked_mul(rows) {
        let message = format!("{} values for a neuron: give {rows}, or {rows} for each of {n}", given.len());
        return Err(Error::new(Code::Shape, message));
    }
    if !given.iter().all(|value| value.is_finite()) {
        return Err(Error::new(Code::NonFinite, "a neuron's parameter is NaN or infinite"));
    }
    neuron_from_rows(kind, given, rows)
}

fn weights(arguments: &Arguments, key: &str) -> Result<Values, Fault> {
    Ok(match arguments.dtype() {
        "i8" => narrow::<i8>(arguments, key)?.into(),
        "i16" => narrow::<i16>(arguments, key)?.into(),
        _ => biases(arguments, key)?,
    })
}

fn biases(arguments: &Arguments, key: &str) -> Result<Values, Fault> {
    Ok(match arguments.dtype() {
        "i8" | "i16" => arguments.values::<i32>(key)?.into(),
        "f32" => arguments.values::<f32>(key)?.into(),
        _ => arguments.values::<f64>(key)?.into(),
    })
}

/// Whole numbers of few bits. Errors: `non_finite`, `not_whole`, `overflow`.
fn narrow<N: TryFrom<i32>>(arguments: &Arguments, key: &str) -> Result<Vec<N>, Fault> {
    let narrowed = |value: i32| {
        N::try_from(value).map_err(|_| {
            let bits = 8 * size_of::<N>();
            Error::new(Code::Overflow, format!("{value} passes {bits} bits, those of the weights")).into()
        })
    };
    arguments.values(key)?.into_iter().map(narrowed).collect()
}

pub(crate) fn optional<T>(
    arguments: &Arguments,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    if arguments.has(key) { read(key).map(Some) } else { Ok(None) }
}
