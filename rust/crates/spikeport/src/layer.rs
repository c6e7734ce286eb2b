//! One layer by itself: spikes in, weighted sums, neurons, spikes out. The sums are those of [`Linear`].

use crate::operations::Linear;
use crate::running::{Interruption, Keep, Neurons, OPERATIONS, State};
use crate::{Element, Error, LayerTrace, Neuron, View, checks};

/// Return the currents `W·x + b` of shape (…, out), summed in the order of the inputs.
///
/// `inputs` has shape (…, in), `weights` (out, in), `bias` (out,). Errors: `shape`, `non_finite`, `too_large`,
/// `overflow`.
pub fn weighted_sum<F: Element>(
    inputs: View<'_, F>,
    weights: View<'_, F>,
    bias: Option<View<'_, F>>,
) -> Result<Vec<F>, Error> {
    Linear::new(weights, bias)?.currents(inputs).map(|(currents, _)| currents)
}

/// Run one layer over `inputs` of shape (T, …, in); its signal has shape (T, …, out).
///
/// Errors: `non_finite`, `shape`, and the codes of the neuron's own kernel; of whole numbers `overflow`, and `neuron_kind`
/// for LIF.
pub fn layer_forward<F: Element>(
    inputs: View<'_, F>,
    weights: View<'_, F>,
    bias: Option<View<'_, F>>,
    neuron: &Neuron,
) -> Result<LayerTrace<F>, Error> {
    checks::finite("inputs", inputs)?;
    let linear = Linear::new(weights, bias)?;
    let &[steps, ref batch @ .., _] = inputs.shape() else {
        return Err(linear.unfit(inputs.shape()));
    };
    let (currents, bound) = linear.currents(inputs)?;
    let neurons = Neurons::new(neuron, &[linear.n_outputs()])?;
    if F::IS_WHOLE {
        checks::fits("a membrane", neurons.bound(bound, steps))?;
    }
    let keep = Keep { signal: true, drive: false, moves: false };
    let mut state = State::new(&neurons, linear.n_outputs(), batch.iter().product(), steps, keep)?;
    let row = linear.n_outputs() * batch.iter().product::<usize>();
    let (interruption, at_once) = (Interruption::new(), (OPERATIONS / row.max(1)).max(1));
    for start in (0..steps).step_by(at_once) {
        interruption.check()?;
        let end = steps.min(start + at_once);
        state.fire(&currents[start * row..end * row], end - start, None)?;
    }
    Ok(state.finish().0)
}
