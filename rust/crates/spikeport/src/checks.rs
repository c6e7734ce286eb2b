//! What every kernel asks of its arguments, before any work.

use crate::view::Shape;
use crate::{Code, Element, Error, PerNeuron, View};

/// Refuse NaN and infinity, naming the first.
pub(crate) fn finite<F: Element>(name: &str, array: View<'_, F>) -> Result<(), Error> {
    let Some(place) = array.data().iter().position(|value| !value.is_finite()) else {
        return Ok(());
    };
    let mut index = vec![0; array.shape().len()];
    let mut rest = place;
    for (axis, &n) in array.shape().iter().enumerate().rev() {
        (index[axis], rest) = (rest % n, rest / n);
    }
    let (value, index) = (array.data()[place], Shape(&index));
    Err(Error::new(Code::NonFinite, format!("{name} holds NaN or infinity: {value} at index {index}")))
}

/// Refuse weights and a bias that are not finite, or a bias of another shape than one value for each entry of the first
/// axis of the weights.
pub(crate) fn weights<F: Element>(weights: View<'_, F>, bias: Option<View<'_, F>>) -> Result<(), Error> {
    finite("weights", weights)?;
    let Some(bias) = bias else { return Ok(()) };
    if bias.shape() != &weights.shape()[..1] {
        let (bias, weights) = (Shape(bias.shape()), Shape(weights.shape()));
        let message = format!("bias has shape {bias}, weights {weights}: give one bias for each row");
        return Err(Error::new(Code::Shape, message));
    }
    finite("bias", bias)
}

/// Refuse currents that are not a finite array of shape (T, …, N).
pub(crate) fn currents<F: Element>(array: View<'_, F>) -> Result<(), Error> {
    finite("currents", array)?;
    if array.shape().len() < 2 {
        let shape = Shape(array.shape());
        let message =
            format!("currents has shape {shape}: give (steps, neurons), or (steps, batch, neurons)");
        return Err(Error::new(Code::Shape, message));
    }
    Ok(())
}

/// Return a neuron parameter as `n` values of the kernel's own type.
pub(crate) fn parameter<F: Element>(name: &str, value: &PerNeuron, n: usize) -> Result<Vec<F>, Error> {
    let given = value.as_slice();
    if let Some(bad) = given.iter().find(|&&value| !F::from_f64(value).is_finite()) {
        let what = if bad.is_finite() { "is beyond the type of the kernel" } else { "holds NaN or infinity" };
        return Err(Error::new(Code::NonFinite, format!("{name} {what}: {bad:?}")));
    }
    match given {
        [one] => Ok(vec![F::from_f64(*one); n]),
        each if each.len() == n => Ok(each.iter().copied().map(F::from_f64).collect()),
        other => {
            let message = format!("{name} has shape ({},): give one number, or {n}", other.len());
            Err(Error::new(Code::Shape, message))
        }
    }
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
