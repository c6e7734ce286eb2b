//! The two files on disk.
//!
//! An overwrite stages the new archive beside the old one under a name that holds its digest, then puts the new sidecar in
//! place, which is the moment that counts, then gives the archive its name. Stopped anywhere, what loads is the whole old
//! checkpoint or the whole new one: a sidecar whose archive is not yet in place finds it under the staged name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::content::Checkpoint;
use super::digest::sha256;
use super::sidecar::{self, LARGEST_SIDECAR, Sidecar};
use super::{archive, members};
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

impl Checkpoint {
    /// Load the checkpoint at `path`: "name", "name.npz" and "name.json" name the same pair.
    ///
    /// Errors, each for one check, in their order: `symlink`, `missing_file`, `too_large`, `sidecar_syntax`,
    /// `sidecar_schema`, `version`, `layer_chain`, `archive_digest`, `archive_syntax`, `duplicate_entry`,
    /// `unexpected_entry`, `missing_entry`, `compressed_entry`, `pickle`, `dtype`, `shape`, `non_finite`, `neuron`,
    /// `operation`.
    pub fn load(path: &Path) -> Result<Loaded, Error> {
        let [archive_path, sidecar_path] = checkpoint_paths(path);
        let (sidecar, content) = read_pair(&archive_path, &sidecar_path)?;
        let arrays = archive::read(
            &content,
            &members::of(&sidecar.checkpoint, sidecar.version)?,
            &name(&archive_path),
        )?;
        drop(content);
        let archive_sha256 = sidecar.archive_sha256.clone();
        Ok(Loaded { checkpoint: Self::from_parts(sidecar, arrays)?, archive_sha256 })
    }

    /// Write `<path>.npz` and `<path>.json`.
    ///
    /// Errors: the codes by which loading would refuse the content (nothing is written then), `symlink`, and `io` where
    /// the files cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let [archive_path, sidecar_path] = checkpoint_paths(path);
        for target in [&archive_path, &sidecar_path] {
            if target.is_symlink() {
                return Err(symlink(target));
            }
        }
        let files = self.to_bytes()?;
        let staged = staged(&archive_path, &sha256(&files.archive));
        let failed = |error: io::Error| {
            Error::new(Code::Io, format!("cannot write {}: {error}", archive_path.display()))
        };
        replace(&staged, &files.archive).map_err(failed)?;
        replace(&sidecar_path, &files.sidecar).map_err(|error| {
            // The first error is the one to report.
            let _ = fs::remove_file(&staged);
            failed(error)
        })?;
        fs::rename(&staged, &archive_path).map_err(failed)?;
        remove_stale(&archive_path);
        Ok(())
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

/// The checked sidecar and the archive that it was written for.
fn read_pair(archive_path: &Path, sidecar_path: &Path) -> Result<(Sidecar, Vec<u8>), Error> {
    let mut outcome = Err(sidecar::foreign(&name(archive_path)));
    let mut text = read(sidecar_path, LARGEST_SIDECAR as u64)?;
    for _ in 0..ATTEMPTS {
        let sidecar = Sidecar::read(&text, &name(sidecar_path))?;
        outcome = read_archive(archive_path, &sidecar).map(|content| (sidecar, content));
        match &outcome {
            Err(error) if matches!(error.code(), Code::ArchiveDigest | Code::MissingFile) => {}
            _ => return outcome,
        }
        let again = read(sidecar_path, LARGEST_SIDECAR as u64)?;
        if again == text {
            return outcome;
        }
        text = again;
    }
    outcome
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
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
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

/// Put `content` at `path` in one step.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = OsString::from(".");
    temporary.push(path.file_name().unwrap_or_default());
    temporary.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    fs::write(&temporary, content).and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })
}

fn staged(archive: &Path, digest: &str) -> PathBuf {
    let mut staged = OsString::from(".");
    staged.push(archive.file_name().unwrap_or_default());
    staged.push(format!(".{:.16}", digest));
    archive.with_file_name(staged)
}

/// Remove what saves that were stopped have left; what cannot be removed does no harm.
fn remove_stale(archive: &Path) {
    let folder = archive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!(".{}.", name(archive));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn symlink(path: &Path) -> Error {
    Error::new(Code::Symlink, format!("{} is a symbolic link: give the path it points to", name(path)))
}
