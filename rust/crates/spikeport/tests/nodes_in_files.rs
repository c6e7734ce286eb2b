//! Checkpoints of version 2: nodes come back as they were saved, and a sidecar is believed in nothing.

use proptest::prelude::*;
use spikeport::checkpoint::{
    Checkpoint, Files, NodeRecord, Values, layers_of_nodes, neuron_from_rows, sha256,
};
use spikeport::{AnyNetwork, Attributes, Code, Counts, Neuron, NeuronKind, PerNeuron, RunOptions, View};

fn record(name: &str, kind: &str, operation: &str, inputs: &[&str], shape: &[i64]) -> NodeRecord {
    let window = |kernel: i64, padding: i64| Attributes {
        kernel: Some(vec![kernel; 2]),
        stride: Some(vec![1; 2]),
        padding: Some(vec![padding; 2]),
        ..Attributes::default()
    };
    let attributes = match operation {
        "conv" => Attributes { dilation: Some(vec![1; 2]), groups: Some(1), ..window(3, 1) },
        "max_pool" => window(2, 0),
        _ => Attributes::default(),
    };
    NodeRecord {
        name: name.into(),
        kind: kind.into(),
        operation: operation.into(),
        attributes,
        inputs: inputs.iter().map(|&input| input.into()).collect(),
        shape: shape.to_vec(),
    }
}

