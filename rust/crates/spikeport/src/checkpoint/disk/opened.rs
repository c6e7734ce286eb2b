//! A large archive, read in one pass from the disk into the arrays that hold it.
//!
//! Only what is byte for byte as we write it is read so; of everything else this says no more than that, and the careful
//! way, which has the whole file before it, finds out what is wrong with it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::store::Loaded;
use crate::checkpoint::archive::{self, Place};
use crate::checkpoint::content::{Checkpoint, CheckpointLayer};
use crate::checkpoint::digest::Running;
use crate::checkpoint::members::{self, Members};
use crate::checkpoint::npy;
use crate::checkpoint::sidecar::Sidecar;
use crate::checkpoint::values::{Dtype, Values};

/// How many bytes are read, hashed and looked at together: as many as stay in the second cache.
const BLOCK: usize = 1 << 16;
/// The least number of bytes of an archive that is read in this way: fuzzing takes all.
const LARGE: i128 = if cfg!(fuzzing) { 0 } else { 1 << 18 };
/// The most bytes of the header of a `.npy` of ours.
const HEADER: usize = 256;

/// An archive of which is known what it says it holds; none of that is believed yet.
pub struct Opened {
    sidecar: Sidecar,
    file: File,
    length: u64,
    /// From its directory on.
    tail: Vec<u8>,
    members: Vec<Member>,
}

/// A weight or a bias of an archive.
pub struct OpenedArray {
    /// The index of its layer.
    pub layer: usize,
    /// Whether it is the bias.
    pub is_bias: bool,
    /// The type of its values.
    pub dtype: Dtype,
    /// The shape of it.
    pub shape: Vec<usize>,
}

/// An array of it: of which layer and which of its three it is, where it stands, and what it is.
struct Member {
    layer: usize,
    part: usize,
    place: Place,
    /// What stands before its values, as we write it.
    head: Vec<u8>,
    header: usize,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl Member {
    fn is_neuron(&self) -> bool {
        self.part == 2
    }
}

impl Opened {
    /// The archive of this sidecar, where it is large and all that it says is as we would say it.
    pub(super) fn large(sidecar: &Sidecar, archive: &Path) -> Option<Self> {
        if sidecar.archive_bytes < LARGE { None } else { Self::open(sidecar, archive) }
    }

    fn open(sidecar: &Sidecar, archive_path: &Path) -> Option<Self> {
        let expected = members::of(&sidecar.checkpoint, sidecar.version).ok()?;
        let length = archive::check_length(sidecar.archive_bytes, &expected, "").ok()?;
        let is_plain = !archive_path.is_symlink() && archive_path.is_file();
        let mut file = is_plain.then(|| File::open(archive_path).ok())??;
        if cfg!(target_endian = "big") || file.metadata().ok()?.len() != length {
            return None;
        }
        let tail = tail(&mut file, length, &expected)?;
        let mut members = Vec::new();
        for place in archive::places(&tail, length, &expected)? {
            members.push(Self::member(&mut file, place, &expected)?);
        }
        Some(Self { sidecar: sidecar.clone(), file, length, tail, members })
    }

    /// What a member says of itself.
    fn member(file: &mut File, place: Place, expected: &[Members]) -> Option<Member> {
        let (layer, part) = (place.index / 3, place.index % 3);
        let member = expected[layer][part].as_ref()?;
        let mut start = vec![0; HEADER.min(place.size as usize)];
        file.seek(SeekFrom::Start(place.data)).ok()?;
        file.read_exact(&mut start).ok()?;
        let npy::Header { dtype, shape, end } =
            npy::read_header(&start, &member.shapes, member.dtypes, "").ok()?;
        let size = shape.iter().try_fold(dtype.width(), |size, &n| size.checked_mul(n))?;
        if end + size != place.size as usize {
            return None;
        }
        let head = [&place.local, &start[..end]].concat();
        Some(Member { layer, part, place, head, header: end, dtype, shape: shape.to_vec() })
    }

    /// How many layers it has.
    pub fn n_layers(&self) -> usize {
        self.sidecar.checkpoint.layers.len()
    }

    /// The weights and biases, in the order of the archive.
    pub fn arrays(&self) -> impl Iterator<Item = OpenedArray> {
        let arrays = self.members.iter().filter(|member| !member.is_neuron());
        arrays.map(|member| OpenedArray {
            layer: member.layer,
            is_bias: member.part == 1,
            dtype: member.dtype,
            shape: member.shape.clone(),
        })
    }

