//! Version 1 of the format: a chain of linear layers on inputs of one axis, which needs no more than names and sizes.

use super::content::CheckpointLayer;
use super::fields::{Fields, LARGEST_WIDTH, MOST_LAYERS, numbers, schema, texts, texts_of};
use super::json::Json;
use crate::{Code, Error, OperationKind, Source};

/// Keys of a sidecar, in their order.
pub(super) const KEYS: [&str; 10] = [
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

/// What a sidecar says of the layers: names, labels and sizes (in, out).
pub(super) struct Layers {
    names: Vec<String>,
    kinds: Vec<String>,
    sizes: Vec<[usize; 2]>,
}

impl Layers {
    /// Read the fields. Errors: `sidecar_schema`.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let names = fields.demand("layer_names", "1 to 16384 unique names", texts_of)?;
        let count = names.len();
        let kinds = fields.demand("neuron_types", "a label for every layer", |kinds| {
            texts_of(kinds).filter(|kinds| kinds.len() == count)
        })?;
        let sizes = fields.demand(
            "layer_sizes",
            "a pair [in, out] of numbers from 1 to 2^31 - 1 for every layer",
            |sizes| sizes_of(sizes).filter(|sizes| sizes.len() == count),
        )?;
        fields.demand("n_layers", "the number of layers", |n| n.integer().filter(|&n| n == count as i128))?;
        Ok(Self { names, kinds, sizes })
    }

    /// The names, in network order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The labels, in network order.
    pub(super) fn kinds(&self) -> Vec<&str> {
        self.kinds.iter().map(String::as_str).collect()
    }

    /// The shape of the input, and the layers, their arrays not there yet. Errors: `layer_chain`.
    pub(super) fn chained(self, file: &str) -> Result<(Vec<usize>, Vec<CheckpointLayer>), Error> {
        for (k, pair) in self.sizes.windows(2).enumerate() {
            let ([_, out], [input, _]) = (pair[0], pair[1]);
            if out != input {
                let (before, after) = (&self.names[k], &self.names[k + 1]);
                let message =
                    format!("{file}: {before} has {out} outputs, {after} takes {input}: they must agree");
                return Err(Error::new(Code::LayerChain, message));
            }
        }
        let input_shape = self.sizes.iter().take(1).map(|&[n_in, _]| n_in).collect();
        let parts = self.names.into_iter().zip(self.kinds).zip(self.sizes).enumerate();
        let layer = |(index, ((name, kind), [_, n_out])): (usize, ((String, String), [usize; 2]))| {
            let inputs = vec![index.checked_sub(1).map_or(Source::Input, Source::Node)];
            CheckpointLayer::new(name, kind, OperationKind::Linear, inputs, vec![n_out])
        };
        Ok((input_shape, parts.map(layer).collect()))
    }
}

/// The shape of the input and the layers of a chain of linear layers of these sizes (in, out), without arrays.
///
/// Errors: `sidecar_schema`, `layer_chain`.
pub fn layers_of_sizes(
    names: Vec<String>,
    kinds: Vec<String>,
    sizes: Vec<[usize; 2]>,
) -> Result<(Vec<usize>, Vec<CheckpointLayer>), Error> {
    let in_range = |n: &usize| (1..=LARGEST_WIDTH).contains(n);
    if names.len() != kinds.len() || names.len() != sizes.len() || !sizes.iter().flatten().all(in_range) {
        let expected = "a name, a label and a pair [in, out] of numbers from 1 to 2^31 - 1 for every layer";
        return Err(schema("checkpoint", "layers", expected));
    }
    Layers { names, kinds, sizes }.chained("checkpoint")
}

/// The values of the keys that only this version has, as they are written.
pub(super) fn fields_of(input_shape: &[usize], layers: &[CheckpointLayer]) -> Vec<(&'static str, String)> {
    let outs = || layers.iter().filter_map(|layer| layer.shape.first());
    let sizes: Vec<String> =
        input_shape.iter().chain(outs()).zip(outs()).map(|(&n_in, &n_out)| numbers(&[n_in, n_out])).collect();
    vec![
        ("layer_names", texts(layers.iter().map(|layer| &layer.name))),
        ("layer_sizes", format!("[{}]", sizes.join(", "))),
        ("n_layers", layers.len().to_string()),
        ("neuron_types", texts(layers.iter().map(|layer| &layer.kind))),
    ]
}

fn sizes_of(value: Json<'_>) -> Option<Vec<[usize; 2]>> {
    let width =
        |n: Json<'_>| usize::try_from(n.integer()?).ok().filter(|width| (1..=LARGEST_WIDTH).contains(width));
    let pair = |size: Json<'_>| match size.array(3)?.as_slice() {
        &[n_in, n_out] => Some([width(n_in)?, width(n_out)?]),
        _ => None,
    };
    value.array(MOST_LAYERS + 1)?.into_iter().map(pair).collect()
}
