//! The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.
//!
//! The caller says which members there may be, layer by layer. Every length is checked against that before memory is taken
//! for it; nothing is inflated, unpickled or evaluated.

use std::collections::HashMap;

use super::members::{Member, Members, check_layer};
use super::npy;
use super::values::Values;
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

/// The bytes of an archive whose layers have these members and arrays. Errors: `too_large`.
pub(super) fn write(expected: &[Members], layers: &[Arrays]) -> Result<Vec<u8>, Error> {
    let (mut bytes, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for (member, values) in expected.iter().flatten().zip(layers.iter().flatten()) {
        let (Some(member), Some(values)) = (member, values) else { continue };
        let name = &member.name;
        let data = npy::write(values, shape_of(member, values.len()));
        if (bytes.len() + data.len()) as u64 > LARGEST - (1 << 20) || count == u16::MAX {
            let message = format!("{name} takes the archive beyond 4 GiB: split the network");
            return Err(Error::new(Code::TooLarge, message));
        }
        let record =
            Record { checksum: crc32fast::hash(&data), size: data.len() as u32, offset: bytes.len() as u32 };
        directory.extend(record.central(name));
        bytes.extend(record.local(name));
        bytes.extend(data);
        count += 1;
    }
    let (offset, length) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06");
    put(&mut bytes, &[0, 0, count, count], &[length, offset], &[0]);
    Ok(bytes)
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
        check_layer(members, &arrays, first, file)?;
        layers.push(arrays);
    }
    Ok(layers)
}

/// The bytes of each member that there may be, `None` where it is not there.
fn members<'a>(content: &'a [u8], expected: &[Members], file: &str) -> Result<Vec<Option<&'a [u8]>>, Error> {
    let damaged = |what: &str| {
        Error::new(
            Code::ArchiveSyntax,
            format!("{file} is not an archive of ours: {what}; save the checkpoint again"),
        )
    };
    let Some((at_end, [count, _, start])) = end_record(content) else {
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

/// Where the end record stands, and its count, directory length and directory offset.
fn end_record(content: &[u8]) -> Option<(usize, [usize; 3])> {
    let at_end = content.len().checked_sub(END)?;
    let record = content[at_end..].strip_prefix(b"PK\x05\x06")?;
    let (count, length, offset) = (short(record, 4), word(record, 8), word(record, 12));
    let is_ours =
        short(record, 0) == 0 && short(record, 2) == 0 && short(record, 6) == count && short(record, 16) == 0;
    let fits = is_ours && u64::from(offset) + u64::from(length) == at_end as u64;
    fits.then_some((at_end, [count.into(), length as usize, offset as usize]))
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
