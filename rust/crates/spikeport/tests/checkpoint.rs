//! Checkpoints come back as they were saved, and nothing hostile gets past reading.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spikeport::checkpoint::{Checkpoint, CheckpointLayer, Files, Values, sha256};
use spikeport::{AnyNetwork, Code, Neuron, NeuronKind, OperationKind, PerNeuron, Source};

include!("checkpoint/codes.rs");

/// The pairs of files of the conformance vectors in one folder, without their suffixes.
fn vectors(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../conformance/vectors/checkpoint/files")
        .join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().with_extension("")).collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 10, "the conformance vectors are missing");
    paths
}

fn small() -> Checkpoint {
    let hidden = CheckpointLayer {
        name: "hidden \"ü\"".into(),
        kind: "LIF".into(),
        operation: OperationKind::Linear,
        inputs: vec![Source::Input],
        shape: vec![3],
        weight: Some(Values::F64(vec![0.5, -0.25, 1.0, 0.0, -0.0, 2.0])),
        bias: Some(Values::F64(vec![0.125, 0.0, -1.0])),
        neuron: Some(Neuron {
            threshold: PerNeuron::Each(vec![1.0, 0.5, 2.0]),
            v_init: PerNeuron::Each(vec![0.0, 0.5, -1.0]),
            v_reset: Some(PerNeuron::Each(vec![-0.5, 0.0, 0.25])),
            beta: PerNeuron::Each(vec![0.75, 1.0, 0.0]),
            ..Neuron::new(NeuronKind::Lif)
        }),
    };
    let output = CheckpointLayer {
        name: "output".into(),
        kind: "any label".into(),
        operation: OperationKind::Linear,
        inputs: vec![Source::Node(0)],
        shape: vec![1],
        weight: Some(Values::F32(vec![1.0, 2.0, 3.0])),
        bias: None,
        neuron: None,
    };
    let frozen = vec!["output".into()];
    let metadata = r#"{"accuracy": 0.10}"#.into();
    Checkpoint { input_shape: vec![2], layers: vec![hidden, output], frozen, metadata }
}

/// The sidecar of another archive, with its length and digest put right.
fn signed(files: &Files, archive: Vec<u8>) -> Files {
    let text = String::from_utf8(files.sidecar.clone()).unwrap();
    let record =
        |archive: &[u8]| format!("{{\"bytes\": {}, \"sha256\": \"{}\"}}", archive.len(), sha256(archive));
    let sidecar = text.replace(&record(&files.archive), &record(&archive)).into_bytes();
    Files { archive, sidecar }
}

#[test]
fn every_good_vector_is_written_again_byte_for_byte() {
    for path in vectors("networks") {
        let loaded = Checkpoint::load(&path).unwrap();
        let files = loaded.checkpoint.to_bytes().unwrap();
        assert_eq!(files.archive, fs::read(path.with_extension("npz")).unwrap(), "{}", path.display());
        assert_eq!(files.sidecar, fs::read(path.with_extension("json")).unwrap(), "{}", path.display());
        assert_eq!(loaded.archive_sha256, sha256(&files.archive));
    }
}

#[test]
fn every_hostile_vector_is_refused_by_a_code_of_the_list() {
    for path in vectors("hostile") {
        let error = Checkpoint::load(&path).expect_err(&path.display().to_string());
        assert!(CODES.contains(&error.code()), "{}: {}", path.display(), error.code());
    }
}

#[test]
fn a_saved_checkpoint_loads_and_an_overwrite_leaves_two_files() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("saved");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let mut checkpoint = small();
    for metadata in ["{}", r#"{"epoch": 2}"#] {
        checkpoint.metadata = metadata.into();
        checkpoint.save(&folder.join("net.npz")).unwrap();
        for name in ["net", "net.npz", "net.json"] {
            assert_eq!(Checkpoint::load(&folder.join(name)).unwrap().checkpoint, checkpoint);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }
}

#[test]
fn a_save_that_was_stopped_before_the_archive_got_its_name_still_loads() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stopped");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (old, mut new) = (small(), small());
    old.save(&folder.join("net")).unwrap();
    new.layers[0].bias = None;
    let files = new.to_bytes().unwrap();
    fs::write(folder.join(format!(".net.npz.{:.16}", sha256(&files.archive))), &files.archive).unwrap();
    assert_eq!(Checkpoint::load(&folder.join("net")).unwrap().checkpoint, old);
    fs::write(folder.join("net.json"), &files.sidecar).unwrap();
    assert_eq!(Checkpoint::load(&folder.join("net")).unwrap().checkpoint, new);
    old.save(&folder.join("net")).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn a_small_sidecar_beside_a_huge_archive_is_refused_without_reading_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("huge");
    fs::create_dir_all(&folder).unwrap();
    let files = small().to_bytes().unwrap();
    fs::write(folder.join("net.json"), &files.sidecar).unwrap();
    fs::File::create(folder.join("net.npz")).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(Checkpoint::load(&folder.join("net")).unwrap_err().code(), Code::ArchiveDigest);
}

