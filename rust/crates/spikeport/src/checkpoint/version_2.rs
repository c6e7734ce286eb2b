//! Version 2 of the format: nodes that name what they read, each with an operation; what version 1 cannot hold.

use std::collections::{HashMap, HashSet};

use super::content::CheckpointLayer;
use super::fields::{Fields, LARGEST_WIDTH, MOST_LAYERS, numbers, quoted, schema, texts};
use super::json::Json;
use crate::{Attributes, Code, Error, OperationKind, Source};

/// Keys of a sidecar, in their order.
pub(super) const KEYS: [&str; 8] =
    ["archive", "format", "frozen_layers", "input_shape", "metadata", "nodes", "total_params", "version"];

/// The name by which nodes read the input.
pub(super) const INPUT: &str = "input";
/// The largest kernel, stride, padding or dilation.
const LARGEST: i64 = 65535;

/// What a sidecar says of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// Unique, not empty, and not "input".
    pub name: String,
    /// Label of the neuron.
    pub kind: String,
    /// The word for its operation.
    pub operation: String,
    /// Those of the operation, all of them.
    pub attributes: Attributes,
    /// Names of what it reads.
    pub inputs: Vec<String>,
    /// Of what it passes on.
    pub shape: Vec<i64>,
}

/// What a sidecar says of the network.
pub(super) struct Nodes {
    input_shape: Vec<i64>,
    records: Vec<NodeRecord>,
}

impl Nodes {
    /// Read the fields. Errors: `sidecar_schema`.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let input_shape = fields.demand("input_shape", SHAPE, |value| wholes(value, 4))?;
        let nodes = fields.demand("nodes", "1 to 16384 objects", |nodes| nodes.array(MOST_LAYERS + 1))?;
        let record = |(k, node): (usize, Json<'_>)| {
            let wanted = "inputs, name, neuron, operation, shape and the attributes of its operation";
            read_node(node, fields.file).ok_or_else(|| schema(fields.file, &format!("nodes[{k}]"), wanted))
        };
        let records = nodes.into_iter().enumerate().map(record).collect::<Result<_, Error>>()?;
        let nodes = Self { input_shape, records };
        nodes.check(fields.file).map(|()| nodes)
    }

    /// The names, in network order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.name.as_str()).collect()
    }

    /// The labels, in network order.
    pub(super) fn kinds(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.kind.as_str()).collect()
    }

    /// Refuse what a sidecar cannot say. Errors: `sidecar_schema`.
    fn check(&self, file: &str) -> Result<(), Error> {
        if !is_shape(&self.input_shape) {
            return Err(schema(file, "input_shape", SHAPE));
        }
        if !(1..=MOST_LAYERS).contains(&self.records.len()) {
            return Err(schema(file, "nodes", "1 to 16384 objects"));
        }
        for (k, record) in self.records.iter().enumerate() {
            record.check().map_err(|(part, wanted)| schema(file, &format!("nodes[{k}].{part}"), wanted))?;
        }
        Ok(())
    }

    /// The shape of the input, and the layers, their arrays not there yet.
    ///
    /// Errors: `layer_chain` where a node reads what is not before it, or its operation does not make its shape of what it
    /// reads.
    pub(super) fn chained(self, file: &str) -> Result<(Vec<usize>, Vec<CheckpointLayer>), Error> {
        let input_shape: Vec<usize> = self.input_shape.iter().map(|&n| n as usize).collect();
        let mut sources = HashMap::from([(INPUT.to_owned(), Source::Input)]);
        let mut layers: Vec<CheckpointLayer> = Vec::with_capacity(self.records.len());
        for (index, record) in self.records.into_iter().enumerate() {
            let name = record.name.clone();
            let fault = |what: String| Error::new(Code::LayerChain, format!("{file}: {name} {what}"));
            let source = |input: &String| {
                sources
                    .get(input)
                    .copied()
                    .ok_or_else(|| fault(format!("reads '{input}', which is no node before it")))
            };
            let inputs = record.inputs.iter().map(source).collect::<Result<_, _>>()?;
            let operation = OperationKind::new(&record.operation, &record.attributes)
                .map_err(|error| fault(format!("cannot be: {error}")))?;
            let shape = record.shape.iter().map(|&n| n as usize).collect();
            sources.insert(name.clone(), Source::Node(index));
            layers.push(CheckpointLayer::new(record.name, record.kind, operation, inputs, shape));
            layers[index].check_shape(&input_shape, &layers[..index]).map_err(fault)?;
        }
        Ok((input_shape, layers))
    }
}

/// The shape of the input and the layers of a network of version 2, without arrays.
///
/// Errors: `sidecar_schema`, `layer_chain`.
pub fn layers_of_nodes(
    input_shape: Vec<i64>,
    records: Vec<NodeRecord>,
) -> Result<(Vec<usize>, Vec<CheckpointLayer>), Error> {
    let nodes = Nodes { input_shape, records };
    nodes.check("checkpoint")?;
    let names = nodes.names();
    if names.iter().collect::<HashSet<_>>().len() != names.len() {
        return Err(schema("checkpoint", "nodes", "of unique names"));
    }
    nodes.chained("checkpoint")
}

pub(super) const SHAPE: &str = "one to three whole numbers above 0, with a product of at most 2^31 - 1";

