//! A layer's neurons as the rows of its `neuron` member: threshold, v_init, hard_reset, v_reset, beta, tracer_min,
//! tracer_max, and in version 2 max_spikes.

use crate::running::Neurons;
use crate::{Code, Error, Neuron, NeuronKind, PerNeuron};

const LARGEST_TRACER: f64 = 2_147_483_647.0;

/// Rows of a neuron member in a version of the format.
pub(super) fn rows_of(version: u8) -> usize {
    if version > 1 { 8 } else { 7 }
}

/// The `n_rows` rows of a neuron. Each has one value where every parameter is a single number, else `n` values.
pub fn to_rows(neuron: &Neuron, n: usize, n_rows: usize) -> Vec<f64> {
    let hard_reset = f64::from(u8::from(neuron.v_reset.is_some()));
    let v_reset = neuron.v_reset.clone().unwrap_or(PerNeuron::All(0.0));
    let rows = [
        neuron.threshold.clone(),
        neuron.v_init.clone(),
        hard_reset.into(),
        v_reset,
        neuron.beta.clone(),
        (neuron.tracer_min as f64).into(),
        (neuron.tracer_max as f64).into(),
        (neuron.max_spikes as f64).into(),
    ];
    let rows = &rows[..n_rows];
    let is_uniform = rows.iter().all(|row| matches!(row, PerNeuron::All(_)));
    let width = if is_uniform { 1 } else { n };
    rows.iter().flat_map(|row| row.as_slice().iter().copied().cycle().take(width)).collect()
}

/// The neuron that the rows of a `neuron` member, 7 or 8, describe, under the label `kind`. Errors: `neuron`.
///
/// A zero must be +0, so that equal contents have equal bytes.
pub fn from_rows(kind: &str, rows: &[f64], n_rows: usize) -> Result<Neuron, Error> {
    let width = rows.len() / n_rows;
    let row = |k: usize| &rows[k * width..][..width];
    let one = |name: &str, k: usize| match row(k) {
        [first, others @ ..]
            if others.iter().all(|other| other.to_bits() == first.to_bits())
                && first.fract() == 0.0
                && first.to_bits() != (-0.0_f64).to_bits() =>
        {
            Ok(*first)
        }
        _ => Err(fault(format!("{name} must be one whole number for the layer"))),
    };
    let values = |k: usize| match row(k) {
        [one] => PerNeuron::All(*one),
        each => PerNeuron::Each(each.to_vec()),
    };
    let is_hard = match one("hard_reset", 2)? {
        0.0 if row(3).iter().all(|&v_reset| v_reset.to_bits() == 0) => false,
        1.0 => true,
        _ => return Err(fault("hard_reset must be 0 (with v_reset 0) or 1")),
    };
    let tracer = [one("tracer_min", 5)?, one("tracer_max", 6)?];
    if tracer.iter().any(|bound| bound.abs() > LARGEST_TRACER) {
        return Err(fault("tracer bounds must have at most 31 bits"));
    }
    let max_spikes = if n_rows > 7 { one("max_spikes", 7)? } else { 1.0 };
    let kind = NeuronKind::from_name(kind).ok_or_else(|| {
        fault(format!("'{kind}' is no kind of neuron: there are IF, LIF, ST-BIF, identity"))
    })?;
    let neuron = Neuron {
        kind,
        threshold: values(0),
        v_init: values(1),
        v_reset: is_hard.then(|| values(3)),
        beta: values(4),
        tracer_min: tracer[0] as i64,
        tracer_max: tracer[1] as i64,
        max_spikes: max_spikes as i64,
    };
    check(&neuron).map(|()| neuron)
}

/// Refuse parameters that no neuron of its kind can have. Errors: `neuron`.
fn check(neuron: &Neuron) -> Result<(), Error> {
    let Neuron { threshold, v_init, v_reset, beta, tracer_min, tracer_max, .. } = neuron;
    let parameters = [Some(threshold), Some(v_init), v_reset.as_ref(), Some(beta)];
    if !parameters.into_iter().flatten().flat_map(PerNeuron::as_slice).all(|value| value.is_finite()) {
        return Err(fault("a parameter is not finite"));
    }
    if !threshold.as_slice().iter().all(|&threshold| threshold > 0.0) {
        return Err(fault(format!("threshold {threshold} is not above 0 everywhere")));
    }
    if !beta.as_slice().iter().all(|beta| (0.0..=1.0).contains(beta)) {
        return Err(fault(format!("beta {beta} is not in [0, 1]: it is the share of v that one step keeps")));
    }
    neuron.check_kind().map_err(|error| fault(error.to_string()))?;
    if let Some(v_reset) = v_reset
        && !v_reset.is_below::<f64>(threshold)
    {
        return Err(fault(format!("v_reset {v_reset} is not below the threshold {threshold}")));
    }
    if !(*tracer_min <= 0 && 0 <= *tracer_max) {
        return Err(fault(format!(
            "tracer bounds [{tracer_min}, {tracer_max}] do not hold 0, where it starts"
        )));
    }
    Ok(())
}

/// Refuse parameters that `n` neurons of an integer network, or channels of them, cannot have. Errors: `neuron`.
pub(super) fn check_whole(neuron: &Neuron, n: usize) -> Result<(), Error> {
    Neurons::<i32>::new(neuron, &[n]).map(|_| ()).map_err(|error| fault(error.to_string()))
}

fn fault(message: impl Into<String>) -> Error {
    Error::new(Code::Neuron, message)
}
