//! The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.
//!
//! The caller says which members there may be, layer by layer. Every length is checked against that before memory is taken
//! for it; nothing is inflated, unpickled or evaluated.

use std::collections::HashMap;
use std::io;

use super::members::{Dtypes, Member, Members, check_layer};
use super::npy;
use super::values::{Slice, Values};
use crate::{Code, Error};

/// Bytes of an archive, at most.
const LARGEST: u64 = (1 << 32) - 1;
/// Bytes of a member beside its values, at most: its two records and the header of its `.npy`.
const OVERHEAD: u128 = 268;
const LOCAL: usize = 30;
const CENTRAL: usize = 46;
const END: usize = 22;
/// 1 January 1980.
const DATE: u16 = 0x0021;

/// The values of one layer's weight, bias and neuron: `None` for a member that is not there.
pub(super) type Arrays = [Option<Values>; 3];

/// Hand the bytes of an archive of these members and arrays to `out`, block by block; return how many there are.
///
/// Errors: `too_large`, before anything is written, and `io`.
pub(super) fn write<'a>(
    expected: &[Members],
    layers: impl Iterator<Item = [Option<Slice<'a>>; 3]> + Clone,
    mut out: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, Error> {
    let there = || {
        let members = expected.iter().flatten().zip(layers.clone().flatten());
        members.filter_map(|(member, values)| member.as_ref().zip(values))
    };
    check_size(there())?;
    let mut written = 0u64;
    let mut write = |bytes: &[u8]| out(bytes).inspect(|()| written += bytes.len() as u64);
    let (mut directory, mut offset) = (Vec::new(), 0u32);
    for (member, values) in there() {
        let (name, shape) = (&member.name, shape_of(member, values.len()));
        let (mut checksum, mut size) = (crc32fast::Hasher::new(), 0);
        npy::write(values, shape, |block| {
            checksum.update(block);
            size += block.len() as u32;
            Ok(())
        })?;
        let record = Record { checksum: checksum.finalize(), size, offset };
        directory.extend(record.central(name));
        let local = record.local(name);
        offset += local.len() as u32 + size;
        write(&local)?;
        npy::write(values, shape, &mut write)?;
    }
    let (length, count) = (directory.len() as u32, there().count() as u16);
    directory.extend(b"PK\x05\x06");
    put(&mut directory, &[0, 0, count, count], &[length, offset], &[0]);
    write(&directory)?;
    Ok(written)
}

/// Refuse what an archive has no room for. Errors: `too_large`.
fn check_size<'a>(there: impl Iterator<Item = (&'a Member, Slice<'a>)>) -> Result<(), Error> {
    let mut bytes = 0u64;
    for (count, (member, values)) in there.enumerate() {
        let shape = shape_of(member, values.len());
        let record = (LOCAL + member.name.len() + npy::header(values.dtype(), shape).len()) as u64;
        bytes += record + (values.len() * values.dtype().width()) as u64;
        if bytes > LARGEST - (1 << 20) || count >= usize::from(u16::MAX) {
            let message = format!("{} takes the archive beyond 4 GiB: split the network", member.name);
            return Err(Error::new(Code::TooLarge, message));
        }
    }
    Ok(())
}

/// The shape of a member that has `length` values.
fn shape_of(member: &Member, length: usize) -> &[usize] {
    let fits = |shape: &&Vec<usize>| shape.iter().product::<usize>() == length;
    member.shapes.iter().find(fits).or(member.shapes.first()).map_or(&[], Vec::as_slice)
}

/// The length of an archive, where the members that it may have can need as much. Errors: `too_large`.
pub(super) fn check_length(bytes: i128, expected: &[Members], file: &str) -> Result<u64, Error> {
    let size = |shape: &Vec<usize>| shape.iter().map(|&n| n as u128).product::<u128>();
    let most_of_member = |member: &Member| OVERHEAD + 8 * member.shapes.iter().map(size).max().unwrap_or(0);
    let most = END as u128 + expected.iter().flatten().flatten().map(most_of_member).sum::<u128>();
    let fitting = u64::try_from(bytes).ok().filter(|&bytes| u128::from(bytes) <= most.min(LARGEST.into()));
    fitting.ok_or_else(|| {
        let message = format!("{file} should have {bytes} bytes, more than its layers could need");
        Error::new(Code::TooLarge, message)
    })
}