/// Whether it is a shape as a sidecar may have it.
pub(super) fn is_shape<N: Copy + TryInto<usize>>(shape: &[N]) -> bool {
    let positive = |&n: &N| n.try_into().ok().filter(|&n| n > 0);
    let size = shape.iter().try_fold(1usize, |size, n| size.checked_mul(positive(n)?));
    (1..=3).contains(&shape.len()) && size.is_some_and(|size| size <= LARGEST_WIDTH)
}

impl NodeRecord {
    /// Say which part is not what it must be, and what that is.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let Attributes { kernel, stride, padding, dilation, groups } = &self.attributes;
        let has = [kernel, stride, padding, dilation].map(Option::is_some);
        let are_those = match self.operation.as_str() {
            "conv" => has == [true; 4] && groups.is_some(),
            "sum_pool" | "avg_pool" | "max_pool" => has == [true, true, true, false] && groups.is_none(),
            "linear" | "add" | "concat" => has == [false; 4] && groups.is_none(),
            _ => return Err(("operation", "one of those of the contract")),
        };
        if !are_those {
            return Err(("operation", "with its own attributes, and no others"));
        }
        let axes = kernel.as_ref().map_or(1, Vec::len);
        let fits = |part: &Option<Vec<i64>>, least: i64| {
            let is_in_range = |n: &i64| (least..=LARGEST).contains(n);
            part.as_ref().is_none_or(|part| part.len() == axes && part.iter().all(is_in_range))
        };
        let are_positive = [kernel, stride, dilation].into_iter().all(|part| fits(part, 1));
        if !(1..=2).contains(&axes) || !are_positive || !fits(padding, 0) {
            return Err(("window", "one or two whole numbers from 1 (padding: 0) to 65535, all as many"));
        }
        if groups.is_some_and(|groups| !(1..=LARGEST_WIDTH as i64).contains(&groups)) {
            return Err(("groups", "a whole number from 1 to 2^31 - 1"));
        }
        if self.name.is_empty() || self.name == INPUT || self.kind.is_empty() {
            return Err(("name", "a text, and so must be neuron; 'input' names the input"));
        }
        if self.inputs.is_empty() || self.inputs.iter().any(String::is_empty) {
            return Err(("inputs", "one name or more"));
        }
        if is_shape(&self.shape) { Ok(()) } else { Err(("shape", SHAPE)) }
    }
}

/// A node's object, its keys and the types of its values as they must be.
fn read_node(node: Json<'_>, file: &str) -> Option<NodeRecord> {
    let fields = Fields { members: node.object()?, file };
    let mut record = NodeRecord::default();
    for (key, value) in &fields.members {
        let attributes = &mut record.attributes;
        match key.as_ref() {
            "name" => record.name = value.string()?.into_owned(),
            "neuron" => record.kind = value.string()?.into_owned(),
            "operation" => record.operation = value.string()?.into_owned(),
            "inputs" => {
                let names = value.array(usize::MAX)?.into_iter();
                record.inputs = names.map(|name| Some(name.string()?.into_owned())).collect::<Option<_>>()?;
            }
            "shape" => record.shape = wholes(*value, 4)?,
            "kernel" => attributes.kernel = Some(wholes(*value, 3)?),
            "stride" => attributes.stride = Some(wholes(*value, 3)?),
            "padding" => attributes.padding = Some(wholes(*value, 3)?),
            "dilation" => attributes.dilation = Some(wholes(*value, 3)?),
            "groups" => attributes.groups = Some(i64::try_from(value.integer()?).ok()?),
            _ => return None,
        }
    }
    Some(record)
}

/// A list of fewer than `most` whole numbers, or of so many that it is refused for that.
fn wholes(value: Json<'_>, most: usize) -> Option<Vec<i64>> {
    value.array(most)?.into_iter().map(|n| i64::try_from(n.integer()?).ok()).collect()
}

/// The values of the keys that only this version has, as they are written.
pub(super) fn fields_of(input_shape: &[usize], layers: &[CheckpointLayer]) -> Vec<(&'static str, String)> {
    let nodes: Vec<String> = layers.iter().map(|layer| node_text(layer, layers)).collect();
    vec![("input_shape", numbers(input_shape)), ("nodes", format!("[\n    {}\n  ]", nodes.join(",\n    ")))]
}

fn node_text(layer: &CheckpointLayer, layers: &[CheckpointLayer]) -> String {
    let inputs = layer.inputs.iter().map(|&source| name_of(source, layers));
    let mut parts = vec![
        ("inputs", texts(inputs)),
        ("name", quoted(&layer.name)),
        ("neuron", quoted(&layer.kind)),
        ("operation", quoted(layer.operation.name())),
        ("shape", numbers(&layer.shape)),
    ];
    if let Some(window) = layer.operation.window() {
        parts.push(("kernel", numbers(window.kernel())));
        parts.push(("padding", numbers(window.padding())));
        parts.push(("stride", numbers(window.stride())));
        if let OperationKind::Conv { groups, .. } = layer.operation {
            parts.push(("dilation", numbers(window.dilation())));
            parts.push(("groups", groups.to_string()));
        }
    }
    parts.sort_unstable_by_key(|&(key, _)| key);
    let parts: Vec<String> = parts.into_iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{{}}}", parts.join(", "))
}

/// The name of what a node reads.
pub(super) fn name_of(source: Source, layers: &[CheckpointLayer]) -> &str {
    match source {
        Source::Input => INPUT,
        Source::Node(node) => &layers[node].name,
    }
}
