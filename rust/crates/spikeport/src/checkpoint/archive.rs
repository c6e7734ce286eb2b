//! The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.
//!
//! Every length is checked against the sidecar before anything is made of it; nothing is inflated, unpickled or evaluated.

use std::collections::HashMap;

use super::npy;
use super::sidecar::LARGEST_ARCHIVE;
use crate::{Error, Values};

const LOCAL: usize = 30;
const CENTRAL: usize = 46;
const END: usize = 22;
/// 1 January 1980.
const DATE: u16 = 0x0021;
/// Rows of a neuron member.
pub(super) const NEURON_ROWS: usize = 7;
const PARTS: [&str; 3] = ["weight", "bias", "neuron"];

/// The arrays of one layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrays {
    /// (out, in).
    pub(super) weight: Values,
    /// (out,), of the weight's type.
    pub(super) bias: Option<Values>,
    /// Seven rows of one value, or of one a neuron.
    pub(super) neuron: Option<Vec<f64>>,
}

/// The bytes of an archive. Errors: `too_large`.
pub(super) fn write(layers: &[Arrays], sizes: &[[usize; 2]]) -> Result<Vec<u8>, Error> {
    let (mut body, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    let mut member = |name: String, values: &Values, shape: &[usize]| {
        let data = npy::write(values, shape);
        if (body.len() + data.len()) as u64 > LARGEST_ARCHIVE - (1 << 20) || count == u16::MAX {
            let message = format!("{name} takes the archive beyond 4 GiB: split the network");
            return Err(Error::new("too_large", message));
        }
        let record =
            Record { checksum: crc32fast::hash(&data), size: data.len() as u32, offset: body.len() as u32 };
        directory.extend(record.central(&name));
        body.extend(record.local(&name));
        body.extend(data);
        count += 1;
        Ok(())
    };
    for (index, (layer, &[n_in, n_out])) in layers.iter().zip(sizes).enumerate() {
        member(member_name(index, 0), &layer.weight, &[n_out, n_in])?;
        if let Some(bias) = &layer.bias {
            member(member_name(index, 1), bias, &[n_out])?;
        }
        if let Some(neuron) = &layer.neuron {
            member(
                member_name(index, 2),
                &Values::F64(neuron.clone()),
                &[NEURON_ROWS, neuron.len() / NEURON_ROWS],
            )?;
        }
    }
    let mut bytes = body;
    let (offset, length) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06");
    put(&mut bytes, &[0, 0, count, count], &[length, offset], &[0]);
    Ok(bytes)
}

/// The most bytes that an archive of layers of these (in, out) sizes can have.
pub(super) fn largest(sizes: &[[usize; 2]]) -> u128 {
    let most = |&[n_in, n_out]: &[usize; 2]| {
        let (n_in, n_out) = (n_in as u128, n_out as u128);
        804 + 8 * (n_out * n_in + 8 * n_out)
    };
    END as u128 + sizes.iter().map(most).sum::<u128>()
}

/// The arrays of an archive whose layers have these (in, out) sizes.
pub(super) fn read(content: &[u8], sizes: &[[usize; 2]], file: &str) -> Result<Vec<Arrays>, Error> {
    let members = members(content, sizes.len(), file)?;
    let layer = |(index, &[n_in, n_out]): (usize, &[usize; 2])| {
        let get = |part: usize, shapes: &[&[usize]]| {
            let place = || format!("{file}: {}", member_name(index, part));
            members.get(&(index, part)).map(|data| npy::read(data, shapes, &place())).transpose()
        };
        let Some(weight) = get(0, &[&[n_out, n_in]])? else {
            return Err(Error::new(
                "missing_entry",
                format!("{file}: {} is not there", member_name(index, 0)),
            ));
        };
        let bias = get(1, &[&[n_out]])?;
        let neuron = get(2, &[&[NEURON_ROWS, 1], &[NEURON_ROWS, n_out]])?;
        let is_like_weight = |bias: &Values| std::mem::discriminant(bias) == std::mem::discriminant(&weight);
        if !bias.as_ref().is_none_or(is_like_weight) {
            return Err(Error::new(
                "dtype",
                format!("{file}: layer_{index}: bias and weight differ in dtype"),
            ));
        }
        let neuron = match neuron {
            Some(Values::F32(_)) => {
                return Err(Error::new("dtype", format!("{file}: layer_{index}: neuron must be float64")));
            }
            Some(Values::F64(neuron)) => Some(neuron),
            None => None,
        };
        Ok(Arrays { weight, bias, neuron })
    };
    sizes.iter().enumerate().map(layer).collect()
}

/// The bytes of every member, by layer and part.
type Members<'a> = HashMap<(usize, usize), &'a [u8]>;

fn members<'a>(content: &'a [u8], n_layers: usize, file: &str) -> Result<Members<'a>, Error> {
    let damaged = |what: &str| {
        Error::new(
            "archive_syntax",
            format!("{file} is not an archive of ours: {what}; save the checkpoint again"),
        )
    };
    let Some((at_end, [count, _, start])) = end_record(content) else {
        return Err(damaged("its end record does not fit its length"));
    };
    let entries = directory(&content[start..at_end], count)
        .ok_or_else(|| damaged("its directory is not that of its members"))?;
    let places = check_names(&entries, n_layers, file)?;
    if let Some(entry) = entries.iter().find(|entry| entry.method != 0) {
        let message = format!("{file}: {} is compressed: members must be stored", entry.name.escape_ascii());
        return Err(Error::new("compressed_entry", message));
    }
    if !places.is_sorted() {
        return Err(damaged("its members are out of order"));
    }
    let (mut members, mut position) = (Members::new(), 0usize);
    for (entry, &(index, part)) in entries.iter().zip(&places) {
        let name = member_name(index, part);
        let foreign = || damaged(&format!("the record of {name} is not the one we write"));
        let record = Record { checksum: entry.checksum, size: entry.size, offset: position as u32 };
        let data = position + LOCAL + name.len();
        let end = data.checked_add(entry.size as usize).filter(|&end| end <= start).ok_or_else(foreign)?;
        if entry.bytes != record.central(&name) || content[position..data] != record.local(&name) {
            return Err(foreign());
        }
        if crc32fast::hash(&content[data..end]) != entry.checksum {
            return Err(damaged(&format!("the checksum of {name} is wrong")));
        }
        members.insert((index, part), &content[data..end]);
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

/// Which layer and part every entry is. Errors: `duplicate_entry`, `unexpected_entry`, `missing_entry`.
fn check_names(entries: &[Entry<'_>], n_layers: usize, file: &str) -> Result<Vec<(usize, usize)>, Error> {
    let allowed: HashMap<String, (usize, usize)> = (0..n_layers)
        .flat_map(|index| (0..PARTS.len()).map(move |part| (member_name(index, part), (index, part))))
        .collect();
    let (mut places, mut seen) = (Vec::new(), vec![[false; PARTS.len()]; n_layers]);
    for entry in entries {
        let place = std::str::from_utf8(entry.name).ok().and_then(|name| allowed.get(name));
        let Some(&(index, part)) = place else {
            let message =
                format!("{file}: '{}' belongs to no layer of the sidecar", entry.name.escape_ascii());
            return Err(Error::new("unexpected_entry", message));
        };
        if std::mem::replace(&mut seen[index][part], true) {
            return Err(Error::new(
                "duplicate_entry",
                format!("{file}: {} stands twice", member_name(index, part)),
            ));
        }
        places.push((index, part));
    }
    if let Some(index) = seen.iter().position(|[weight, ..]| !weight) {
        return Err(Error::new("missing_entry", format!("{file}: {} is not there", member_name(index, 0))));
    }
    Ok(places)
}

fn member_name(index: usize, part: usize) -> String {
    format!("layer_{index}.{}.npy", PARTS[part])
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
