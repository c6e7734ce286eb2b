//! QCFS, the quantisation-clip-floor-shift activation.
//!
//! ```text
//! qcfs(x) = clip(floor(x·T/θ + 1/2), 0, T)·θ/T
//! ```
//!
//! computed from left to right: `((x·T)/θ + 1/2)`, then `(level·θ)/T`. It is the rate, times θ, of an IF neuron with
//! `v_init = 1/2` under a constant current x for T steps (Bu et al. 2022, eq. 15).

use crate::{Code, Error, Float, PerNeuron, View, checks};

/// Return QCFS of `x` of shape (…, N): `timesteps` + 1 levels in [0, θ].
///
/// Errors: `non_finite`, `timesteps` below 1, `shape`, `threshold`.
pub fn qcfs<F: Float>(x: View<'_, F>, timesteps: usize, threshold: &PerNeuron) -> Result<Vec<F>, Error> {
    checks::finite("x", x)?;
    if timesteps < 1 {
        return Err(Error::new(
            Code::Timesteps,
            "qcfs needs at least 1 step: with none there is no level but 0",
        ));
    }
    if x.shape().is_empty() {
        return Err(Error::new(Code::Shape, "x is a single number: give an array"));
    }
    let values: Vec<F> = checks::parameter("threshold", threshold, x.width())?;
    checks::above_zero::<F>(threshold)?;
    let steps = F::from_f64(timesteps as f64);
    let quantised = x.data().iter().zip(values.iter().cycle()).map(|(&x, &threshold)| {
        let level = (x * steps / threshold + F::HALF).floor();
        let level = if level < F::ZERO { F::ZERO } else { level };
        let level = if level > steps { steps } else { level };
        level * threshold / steps
    });
    Ok(quantised.collect())
}
