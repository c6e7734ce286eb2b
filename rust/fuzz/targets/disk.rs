//! Both files on a disk: the one pass that large archives are read in, which takes all of them here, and the careful way
//! say the same as the bytes in memory do.
#![no_main]

use std::env::temp_dir;
use std::fs;
use std::path::Path;
use std::process;

use libfuzzer_sys::fuzz_target;
use spikeport::checkpoint::{Checkpoint, Files};
use spikeport_fuzz::{pair, signed, with_checksums};

fuzz_target!(|data: &[u8]| {
    let Some(files) = pair(data) else { return };
    let files = signed(Files { archive: with_checksums(files.archive), sidecar: files.sidecar });
    let path = temp_dir().join(format!("spikeport-fuzz-{}", process::id()));
    read(&path, &files).expect("the disk takes two small files");
});

fn read(path: &Path, files: &Files) -> std::io::Result<()> {
    fs::write(path.with_extension("npz"), &files.archive)?;
    fs::write(path.with_extension("json"), &files.sidecar)?;
    let expected = Checkpoint::from_bytes(files).map_err(|error| error.code());
    let quick = Checkpoint::load(path).map_err(|error| error.code());
    let careful = Checkpoint::load_whole(path).map_err(|error| error.code());
    assert_eq!(quick, careful, "the two ways of reading differ");
    assert_eq!(careful.map(|loaded| loaded.checkpoint), expected, "the disk and the memory differ");
    Ok(())
}
