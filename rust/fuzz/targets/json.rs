//! Strict JSON, beside another parser of it (`serde_json`): what is taken is JSON, and what is refused is not, or goes
//! beyond what the contract allows besides.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use spikeport::checkpoint::{Checkpoint, Files};
use spikeport_fuzz::{NETWORKS, may_refuse};

/// What the contract refuses that JSON allows, as the messages say it.
const BEYOND: [&str; 4] = ["stands twice", "nested deeper", "a shorter or smaller number", "surrogate pair"];

fuzz_target!(|data: &[u8]| {
    let Ok(metadata) = std::str::from_utf8(data) else { return };
    let (archive, sidecar) = NETWORKS[1];
    let good = Files { archive: archive.to_vec(), sidecar: sidecar.to_vec() };
    let mut checkpoint = Checkpoint::from_bytes(&good).expect("a network of the vectors");
    metadata.clone_into(&mut checkpoint.metadata);
    let other = serde_json::from_str::<Value>(metadata);
    match checkpoint.to_bytes() {
        Ok(files) => {
            let value = other.expect("what was taken is JSON");
            let read = Checkpoint::from_bytes(&files).expect("what was written is read").metadata;
            assert_eq!(read, metadata.trim_matches([' ', '\t', '\n', '\r']));
            let sidecar: Value = serde_json::from_slice(&files.sidecar).expect("a sidecar is JSON");
            assert_eq!(sidecar["metadata"], value);
        }
        Err(error) => {
            assert!(may_refuse(error.code()), "the code {}", error.code());
            let message = error.to_string();
            let is_beyond = BEYOND.iter().any(|what| message.contains(what));
            assert!(is_beyond || !other.is_ok_and(|value| value.is_object()), "JSON was refused: {message}");
        }
    }
});
