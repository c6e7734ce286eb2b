//! Where the spikes of a kernel go.
//!
//! **Packed spikes** hold one bit for each neuron. Neuron j of a row is bit `j mod 8` of byte `floor(j/8)`, the least
//! significant bit first; a row of N neurons has `ceil(N/8)` bytes, and what is left of its last byte is 0. That is
//! `numpy.packbits(spikes, axis=-1, bitorder="little")`.

use crate::view::Shape;
use crate::{Code, Element, Error, Trace, checks};

/// A caller's buffer for spikes, row-major; each row of N neurons, step after step.
#[derive(Debug)]
pub enum SpikeBuffer<'a> {
    /// Spikes are not kept.
    None,
    /// One byte for each spike, shape (T, …, N).
    Bytes(&'a mut [i8]),
    /// One bit for each spike, shape (T, …, ceil(N/8)), the least significant bit first; the spare bits of a row become 0.
    Packed(&'a mut [u8]),
}

/// A caller's buffers for what neurons do: see [`Trace`]. What they hold after an error is not said.
#[derive(Debug)]
pub struct TraceBuffer<'a, E> {
    /// Spikes.
    pub spikes: SpikeBuffer<'a>,
    /// Membrane after the last step, shape (…, N).
    pub membrane: &'a mut [E],
    /// Sum of the spikes over the steps, shape (…, N).
    pub counts: &'a mut [i64],
}

impl SpikeBuffer<'_> {
    /// Refuse a buffer of another length than `steps` of `rows` rows of `width` neurons have. Errors: `shape`.
    pub(crate) fn check(&self, steps: usize, rows: usize, width: usize) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::Bytes(cells) => check_length("spikes", cells.len(), &[steps, rows, width]),
            Self::Packed(cells) => check_length("spikes", cells.len(), &[steps, rows, width.div_ceil(8)]),
        }
    }
}

impl<E> TraceBuffer<'_, E> {
    /// Refuse buffers of another length than `steps` of `rows` rows of `width` neurons have. Errors: `shape`.
    pub(super) fn check(&self, steps: usize, rows: usize, width: usize) -> Result<(), Error> {
        self.spikes.check(steps, rows, width)?;
        check_length("membrane", self.membrane.len(), &[rows, width])?;
        check_length("counts", self.counts.len(), &[rows, width])
    }
}

fn check_length(name: &str, length: usize, shape: &[usize]) -> Result<(), Error> {
    if shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)) == Some(length) {
        return Ok(());
    }
    let message = format!("the buffer of {name} has {length} places: give one of shape {}", Shape(shape));
    Err(Error::new(Code::Shape, message))
}

/// Return what a kernel writes into buffers as a trace of its own.
pub(crate) fn traced<E: Element>(
    steps: usize,
    size: usize,
    kernel: impl FnOnce(TraceBuffer<'_, E>) -> Result<(), Error>,
) -> Result<Trace<E>, Error> {
    let (mut spikes, mut membrane, mut counts) =
        (checks::zeros(&[steps, size])?, checks::zeros(&[size])?, checks::zeros(&[size])?);
    kernel(TraceBuffer {
        spikes: SpikeBuffer::Bytes(&mut spikes),
        membrane: &mut membrane,
        counts: &mut counts,
    })?;
    Ok(Trace { spikes, membrane, counts })
}

/// Pack `spikes` of 0 and 1 into one bit for each, in rows of `width` (see [`SpikeBuffer::Packed`]); what is not 0 becomes 1.
///
/// Errors: `shape` where the rows are not whole.
pub fn pack_spikes(spikes: &[i8], width: usize) -> Result<Vec<u8>, Error> {
    if width == 0 || !spikes.len().is_multiple_of(width) {
        return if spikes.is_empty() { Ok(Vec::new()) } else { Err(not_whole(spikes.len(), width)) };
    }
    let mut packed = vec![0; spikes.len() / width * width.div_ceil(8)];
    let rows = packed.chunks_exact_mut(width.div_ceil(8)).zip(spikes.chunks_exact(width));
    rows.for_each(|(packed, row)| fill_packed(packed, row.iter().map(|&spike| spike != 0)));
    Ok(packed)
}

/// Return the spikes, 0 or 1, of `packed` rows of `width` neurons: the inverse of [`pack_spikes`].
///
/// Errors: `shape` where the rows are not whole.
pub fn unpack_spikes(packed: &[u8], width: usize) -> Result<Vec<i8>, Error> {
    let bytes = width.div_ceil(8);
    if bytes == 0 || !packed.len().is_multiple_of(bytes) {
        return if packed.is_empty() { Ok(Vec::new()) } else { Err(not_whole(packed.len(), bytes)) };
    }
    let rows = packed.chunks_exact(bytes);
    let of_row = |row: &'_ [u8]| {
        let bits = row.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit & 1) as i8));
        bits.take(width).collect::<Vec<_>>()
    };
    Ok(rows.flat_map(of_row).collect())
}