#[test]
fn content_that_would_not_load_is_not_written() {
    let refused = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = small();
        change(&mut checkpoint);
        checkpoint.to_bytes().unwrap_err().code()
    };
    assert_eq!(refused(|c| c.layers.clear()), Code::SidecarSchema);
    assert_eq!(refused(|c| c.metadata = "[]".into()), Code::SidecarSchema);
    assert_eq!(refused(|c| c.metadata = r#"{"a": 1, "a": 2}"#.into()), Code::SidecarSchema);
    assert_eq!(refused(|c| c.frozen = vec!["nobody".into()]), Code::SidecarSchema);
    assert_eq!(refused(|c| c.layers[1].name = c.layers[0].name.clone()), Code::SidecarSchema);
    assert_eq!(refused(|c| c.layers[1].shape = vec![1, 1]), Code::LayerChain);
    assert_eq!(refused(|c| c.layers[1].weight = Some(Values::F32(vec![1.0]))), Code::Shape);
    assert_eq!(refused(|c| c.layers[0].bias = Some(Values::F32(vec![0.0; 3]))), Code::Dtype);
    assert_eq!(refused(|c| c.layers[0].bias = Some(Values::F64(vec![f64::NAN; 3]))), Code::NonFinite);
    assert_eq!(refused(|c| c.layers[0].kind = "IF".into()), Code::Neuron);
}

#[test]
fn a_network_of_mixed_types_is_read_but_not_run() {
    let mut checkpoint = small();
    checkpoint.layers[1].kind = "IF".into();
    let read = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
    assert_eq!(read, checkpoint);
    assert_eq!(read.to_network().err().map(|error| error.code()), Some(Code::Dtype));
    checkpoint.layers[1].weight = Some(Values::F64(vec![1.0, 2.0, 3.0]));
    assert!(matches!(checkpoint.to_network(), Ok(AnyNetwork::F64(_))));
    checkpoint.layers[1].kind = "any label".into();
    assert_eq!(checkpoint.to_network().err().map(|error| error.code()), Some(Code::Neuron));
}

#[test]
fn metadata_is_as_deep_as_it_can_be_read() {
    let nested = |levels: usize| format!("{}{{}}{}", "{\"a\": ".repeat(levels - 1), "}".repeat(levels - 1));
    let files = Checkpoint { metadata: format!(" {}\n", nested(63)), ..small() }.to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&files).unwrap().metadata, nested(63));
    let error = Checkpoint { metadata: nested(64), ..small() }.to_bytes().unwrap_err();
    assert_eq!(error.code(), Code::SidecarSchema);
}

#[test]
fn json_beyond_the_rfc_or_the_limits_is_refused() {
    let refused = |metadata: &str| Checkpoint { metadata: metadata.into(), ..small() }.to_bytes().is_err();
    let deep = |n: usize| format!("{{\"a\": {}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(!refused(&deep(62)) && refused(&deep(63)) && refused(&deep(100_000)));
    let long = |n: usize| format!("{{\"a\": 0.{}}}", "1".repeat(n));
    assert!(!refused(&long(398)) && refused(&long(399)));
    for value in
        ["NaN", "Infinity", "1e999", "01", "+1", ".5", "1.", "'a'", "tru", "[1,]", r#""\x""#, r#""\ud800""#]
    {
        assert!(refused(&format!("{{\"a\": {value}}}")), "{value}");
    }
    assert!(!refused(r#"{"a": "\ud83d\ude00 \/ \u00e9", "b": [-0.0, 1E+2, true, null, {}]}"#));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

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
        let files = signed(&files, archive);
        match Checkpoint::from_bytes(&files) {
            Ok(checkpoint) => prop_assert_eq!(checkpoint.to_bytes().unwrap().archive, files.archive),
            Err(error) => prop_assert!(CODES.contains(&error.code()), "{}", error.code()),
        }
    }

    #[test]
    fn a_damaged_sidecar_is_refused_or_read_without_panic(
        place in any::<prop::sample::Index>(),
        bytes in "[\\[\\]{}\",:\\\\a-z0-9.u-]{0,4}",
        removed in 0usize..4,
    ) {
        let mut files = small().to_bytes().unwrap();
        let start = place.index(files.sidecar.len());
        let end = files.sidecar.len().min(start + removed);
        files.sidecar.splice(start..end, bytes.into_bytes());
        if let Err(error) = Checkpoint::from_bytes(&files) {
            prop_assert!(CODES.contains(&error.code()), "{}", error.code());
        }
    }
}
