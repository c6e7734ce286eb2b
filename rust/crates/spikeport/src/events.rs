//! Rows of inputs, most of them zero, as lists of what is not.

use std::ops::Range;

use crate::Element;

/// For every row the indices of its non-zero inputs, ascending, and their values.
///
/// Values are doubles, which hold every `f32` exactly; a layer rounds them to its own type when it reads them. The
/// buffers keep their length when rows are forgotten, so that a run allocates once.
#[derive(Debug)]
pub(crate) struct Events {
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
    are_ones: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self { ends: Vec::new(), indices: Vec::new(), values: Vec::new(), are_ones: true }
    }
}

impl Events {
    /// Forget all rows.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.are_ones = true;
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The indices of some events, which may be of several rows.
    pub(crate) fn indices(&self, events: Range<usize>) -> &[u32] {
        &self.indices[events]
    }

    /// The values of some events, or `None` where every value of every row is 1.
    pub(crate) fn values(&self, events: Range<usize>) -> Option<&[f64]> {
        if self.are_ones { None } else { Some(&self.values[events]) }
    }

    /// Where the events of every row's first `block` inputs begin, of its next `block`, … and where its last end.
    pub(crate) fn split(&self, block: usize, blocks: usize) -> Vec<usize> {
        let mut splits = Vec::with_capacity(self.rows() * (blocks + 1));
        let mut at = 0;
        for &end in &self.ends {
            splits.push(at);
            for next in 1..=blocks {
                at += self.indices[at..end].partition_point(|&index| (index as usize) < next * block);
                splits.push(at);
            }
        }
        splits
    }

    /// Append a row of values.
    pub(crate) fn push_values<F: Element>(&mut self, row: &[F]) {
        self.push(row.len(), row.iter().map(|value| value.to_f64()));
    }

    /// Append a row of spikes.
    pub(crate) fn push_spikes(&mut self, row: &[i8]) {
        self.push(row.len(), row.iter().map(|&spike| f64::from(spike)));
    }

    /// Append a row of `n` inputs.
    pub(crate) fn push(&mut self, n: usize, row: impl Iterator<Item = f64>) {
        let start = self.ends.last().copied().unwrap_or(0);
        if self.indices.len() < start + n {
            self.indices.resize(start + n, 0);
            self.values.resize(start + n, 0.0);
        }
        let (indices, values) = (&mut self.indices[start..start + n], &mut self.values[start..start + n]);
        let (mut count, mut are_ones) = (0, true);
        // A zero is written too and overwritten by what comes next: no branch on what cannot be foreseen.
        for (index, value) in row.enumerate() {
            indices[count] = index as u32;
            values[count] = value;
            count += usize::from(value != 0.0);
            are_ones &= value == 0.0 || value == 1.0;
        }
        self.are_ones &= are_ones;
        self.ends.push(start + count);
    }
}