/// A convolution beside its input, added, pooled, read by a linear layer.
fn small() -> Checkpoint {
    let records = vec![
        record("conv", "IF", "conv", &["input"], &[2, 3, 3]),
        record("skip \"ü\"", "identity", "add", &["conv", "input"], &[2, 3, 3]),
        record("pool", "any label", "max_pool", &["skip \"ü\""], &[2, 2, 2]),
        record("out", "ST-BIF", "linear", &["pool"], &[1]),
    ];
    let (input_shape, mut layers) = layers_of_nodes(vec![2, 3, 3], records).unwrap();
    layers[0].weight = Some(Values::F32((0..36).map(|k| k as f32 / 16.0 - 1.0).collect()));
    layers[0].bias = Some(Values::F32(vec![0.5, -0.25]));
    layers[0].neuron = Some(Neuron {
        threshold: PerNeuron::Each(vec![0.5, 2.0]),
        v_init: PerNeuron::Each(vec![0.5, 0.0]),
        beta: PerNeuron::Each(vec![1.0; 2]),
        ..Neuron::new(NeuronKind::If)
    });
    layers[3].weight = Some(Values::F32(vec![0.5; 8]));
    layers[3].neuron = Some(Neuron { tracer_min: -3, ..Neuron::new(NeuronKind::StBif) });
    Checkpoint { input_shape, layers, frozen: vec!["pool".into()], metadata: r#"{"a": 0.10}"#.into() }
}

fn text(files: &Files) -> String {
    String::from_utf8(files.sidecar.clone()).unwrap()
}

#[test]
fn nodes_come_back_as_they_were_saved() {
    let files = small().to_bytes().unwrap();
    let read = Checkpoint::from_bytes(&files).unwrap();
    assert_eq!(read, small());
    assert_eq!(read.to_bytes().unwrap(), files);
    let line = r#"    {"dilation": [1, 1], "groups": 1, "inputs": ["input"], "kernel": [3, 3], "name": "conv", "neuron": "IF", "operation": "conv", "padding": [1, 1], "shape": [2, 3, 3], "stride": [1, 1]},"#;
    assert!(text(&files).lines().any(|written| written == line), "{}", text(&files));
    assert!(text(&files).ends_with("\n  ],\n  \"total_params\": 46,\n  \"version\": 2\n}\n"));
}

#[test]
fn a_checkpoint_runs_as_its_network() {
    let mut checkpoint = small();
    assert_eq!(checkpoint.to_network().err().map(|error| error.code()), Some(Code::Neuron));
    checkpoint.layers[2].kind = "identity".into();
    let Ok(AnyNetwork::F32(network)) = checkpoint.to_network() else { panic!("it is of single precision") };
    let inputs: Vec<f64> = (0..18).map(|k| f64::from(k % 5) / 4.0).collect();
    let run = network.run(View::new(&inputs, &[1, 2, 3, 3]).unwrap(), &RunOptions::new(8)).unwrap();
    let Counts::Spikes(counts) = &run.layers[0].counts else { panic!("it spikes") };
    // What the pool gives is the largest of what the addition gave, and that is the convolution's spikes and the input.
    let sums: Vec<f32> = (0..18).map(|k| counts[k] as f32 + 8.0 * inputs[k] as f32).collect();
    let largest = |c: usize, y: usize, x: usize| {
        [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(i, j)| sums[c * 9 + (y + i) * 3 + x + j])
            .into_iter()
            .fold(f32::MIN, f32::max)
    };
    let expected: Vec<f32> = (0..8).map(|p| largest(p / 4, p / 2 % 2, p % 2)).collect();
    assert_eq!(run.layers[2].counts, Counts::Graded(expected));
}

#[test]
fn a_chain_of_linear_layers_is_written_in_version_1_and_refused_in_version_2() {
    let mut checkpoint = small();
    checkpoint.layers = checkpoint.layers.split_off(3);
    let layer = &mut checkpoint.layers[0];
    (layer.inputs, checkpoint.input_shape) = (vec![spikeport::Source::Input], vec![8]);
    checkpoint.frozen.clear();
    assert_eq!(checkpoint.version(), 1);
    assert!(text(&checkpoint.to_bytes().unwrap()).contains("\"layer_sizes\": [[8, 1]]"));
    checkpoint.input_shape = vec![2, 2, 2];
    let files = checkpoint.to_bytes().unwrap();
    assert_eq!(refusal(&files, "[2, 2, 2]", "[2, 4]"), None);
    assert_eq!(refusal(&files, "[2, 2, 2]", "[8]"), Some(Code::Version));
}

#[test]
fn a_chain_whose_neurons_send_several_spikes_is_written_in_version_2() {
    let records = vec![record("out", "IF", "linear", &["input"], &[1])];
    let (input_shape, mut layers) = layers_of_nodes(vec![8], records).unwrap();
    layers[0].weight = Some(Values::F32(vec![0.5; 8]));
    layers[0].neuron = Some(Neuron { max_spikes: 3, ..Neuron::new(NeuronKind::If) });
    let mut checkpoint = Checkpoint { input_shape, layers, frozen: Vec::new(), metadata: "{}".into() };
    let several = checkpoint.to_bytes().unwrap();
    assert_eq!((checkpoint.version(), Checkpoint::from_bytes(&several).unwrap()), (2, checkpoint.clone()));
    checkpoint.layers[0].neuron = Some(Neuron::new(NeuronKind::If));
    assert_eq!(checkpoint.version(), 1);

    // The same files with a 1 in the eighth row: what version 1 could hold.
    let three = 3f64.to_le_bytes();
    let place = several.archive.windows(8).rposition(|bytes| bytes == three).unwrap();
    let values = [f64::from(1u8), 0.0, 0.0, 0.0, 1.0, 0.0, 31.0].map(f64::to_le_bytes).concat();
    assert_eq!(several.archive[place - 56..place], values);
    let mut archive = several.archive.clone();
    archive[place..place + 8].copy_from_slice(&1f64.to_le_bytes());
    let files = resealed(&several, archive, place - 56 - 128..place + 8);
    assert_eq!(Checkpoint::from_bytes(&files).unwrap_err().code(), Code::Version);
}

/// Files with another archive, in which one member has other bytes: its checksum, and length and digest of the archive,
/// put right.
fn resealed(files: &Files, mut archive: Vec<u8>, member: std::ops::Range<usize>) -> Files {
    let checksum = |archive: &[u8]| crc32fast::hash(&archive[member.clone()]).to_le_bytes();
    let (old, new) = (checksum(&files.archive), checksum(&archive));
    while let Some(at) = archive.windows(4).position(|bytes| bytes == old) {
        archive[at..at + 4].copy_from_slice(&new);
    }
    let line =
        |archive: &[u8]| format!("{{\"bytes\": {}, \"sha256\": \"{}\"}}", archive.len(), sha256(archive));
    let sidecar = text(files).replace(&line(&files.archive), &line(&archive)).into_bytes();
    Files { archive, sidecar }
}

/// By which code a sidecar is refused in which `old` is `new`.
fn refusal(files: &Files, old: &str, new: &str) -> Option<Code> {
    assert!(text(files).contains(old), "{old} is not in {}", text(files));
    let sidecar = text(files).replacen(old, new, 1).into_bytes();
    Checkpoint::from_bytes(&Files { sidecar, ..files.clone() }).err().map(|error| error.code())
}

#[test]
fn a_sidecar_that_is_wrong_in_one_thing_is_refused_by_its_code() {
    let files = small().to_bytes().unwrap();
    for (old, new) in [
        ("\"groups\": 1, ", ""),
        ("\"groups\": 1, ", "\"groups\": 0, "),
        ("\"groups\": 1, ", "\"groups\": 2147483648, "),
        ("\"groups\": 1, ", "\"groups\": 1.0, "),
        ("\"inputs\": [\"input\"]", "\"inputs\": []"),
        ("\"inputs\": [\"input\"]", "\"inputs\": \"input\""),
        ("\"kernel\": [3, 3]", "\"kernel\": [3]"),
        ("\"kernel\": [3, 3]", "\"kernel\": [0, 3]"),
        ("\"kernel\": [3, 3]", "\"kernel\": [65536, 3]"),
        ("\"kernel\": [3, 3]", "\"kernel\": null"),
        ("\"name\": \"conv\"", "\"name\": \"input\""),
        ("\"name\": \"conv\"", "\"name\": \"out\""),
        ("\"operation\": \"add\"", "\"operation\": \"multiply\""),
        ("\"operation\": \"add\"", "\"operation\": \"max_pool\""),
        ("\"shape\": [2, 3, 3]", "\"shape\": [2, 3, 3, 1]"),
        ("\"shape\": [2, 3, 3]", "\"shape\": [2, 0, 3]"),
        ("\"shape\": [2, 3, 3]", "\"shape\": [65536, 65536]"),
        ("\"input_shape\": [2, 3, 3]", "\"input_shape\": []"),
        ("\"frozen_layers\": [\"pool\"]", "\"frozen_layers\": [\"input\"]"),
        ("\"total_params\": 46", "\"total_params\": 0"),
    ] {
        assert_eq!(refusal(&files, old, new), Some(Code::SidecarSchema), "{new}");
    }
    for (old, new) in [
        ("\"inputs\": [\"input\"]", "\"inputs\": [\"conv\"]"),
        ("\"inputs\": [\"input\"]", "\"inputs\": [\"input\", \"input\"]"),
        ("\"inputs\": [\"conv\", \"input\"]", "\"inputs\": [\"conv\"]"),
        ("\"inputs\": [\"conv\", \"input\"]", "\"inputs\": [\"conv\", \"pool\"]"),
        ("\"shape\": [2, 3, 3]", "\"shape\": [2, 3, 4]"),
        ("\"input_shape\": [2, 3, 3]", "\"input_shape\": [2, 9]"),
        ("\"groups\": 1, ", "\"groups\": 3, "),
        ("\"kernel\": [3, 3]", "\"kernel\": [65535, 65535]"),
        (
            "\"kernel\": [2, 2], \"name\": \"pool\", \"neuron\": \"any label\", \"operation\": \"max_pool\", \"padding\": [0, 0]",
            "\"kernel\": [2, 2], \"name\": \"pool\", \"neuron\": \"any label\", \"operation\": \"max_pool\", \"padding\": [2, 0]",
        ),
    ] {
        assert_eq!(refusal(&files, old, new), Some(Code::LayerChain), "{new}");
    }
    assert_eq!(refusal(&files, "\"version\": 2", "\"version\": 3"), Some(Code::Version));
    assert_eq!(refusal(&files, "\"total_params\": 46", "\"total_params\": 45"), Some(Code::Shape));
}

#[test]
fn weights_beyond_31_bits_are_refused_before_the_archive_is_looked_at() {
    let records = vec![
        record("wide", "IF", "linear", &["input"], &[65536]),
        record("both", "IF", "concat", &["wide", "wide"], &[131_072]),
        record("giant", "IF", "linear", &["both"], &[65536]),
    ];
    let (input_shape, layers) = layers_of_nodes(vec![1], records).unwrap();
    let checkpoint = Checkpoint { input_shape, layers, frozen: Vec::new(), metadata: "{}".into() };
    assert_eq!(checkpoint.to_bytes().unwrap_err().code(), Code::TooLarge);
    let files = small().to_bytes().unwrap();
    let bytes = format!("\"bytes\": {}", files.archive.len());
    assert_eq!(refusal(&files, &bytes, "\"bytes\": 100000"), Some(Code::TooLarge));
}

#[test]
fn content_that_would_not_load_is_not_written() {
    let refused = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = small();
        change(&mut checkpoint);
        checkpoint.to_bytes().unwrap_err().code()
    };
    assert_eq!(refused(|c| c.layers[0].name = "input".into()), Code::SidecarSchema);
    assert_eq!(refused(|c| c.layers[0].inputs = vec![spikeport::Source::Node(0)]), Code::LayerChain);
    assert_eq!(refused(|c| c.layers[1].inputs.truncate(1)), Code::LayerChain);
    assert_eq!(refused(|c| c.layers[1].shape = vec![2, 9]), Code::LayerChain);
    assert_eq!(refused(|c| c.layers[1].weight = Some(Values::F32(vec![1.0]))), Code::Shape);
    assert_eq!(refused(|c| c.layers[0].weight = None), Code::MissingEntry);
    assert_eq!(refused(|c| c.layers[3].weight = Some(Values::F64(vec![0.5; 8]))), Code::Dtype);
    let wide = |c: &mut Checkpoint| {
        c.layers[0].neuron =
            Some(Neuron { v_init: PerNeuron::Each(vec![0.0; 18]), ..Neuron::new(NeuronKind::If) });
    };
    assert_eq!(refused(wide), Code::Shape);
    let without_weights = |c: &mut Checkpoint| {
        let pool = record("pool", "IF", "max_pool", &["input"], &[2, 2, 2]);
        (c.input_shape, c.layers) = layers_of_nodes(vec![2, 3, 3], vec![pool]).unwrap();
    };
    assert_eq!(refused(without_weights), Code::SidecarSchema);
}

