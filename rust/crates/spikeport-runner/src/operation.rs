//! The kernel `operation.currents`.

use spikeport::{Attributes, Element, OperationKind, View};

use crate::arguments::{Arguments, Fault};
use crate::checkpoint::optional;
use crate::kernels::in_type_of;
use crate::reply::{Reply, Written};

/// The attributes of an operation; their words end in `suffix`.
pub fn attributes(arguments: &Arguments, suffix: &str) -> Result<Attributes, Fault> {
    let each = |name: &str| optional(arguments, &format!("{name}{suffix}"), |key| arguments.numbers(key));
    Ok(Attributes {
        kernel: each("kernel")?,
        stride: each("stride")?,
        padding: each("padding")?,
        dilation: each("dilation")?,
        groups: optional(arguments, &format!("groups{suffix}"), |key| arguments.number(key))?,
    })
}

pub fn currents(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Element + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let word = arguments.text("operation")?;
        let mut given = attributes(arguments, "")?;
        let has_weight = word == "linear" || word == "conv";
        let weight_shape: Vec<usize> =
            if has_weight { arguments.numbers("weight_shape")? } else { Vec::new() };
        if word == "conv" {
            // What the weight says; one of another number of axes is no window.
            given.kernel = Some(weight_shape.iter().skip(2).map(|&n| n as i64).collect());
        }
        let kind = OperationKind::new(&word, &given)?;
        let weight = if has_weight { arguments.values::<E>("weight")? } else { Vec::new() };
        let bias =
            if has_weight { optional(arguments, "bias", |key| arguments.values::<E>(key))? } else { None };
        let bias_shape = [bias.as_ref().map_or(0, Vec::len)];
        let weight = has_weight.then(|| View::new(&weight, &weight_shape)).transpose()?;
        let bias = bias.as_ref().map(|bias| View::new(bias, &bias_shape)).transpose()?;
        let operation = kind.build(weight, bias)?;
        let mut signals = Vec::new();
        for k in 0..arguments.count("inputs") {
            let shape: Vec<usize> = arguments.numbers(&format!("shape.{k}"))?;
            signals.push((arguments.values::<E>(&format!("inputs.{k}"))?, shape));
        }
        let views = signals.iter().map(|(data, shape)| View::new(data, shape));
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let (shape, currents) = spikeport::operation_currents(&*operation, &views)?;
        Ok(Reply::default().numbers("shape", shape).values("currents", &currents))
    }
    in_type_of!(arguments, run)
}
