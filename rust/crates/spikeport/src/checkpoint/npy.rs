//! Arrays as version 1.0 `.npy`, in the one form that is written: C order, little-endian.

use std::io;

use super::values::{Dtype, Slice, Values};
use crate::{Code, Error};

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// The word for a type.
fn descr_of(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::I8 => "<i1",
        Dtype::I16 => "<i2",
        Dtype::I32 => "<i4",
    }
}

/// How many bytes are handed on together: as many as stay in the first caches.
const BLOCK: usize = 1 << 16;

/// The bytes of an array's `.npy`, in blocks, the header first.
pub(super) fn write<F>(values: Slice<'_>, shape: &[usize], mut out: F) -> io::Result<()>
where
    F: FnMut(&[u8]) -> io::Result<()>,
{
    out(&header(values.dtype(), shape))?;
    blocks(values, out)
}

/// The values' own bytes, in blocks.
pub(super) fn blocks<F: FnMut(&[u8]) -> io::Result<()>>(values: Slice<'_>, mut out: F) -> io::Result<()> {
    let mut bytes = vec![0; BLOCK.min(values.len() * values.dtype().width())];
    let mut each = |filled: usize, bytes: &[u8]| out(&bytes[..filled]);
    macro_rules! each_block {
        ($values:expr, $width:literal) => {
            for block in $values.chunks(BLOCK / $width) {
                for (place, value) in bytes.as_chunks_mut::<$width>().0.iter_mut().zip(block) {
                    *place = value.to_le_bytes();
                }
                each(block.len() * $width, &bytes)?;
            }
        };
    }
    match values {
        Slice::F32(values) => each_block!(values, 4),
        Slice::F64(values) => each_block!(values, 8),
        Slice::I8(values) => each_block!(values, 1),
        Slice::I16(values) => each_block!(values, 2),
        Slice::I32(values) => each_block!(values, 4),
    }
    Ok(())
}

/// The values of bytes of this type; a last one that is not whole is left out.
pub(super) fn values_of(dtype: Dtype, bytes: &[u8]) -> Values {
    let (twos, fours, eights) = (bytes.as_chunks().0, bytes.as_chunks().0, bytes.as_chunks().0);
    match dtype {
        Dtype::F32 => Values::F32(fours.iter().copied().map(f32::from_le_bytes).collect()),
        Dtype::F64 => Values::F64(eights.iter().copied().map(f64::from_le_bytes).collect()),
        Dtype::I8 => Values::I8(bytes.iter().map(|byte| byte.cast_signed()).collect()),
        Dtype::I16 => Values::I16(twos.iter().copied().map(i16::from_le_bytes).collect()),
        Dtype::I32 => Values::I32(fours.iter().copied().map(i32::from_le_bytes).collect()),
    }
}

/// Whether none of these values' bytes say NaN or infinity.
pub(super) fn are_finite(dtype: Dtype, bytes: &[u8]) -> bool {
    const SINGLE: u32 = 0x7f80_0000;
    const DOUBLE: u64 = 0x7ff0_0000_0000_0000;
    match dtype {
        Dtype::F32 => {
            bytes.as_chunks().0.iter().fold(true, |all, &x| all & (u32::from_le_bytes(x) & SINGLE != SINGLE))
        }
        Dtype::F64 => {
            bytes.as_chunks().0.iter().fold(true, |all, &x| all & (u64::from_le_bytes(x) & DOUBLE != DOUBLE))
        }
        Dtype::I8 | Dtype::I16 | Dtype::I32 => true,
    }
}

/// Read the values of a `.npy` of one of `shapes` and `dtypes`.
///
/// Errors, in this order: `archive_syntax`, `pickle`, `dtype`, `shape`, `archive_syntax`, `shape`, `non_finite`.
pub(super) fn read(
    data: &[u8],
    shapes: &[Vec<usize>],
    dtypes: &[Dtype],
    place: &str,
) -> Result<Values, Error> {
    let Header { dtype, shape, end } = read_header(data, shapes, dtypes, place)?;
    let values = &data[end..];
    let size = shape.iter().try_fold(dtype.width(), |size, &n| size.checked_mul(n));
    if size != Some(values.len()) {
        let message =
            format!("{place} has {} bytes of values: the sidecar says {:?}", values.len(), shapes[0]);
        return Err(Error::new(Code::Shape, message));
    }
    let values = values_of(dtype, values);
    if values.are_finite() {
        Ok(values)
    } else {
        Err(Error::new(Code::NonFinite, format!("{place} holds NaN or infinity")))
    }
}

/// What the header of a `.npy` says, and where it ends.
pub(super) struct Header<'a> {
    pub(super) dtype: Dtype,
    pub(super) shape: &'a [usize],
    pub(super) end: usize,
}

