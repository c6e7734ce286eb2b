//! A window laid out for events: which places read a value, and with which tap.

use std::ops::Range;

use super::Window;

/// Which places of a channel read each of its values, and with which tap; and what each place reads.
pub(super) struct Field {
    rows: Axis,
    columns: Axis,
}

/// The same along one axis.
pub(super) struct Axis {
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
    /// Axis `axis` of a window, over `size` values.
    pub(super) fn new(window: &Window, axis: usize, size: usize, places: usize) -> Self {
        let (kernel, stride) = (window.kernel()[axis], window.stride()[axis]);
        let (padding, dilation) = (window.padding()[axis], window.dilation()[axis]);
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
    pub(super) fn one() -> Self {
        let reads = std::iter::once(0..1).collect();
        Self { size: 1, places: 1, kernel: 1, readers: vec![(0, 0)], begins: vec![0, 1], reads }
    }

    fn readers(&self, at: usize) -> &[(u32, u32)] {
        &self.readers[self.begins[at]..self.begins[at + 1]]
    }
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
