//! A window laid out for events: which places read a value, and with which tap.

use std::ops::Range;

use super::Window;

/// Which places of a channel read each of its values, and with which tap; and what each place reads.
pub(super) struct Field {
    rows: Axis,
    columns: Axis,
}

/// The place that reads what no place reads.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The same along one axis. The places that read a value lie `step` apart, and from each to the next the tap falls by
/// `fall`, so that no window, however large, takes more room than the signal it is over.
pub(super) struct Axis {
    size: usize,
    places: usize,
    kernel: usize,
    step: usize,
    fall: usize,
    /// For each value the first place that reads it, the tap with which it does, and how many places do.
    readers: Vec<[u32; 3]>,
    /// For each place the values from its first tap to its last, padding left out.
    reads: Vec<Range<usize>>,
}

impl Axis {
    /// Axis `axis` of a window, over `size` values.
    pub(super) fn new(window: &Window, axis: usize, size: usize, places: usize) -> Self {
        let (kernel, stride) = (window.kernel()[axis], window.stride()[axis]);
        let (padding, dilation) = (window.padding()[axis], window.dilation()[axis]);
        let common = common_divisor(stride, dilation);
        let (step, fall) = (dilation / common, stride / common);
        let readers = |at: usize| {
            let end = at + padding;
            let first = end.saturating_sub(dilation * (kernel - 1)).div_ceil(stride);
            let past = places.min(end / stride + 1);
            // The tap of a place is a whole number at every `step`-th place.
            match (first..past).take(step).find(|place| (end - place * stride).is_multiple_of(dilation)) {
                Some(place) => [place, (end - place * stride) / dilation, (past - place).div_ceil(step)]
                    .map(|n| n as u32),
                None => [0; 3],
            }
        };
        let readers = (0..size).map(readers).collect();
        let last = dilation * (kernel - 1) + 1;
        let inside = |at: usize| at.saturating_sub(padding).min(size);
        let reads = (0..places).map(|place| inside(place * stride)..inside(place * stride + last)).collect();
        Self { size, places, kernel, step, fall, readers, reads }
    }

    /// The axis of a single row.
    pub(super) fn one() -> Self {
        let reads = std::iter::once(0..1).collect();
        Self { size: 1, places: 1, kernel: 1, step: 1, fall: 1, readers: vec![[0, 0, 1]], reads }
    }

    /// The places that read the value `at`, ascending, and their taps.
    #[inline(always)]
    fn readers(&self, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let [place, tap, count] = self.readers[at].map(|n| n as usize);
        let (step, fall) = (self.step, self.fall);
        (0..count).map(move |k| (place + k * step, tap - k * fall))
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// What is done with every term. A closure would be compiled for the instructions of the crate, not those of its caller.
pub(super) trait EachTerm {
    /// Add the share of an event that a place reads at a tap. `#[inline(always)]`.
    fn add(&mut self, place: usize, tap: usize, event: usize);
}

impl Field {
    /// The rows and columns of a window's places.
    pub(super) fn new(rows: Axis, columns: Axis) -> Self {
        Self { rows, columns }
    }

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
            for (place_row, tap_row) in self.rows.readers(row) {
                let (place, tap) = (place_row * self.columns.places, tap_row * self.columns.kernel);
                for (place_column, tap_column) in readers.clone() {
                    each(channel, place + place_column, tap + tap_column, event);
                }
            }
        }
    }

    /// Of each value of a channel the one place that reads it, [`NOWHERE`] where none does; `None` where windows overlap.
    pub(super) fn one_reader(&self) -> Option<Vec<u32>> {
        let along = |axis: &Axis| {
            let place = |&[place, _, count]: &[u32; 3]| match count {
                0 => Some(NOWHERE),
                1 => Some(place),
                _ => None,
            };
            axis.readers.iter().map(place).collect::<Option<Vec<_>>>()
        };
        let (rows, columns) = (along(&self.rows)?, along(&self.columns)?);
        let width = self.columns.places as u32;
        let at = |row: u32, column: u32| match NOWHERE {
            none if none == row || none == column => NOWHERE,
            _ => row * width + column,
        };
        Some(rows.iter().flat_map(|&row| columns.iter().map(move |&column| at(row, column))).collect())
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
    #[inline(always)]
    pub(super) fn terms_in_band(
        &self,
        indices: &[u32],
        begins: &[usize],
        channel: usize,
        band: &Range<usize>,
        mut each: impl EachTerm,
    ) {
        let (height, width) = (self.rows.size, self.columns.size);
        for row in self.rows.reads[band.start].start..self.rows.reads[band.end - 1].end {
            let line = channel * height + row;
            let events = begins[line]..begins[line + 1];
            for (place_row, tap_row) in self.rows.readers(row) {
                if events.is_empty() || !band.contains(&place_row) {
                    continue;
                }
                let place = (place_row - band.start) * self.columns.places;
                let tap = tap_row * self.columns.kernel;
                for event in events.clone() {
                    for (column, tap_column) in self.columns.readers(indices[event] as usize - line * width) {
                        each.add(place + column, tap + tap_column, event);
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
