//! Fine-tuning: which layers are frozen, how fast the others learn, and one step of it.
//!
//! ```text
//! frozen   = those frozen before, and layers 0 … k for `freeze_until = k`, in the order of the network
//! rate[l]  = 0 where frozen;  lr_head from the head on;  lr_backbone before it
//! u = μ·u + g;   w = w - η·u        in this order, no fused multiply-add; a frozen layer keeps its bits
//! ```

use crate::view::Shape;
use crate::{Code, Error, Float, View, checks};

/// How far from the input the layers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeUntil<'a> {
    /// Layers 0 … k; -1 freezes none.
    Index(i64),
    /// Up to and with the layer of this name.
    Name(&'a str),
}

/// What [`schedule`] is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleOptions<'a> {
    /// How far the layers are frozen.
    pub freeze_until: FreezeUntil<'a>,
    /// Learning rate before the head, at least 0.
    pub lr_backbone: f64,
    /// Learning rate of the head, at least 0.
    pub lr_head: f64,
    /// Names frozen before; they stay frozen.
    pub frozen: &'a [String],
    /// Name of the first layer of the head; the last layer by default.
    pub head: Option<&'a str>,
}

impl Default for ScheduleOptions<'_> {
    fn default() -> Self {
        Self {
            freeze_until: FreezeUntil::Index(-1),
            lr_backbone: 0.0,
            lr_head: 0.01,
            frozen: &[],
            head: None,
        }
    }
}

/// Which layers are frozen (names, in network order) and the learning rate of every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Names of the frozen layers.
    pub frozen: Vec<String>,
    /// One rate for each layer; 0 where it is frozen.
    pub rates: Vec<f64>,
}

/// Return the frozen layers and the learning rates.
///
/// Errors: `learning_rate`, `unknown_layer`, `index_range`.
pub fn schedule(layer_names: &[String], options: &ScheduleOptions<'_>) -> Result<Schedule, Error> {
    for (name, value) in [("lr_backbone", options.lr_backbone), ("lr_head", options.lr_head)] {
        if !(value.is_finite() && value >= 0.0) {
            let message = format!("{name} must be a finite number of at least 0, not {value}");
            return Err(Error::new(Code::LearningRate, message));
        }
    }
    let first_learning = match options.freeze_until {
        FreezeUntil::Name(name) => position(layer_names, name)? + 1,
        FreezeUntil::Index(until) => index(layer_names, until)?,
    };
    let first_of_head = match options.head {
        Some(name) => position(layer_names, name)?,
        None => layer_names.len().saturating_sub(1),
    };
    let mut kept = vec![false; layer_names.len()];
    kept[..first_learning].fill(true);
    for name in options.frozen {
        kept[position(layer_names, name)?] = true;
    }
    let rate = |k: usize| match kept[k] {
        true => 0.0,
        false if k >= first_of_head => options.lr_head,
        false => options.lr_backbone,
    };
    Ok(Schedule {
        frozen: layer_names
            .iter()
            .zip(&kept)
            .filter(|&(_, &kept)| kept)
            .map(|(name, _)| name.clone())
            .collect(),
        rates: (0..layer_names.len()).map(rate).collect(),
    })
}

/// Return the layers that stay frozen, in network order, when `names` (or all) are set free.
///
/// Errors: `unknown_layer`.
pub fn unfreeze(
    layer_names: &[String],
    frozen: &[String],
    names: &[String],
    all_layers: bool,
) -> Result<Vec<String>, Error> {
    let places = |names: &[String]| -> Result<Vec<usize>, Error> {
        names.iter().map(|name| position(layer_names, name)).collect()
    };
    let (free, before) = (places(names)?, places(frozen)?);
    let stays = |k: &usize| !all_layers && before.contains(k) && !free.contains(k);
    Ok((0..layer_names.len()).filter(stays).map(|k| layer_names[k].clone()).collect())
}

