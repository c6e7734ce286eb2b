//! The window of a convolution and of a pool: on each axis, where tap q of output place p reads.
//!
//! ```text
//! at(p, q) = p·stride + q·dilation - padding
//! o        = floor((n + 2·padding - dilation·(kernel - 1) - 1)/stride) + 1
//! ```

use std::ops::Range;

use crate::view::Shape;
use crate::{Code, Error};

/// The largest kernel, stride, padding or dilation.
const LARGEST: i64 = 65535;

/// The geometry of a window over one axis or two; each part has one number for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    kernel: Vec<usize>,
    stride: Vec<usize>,
    padding: Vec<usize>,
    dilation: Vec<usize>,
}

impl Window {
    /// A window of these parts: numbers from 1 on, for the padding from 0 on. Errors: `shape`.
    pub fn new(kernel: &[i64], stride: &[i64], padding: &[i64], dilation: &[i64]) -> Result<Self, Error> {
        let axes = kernel.len();
        if !(1..=2).contains(&axes) {
            let message = format!("a window has one or two axes, not {axes}");
            return Err(Error::new(Code::Shape, message));
        }
        let part = |name: &str, given: &[i64], least: i64| {
            if given.len() != axes || !given.iter().all(|n| (least..=LARGEST).contains(n)) {
                let message =
                    format!("{name} {given:?}: give a whole number from {least} on for each of {axes} axes");
                return Err(Error::new(Code::Shape, message));
            }
            Ok(given.iter().map(|&n| n as usize).collect())
        };
        Ok(Self {
            kernel: part("kernel", kernel, 1)?,
            stride: part("stride", stride, 1)?,
            padding: part("padding", padding, 0)?,
            dilation: part("dilation", dilation, 1)?,
        })
    }

    /// Number of taps along each axis.
    pub fn kernel(&self) -> &[usize] {
        &self.kernel
    }

    /// Values between two places of the output, along each axis.
    pub fn stride(&self) -> &[usize] {
        &self.stride
    }

    /// Zeros on both sides of each axis.
    pub fn padding(&self) -> &[usize] {
        &self.padding
    }

    /// Values between two taps, along each axis.
    pub fn dilation(&self) -> &[usize] {
        &self.dilation
    }

    /// Number of taps.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// How many places the window has along axes of these sizes. Errors: `shape` where there is none.
    pub(super) fn places(&self, sizes: &[usize]) -> Result<Vec<usize>, Error> {
        if sizes.len() != self.kernel.len() {
            let (axes, given) = (self.kernel.len(), sizes.len());
            let message = format!("a window over {axes} axes does not fit a signal over {given}");
            return Err(Error::new(Code::Shape, message));
        }
        let along = |axis: usize| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let room = sizes[axis].saturating_add(2 * self.padding[axis]).checked_sub(reach)?;
            Some(room / self.stride[axis] + 1)
        };
        (0..sizes.len()).map(along).collect::<Option<_>>().ok_or_else(|| {
            let (kernel, sizes) = (Shape(&self.kernel), Shape(sizes));
            let message =
                format!("a window of {kernel} is larger than its input of {sizes} with its padding");
            Error::new(Code::Shape, message)
        })
    }

    /// The window over channels of these sizes, laid out for events. `sizes` are such that `places` gives an answer.
    pub(super) fn over(&self, sizes: &[usize]) -> Result<Field, Error> {
        let places = self.places(sizes)?;
        let axis = |axis: usize| Axis::new(self, axis, sizes[axis], places[axis]);
        // One axis is a row of two axes.
        let (rows, columns) = match sizes.len() {
            1 => (Axis::one(), axis(0)),
            _ => (axis(0), axis(1)),
        };
        Ok(Field { rows, columns })
    }
}

/// Which places of a channel read each of its values, and with which tap; and what each place reads.
pub(super) struct Field {
    rows: Axis,
    columns: Axis,
}

/// The same along one axis.
struct Axis {
    size: usize,
    places: usize,
    kernel: usize,
    /// For each value the places that read it and their taps, and where those of the next value begin.
    readers: Vec<(u32, u32)>,
    begins: Vec<usize>,
    /// For each place the values from its first tap to its last, padding left out.
    reads: Vec<Range<usize>>,
}

