//! Loading the two files: everything is checked before it is believed.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::opened::Opened;
use crate::checkpoint::content::Checkpoint;
use crate::checkpoint::sidecar::{self, LARGEST_SIDECAR, Sidecar};
use crate::checkpoint::{archive, members};
use crate::{Code, Error};

/// How often a pair is read that another process keeps replacing.
const ATTEMPTS: usize = 64;

/// A checkpoint that was read, and the digest of its archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What was read.
    pub checkpoint: Checkpoint,
    /// SHA-256 of the archive, in hex digits.
    pub archive_sha256: String,
}

/// What a path leads to.
pub enum Reading {
    /// A checkpoint, everything of it checked.
    Whole(Loaded),
    /// The archive of a large one, to be read where its reader wants it.
    Large(Box<Opened>),
}

impl Checkpoint {
    /// Load the checkpoint at `path`: "name", "name.npz" and "name.json" name the same pair.
    ///
    /// Errors, each for one check, in their order: `symlink`, `missing_file`, `too_large`, `sidecar_syntax`,
    /// `sidecar_schema`, `version`, `layer_chain`, `archive_digest`, `archive_syntax`, `duplicate_entry`,
    /// `unexpected_entry`, `missing_entry`, `compressed_entry`, `pickle`, `dtype`, `shape`, `non_finite`, `neuron`,
    /// `operation`.
    pub fn load(path: &Path) -> Result<Loaded, Error> {
        match Self::open(path)? {
            Reading::Whole(loaded) => Ok(loaded),
            Reading::Large(opened) => opened.read().map_or_else(|| Self::load_whole(path), Ok),
        }
    }

    /// [`Checkpoint::load`], or of a large one the archive, opened.
    pub fn open(path: &Path) -> Result<Reading, Error> {
        let pair = Pair::open(path)?;
        match Opened::large(&pair.sidecar, &pair.archive_path) {
            Some(opened) => Ok(Reading::Large(Box::new(opened))),
            None => pair.load().map(Reading::Whole),
        }
    }

    /// [`Checkpoint::load`], with the whole archive in memory.
    pub fn load_whole(path: &Path) -> Result<Loaded, Error> {
        Pair::open(path)?.load()
    }
}

/// A pair of files of which the sidecar was read.
struct Pair {
    archive_path: PathBuf,
    sidecar_path: PathBuf,
    text: Vec<u8>,
    sidecar: Sidecar,
}

impl Pair {
    fn open(path: &Path) -> Result<Self, Error> {
        let [archive_path, sidecar_path] = checkpoint_paths(path);
        let text = read(&sidecar_path, LARGEST_SIDECAR as u64)?;
        let sidecar = Sidecar::read(&text, &name(&sidecar_path))?;
        Ok(Self { archive_path, sidecar_path, text, sidecar })
    }

    /// The checkpoint of this sidecar, or of one that takes its place meanwhile.
    fn load(mut self) -> Result<Loaded, Error> {
        let content = self.archive()?;
        let expected = members::of(&self.sidecar.checkpoint, self.sidecar.version)?;
        let arrays = archive::read(&content, &expected, &name(&self.archive_path))?;
        drop(content);
        let archive_sha256 = self.sidecar.archive_sha256.clone();
        Ok(Loaded { checkpoint: Checkpoint::from_parts(self.sidecar, arrays)?, archive_sha256 })
    }

    /// The archive that the sidecar was written for; the sidecar is read again where another took its place.
    fn archive(&mut self) -> Result<Vec<u8>, Error> {
        let mut outcome = Err(sidecar::foreign(&name(&self.archive_path)));
        for _ in 0..ATTEMPTS {
            outcome = read_archive(&self.archive_path, &self.sidecar);
            match &outcome {
                Err(error) if matches!(error.code(), Code::ArchiveDigest | Code::MissingFile) => {}
                _ => return outcome,
            }
            let text = read(&self.sidecar_path, LARGEST_SIDECAR as u64)?;
            if text == self.text {
                break;
            }
            self.sidecar = Sidecar::read(&text, &name(&self.sidecar_path))?;
            self.text = text;
        }
        outcome
    }
}

/// Archive and sidecar of a path: `name`, `name.npz` and `name.json` name the same pair.
pub fn checkpoint_paths(path: &Path) -> [PathBuf; 2] {
    let is_suffix = path.extension().is_some_and(|suffix| suffix == "npz" || suffix == "json");
    let base = if is_suffix { path.with_extension("") } else { path.to_owned() };
    ["npz", "json"].map(|suffix| {
        let mut file = base.clone().into_os_string();
        file.push(".");
        file.push(suffix);
        file.into()
    })
}

fn read_archive(path: &Path, sidecar: &Sidecar) -> Result<Vec<u8>, Error> {
    let expected = members::of(&sidecar.checkpoint, sidecar.version)?;
    let bytes = archive::check_length(sidecar.archive_bytes, &expected, &name(path))?;
    let staged = staged(path, &sidecar.archive_sha256);
    // A save may rename the one to the other between our looks.
    for candidate in [path, &staged, path] {
        let is_staged = candidate == staged;
        if is_staged && !staged.is_file() {
            continue;
        }
        match read(candidate, bytes) {
            Ok(content) if sidecar.is_of(&content) => return Ok(content),
            Ok(_) => {}
            Err(error) if error.code() == Code::MissingFile && (is_staged || staged.is_file()) => {}
            Err(error) => return Err(error),
        }
    }
    Err(sidecar::foreign(&name(path)))
}

/// At most `limit` + 1 bytes of a regular file that is not a link.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    if path.is_symlink() {
        return Err(symlink(path));
    }
    let missing = |why: &dyn std::fmt::Display| {
        let path = path.display();
        Error::new(
            Code::MissingFile,
            format!("{path}: {why}: a checkpoint is a .npz and a .json of one name"),
        )
    };
    if !path.is_file() {
        return Err(missing(&"there is no such file"));
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| missing(&error))?;
    file.take(limit + 1).read_to_end(&mut content).map_err(|error| missing(&error))?;
    Ok(content)
}

pub(super) fn staged(archive: &Path, digest: &str) -> PathBuf {
    let mut staged = OsString::from(".");
    staged.push(archive.file_name().unwrap_or_default());
    staged.push(format!(".{:.16}", digest));
    archive.with_file_name(staged)
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn symlink(path: &Path) -> Error {
    Error::new(Code::Symlink, format!("{} is a symbolic link: give the path it points to", name(path)))
}
