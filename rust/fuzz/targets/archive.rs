//! An archive beside the sidecar of a good network, which the first byte picks; its digest fits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spikeport::checkpoint::Files;
use spikeport_fuzz::{NETWORKS, check, signed, with_checksums};

fuzz_target!(|data: &[u8]| {
    let Some((&which, archive)) = data.split_first() else { return };
    let (_, sidecar) = NETWORKS[usize::from(which) % NETWORKS.len()];
    let files = signed(Files { archive: archive.to_vec(), sidecar: sidecar.to_vec() });
    check(&files);
    let mended = with_checksums(archive.to_vec());
    if mended != archive {
        check(&signed(Files { archive: mended, ..files }));
    }
});
