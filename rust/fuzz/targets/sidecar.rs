//! A sidecar beside the archive of a good network, which the first byte picks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spikeport::checkpoint::Files;
use spikeport_fuzz::{NETWORKS, check, signed};

fuzz_target!(|data: &[u8]| {
    let Some((&which, sidecar)) = data.split_first() else { return };
    let (archive, _) = NETWORKS[usize::from(which) % NETWORKS.len()];
    let files = Files { archive: archive.to_vec(), sidecar: sidecar.to_vec() };
    check(&files);
    let fitting = signed(files.clone());
    if fitting != files {
        check(&fitting);
    }
});