/// Pack the bits of a row, of which there are at most 8 for each byte.
#[inline(always)]
pub(crate) fn fill_packed(packed: &mut [u8], bits: impl Iterator<Item = bool>) {
    packed.fill(0);
    for (j, bit) in bits.enumerate() {
        packed[j / 8] |= u8::from(bit) << (j % 8);
    }
}

fn not_whole(length: usize, row: usize) -> Error {
    Error::new(Code::Shape, format!("{length} places are not whole rows of {row}"))
}

/// A spike as a sink takes it.
pub(crate) trait Spike: Copy + Default {
    /// This many spikes.
    fn of(spikes: i32) -> Self;
}

impl Spike for i8 {
    #[inline(always)]
    fn of(spikes: i32) -> Self {
        spikes as Self
    }
}

impl Spike for () {
    #[inline(always)]
    fn of(_: i32) -> Self {}
}

/// How the spikes of a tile are written.
pub(crate) trait Sink {
    /// A spike before it is written.
    type Spike: Spike;
    /// What a row of a buffer is made of.
    type Cell;
    /// Whether there is nothing to write.
    const IS_NOTHING: bool = false;
    /// Whether a row begins with a cell of its own; else rows are one behind the other.
    const IS_PACKED: bool = false;

    /// How many cells `width` neurons have.
    #[inline(always)]
    fn cells(width: usize) -> usize {
        width
    }

    /// Write the spikes of the neurons from `at` on.
    fn put<const W: usize>(row: &mut [Self::Cell], at: usize, spikes: &[Self::Spike; W]);
}

/// A byte for each spike.
pub(crate) struct Bytes;

impl Sink for Bytes {
    type Spike = i8;
    type Cell = i8;

    #[inline(always)]
    fn put<const W: usize>(row: &mut [i8], at: usize, spikes: &[i8; W]) {
        row[at..at + W].copy_from_slice(spikes);
    }
}

/// No place for spikes.
pub(crate) struct Nothing;

impl Sink for Nothing {
    type Spike = ();
    type Cell = ();
    const IS_NOTHING: bool = true;

    #[inline(always)]
    fn put<const W: usize>(_: &mut [()], _: usize, _: &[(); W]) {}
}

/// A bit for each spike.
pub(crate) struct Packed;

/// Multiplied with eight bytes of 0 or 1, gives them as the bits of the highest byte: byte i times 2^(56 - 7i) is bit 56 + i,
/// and no two products meet.
const GATHER: u64 = 0x0102_0408_1020_4080;

impl Sink for Packed {
    type Spike = i8;
    type Cell = u8;
    const IS_PACKED: bool = true;

    #[inline(always)]
    fn cells(width: usize) -> usize {
        width.div_ceil(8)
    }

    #[inline(always)]
    fn put<const W: usize>(row: &mut [u8], at: usize, spikes: &[i8; W]) {
        let (eights, rest) = spikes.as_chunks::<8>();
        for (byte, eight) in row[at / 8..].iter_mut().zip(eights) {
            *byte = (u64::from_le_bytes(eight.map(|spike| spike as u8)).wrapping_mul(GATHER) >> 56) as u8;
        }
        // A tile is some eights, or one neuron, whose byte its first neuron clears.
        for &spike in rest {
            let before = if at.is_multiple_of(8) { 0 } else { row[at / 8] };
            row[at / 8] = before | (spike as u8) << (at % 8);
        }
    }
}
