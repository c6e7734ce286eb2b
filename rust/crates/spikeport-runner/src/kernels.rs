//! The family `if`.

use std::path::Path;

use spikeport::checkpoint::Checkpoint;
use spikeport::{
    AnyNetwork, Code, Counts, Element, Encoding, Error, Float, Network, Neuron, NeuronKind, RunOptions,
    Signal, Trace, View,
};

use crate::arguments::{Arguments, Fault};
use crate::reply::{Reply, Written};

/// Run `$function` in the type of the case.
macro_rules! in_type_of {
    ($arguments:expr, $function:ident) => {
        match $arguments.dtype() {
            "i32" => $function::<i32>($arguments),
            _ => $crate::kernels::in_float_of!($arguments, $function),
        }
    };
}

/// Run `$function` in the type of the case, where that is one of floats.
macro_rules! in_float_of {
    ($arguments:expr, $function:ident) => {
        match $arguments.dtype() {
            "f32" => $function::<f32>($arguments),
            "f64" => $function::<f64>($arguments),
            other => Err($crate::arguments::Fault::Protocol(format!("there is no type {other:.40} here"))),
        }
    };
}
pub(crate) use {in_float_of, in_type_of};

pub fn if_multistep(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Element + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let (currents, shape) = (arguments.values::<E>("currents")?, arguments.numbers("shape")?);
        let trace = spikeport::if_multistep(View::new(&currents, &shape)?, &arguments.if_parameters()?)?;
        Ok(spikes(&trace).numbers("counts", &trace.counts))
    }
    in_type_of!(arguments, run)
}

pub fn if_constant(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Element + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let timesteps = arguments.timesteps()?;
        let current = arguments.values::<E>("current")?;
        let shape = [current.len()];
        let trace =
            spikeport::if_constant(View::new(&current, &shape)?, timesteps, &arguments.if_parameters()?)?;
        Ok(spikes(&trace).numbers("counts", &trace.counts))
    }
    in_type_of!(arguments, run)
}

pub fn st_bif_multistep(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Element + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let (currents, shape) = (arguments.values::<E>("currents")?, arguments.numbers("shape")?);
        let trace =
            spikeport::st_bif_multistep(View::new(&currents, &shape)?, &arguments.st_bif_parameters()?)?;
        Ok(spikes(&trace).numbers("tracer", &trace.counts))
    }
    in_type_of!(arguments, run)
}

fn spikes<E: Written>(trace: &Trace<E>) -> Reply {
    Reply::default().numbers("spikes", &trace.spikes).values("v", &trace.membrane)
}

pub fn layer_forward(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Element + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let (inputs, shape) = (arguments.values::<E>("inputs")?, arguments.numbers("shape")?);
        let (weights, size) = (arguments.values::<E>("weights")?, arguments.numbers::<usize>("size")?);
        let weights_shape: Vec<usize> = size.into_iter().rev().collect();
        let bias = if arguments.has("bias") { Some(arguments.values::<E>("bias")?) } else { None };
        let bias_shape = bias.as_ref().map_or(0, Vec::len);
        let bias =
            bias.as_ref().map(|bias| View::new(bias, std::slice::from_ref(&bias_shape))).transpose()?;
        let weights = View::new(&weights, &weights_shape)?;
        let trace =
            spikeport::layer_forward(View::new(&inputs, &shape)?, weights, bias, &neuron(arguments)?)?;
        let signal = trace.signal.unwrap_or(Signal::Spikes(Vec::new()));
        Ok(Reply::default()
            .signal("spikes", &signal)
            .values("v", &trace.membrane)
            .counts("counts", &trace.counts))
    }
    in_type_of!(arguments, run)
}

fn unknown_kind(name: &str) -> Error {
    Error::new(Code::NeuronKind, format!("neuron kind '{name}' is not one of IF, LIF, ST-BIF, identity"))
}

fn neuron(arguments: &Arguments) -> Result<Neuron, Fault> {
    let name = arguments.text("kind")?;
    let kind = NeuronKind::from_name(&name).ok_or_else(|| unknown_kind(&name))?;
    Ok(Neuron {
        kind,
        threshold: arguments.per_neuron("threshold", 1.0)?,
        v_init: arguments.per_neuron("v_init", 0.0)?,
        v_reset: arguments.optional_per_neuron("v_reset")?,
        beta: arguments.per_neuron("beta", 1.0)?,
        tracer_min: arguments.number_or("tracer_min", 0)?,
        tracer_max: arguments.number_or("tracer_max", 31)?,
        max_spikes: arguments.number_or("max_spikes", 1)?,
    })
}

pub fn network_run(arguments: &Arguments) -> Result<Reply, Fault> {
    let checkpoint = Checkpoint::load(Path::new(&arguments.text("checkpoint")?))?.checkpoint;
    match checkpoint.to_network()? {
        AnyNetwork::F32(network) => run_network(&network, arguments),
        AnyNetwork::F64(network) => run_network(&network, arguments),
        AnyNetwork::I32(network) => run_network(&network, arguments),
    }
}

fn run_network<E: Element + Written>(network: &Network<E>, arguments: &Arguments) -> Result<Reply, Fault> {
    let (inputs, shape) = (arguments.values::<f64>("inputs")?, arguments.numbers("shape")?);
    let mut options = RunOptions::new(arguments.timesteps()?);
    if arguments.has("encoding") {
        options.encoding = Encoding::from_name(&arguments.text("encoding")?)?;
    }
    options.seed = arguments.number_or("seed", 0)?;
    let trace = network.run(View::new(&inputs, &shape)?, &options)?;
    let mut reply = Reply::default();
    for (index, layer) in trace.layers.iter().enumerate() {
        reply = reply
            .counts(&format!("counts.{index}"), &layer.counts)
            .values(&format!("v.{index}"), &layer.membrane);
    }
    let reply = reply.values("drive", &trace.drive);
    Ok(match trace.settled {
        Some(settled) => reply.numbers("settled", settled),
        None => reply,
    })
}

pub fn encode_poisson(arguments: &Arguments) -> Result<Reply, Fault> {
    let timesteps = arguments.timesteps()?;
    let (rates, shape) = (arguments.values::<f64>("rates")?, arguments.numbers("shape")?);
    let rates = View::new(&rates, &shape)?;
    let samples = if arguments.has("samples") { Some(arguments.numbers("samples")?) } else { None };
    let spikes =
        spikeport::encode_poisson(rates, timesteps, arguments.number_or("seed", 0)?, samples.as_deref())?;
    Ok(Reply::default().numbers("spikes", spikes).numbers("keys", spikeport::sample_keys(rates)?))
}

pub fn qcfs(arguments: &Arguments) -> Result<Reply, Fault> {
    fn run<E: Float + Written>(arguments: &Arguments) -> Result<Reply, Fault> {
        let timesteps = arguments.timesteps()?;
        let x = arguments.values::<E>("x")?;
        let shape = [x.len()];
        let y = spikeport::qcfs(View::new(&x, &shape)?, timesteps, &arguments.per_neuron("threshold", 1.0)?)?;
        Ok(Reply::default().values("y", &y))
    }
    in_float_of!(arguments, run)
}

/// The sum of a layer's counts.
pub fn total<E: Element>(counts: &Counts<E>) -> f64 {
    match counts {
        Counts::Spikes(counts) => counts.iter().sum::<i64>() as f64,
        Counts::Graded(counts) => counts.iter().map(|count| count.to_f64()).sum(),
    }
}
