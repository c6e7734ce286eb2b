//! Both files, as they are and once more with digest and checksums put right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spikeport::checkpoint::Files;
use spikeport_fuzz::{check, pair, signed, with_checksums};

fuzz_target!(|data: &[u8]| {
    let Some(files) = pair(data) else { return };
    check(&files);
    let archive = with_checksums(files.archive.clone());
    let fitting = signed(Files { archive, sidecar: files.sidecar.clone() });
    if fitting != files {
        check(&fitting);
    }
});
