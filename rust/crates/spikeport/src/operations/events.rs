//! Rows of inputs, most of which are 0, as lists of the others.

use std::ops::Range;

use crate::Element;

/// For every row the indices of its inputs that are not +0, ascending, and their values. (-0 changes no sum, but it is
/// passed on as it is.)
///
/// While every value of every row is 1, values are not kept: the first other value fills in the ones before it. The
/// buffers keep their length when rows are forgotten, so that a run allocates once.
#[derive(Debug)]
pub struct Events<E> {
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<E>,
    are_ones: bool,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self { ends: Vec::new(), indices: Vec::new(), values: Vec::new(), are_ones: true }
    }
}

impl<E: Element> Events<E> {
    /// Forget all rows.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.are_ones = true;
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The events of one row: their indices, and their values unless every value is 1.
    ///
    /// Where every step is the same, rows are those of one step, and `row` counts through all of them.
    pub(super) fn row(&self, row: usize) -> (&[u32], Option<&[E]>) {
        let row = row % self.ends.len();
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        (self.indices(begin..self.ends[row]), self.values(begin..self.ends[row]))
    }

    /// The indices of some events, which may be of several rows.
    pub(super) fn indices(&self, events: Range<usize>) -> &[u32] {
        &self.indices[events]
    }

    /// The values of some events, or `None` where every value of every row is 1.
    pub(super) fn values(&self, events: Range<usize>) -> Option<&[E]> {
        if self.are_ones { None } else { Some(&self.values[events]) }
    }

    /// Make `splits` say, row after row, where the events of the row's first `block` inputs begin, of its next `block`
    /// inputs, and so on for `blocks` blocks, and where its last events end.
    pub(super) fn split(&self, block: usize, blocks: usize, splits: &mut Vec<usize>) {
        splits.clear();
        let mut at = 0;
        for &end in &self.ends {
            splits.push(at);
            for next in 1..blocks {
                at += self.indices[at..end].partition_point(|&index| (index as usize) < next * block);
                splits.push(at);
            }
            if blocks > 0 {
                splits.push(end);
            }
            at = end;
        }
    }

    /// Append a row of values.
    pub(crate) fn push_values(&mut self, row: &[E]) {
        self.push_row(row.len(), row.iter().copied());
    }

    /// Append a row of zeros.
    pub(crate) fn push_nothing(&mut self) {
        self.ends.push(self.ends.last().copied().unwrap_or(0));
    }

    /// Append a row of spikes of any number.
    pub(crate) fn push_spikes(&mut self, row: &[i8]) {
        self.push_row(row.len(), row.iter().map(|&spike| E::from(spike)));
    }

    /// Append a row of spikes 0 or 1.
    pub(crate) fn push_ones(&mut self, row: &[i8]) {
        let start = self.room_for(row.len());
        let indices = &mut self.indices[start..start + row.len()];
        let (eights, rest) = row.as_chunks::<8>();
        let (mut first, mut count) = (0, 0);
        // Eight indices are written in any case and overwritten by the next: no branch on what cannot be foreseen.
        for eight in eights {
            let mask = mask(eight);
            for (index, &place) in indices[count..count + 8].iter_mut().zip(&PLACES[usize::from(mask)]) {
                *index = first + u32::from(place);
            }
            count += mask.count_ones() as usize;
            first += 8;
        }
        for &spike in rest {
            indices[count] = first;
            count += usize::from(spike != 0);
            first += 1;
        }
        if !self.are_ones {
            self.values.resize(self.values.len().max(start + count), E::ZERO);
            self.values[start..start + count].fill(E::ONE);
        }
        self.ends.push(start + count);
    }

    fn push_row(&mut self, n: usize, row: impl Iterator<Item = E>) {
        let start = self.room_for(n);
        if self.values.len() < start + n {
            self.values.resize(start + n, E::ZERO);
        }
        let (indices, values) = (&mut self.indices[start..start + n], &mut self.values[start..start + n]);
        let (mut count, mut are_ones) = (0, true);
        // As in `push_ones`: a zero is written too, and overwritten by what comes next.
        for (index, value) in row.enumerate() {
            indices[count] = index as u32;
            values[count] = value;
            let is_zero = value.is_positive_zero();
            count += usize::from(!is_zero);
            are_ones &= is_zero || value == E::ONE;
        }
        if self.are_ones && !are_ones {
            self.values[..start].fill(E::ONE);
        }
        self.are_ones &= are_ones;
        self.ends.push(start + count);
    }

    /// Where the next row begins, with room for `n` events behind.
    fn room_for(&mut self, n: usize) -> usize {
        let start = self.ends.last().copied().unwrap_or(0);
        if self.indices.len() < start + n {
            self.indices.resize(start + n, 0);
        }
        start
    }
}

/// Which of eight spikes 0 or 1 are 1, as the bits of a number: the product brings bit 0 of byte k to bit 56 + k.
fn mask(spikes: &[i8; 8]) -> u8 {
    let bytes = u64::from_le_bytes(spikes.map(i8::cast_unsigned));
    (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// For every mask of eight bits the places of its ones, ascending, and zeros behind.
const PLACES: [[u8; 8]; 256] = {
    let mut places = [[0; 8]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut place, mut count) = (0, 0);
        while place < 8 {
            if mask >> place & 1 == 1 {
                places[mask][count] = place;
                count += 1;
            }
            place += 1;
        }
        mask += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn rows_of_ones_get_their_values_when_another_value_comes() {
        let mut events = Events::<f32>::default();
        events.push_ones(&[1, 0, 1]);
        assert_eq!(events.values(0..2), None);
        events.push_values(&[0.0, 0.5, 0.0]);
        events.push_ones(&[0, 1, 1]);
        events.push_spikes(&[-1, 0, 1]);
        assert_eq!(events.indices(0..7), [0, 2, 1, 1, 2, 0, 2]);
        assert_eq!(events.values(0..7), Some(&[1.0, 1.0, 0.5, 1.0, 1.0, -1.0, 1.0][..]));
        events.clear();
        events.push_spikes(&[1, 0]);
        events.push_nothing();
        assert_eq!((events.rows(), events.values(0..1)), (2, None));
        events.push_spikes(&[0, 127]);
        assert_eq!(events.values(0..2), Some(&[1.0, 127.0][..]));
        assert_eq!(events.ends, [1, 1, 2]);
    }

    #[test]
    fn eight_spikes_at_once_are_found_where_they_are() {
        let mut events = Events::<f64>::default();
        for mask in 0..256usize {
            events.clear();
            let row: Vec<i8> = (0..19).map(|place| (mask >> (place % 8) & 1) as i8).collect();
            events.push_ones(&row);
            let expected: Vec<u32> = (0..19).filter(|&place| row[place as usize] == 1).collect();
            assert_eq!(events.indices(0..expected.len()), expected);
            assert_eq!(events.ends, [expected.len()]);
        }
    }
}
