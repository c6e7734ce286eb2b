//! Arrays as version 1.0 `.npy`, in the one form that is written: C order, little-endian.

use super::values::{Dtype, Values};
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

/// The bytes of a `.npy`.
pub(super) fn write(values: &Values, shape: &[usize]) -> Vec<u8> {
    let mut bytes = header(descr_of(values.dtype()), shape);
    append(values, &mut bytes);
    bytes
}

/// Append the values' own bytes.
pub(super) fn append(values: &Values, bytes: &mut Vec<u8>) {
    match values {
        Values::F32(values) => values.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
        Values::F64(values) => values.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
        Values::I8(values) => bytes.extend(values.iter().map(|value| value.cast_unsigned())),
        Values::I16(values) => values.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
        Values::I32(values) => values.iter().for_each(|value| bytes.extend(value.to_le_bytes())),
    }
}

/// The values of bytes of this type; a last one that is not whole is left out.
fn values_of(dtype: Dtype, bytes: &[u8]) -> Values {
    let (twos, fours, eights) = (bytes.as_chunks().0, bytes.as_chunks().0, bytes.as_chunks().0);
    match dtype {
        Dtype::F32 => Values::F32(fours.iter().copied().map(f32::from_le_bytes).collect()),
        Dtype::F64 => Values::F64(eights.iter().copied().map(f64::from_le_bytes).collect()),
        Dtype::I8 => Values::I8(bytes.iter().map(|byte| byte.cast_signed()).collect()),
        Dtype::I16 => Values::I16(twos.iter().copied().map(i16::from_le_bytes).collect()),
        Dtype::I32 => Values::I32(fours.iter().copied().map(i32::from_le_bytes).collect()),
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
    let foreign = || Error::new(Code::ArchiveSyntax, format!("{place} has a header that we do not write"));
    if data.len() < 10 || &data[..8] != MAGIC {
        return Err(Error::new(Code::ArchiveSyntax, format!("{place} is not a version 1.0 .npy")));
    }
    let end = 10 + usize::from(u16::from_le_bytes([data[8], data[9]]));
    let text = data.get(10..end).ok_or_else(foreign)?;
    let (descr, is_fortran, shape) = parse_header(text).ok_or_else(foreign)?;
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
    let Some(which) =
        shapes.iter().position(|allowed| allowed.iter().map(|&n| n as u64).eq(shape.iter().copied()))
    else {
        return Err(unfit(format!("has shape {shape:?}")));
    };
    if is_fortran {
        return Err(unfit("is in Fortran order".to_owned()));
    }
    if data[..end] != header(descr_of(dtype), &shapes[which]) {
        return Err(foreign());
    }
    let values = &data[end..];
    let size = shapes[which].iter().try_fold(dtype.width(), |size, &n| size.checked_mul(n));
    if size != Some(values.len()) {
        return Err(unfit(format!("has {} bytes of values", values.len())));
    }
    let values = values_of(dtype, values);
    if values.are_finite() {
        Ok(values)
    } else {
        Err(Error::new(Code::NonFinite, format!("{place} holds NaN or infinity")))
    }
}

/// The header, padded with spaces to a multiple of 64 bytes.
fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
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