/// The arrays of each layer of an archive that may have these members.
pub(super) fn read(content: &[u8], expected: &[Members], file: &str) -> Result<Vec<Arrays>, Error> {
    let mut found = members(content, expected, file)?.into_iter();
    let mut layers: Vec<Arrays> = Vec::with_capacity(expected.len());
    for members in expected {
        let mut arrays = Arrays::default();
        for (array, member) in arrays.iter_mut().zip(members) {
            let Some(member) = member else { continue };
            let place = || format!("{file}: {}", member.name);
            let data = found.next().flatten();
            *array = data.map(|data| npy::read(data, &member.shapes, member.dtypes, &place())).transpose()?;
        }
        let first = layers.iter().chain([&arrays]).find_map(|[weight, ..]| weight.as_ref());
        check_layer(members, &dtypes_of(&arrays), first.map(Values::dtype), file)?;
        layers.push(arrays);
    }
    Ok(layers)
}

/// The types of these arrays.
pub(super) fn dtypes_of(arrays: &Arrays) -> Dtypes {
    arrays.each_ref().map(|values| values.as_ref().map(Values::dtype))
}

/// The bytes of each member that there may be, `None` where it is not there.
fn members<'a>(content: &'a [u8], expected: &[Members], file: &str) -> Result<Vec<Option<&'a [u8]>>, Error> {
    let damaged = |what: &str| {
        Error::new(
            Code::ArchiveSyntax,
            format!("{file} is not an archive of ours: {what}; save the checkpoint again"),
        )
    };
    let end = end_record(content).filter(|(at_end, [_, length, start])| start + length == *at_end);
    let Some((at_end, [count, _, start])) = end else {
        return Err(damaged("its end record does not fit its length"));
    };
    let entries = directory(&content[start..at_end], count)
        .ok_or_else(|| damaged("its directory is not that of its members"))?;
    let expected: Vec<&Member> = expected.iter().flatten().flatten().collect();
    let places = check_names(&entries, &expected, file)?;
    if let Some(entry) = entries.iter().find(|entry| entry.method != 0) {
        let message = format!("{file}: {} is compressed: members must be stored", entry.name.escape_ascii());
        return Err(Error::new(Code::CompressedEntry, message));
    }
    if !places.is_sorted() {
        return Err(damaged("its members are out of order"));
    }
    let (mut members, mut position) = (vec![None; expected.len()], 0usize);
    for (entry, &place) in entries.iter().zip(&places) {
        let name = &expected[place].name;
        let foreign = || damaged(&format!("the record of {name} is not the one we write"));
        let record = Record { checksum: entry.checksum, size: entry.size, offset: position as u32 };
        let data = position + LOCAL + name.len();
        let end = data.checked_add(entry.size as usize).filter(|&end| end <= start).ok_or_else(foreign)?;
        if entry.bytes != record.central(name) || content[position..data] != record.local(name) {
            return Err(foreign());
        }
        if crc32fast::hash(&content[data..end]) != entry.checksum {
            return Err(damaged(&format!("the checksum of {name} is wrong")));
        }
        members[place] = Some(&content[data..end]);
        position = end;
    }
    if position != start {
        return Err(damaged("bytes stand between its members and its directory"));
    }
    Ok(members)
}

/// Where a member stands in an archive whose directory is as we write it.
pub(super) struct Place {
    /// Which of the expected members it is, counted three to a layer.
    pub(super) index: usize,
    /// Where its `.npy` begins.
    pub(super) data: u64,
    /// Bytes of its `.npy`.
    pub(super) size: u32,
    /// CRC-32 of its `.npy`.
    pub(super) checksum: u32,
    /// The record before it, as we write it.
    pub(super) local: Vec<u8>,
}

/// Bytes of an archive from its directory on, at most.
pub(super) fn most_of_tail(expected: &[Members]) -> u64 {
    let record = |member: &Member| CENTRAL + member.name.len();
    (END + expected.iter().flatten().flatten().map(record).sum::<usize>()) as u64
}

/// Where the directory of an archive of `length` bytes begins, of which `content` is the end.
pub(super) fn start_of_directory(content: &[u8], length: u64) -> Option<u64> {
    let (at_end, [_, size, start]) = end_record(content)?;
    let fits = start as u64 + size as u64 == length - END as u64 && size <= at_end;
    fits.then_some(start as u64)
}

