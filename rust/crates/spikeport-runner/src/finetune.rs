//! The family `finetune`.

use spikeport::finetune::{FreezeUntil, LayerStep, ScheduleOptions};
use spikeport::{Float, View};

use crate::arguments::{Arguments, Fault};
use crate::kernels::in_float_of;
use crate::reply::{Reply, Written};

pub fn schedule(arguments: &Arguments) -> Result<Reply, Fault> {
    let names = arguments.texts("names")?;
    let until_name = if arguments.has("until_name") { Some(arguments.text("until_name")?) } else { None };
    let head = if arguments.has("head") { Some(arguments.text("head")?) } else { None };
    let frozen = if arguments.has("frozen") { arguments.texts("frozen")? } else { Vec::new() };
    let schedule = spikeport::finetune::schedule(
        &names,
        &ScheduleOptions {
            freeze_until: match &until_name {
                Some(name) => FreezeUntil::Name(name),
                None => FreezeUntil::Index(arguments.number_or("until_index", -1)?),
            },
            lr_backbone: arguments.number_or("lr_backbone", 0.0)?,
            lr_head: arguments.number_or("lr_head", 0.01)?,
            frozen: &frozen,
            head: head.as_deref(),
        },
    )?;
    Ok(Reply::default().texts("frozen", schedule.frozen).values("rates", &schedule.rates))
}

pub fn unfreeze(arguments: &Arguments) -> Result<Reply, Fault> {
    let (names, frozen) = (arguments.texts("names")?, arguments.texts("frozen")?);
    let free = if arguments.has("layers") { arguments.texts("layers")? } else { Vec::new() };
    let all_layers = arguments.number_or("all", 0)? != 0;
    let still = spikeport::finetune::unfreeze(&names, &frozen, &free, all_layers)?;
    Ok(Reply::default().texts("frozen", still))
}

pub fn step(arguments: &Arguments) -> Result<Reply, Fault> {
    in_float_of!(arguments, step_in_type)
}

/// One layer's weights, gradients and velocities.
type Parts<F> = (Vec<F>, Vec<F>, Option<Vec<F>>);

fn step_in_type<E: Float + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
    let (names, rates) = (arguments.texts("names")?, arguments.numbers::<f64>("rates")?);
    let frozen = if arguments.has("frozen") { arguments.texts("frozen")? } else { Vec::new() };
    let mut parts: Vec<Parts<E>> = Vec::new();
    let [weights, gradients, velocities] =
        ["weights", "gradients", "velocities"].map(|part| arguments.count(part));
    for k in 0..weights.min(gradients) {
        let floats = |part: &str| arguments.values(&format!("{part}.{k}"));
        let velocities = if k < velocities { Some(floats("velocities")?) } else { None };
        parts.push((floats("weights")?, floats("gradients")?, velocities));
    }
    let shapes: Vec<[usize; 3]> =
        parts.iter().map(|(w, g, u)| [w.len(), g.len(), u.as_ref().map_or(0, Vec::len)]).collect();
    let mut layers = Vec::new();
    for (((weights, gradients, velocities), [w, g, u]), &rate) in parts.iter().zip(&shapes).zip(&rates) {
        layers.push(LayerStep {
            weights: View::new(weights, std::slice::from_ref(w))?,
            gradients: View::new(gradients, std::slice::from_ref(g))?,
            velocities: velocities.as_ref().map(|all| View::new(all, std::slice::from_ref(u))).transpose()?,
            rate,
        });
    }
    let fits = gradients == weights && (velocities == weights || velocities == 0) && rates.len() == weights;
    if !fits {
        layers.clear();
    }
    let stepped = spikeport::finetune::step(&layers, &names, &frozen, arguments.number_or("momentum", 0.0)?)?;
    let mut reply = Reply::default();
    for (index, (weights, velocities)) in stepped.iter().enumerate() {
        reply = reply.values(&format!("weights.{index}"), weights);
        reply = reply.values(&format!("velocities.{index}"), velocities);
    }
    Ok(reply)
}
