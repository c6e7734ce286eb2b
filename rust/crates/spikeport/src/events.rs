//! Rows of inputs, most of them zero, as lists of what is not.

use crate::Element;

/// For every row the indices of its non-zero inputs, ascending, and their values.
///
/// Values are doubles, which hold every `f32` exactly; a layer rounds them to its own type when it reads them.
#[derive(Debug, Default)]
pub(crate) struct Events {
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl Events {
    /// Forget all rows and keep the memory.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.indices.clear();
        self.values.clear();
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The indices and values of one row.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        (&self.indices[start..self.ends[row]], &self.values[start..self.ends[row]])
    }

    /// Append a row of values.
    pub(crate) fn push_values<F: Element>(&mut self, row: &[F]) {
        self.push(row.iter().map(|value| value.to_f64()));
    }

    /// Append a row of spikes.
    pub(crate) fn push_spikes(&mut self, row: &[i8]) {
        self.push(row.iter().map(|&spike| f64::from(spike)));
    }

    /// Append a row of inputs.
    pub(crate) fn push(&mut self, row: impl Iterator<Item = f64>) {
        for (index, value) in row.enumerate() {
            if value != 0.0 {
                self.indices.push(index as u32);
                self.values.push(value);
            }
        }
        self.ends.push(self.indices.len());
    }
}
