//! Saving: two files that change together.
//!
//! An overwrite stages the new archive beside the old one under a name that holds its digest, then puts the new sidecar in
//! place, which is the moment that counts, then gives the archive its name. Stopped anywhere, what loads is the whole old
//! checkpoint or the whole new one: a sidecar whose archive is not yet in place finds it under the staged name. One save
//! at a time writes into a folder, so that none takes away what another has staged.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::store::{checkpoint_paths, name, staged, symlink};
use crate::checkpoint::content::Checkpoint;
use crate::checkpoint::writing::{Content, LayerSlices};
use crate::{Code, Error};

/// How many bytes are written together.
const BLOCK: usize = 1 << 16;

impl Checkpoint {
    /// Write `<path>.npz` and `<path>.json`.
    ///
    /// Errors: the codes by which loading would refuse the content (nothing is written then), `symlink`, and `io` where
    /// the files cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_arrays(&self.slices(), path, false)
    }

    /// [`Checkpoint::save`] with `arrays`, those of each layer where they lie, in place of its own; `durable`: also wait
    /// until the disk has everything, so that a power cut loses nothing.
    pub fn save_arrays(&self, arrays: &[LayerSlices<'_>], path: &Path, durable: bool) -> Result<(), Error> {
        let paths = checkpoint_paths(path);
        if let Some(link) = paths.iter().find(|path| path.is_symlink()) {
            return Err(symlink(link));
        }
        if arrays.len() != self.layers.len() {
            let message = format!("{} layers and arrays of {}", self.layers.len(), arrays.len());
            return Err(Error::new(Code::Shape, message));
        }
        let content = Content::new(self, arrays)?;
        write_pair(content, &paths, durable).map_err(|error| match error.code() {
            Code::Io => Error::new(Code::Io, format!("cannot write {}: {error}", paths[0].display())),
            _ => error,
        })
    }
}

fn write_pair(content: Content<'_>, [archive, sidecar]: &[PathBuf; 2], durable: bool) -> Result<(), Error> {
    let folder = archive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _lock = lock(folder);
    let file = Temporary::beside(archive)?;
    let mut out = BufWriter::with_capacity(BLOCK, &file.file);
    let (digest, text) = content.write(|bytes| out.write_all(bytes))?;
    out.flush()?;
    drop(out);
    let staged = staged(archive, &digest);
    // Where a save of the same content was stopped, the sidecar in place may need the file of this name.
    let waits = staged.exists();
    file.replace(&staged, durable)?;
    let put_sidecar = || {
        let mut file = Temporary::beside(sidecar)?;
        file.file.write_all(&text)?;
        file.replace(sidecar, durable)
    };
    put_sidecar().inspect_err(|_| {
        if !waits {
            // The first error is the one to report.
            let _ = fs::remove_file(&staged);
        }
    })?;
    fs::rename(&staged, archive)?;
    if durable {
        File::open(folder)?.sync_all()?;
    }
    remove_stale(folder, &[archive, sidecar]);
    Ok(())
}

/// Hold off other saves into `folder`, where the system can; what it gives is let go when it goes, or its process does.
fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// A file that is not yet what it will be; it goes with its owner, unless it has been put in place.
struct Temporary {
    file: File,
    path: PathBuf,
    is_placed: bool,
}

impl Temporary {
    fn beside(target: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let mut path = OsString::from(".");
            path.push(target.file_name().unwrap_or_default());
            path.push(format!(".{:08x}{:08x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
            let path = target.with_file_name(path);
            match File::create_new(&path) {
                Ok(file) => return Ok(Self { file, path, is_placed: false }),
                // Of a process that was stopped, and whose number this one has.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Give it this name, in place of what has it.
    fn replace(mut self, path: &Path, durable: bool) -> io::Result<()> {
        if durable {
            self.file.sync_all()?;
        }
        fs::rename(&self.path, path)?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_placed {
            // What cannot be removed does no harm: the next save takes it away.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Remove what saves of these files that were stopped have left: none goes on, since this one is alone. What cannot be
/// removed does no harm.
fn remove_stale(folder: &Path, files: &[&PathBuf; 2]) {
    let prefixes = files.map(|file| format!(".{}.", name(file)));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let mut endings = prefixes.iter().filter_map(|prefix| file.strip_prefix(prefix));
        if endings.any(|ending| ending.len() == 16 && ending.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
