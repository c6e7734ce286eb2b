//! What the fuzz targets of checkpoint files have in common: good networks to start from, a pair that is made to fit after
//! it was changed, so that the checks behind length, digest and checksums are reached, and what must hold of any pair.

#![deny(missing_docs)]

use spikeport::Code;
use spikeport::checkpoint::{Checkpoint, Files, sha256};

include!("../../crates/spikeport/tests/checkpoint/codes.rs");

macro_rules! networks {
    ($($name:literal),+) => {
        /// Archive and sidecar of good networks, of both versions and every type of values.
        pub const NETWORKS: &[(&[u8], &[u8])] = &[$((
            include_bytes!(concat!("../../../conformance/vectors/checkpoint/files/networks/", $name, ".npz")),
            include_bytes!(concat!("../../../conformance/vectors/checkpoint/files/networks/", $name, ".json")),
        )),+];
    };
}

networks!(
    "small",
    "one_weight",
    "f32_per_neuron",
    "mixed_types",
    "minus_zero_reset",
    "st_bif",
    "labels_only",
    "conv_small_f32",
    "integers_graph",
    "integers_graph_16",
    "integers_chain",
    "residual",
    "several_graph",
    "grouped",
    "max_pooled",
    "identity_paths"
);

/// Whether a code is one by which bytes are refused: any of the list but those of a disk.
pub fn may_refuse(code: Code) -> bool {
    CODES.contains(&code) && !matches!(code, Code::MissingFile | Code::Symlink)
}

/// What must hold of any pair: it is refused by a code of the list, or it is the one encoding of what it holds.
pub fn check(files: &Files) {
    let checkpoint = match Checkpoint::from_bytes(files) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return assert!(may_refuse(error.code()), "the code {}", error.code()),
    };
    let again = checkpoint.to_bytes().expect("what was read is written");
    assert!(again.archive == files.archive, "another archive holds the same");
    let back = Checkpoint::from_bytes(&again).expect("what was written is read");
    assert!(back == checkpoint, "what was written holds something else");
    // A network, or an error of the list of networks.
    let _ = checkpoint.to_network();
}

/// The archive with the checksums that its members have, as far as its directory can be followed.
pub fn with_checksums(mut archive: Vec<u8>) -> Vec<u8> {
    let Some(at_end) = archive.len().checked_sub(22) else { return archive };
    let mut at = word(&archive, at_end + 16).unwrap_or(usize::MAX);
    while archive.get(at..at.saturating_add(4)) == Some(b"PK\x01\x02") && at + 46 <= at_end {
        let field = |offset| word(&archive, at + offset).unwrap_or(usize::MAX);
        let (size, local) = (field(20), field(42));
        let names = [at + 28, local.saturating_add(26)].map(|place| short(&archive, place).unwrap_or(0));
        let data = local.saturating_add(30 + names[1]);
        if let Some(content) = archive.get(data..data.saturating_add(size)) {
            let checksum = crc32fast::hash(content).to_le_bytes();
            archive[at + 16..at + 20].copy_from_slice(&checksum);
            archive[local + 14..local + 18].copy_from_slice(&checksum);
        }
        at += 46 + names[0];
    }
    archive
}

/// The pair with a sidecar that says the length and the digest of its archive, where it says any.
pub fn signed(mut files: Files) -> Files {
    const BEFORE: &[u8] = b"\"archive\": {";
    let begins = files.sidecar.windows(BEFORE.len()).position(|window| window == BEFORE);
    let ends = begins.and_then(|begin| Some(begin + files.sidecar[begin..].iter().position(|&b| b == b'}')?));
    if let (Some(begin), Some(end)) = (begins, ends) {
        let (bytes, digest) = (files.archive.len(), sha256(&files.archive));
        let record = format!("\"archive\": {{\"bytes\": {bytes}, \"sha256\": \"{digest}\"");
        files.sidecar.splice(begin..end, record.into_bytes());
    }
    files
}

/// The pair of two lengths, the sidecar's first, and both files.
pub fn pair(data: &[u8]) -> Option<Files> {
    let (length, rest) = data.split_at_checked(2)?;
    let (sidecar, archive) = rest.split_at_checked(short(length, 0)?)?;
    Some(Files { archive: archive.to_vec(), sidecar: sidecar.to_vec() })
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes([field[0], field[1]])))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([field[0], field[1], field[2], field[3]]) as usize)
}
