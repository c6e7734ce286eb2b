//! What weighted sums of whole numbers reach at most.

use crate::Element;

/// Of each row of weights the sum of their absolute values, and that of its bias. Of floats, which have no bound, nothing.
pub(super) struct Masses(Vec<[u64; 2]>);

impl Masses {
    /// Those of `rows` rows of weights, and a bias of one value for each.
    pub(super) fn of<E: Element>(weights: &[E], bias: Option<&[E]>, rows: usize) -> Self {
        if !E::IS_WHOLE {
            return Self(Vec::new());
        }
        let terms = weights.len().checked_div(rows).unwrap_or(0);
        let mass = |row: usize| {
            let weights = &weights[row * terms..][..terms];
            [
                weights.iter().map(|weight| weight.magnitude()).sum(),
                bias.map_or(0, |bias| bias[row].magnitude()),
            ]
        };
        Self((0..rows).map(mass).collect())
    }

    /// The largest Σ|W|·most + |b| of all rows.
    pub(super) fn bound(&self, most: u64) -> u64 {
        self.0.iter().map(|&[mass, bias]| mass.saturating_mul(most).saturating_add(bias)).max().unwrap_or(0)
    }
}