impl Axis {
    fn new(window: &Window, axis: usize, size: usize, places: usize) -> Self {
        let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
        let (padding, dilation) = (window.padding[axis], window.dilation[axis]);
        let (mut readers, mut begins) = (Vec::new(), vec![0]);
        for at in 0..size {
            for tap in 0..kernel {
                let Some(first) = (at + padding).checked_sub(tap * dilation) else { break };
                if first % stride == 0 && first / stride < places {
                    readers.push(((first / stride) as u32, tap as u32));
                }
            }
            begins.push(readers.len());
        }
        let last = dilation * (kernel - 1) + 1;
        let inside = |at: usize| at.saturating_sub(padding).min(size);
        let reads = (0..places).map(|place| inside(place * stride)..inside(place * stride + last)).collect();
        Self { size, places, kernel, readers, begins, reads }
    }

    /// The axis of a single row.
    fn one() -> Self {
        let reads = std::iter::once(0..1).collect();
        Self { size: 1, places: 1, kernel: 1, readers: vec![(0, 0)], begins: vec![0, 1], reads }
    }

    fn readers(&self, at: usize) -> &[(u32, u32)] {
        &self.readers[self.begins[at]..self.begins[at + 1]]
    }
}

impl Field {
    /// Number of values of a channel.
    pub(super) fn size(&self) -> usize {
        self.rows.size * self.columns.size
    }

    /// Number of places of a channel.
    pub(super) fn places(&self) -> usize {
        self.rows.places * self.columns.places
    }

    /// Call `each(channel, place, tap, event)` for every term that the events at `indices` of a signal have a share in.
    ///
    /// Indices ascend, so the terms of any one place come in the order of the contract.
    #[inline]
    pub(super) fn terms(&self, indices: &[u32], mut each: impl FnMut(usize, usize, usize, usize)) {
        let (height, width) = (self.rows.size, self.columns.size);
        let (mut line, mut end) = (0, 0);
        for (event, &index) in indices.iter().enumerate() {
            let index = index as usize;
            if index >= end {
                line = index / width;
                end = (line + 1) * width;
            }
            let (channel, row) = (line / height, line % height);
            let readers = self.columns.readers(index + width - end);
            for &(place_row, tap_row) in self.rows.readers(row) {
                let place = place_row as usize * self.columns.places;
                let tap = tap_row as usize * self.columns.kernel;
                for &(place_column, tap_column) in readers {
                    each(channel, place + place_column as usize, tap + tap_column as usize, event);
                }
            }
        }
    }

    /// Number of rows of places, and of places in a row.
    pub(super) fn place_rows(&self) -> [usize; 2] {
        [self.rows.places, self.columns.places]
    }

    /// Make `begins` say where the events of each row of each channel begin, and where the last ones end.
    pub(super) fn begins(&self, indices: &[u32], channels: usize, begins: &mut Vec<usize>) {
        begins.clear();
        for (event, &index) in indices.iter().enumerate() {
            while begins.len() * self.columns.size <= index as usize {
                begins.push(event);
            }
        }
        begins.resize(channels * self.rows.size + 1, indices.len());
    }

    /// [`Field::terms`] of one channel in a band of some rows of places, where `begins` says which events are in which row.
    ///
    /// Places count from the first of the band. A row of values has at most one tap in a row of places, so the terms of
    /// any one place come in the order of the contract here too.
    #[inline]
    pub(super) fn terms_in_band(
        &self,
        indices: &[u32],
        begins: &[usize],
        channel: usize,
        band: &Range<usize>,
        mut each: impl FnMut(usize, usize, usize),
    ) {
        let (height, width) = (self.rows.size, self.columns.size);
        for row in self.rows.reads[band.start].start..self.rows.reads[band.end - 1].end {
            let line = channel * height + row;
            let events = begins[line]..begins[line + 1];
            for &(place_row, tap_row) in self.rows.readers(row) {
                let place_row = place_row as usize;
                if events.is_empty() || !band.contains(&place_row) {
                    continue;
                }
                let place = (place_row - band.start) * self.columns.places;
                let tap = tap_row as usize * self.columns.kernel;
                for event in events.clone() {
                    for &(column, tap_column) in self.columns.readers(indices[event] as usize - line * width)
                    {
                        each(place + column as usize, tap + tap_column as usize, event);
                    }
                }
            }
        }
    }

    /// The values of a channel that a window without dilation holds at `place`: some rows, and some columns of each.
    pub(super) fn held(&self, place: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let (row, column) = (place / self.columns.places, place % self.columns.places);
        let (columns, width) = (&self.columns.reads[column], self.columns.size);
        self.rows.reads[row].clone().map(move |row| row * width + columns.start..row * width + columns.end)
    }
}
