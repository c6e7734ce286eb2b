//! What every kernel asks of its arguments, before any work.

use crate::view::Shape;
use crate::{Code, Element, Error, PerNeuron, View};

/// The largest weight of whole numbers: 16 bits with their sign.
const LARGEST_WEIGHT: f64 = 32767.0;

/// Refuse values that kernels do not compute with, naming the first: NaN and infinity, of whole numbers -2^31.
///
/// Errors: `non_finite`, of whole numbers `overflow`.
pub(crate) fn finite<F: Element>(name: &str, array: View<'_, F>) -> Result<(), Error> {
    // Many at once, without a branch for each.
    let are_finite = |values: &[F]| values.iter().fold(true, |finite, value| finite & value.is_finite());
    if array.data().chunks(4096).all(are_finite) {
        return Ok(());
    }
    let place = array.data().iter().position(|value| !value.is_finite()).unwrap_or(0);
    let mut index = vec![0; array.shape().len()];
    let mut rest = place;
    for (axis, &n) in array.shape().iter().enumerate().rev() {
        (index[axis], rest) = (rest % n, rest / n);
    }
    let (value, index) = (array.data()[place], Shape(&index));
    let (code, what) = match F::IS_WHOLE {
        true => (Code::Overflow, "a number above 2^31 - 1 in absolute value"),
        false => (Code::NonFinite, "NaN or infinity"),
    };
    Err(Error::new(code, format!("{name} holds {what}: {value} at index {index}")))
}

/// Refuse weights and a bias that are not finite, weights that are whole numbers of more than 16 bits, or a bias of another
/// shape than one value for each entry of the first axis of the weights.
pub(crate) fn weights<F: Element>(weights: View<'_, F>, bias: Option<View<'_, F>>) -> Result<(), Error> {
    finite("weights", weights)?;
    let passes = |weight: &F| !(-LARGEST_WEIGHT - 1.0..=LARGEST_WEIGHT).contains(&weight.to_f64());
    if F::IS_WHOLE
        && let Some(weight) = weights.data().iter().copied().find(passes)
    {
        let message = format!("weights hold {weight}: give integers of 16 bits, from -32768 to 32767");
        return Err(Error::new(Code::Overflow, message));
    }
    let Some(bias) = bias else { return Ok(()) };
    if bias.shape() != &weights.shape()[..1] {
        let (bias, weights) = (Shape(bias.shape()), Shape(weights.shape()));
        let message = format!("bias has shape {bias}, weights {weights}: give one bias for each row");
        return Err(Error::new(Code::Shape, message));
    }
    finite("bias", bias)
}

/// Refuse currents that are not of shape (T, …, N).
pub(crate) fn rank(shape: &[usize]) -> Result<(), Error> {
    if shape.len() < 2 {
        let shape = Shape(shape);
        let message =
            format!("currents has shape {shape}: give (steps, neurons), or (steps, batch, neurons)");
        return Err(Error::new(Code::Shape, message));
    }
    Ok(())
}

/// Return a neuron parameter as `n` values of the kernel's own type.
pub(crate) fn parameter<F: Element>(name: &str, value: &PerNeuron, n: usize) -> Result<Vec<F>, Error> {
    let given = value.as_slice();
    given.iter().try_for_each(|&one| number::<F>(name, one))?;
    match given {
        &[one] => Ok(vec![F::from_f64(one); n]),
        each if each.len() == n => Ok(each.iter().copied().map(F::from_f64).collect()),
        other => {
            let message = format!("{name} has shape ({},): give one number, or {n}", other.len());
            Err(Error::new(Code::Shape, message))
        }
    }
}

/// Refuse a number that the kernel's own type does not have. Errors: `non_finite`, of whole numbers `not_whole`, `overflow`.
fn number<F: Element>(name: &str, given: f64) -> Result<(), Error> {
    let value = F::try_from_f64(given).map_err(|error| error.of(name))?;
    if value.is_finite() {
        return Ok(());
    }
    let what = if given.is_finite() { "is beyond the type of the kernel" } else { "holds NaN or infinity" };
    Err(Error::new(Code::NonFinite, format!("{name} {what}: {given:?}")))
}