/// Read the header of a `.npy` of one of `shapes` and `dtypes`.
///
/// Errors, in this order: `archive_syntax`, `pickle`, `dtype`, `shape`, `archive_syntax`.
pub(super) fn read_header<'a>(
    data: &[u8],
    shapes: &'a [Vec<usize>],
    dtypes: &[Dtype],
    place: &str,
) -> Result<Header<'a>, Error> {
    let foreign = || Error::new(Code::ArchiveSyntax, format!("{place} has a header that we do not write"));
    if data.len() < 10 || &data[..8] != MAGIC {
        return Err(Error::new(Code::ArchiveSyntax, format!("{place} is not a version 1.0 .npy")));
    }
    let end = 10 + usize::from(u16::from_le_bytes([data[8], data[9]]));
    let text = data.get(10..end).ok_or_else(foreign)?;
    let (descr, is_fortran, given) = parse_header(text).ok_or_else(foreign)?;
    if descr.contains(&b'O') {
        let message = format!("{place} holds Python objects, which would run code: they are never loaded");
        return Err(Error::new(Code::Pickle, message));
    }
    let Some(&dtype) = dtypes.iter().find(|&&dtype| descr_of(dtype).as_bytes() == descr) else {
        let allowed: Vec<&str> = dtypes.iter().map(|&dtype| descr_of(dtype)).collect();
        let message = format!("{place} has dtype '{}': give {}", descr.escape_ascii(), allowed.join(" or "));
        return Err(Error::new(Code::Dtype, message));
    };
    let unfit =
        |what: String| Error::new(Code::Shape, format!("{place} {what}: the sidecar says {:?}", shapes[0]));
    let is_given = |shape: &&Vec<usize>| shape.iter().map(|&n| n as u64).eq(given.iter().copied());
    let Some(shape) = shapes.iter().find(is_given) else {
        return Err(unfit(format!("has shape {given:?}")));
    };
    if is_fortran {
        return Err(unfit("is in Fortran order".to_owned()));
    }
    if data[..end] != header(dtype, shape) {
        return Err(foreign());
    }
    Ok(Header { dtype, shape, end })
}

/// The header, padded with spaces to a multiple of 64 bytes.
pub(super) fn header(dtype: Dtype, shape: &[usize]) -> Vec<u8> {
    let descr = descr_of(dtype);
    let axes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let shape = format!("({}{comma})", axes.join(", "));
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(10 + length - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The parts of `{'descr': 'D', 'fortran_order': B, 'shape': (S), }`, spaces and a line feed: D, B, S.
fn parse_header(text: &[u8]) -> Option<(&[u8], bool, Vec<u64>)> {
    let rest = text.strip_prefix(b"{'descr': '")?;
    let (descr, rest) = rest.split_at(rest.iter().position(|&byte| byte == b'\'')?);
    let rest = rest.strip_prefix(b"', 'fortran_order': ")?;
    let (is_fortran, rest) = match rest.strip_prefix(b"True") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"False")?),
    };
    let rest = rest.strip_prefix(b", 'shape': (")?;
    let (shape, rest) = rest.split_at(rest.iter().position(|&byte| byte == b')')?);
    let padding = rest.strip_prefix(b"), }")?.strip_suffix(b"\n")?;
    let is_padding = padding.iter().all(|&byte| byte == b' ');
    is_padding.then_some((descr, is_fortran, parse_shape(shape)?))
}

/// Nothing, or whole numbers of at most 10 digits with `,` or `, ` between and perhaps a `,` at the end.
fn parse_shape(text: &[u8]) -> Option<Vec<u64>> {
    let mut axes = Vec::new();
    if text.is_empty() {
        return Some(axes);
    }
    for (place, digits) in text.strip_suffix(b",").unwrap_or(text).split(|&byte| byte == b',').enumerate() {
        let digits = digits.strip_prefix(b" ").filter(|_| place > 0).unwrap_or(digits);
        if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        axes.push(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
    }
    Some(axes)
}