#[test]
fn a_number_of_spikes_that_neurons_cannot_send_is_refused() {
    let read = |kind: &str, hard_reset: f64, most: f64| {
        let rows = [0.5, 0.0, hard_reset, 0.0, 1.0, -3.0, 31.0, most];
        neuron_from_rows(kind, &rows, 8).map(|neuron| neuron.max_spikes).map_err(|error| error.code())
    };
    assert_eq!(
        (read("IF", 0.0, 1.0), read("IF", 0.0, 127.0), read("ST-BIF", 0.0, 1.0)),
        (Ok(1), Ok(127), Ok(1))
    );
    for most in [0.0, -0.0, 128.0, 1.5, -1.0, 1e300] {
        assert_eq!(read("IF", 0.0, most), Err(Code::Neuron), "{most}");
    }
    assert_eq!((read("IF", 1.0, 2.0), read("IF", 1.0, 1.0)), (Err(Code::Neuron), Ok(1)));
    for kind in ["LIF", "ST-BIF", "identity"] {
        assert_eq!(read(kind, 0.0, 2.0), Err(Code::Neuron), "{kind}");
    }
    let differ = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 31.0, 31.0, 2.0, 3.0];
    assert_eq!(neuron_from_rows("IF", &differ, 8).unwrap_err().code(), Code::Neuron);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_sidecar_is_refused_or_read_without_panic(
        place in any::<prop::sample::Index>(),
        bytes in "[\\[\\]{}\",: a-z0-9.-]{0,5}",
        removed in 0usize..5,
    ) {
        let mut files = small().to_bytes().unwrap();
        let start = place.index(files.sidecar.len());
        let end = files.sidecar.len().min(start + removed);
        files.sidecar.splice(start..end, bytes.into_bytes());
        if let Ok(checkpoint) = Checkpoint::from_bytes(&files) {
            prop_assert_eq!(checkpoint.to_bytes().unwrap().archive, files.archive);
        }
    }

    #[test]
    fn a_damaged_archive_is_refused_or_is_the_one_encoding_of_what_it_holds(
        place in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..6),
        removed in 0usize..6,
    ) {
        let files = small().to_bytes().unwrap();
        let mut archive = files.archive.clone();
        let start = place.index(archive.len());
        let end = archive.len().min(start + removed);
        archive.splice(start..end, bytes);
        let line = |archive: &[u8]| format!("{{\"bytes\": {}, \"sha256\": \"{}\"}}", archive.len(), sha256(archive));
        let sidecar = text(&files).replace(&line(&files.archive), &line(&archive)).into_bytes();
        let files = Files { archive, sidecar };
        if let Ok(checkpoint) = Checkpoint::from_bytes(&files) {
            prop_assert_eq!(checkpoint.to_bytes().unwrap().archive, files.archive);
        }
    }
}