/// Return `v_init·θ` of neurons whose `threshold` has these `values` in the kernel's own type; of whole numbers, whose
/// product is that of doubles and must be one where there are no neurons too, the largest as well.
pub(crate) fn v_start<F: Element>(
    v_init: &PerNeuron,
    threshold: &PerNeuron,
    values: &[F],
) -> Result<(Vec<F>, u64), Error> {
    let n = values.len();
    if !F::IS_WHOLE {
        let v_init: Vec<F> = parameter("v_init", v_init, n)?;
        return Ok((v_init.into_iter().zip(values).map(|(v, &threshold)| v * threshold).collect(), 0));
    }
    let _: Vec<f64> = parameter("v_init", v_init, n)?;
    let product = |(v, threshold): (&f64, &f64)| {
        // What becomes infinite is above 2^31 - 1 as well.
        let start = (v * threshold).clamp(-f64::MAX, f64::MAX);
        F::try_from_f64(start).map_err(|error| error.of("v_init·threshold"))
    };
    let (v_init, threshold) = (v_init.as_slice(), threshold.as_slice());
    let pairs = v_init.iter().cycle().zip(threshold.iter().cycle()).take(v_init.len().max(threshold.len()));
    let starts = pairs.map(product).collect::<Result<Vec<F>, Error>>()?;
    let most = largest(&starts);
    Ok((if let &[one] = starts.as_slice() { vec![one; n] } else { starts }, most))
}

/// Return the leak of `n` neurons; of whole numbers it is 1.
pub(crate) fn leak<F: Element>(beta: &PerNeuron, n: usize) -> Result<Vec<F>, Error> {
    if !F::IS_WHOLE {
        return parameter("beta", beta, n);
    }
    let given: Vec<f64> = parameter("beta", beta, n)?;
    match beta.as_slice().iter().all(|&one| one == 1.0) {
        true => Ok(vec![F::ONE; given.len()]),
        false => Err(Error::new(Code::Beta, format!("integers have no leak: beta must be 1, not {beta}"))),
    }
}

/// The largest absolute value.
pub(crate) fn largest<F: Element>(values: &[F]) -> u64 {
    values.iter().map(|value| value.magnitude()).max().unwrap_or(0)
}

/// Refuse what could pass 32 bits, by what it reaches at most. Errors: `overflow`.
pub(crate) fn fits(what: &str, bound: u64) -> Result<(), Error> {
    if bound <= i32::MAX as u64 {
        return Ok(());
    }
    let message = format!(
        "{what} could reach {bound}, and 32 bits hold 2^31 - 1: give fewer steps, or smaller inputs, weights or thresholds"
    );
    Err(Error::new(Code::Overflow, message))
}

/// Refuse a threshold that is not above 0 in the kernel's own type, where there are no neurons too.
pub(crate) fn above_zero<F: Element>(threshold: &PerNeuron) -> Result<(), Error> {
    if threshold.as_slice().iter().all(|&one| F::from_f64(one) > F::ZERO) {
        return Ok(());
    }
    Err(Error::new(Code::Threshold, format!("threshold must be above 0, not {threshold}")))
}

/// Return `size` zeros. Errors: `too_large` where memory does not hold them.
pub(crate) fn zeros<V: Clone + Default>(size: &[usize]) -> Result<Vec<V>, Error> {
    let mut values = room(size)?;
    values.resize(size.iter().product(), V::default());
    Ok(values)
}

/// Return an empty array with room for `size` values. Errors: `too_large` where memory does not hold them.
pub(crate) fn room<V>(size: &[usize]) -> Result<Vec<V>, Error> {
    let too_large =
        || Error::new(Code::TooLarge, format!("memory does not hold an array of shape {}", Shape(size)));
    let length = size.iter().try_fold(1usize, |size, &n| size.checked_mul(n)).ok_or_else(too_large)?;
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| too_large())?;
    Ok(values)
}