/// One layer's share of a [`step`].
#[derive(Clone, Copy, Debug)]
pub struct LayerStep<'a, F> {
    /// Weights before the step.
    pub weights: View<'a, F>,
    /// Gradients, in the shape of the weights.
    pub gradients: View<'a, F>,
    /// Velocities before the step, in the shape of the weights; 0 where `None`.
    pub velocities: Option<View<'a, F>>,
    /// Learning rate of at least 0; a layer whose rate is 0 keeps its bits.
    pub rate: f64,
}

/// One layer's weights and velocities after a [`step`].
pub type Stepped<F> = (Vec<F>, Vec<F>);

/// Return every layer's weights and velocities after one step of gradient descent with momentum.
///
/// `layer_names` has one name for each layer; the layers named in `frozen` keep the bits of weights and velocities.
///
/// Errors, in this order: `momentum` outside [0, 1), `shape`, `unknown_layer`, then layer by layer `learning_rate`,
/// `non_finite`, `shape`.
pub fn step<F: Float>(
    layers: &[LayerStep<'_, F>],
    layer_names: &[String],
    frozen: &[String],
    momentum: f64,
) -> Result<Vec<Stepped<F>>, Error> {
    if !(0.0..1.0).contains(&momentum) {
        return Err(Error::new(Code::Momentum, format!("momentum must be in [0, 1), not {momentum}")));
    }
    if layers.len() != layer_names.len() {
        let message = format!("{} layers have {} names: give one for each", layers.len(), layer_names.len());
        return Err(Error::new(Code::Shape, message));
    }
    let mut learns = vec![true; layers.len()];
    for name in frozen {
        learns[position(layer_names, name)?] = false;
    }
    layers.iter().zip(learns).map(|(layer, learns)| step_layer(layer, learns, momentum)).collect()
}

fn step_layer<F: Float>(layer: &LayerStep<'_, F>, learns: bool, momentum: f64) -> Result<Stepped<F>, Error> {
    let LayerStep { weights, gradients, velocities, rate } = *layer;
    if !(rate.is_finite() && rate >= 0.0) {
        let message = format!("a rate must be a finite number of at least 0, not {rate}");
        return Err(Error::new(Code::LearningRate, message));
    }
    let zeros = vec![F::ZERO; weights.data().len()];
    let velocities = match velocities {
        Some(velocities) => velocities,
        None => View::new(&zeros, weights.shape())?,
    };
    for (name, array) in [("weights", weights), ("gradients", gradients), ("velocities", velocities)] {
        checks::finite(name, array)?;
    }
    if weights.shape() != gradients.shape() || weights.shape() != velocities.shape() {
        let [w, g, u] = [weights, gradients, velocities].map(|array| Shape(array.shape()).to_string());
        let message = format!("weights {w}, gradients {g} and velocities {u} differ");
        return Err(Error::new(Code::Shape, message));
    }
    let (mut w, mut u) = (weights.data().to_vec(), velocities.data().to_vec());
    if learns && rate > 0.0 {
        let (rate, momentum) = (F::from_f64(rate), F::from_f64(momentum));
        for ((w, u), &g) in w.iter_mut().zip(&mut u).zip(gradients.data()) {
            *u = momentum * *u + g;
            *w = *w - rate * *u;
        }
    }
    Ok((w, u))
}

fn position(layer_names: &[String], name: &str) -> Result<usize, Error> {
    layer_names.iter().position(|known| known == name).ok_or_else(|| {
        let message = format!("no layer is called '{name}': there are {}", layer_names.join(", "));
        Error::new(Code::UnknownLayer, message)
    })
}

/// The number of layers frozen by `until`.
fn index(layer_names: &[String], until: i64) -> Result<usize, Error> {
    usize::try_from(i128::from(until) + 1).ok().filter(|&frozen| frozen <= layer_names.len()).ok_or_else(
        || {
            let n = layer_names.len();
            let message = format!("freeze_until={until} is not an index of {n} layers: -1 freezes none");
            Error::new(Code::IndexRange, message)
        },
    )
}