/// The places of the members of an archive of `length` bytes, where its end from the directory on is as we write it.
pub(super) fn places(tail: &[u8], length: u64, expected: &[Members]) -> Option<Vec<Place>> {
    let (at_end, [count, size, _]) = end_record(tail)?;
    let entries = directory(tail.get(..size).filter(|_| size == at_end)?, count)?;
    let (indices, members): (Vec<usize>, Vec<&Member>) =
        expected.iter().flatten().enumerate().filter_map(|(k, member)| Some((k, member.as_ref()?))).unzip();
    let order = check_names(&entries, &members, "").ok().filter(|places| places.is_sorted())?;
    let mut position = 0u64;
    let mut places = Vec::with_capacity(entries.len());
    for (entry, &k) in entries.iter().zip(&order) {
        let &Entry { checksum, size, .. } = entry;
        let record = Record { checksum, size, offset: u32::try_from(position).ok()? };
        let local = record.local(&members[k].name);
        if entry.bytes != record.central(&members[k].name) {
            return None;
        }
        let data = position + local.len() as u64;
        position = data + u64::from(size);
        places.push(Place { index: indices[k], data, size, checksum, local });
    }
    (position + tail.len() as u64 == length).then_some(places)
}

/// Where the end record stands, and its count, directory length and directory offset.
fn end_record(content: &[u8]) -> Option<(usize, [usize; 3])> {
    let at_end = content.len().checked_sub(END)?;
    let record = content[at_end..].strip_prefix(b"PK\x05\x06")?;
    let (count, length, offset) = (short(record, 4), word(record, 8), word(record, 12));
    let is_ours =
        short(record, 0) == 0 && short(record, 2) == 0 && short(record, 6) == count && short(record, 16) == 0;
    is_ours.then_some((at_end, [count.into(), length as usize, offset as usize]))
}

/// An entry of the directory.
struct Entry<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    method: u16,
    checksum: u32,
    size: u32,
}

/// The entries of a directory that has `count` of them and nothing else.
fn directory(mut rest: &[u8], count: usize) -> Option<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let fixed = rest.get(..CENTRAL).filter(|fixed| fixed.starts_with(b"PK\x01\x02"))?;
        let (bytes, after) = rest.split_at_checked(CENTRAL + usize::from(short(fixed, 28)))?;
        let (method, checksum, size) = (short(fixed, 10), word(fixed, 16), word(fixed, 24));
        entries.push(Entry { bytes, name: &bytes[CENTRAL..], method, checksum, size });
        rest = after;
    }
    rest.is_empty().then_some(entries)
}

/// Which of the expected members each entry is. Errors: `duplicate_entry`, `unexpected_entry`, `missing_entry`.
fn check_names(entries: &[Entry<'_>], expected: &[&Member], file: &str) -> Result<Vec<usize>, Error> {
    let allowed: HashMap<&[u8], usize> =
        expected.iter().enumerate().map(|(place, member)| (member.name.as_bytes(), place)).collect();
    let (mut places, mut seen) = (Vec::new(), vec![false; expected.len()]);
    for entry in entries {
        let Some(&place) = allowed.get(entry.name) else {
            let message =
                format!("{file}: '{}' belongs to no layer of the sidecar", entry.name.escape_ascii());
            return Err(Error::new(Code::UnexpectedEntry, message));
        };
        if std::mem::replace(&mut seen[place], true) {
            let message = format!("{file}: {} stands twice", expected[place].name);
            return Err(Error::new(Code::DuplicateEntry, message));
        }
        places.push(place);
    }
    let is_missing = |(member, seen): &(&&Member, &bool)| member.is_required && !**seen;
    if let Some((member, _)) = expected.iter().zip(&seen).find(is_missing) {
        return Err(Error::new(Code::MissingEntry, format!("{file}: {} is not there", member.name)));
    }
    Ok(places)
}

/// What the ZIP says of one member.
struct Record {
    checksum: u32,
    size: u32,
    offset: u32,
}

impl Record {
    fn local(&self, name: &str) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        let Self { checksum, size, .. } = *self;
        put(&mut bytes, &[20, 0, 0, 0, DATE], &[checksum, size, size], &[name.len() as u16, 0]);
        bytes.extend(name.as_bytes());
        bytes
    }

    fn central(&self, name: &str) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        let Self { checksum, size, offset } = *self;
        put(&mut bytes, &[20, 20, 0, 0, 0, DATE], &[checksum, size, size], &[name.len() as u16, 0, 0, 0, 0]);
        put(&mut bytes, &[], &[0, offset], &[]);
        bytes.extend(name.as_bytes());
        bytes
    }
}

/// Append little-endian numbers.
fn put(bytes: &mut Vec<u8>, before: &[u16], words: &[u32], after: &[u16]) {
    before.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    words.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    after.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}