    /// Read the weights and biases into `room`, the bytes of an array for each that [`Opened::arrays`] names.
    ///
    /// What it returns has none of them; and nothing is returned where the archive is not all as we write it, or is not the
    /// one that its sidecar was written for. Then nothing in `room` may be believed.
    pub fn read_into(mut self, room: &mut [&mut [u8]]) -> Option<Loaded> {
        let mut digest = Running::default();
        let mut rows = vec![None; self.sidecar.checkpoint.layers.len()];
        let mut room = room.iter_mut();
        self.file.seek(SeekFrom::Start(0)).ok()?;
        for member in &self.members {
            let mut head = vec![0; member.head.len()];
            self.file.read_exact(&mut head).ok()?;
            if head != member.head {
                return None;
            }
            digest.update(&head);
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(&head[head.len() - member.header..]);
            let size = member.place.size as usize - member.header;
            if member.is_neuron() {
                let mut bytes = vec![0; size];
                self.read_values(&mut bytes, member.dtype, &mut digest, &mut checksum)?;
                rows[member.layer] = Some(npy::values_of(member.dtype, &bytes));
            } else {
                let bytes = room.next().filter(|bytes| bytes.len() == size)?;
                self.read_values(bytes, member.dtype, &mut digest, &mut checksum)?;
            }
            if checksum.finalize() != member.place.checksum {
                return None;
            }
        }
        let mut tail = Vec::with_capacity(self.tail.len() + 1);
        self.file.by_ref().take(self.length).read_to_end(&mut tail).ok()?;
        digest.update(&tail);
        if tail != self.tail || room.next().is_some() || digest.finish() != self.sidecar.archive_sha256 {
            return None;
        }
        self.believed(&rows)
    }

    /// Read the values of one array.
    fn read_values(
        &self,
        bytes: &mut [u8],
        dtype: Dtype,
        digest: &mut Running,
        checksum: &mut crc32fast::Hasher,
    ) -> Option<()> {
        let mut file = &self.file;
        for block in bytes.chunks_mut(BLOCK) {
            file.read_exact(block).ok()?;
            digest.update(block);
            checksum.update(block);
            if !npy::are_finite(dtype, block) {
                return None;
            }
        }
        Some(())
    }

    /// The checkpoint without its weights and biases, checked as the careful way does.
    fn believed(self, rows: &[Option<Values>]) -> Option<Loaded> {
        let dtypes = |layer: usize| {
            let of_layer = self.members.iter().filter(move |member| member.layer == layer);
            of_layer.fold(members::Dtypes::default(), |mut dtypes, member| {
                dtypes[member.part] = Some(member.dtype);
                dtypes
            })
        };
        let archive_sha256 = self.sidecar.archive_sha256.clone();
        let expected = members::of(&self.sidecar.checkpoint, self.sidecar.version).ok()?;
        let dtypes: Vec<_> = (0..expected.len()).map(dtypes).collect();
        members::check_types(&expected, &dtypes, "").ok()?;
        let weights: Vec<Dtype> = dtypes.iter().filter_map(|[weight, ..]| *weight).collect();
        let learned = self.members.iter().filter(|member| !member.is_neuron());
        let total = learned.map(|member| member.shape.iter().product::<usize>()).sum();
        let rows = rows.iter().map(Option::as_ref);
        let checkpoint = Checkpoint::of_sidecar(self.sidecar, total, &weights, rows).ok()?;
        Some(Loaded { checkpoint, archive_sha256 })
    }

    /// The whole checkpoint.
    pub(super) fn read(self) -> Option<Loaded> {
        let arrays: Vec<OpenedArray> = self.arrays().collect();
        let zeros = |array: &OpenedArray| Values::zeros(array.dtype, array.shape.iter().product());
        let mut values: Vec<Values> = arrays.iter().map(zeros).collect();
        let mut room: Vec<&mut [u8]> = values.iter_mut().map(Values::bytes_mut).collect();
        let mut loaded = self.read_into(&mut room)?;
        for (OpenedArray { layer, is_bias, .. }, values) in arrays.into_iter().zip(values) {
            let CheckpointLayer { weight, bias, .. } = &mut loaded.checkpoint.layers[layer];
            *(if is_bias { bias } else { weight }) = Some(values);
        }
        Some(loaded)
    }
}

/// The bytes of an archive from its directory on.
fn tail(file: &mut File, length: u64, expected: &[Members]) -> Option<Vec<u8>> {
    let most = archive::most_of_tail(expected).min(length);
    let mut tail = vec![0; most as usize];
    file.seek(SeekFrom::Start(length - most)).ok()?;
    file.read_exact(&mut tail).ok()?;
    let start = archive::start_of_directory(&tail, length)?;
    Some(tail.split_off((start - (length - most)) as usize))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::super::store::read;
    use super::*;
    use crate::Error;
    use crate::checkpoint::sidecar::LARGEST_SIDECAR;

    /// The checkpoints of the conformance vectors, those that load and those that do not.
    fn vectors(folder: &str) -> Vec<PathBuf> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/vectors/checkpoint/files");
        let mut paths: Vec<PathBuf> = fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path().with_extension(""))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    #[test]
    fn both_ways_of_reading_agree() {
        let mut read_in_one_pass = 0;
        for path in ["networks", "hostile"].iter().flat_map(|folder| vectors(folder)) {
            let careful: Result<Loaded, Error> = Checkpoint::load_whole(&path);
            let text = read(&path.with_extension("json"), LARGEST_SIDECAR as u64);
            let sidecar = text.map(|text| Sidecar::read(&text, ""));
            let opened = sidecar.ok().and_then(Result::ok);
            let opened = opened.and_then(|sidecar| Opened::open(&sidecar, &path.with_extension("npz")));
            let quick = opened.and_then(Opened::read);
            match (&careful, &quick) {
                (Ok(careful), Some(quick)) => assert_eq!(careful, quick),
                (Err(_), None) => {}
                _ => panic!("{}: {careful:?} and {quick:?}", path.display()),
            }
            read_in_one_pass += usize::from(quick.is_some());
        }
        assert!(read_in_one_pass > 5);
    }
}
