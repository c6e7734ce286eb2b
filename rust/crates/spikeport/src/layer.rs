//! One layer: spikes in, weighted sums, neurons, spikes out.
//!
//! The current of output neuron j is, in this order and with no fused multiply-add:
//!
//! ```text
//! I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]
//! ```
//!
//! The order is part of the contract: it makes a current independent of the batch, of the number of threads and of the
//! language.

use std::borrow::Cow;

use crate::events::Events;
use crate::packed::Packed;
use crate::stage::{Keep, State};
use crate::view::Shape;
use crate::{Element, Error, Neuron, Values, View, checks};

/// One layer, its weights borrowed or owned.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<'a, F: Element> {
    /// Weights of shape (out, in), row by row.
    pub weights: Cow<'a, [F]>,
    /// Number of rows and columns.
    pub shape: [usize; 2],
    /// Bias of shape (out,), or `None`.
    pub bias: Option<Cow<'a, [F]>>,
    /// The neurons.
    pub neuron: Neuron,
}

/// A layer in single or double precision.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyLayer<'a> {
    /// Single precision.
    F32(Layer<'a, f32>),
    /// Double precision.
    F64(Layer<'a, f64>),
}

impl<'a> From<Layer<'a, f32>> for AnyLayer<'a> {
    fn from(layer: Layer<'a, f32>) -> Self {
        Self::F32(layer)
    }
}

impl<'a> From<Layer<'a, f64>> for AnyLayer<'a> {
    fn from(layer: Layer<'a, f64>) -> Self {
        Self::F64(layer)
    }
}

impl AnyLayer<'_> {
    /// Number of outputs and inputs.
    pub fn shape(&self) -> [usize; 2] {
        match self {
            Self::F32(layer) => layer.shape,
            Self::F64(layer) => layer.shape,
        }
    }
}

/// What a layer passes on: spikes, or graded values where it has no neuron.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// -1, 0 or 1.
    Spikes(Vec<i8>),
    /// The currents themselves.
    Graded(Values),
}

/// The sum of a layer's signal over the steps.
#[derive(Clone, Debug, PartialEq)]
pub enum Counts {
    /// Net spikes.
    Spikes(Vec<i64>),
    /// Sums of graded values, added step by step from +0.
    Graded(Values),
}

/// What one layer did.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTrace {
    /// Shape (batch, out).
    pub counts: Counts,
    /// Membrane after the last step, shape (batch, out); ST-BIF: in units of the threshold; identity: 0.
    pub membrane: Values,
    /// Shape (T, batch, out), or `None` unless recorded.
    pub signal: Option<Signal>,
}

/// Return the currents `W·x + b` of shape (…, out), summed in the order of the inputs.
///
/// `inputs` has shape (…, in), `weights` (out, in), `bias` (out,). Errors: `shape`, `too_large`.
pub fn weighted_sum<F: Element>(
    inputs: View<'_, F>,
    weights: View<'_, F>,
    bias: Option<View<'_, F>>,
) -> Result<Vec<F>, Error> {
    let &[n_out, n_in] = weights.shape() else {
        return Err(unfit(inputs, weights));
    };
    if inputs.shape().last() != Some(&n_in) {
        return Err(unfit(inputs, weights));
    }
    if let Some(bias) = bias
        && bias.shape() != [n_out]
    {
        let (bias, weights) = (Shape(bias.shape()), Shape(weights.shape()));
        let message = format!("bias has shape {bias}, weights {weights}: give one bias a row");
        return Err(Error::new("shape", message));
    }
    let rows: usize = inputs.shape()[..inputs.shape().len() - 1].iter().product();
    let mut events = Events::default();
    for row in 0..rows {
        events.push_values(&inputs.data()[row * n_in..][..n_in]);
    }
    let mut currents = checks::zeros(&[rows, n_out])?;
    let packed = Packed::new(weights.data(), bias.map(|bias| bias.data()), n_out, n_in)?;
    packed.weigh(&events, &mut currents);
    Ok(currents)
}

/// Run one layer over `inputs` of shape (T, …, in); its signal has shape (T, …, out).
///
/// Errors: `non_finite`, `shape`, and the codes of the neuron's own kernel.
pub fn layer_forward<F: Element>(
    inputs: View<'_, F>,
    weights: View<'_, F>,
    bias: Option<View<'_, F>>,
    neuron: &Neuron,
) -> Result<LayerTrace, Error> {
    checks::finite("inputs", inputs)?;
    checks::finite("weights", weights)?;
    if inputs.shape().len() < 2 {
        return Err(unfit(inputs, weights));
    }
    if let Some(bias) = bias {
        checks::finite("bias", bias)?;
    }
    let steps = inputs.shape()[0];
    let batch: usize = inputs.shape()[1..inputs.shape().len() - 1].iter().product();
    let currents = weighted_sum(inputs, weights, bias)?;
    let mut state =
        State::<F>::new(weights.shape()[0], batch, neuron, steps, Keep { signal: true, drive: false })?;
    state.fire(&currents, steps, None)?;
    Ok(state.finish().0)
}

fn unfit<F: Element>(inputs: View<'_, F>, weights: View<'_, F>) -> Error {
    let (inputs, n_in) = (Shape(inputs.shape()), weights.width());
    let message =
        format!("inputs {inputs} do not fit weights {}: give (steps, batch, {n_in})", Shape(weights.shape()));
    Error::new("shape", message)
}
