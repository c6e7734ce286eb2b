//! Checkpoints of integer networks: weights of 8 or 16 bits, biases of 32, and what integers do not have.

use proptest::prelude::*;
use spikeport::checkpoint::{
    Checkpoint, CheckpointLayer, Dtype, Files, NodeRecord, Values, layers_of_nodes, sha256,
};
use spikeport::{
    AnyNetwork, Attributes, Code, Counts, Neuron, NeuronKind, OperationKind, PerNeuron, RunOptions, Source,
    View,
};

fn record(name: &str, kind: &str, operation: &str, inputs: &[&str], shape: &[i64]) -> NodeRecord {
    let each = |n: i64| Some(vec![n; 2]);
    let window = Attributes { kernel: each(2), stride: each(1), padding: each(0), ..Attributes::default() };
    let attributes = match operation {
        "conv" => Attributes { dilation: each(1), groups: Some(1), ..window },
        "sum_pool" => window,
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

/// A convolution, pooled, read by a linear layer.
fn small() -> Checkpoint {
    let records = vec![
        record("conv", "IF", "conv", &["input"], &[2, 2, 2]),
        record("pool", "identity", "sum_pool", &["conv"], &[2, 1, 1]),
        record("out", "ST-BIF", "linear", &["pool"], &[3]),
    ];
    let (input_shape, mut layers) = layers_of_nodes(vec![1, 3, 3], records).unwrap();
    layers[0].weight = Some(Values::I8(vec![-128, 127, 3, 4, 5, -6, 7, 8]));
    layers[0].bias = Some(Values::I32(vec![100_000, -i32::MAX]));
    layers[0].neuron = Some(Neuron {
        threshold: PerNeuron::Each(vec![64.0, 2147483647.0]),
        v_init: PerNeuron::Each(vec![0.25, 0.0]),
        beta: PerNeuron::Each(vec![1.0; 2]),
        max_spikes: 1,
        ..Neuron::new(NeuronKind::If)
    });
    layers[2].weight = Some(Values::I8(vec![1, -1, 2, 0, 0, 9]));
    layers[2].neuron =
        Some(Neuron { threshold: 4.0.into(), v_init: 0.5.into(), ..Neuron::new(NeuronKind::StBif) });
    Checkpoint { input_shape, layers, frozen: vec!["pool".into()], metadata: "{}".into() }
}

/// The code by which a small checkpoint with a change is not written.
fn refused(change: fn(&mut [CheckpointLayer])) -> Option<Code> {
    let mut checkpoint = small();
    change(&mut checkpoint.layers);
    checkpoint.to_bytes().err().map(|error| error.code())
}

/// The files of an archive that was changed: their sidecar names it.
fn signed(files: &Files, archive: Vec<u8>) -> Files {
    let text = String::from_utf8(files.sidecar.clone()).unwrap();
    let text = text
        .replace(&sha256(&files.archive), &sha256(&archive))
        .replace(&format!("\"bytes\": {}", files.archive.len()), &format!("\"bytes\": {}", archive.len()));
    Files { archive, sidecar: text.into_bytes() }
}

/// How often `word` stands in `bytes`.
fn count(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|window| window == &word).count()
}

#[test]
fn integers_come_back_as_they_were_saved() {
    let mut checkpoint = small();
    for dtype in [Dtype::I8, Dtype::I16] {
        if dtype == Dtype::I16 {
            for layer in [0, 2] {
                let weight = checkpoint.layers[layer].weight.take().unwrap();
                let wide = weight.as_whole().unwrap().iter().map(|&weight| weight as i16 * 250).collect();
                checkpoint.layers[layer].weight = Some(Values::I16(wide));
            }
        }
        let files = checkpoint.to_bytes().unwrap();
        let word: &[u8] = if dtype == Dtype::I8 { b"'descr': '<i1'" } else { b"'descr': '<i2'" };
        assert_eq!(count(&files.archive, word), 2);
        assert_eq!(count(&files.archive, b"'descr': '<i4'"), 1);
        let read = Checkpoint::from_bytes(&files).unwrap();
        assert_eq!((read.dtype(), read.version()), (Some(dtype), 2));
        assert_eq!((&read, read.to_bytes().unwrap()), (&checkpoint, files));
    }
}

#[test]
fn an_integer_checkpoint_runs_in_integers() {
    let mut checkpoint = small();
    checkpoint.layers[0].bias = Some(Values::I32(vec![-1, 2]));
    checkpoint.layers[0].neuron = Some(Neuron { threshold: 64.0.into(), ..Neuron::new(NeuronKind::If) });
    let Ok(AnyNetwork::I32(network)) = checkpoint.to_network() else { panic!("it is of integers") };
    let input = View::new(&[0, 1, 0, 0, 2, 0, 0, 0, 3], &[1, 1, 3, 3]).unwrap();
    let run = network.run(input, &RunOptions::new(3)).unwrap();
    // Worked by hand: currents of conv 134, -123, 253, -245 and 12, 21, -10, 36 in each step.
    assert_eq!(run.layers[0].counts, Counts::Spikes(vec![3, 0, 3, 0, 0, 0, 0, 1]));
    assert_eq!(run.layers[0].membrane, [210, -369, 567, -735, 36, 63, -30, 44]);
    assert_eq!(run.layers[1].counts, Counts::Graded(vec![6, 1]));
}

#[test]
fn a_chain_of_integers_is_written_in_version_2() {
    let mut checkpoint = small();
    checkpoint.layers.drain(..2);
    checkpoint.layers[0].inputs = vec![Source::Input];
    (checkpoint.input_shape, checkpoint.frozen) = (vec![2], Vec::new());
    assert_eq!(checkpoint.version(), 2);
    let read = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
    assert_eq!(read, checkpoint);
    checkpoint.layers[0].weight = Some(Values::F32(vec![1.0; 6]));
    assert_eq!(checkpoint.version(), 1);
}

#[test]
fn types_that_do_not_go_together_are_not_written() {
    assert_eq!(refused(|layers| layers[2].weight = Some(Values::I16(vec![0; 6]))), Some(Code::Dtype));
    assert_eq!(refused(|layers| layers[2].weight = Some(Values::F32(vec![0.0; 6]))), Some(Code::Dtype));
    assert_eq!(refused(|layers| layers[0].bias = Some(Values::I8(vec![0; 2]))), Some(Code::Dtype));
    assert_eq!(refused(|layers| layers[0].bias = Some(Values::F64(vec![0.0; 2]))), Some(Code::Dtype));
    assert_eq!(refused(|layers| layers[2].bias = Some(Values::I32(vec![0; 3]))), None);
    let of_32_bits = |layers: &mut [CheckpointLayer]| {
        (layers[0].weight, layers[2].weight) = (Some(Values::I32(vec![0; 8])), Some(Values::I32(vec![0; 6])));
    };
    assert_eq!(refused(of_32_bits), Some(Code::Dtype));
    let of_floats = |layers: &mut [CheckpointLayer]| {
        (layers[0].weight, layers[2].weight) =
            (Some(Values::F32(vec![0.0; 8])), Some(Values::F32(vec![0.0; 6])));
    };
    assert_eq!(refused(of_floats), Some(Code::Dtype), "a bias of integers beside weights of floats");
}

#[test]
fn what_integers_do_not_have_is_not_written() {
    fn neuron(layers: &mut [CheckpointLayer], change: fn(&mut Neuron)) {
        change(layers[2].neuron.as_mut().unwrap());
    }
    assert_eq!(refused(|layers| neuron(layers, |n| n.threshold = 4.5.into())), Some(Code::Neuron));
    assert_eq!(refused(|layers| neuron(layers, |n| n.threshold = 4294967296.0.into())), Some(Code::Neuron));
    assert_eq!(refused(|layers| neuron(layers, |n| n.v_init = 0.3.into())), Some(Code::Neuron));
    assert_eq!(refused(|layers| neuron(layers, |n| n.v_init = 1e9.into())), Some(Code::Neuron));
    assert_eq!(refused(|layers| neuron(layers, |n| n.v_init = 0.75.into())), None);
    let hard = |layers: &mut [CheckpointLayer]| {
        let reset = Neuron { v_reset: Some((-0.5).into()), ..Neuron::new(NeuronKind::If) };
        (layers[2].kind, layers[2].neuron) = ("IF".into(), Some(reset));
    };
    assert_eq!(refused(hard), Some(Code::Neuron));
    let leaking = |layers: &mut [CheckpointLayer]| {
        (layers[2].kind, layers[2].neuron) = ("LIF".into(), Some(Neuron::new(NeuronKind::Lif)));
    };
    assert_eq!(refused(leaking), Some(Code::Neuron));
    let label_alone =
        |layers: &mut [CheckpointLayer]| (layers[2].kind, layers[2].neuron) = ("LIF".into(), None);
    assert_eq!(refused(label_alone), Some(Code::Neuron));
    let unused = |layers: &mut [CheckpointLayer]| {
        let identity = Neuron { threshold: 0.3.into(), ..Neuron::new(NeuronKind::Identity) };
        (layers[2].kind, layers[2].neuron) = ("identity".into(), Some(identity));
    };
    assert_eq!(refused(unused), None, "no neuron uses the threshold");
    let average = |layers: &mut [CheckpointLayer]| {
        let OperationKind::SumPool(window) = layers[1].operation.clone() else { panic!("it is a sum") };
        layers[1].operation = OperationKind::AvgPool(window);
    };
    assert_eq!(refused(average), Some(Code::Operation));
}

#[test]
fn integers_are_read_only_where_they_belong() {
    let files = small().to_bytes().unwrap();
    // The header of each member is known, so its type can be changed, and the checksums with it.
    let changed = |from: &str, to: &str| {
        let archive = with_checksums(&replaced(&files.archive, from.as_bytes(), to.as_bytes()));
        Checkpoint::from_bytes(&signed(&files, archive)).err().map(|error| error.code())
    };
    assert_eq!(changed("'<i1'", "'<i1'"), None);
    assert_eq!(changed("'<i1'", "'|i1'"), Some(Code::Dtype));
    assert_eq!(changed("'<i1'", "'<u1'"), Some(Code::Dtype));
    assert_eq!(changed("'<i1'", "'<i4'"), Some(Code::Dtype));
    assert_eq!(changed("'<i1'", "'<i8'"), Some(Code::Dtype));
    assert_eq!(changed("'<i1'", "'<i2'"), Some(Code::Shape), "there are half as many bytes");
    assert_eq!(changed("'<i4'", "'<i2'"), Some(Code::Dtype));
    assert_eq!(changed("'<i4'", "'<f4'"), Some(Code::Dtype), "a bias of floats beside integers");
    assert_eq!(changed("'<f8'", "'<i4'"), Some(Code::Dtype), "a neuron of integers");
}

/// `bytes` with the first `from` in them replaced by `to`, which is as long.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Where the directory of an archive begins.
fn directory(archive: &[u8]) -> usize {
    u32::from_le_bytes(archive[archive.len() - 6..][..4].try_into().unwrap()) as usize
}

/// An archive with the checksums of its members, both in their own records and in the directory.
fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let word =
        |archive: &[u8], at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap()) as usize;
    let mut entry = directory(&archive);
    while archive[entry..].starts_with(b"PK\x01\x02") {
        let (local, size) = (word(&archive, entry + 42), word(&archive, entry + 24));
        let name = usize::from(archive[entry + 28]);
        let data = local + 30 + name;
        let checksum = crc32fast::hash(&archive[data..data + size]).to_le_bytes();
        archive[entry + 16..entry + 20].copy_from_slice(&checksum);
        archive[local + 14..local + 18].copy_from_slice(&checksum);
        entry += 46 + name;
    }
    archive
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_damaged_archive_of_integers_is_refused_or_is_the_one_encoding_of_what_it_holds(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let files = small().to_bytes().unwrap();
        let mut archive = files.archive.clone();
        let at = place.index(directory(&archive));
        archive[at] = byte;
        let archive = with_checksums(&archive);
        let files = signed(&files, archive);
        if let Ok(checkpoint) = Checkpoint::from_bytes(&files) {
            prop_assert_eq!(checkpoint.to_bytes().unwrap().archive, files.archive);
        }
    }
}
