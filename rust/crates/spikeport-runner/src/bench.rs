//! Timing: a call of a kernel, repeated inside the runner, on one thread.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use spikeport::checkpoint::Checkpoint;
use spikeport::finetune::LayerStep;
use spikeport::{
    AnyNetwork, Error, IfParameters, Neuron, NeuronKind, PerNeuron, RunOptions, StBifParameters, View,
};

use crate::arguments::{Arguments, Fault};
use crate::kernels::total;
use crate::reply::Reply;

/// One untimed call, then the timed ones: seconds of each, and a number that the answer must give.
pub fn bench(arguments: &Arguments) -> Result<Reply, Fault> {
    let kernel = arguments.text("kernel")?;
    let repeats: usize = arguments.number_or("repeats", 5)?;
    let mut call = prepare(&kernel, arguments)?;
    let check = call()?;
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        black_box(call()?);
        seconds.push(format!("{:.9}", start.elapsed().as_secs_f64()));
    }
    Ok(Reply::default().numbers("seconds", seconds).numbers("check", [check]))
}

type Call = Box<dyn FnMut() -> Result<f64, Error>>;

fn g(i: usize) -> f64 {
    (i % 17) as f64 / 16.0
}

fn fill(length: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..length).map(value).collect()
}

fn sum<T: Copy + Into<i64>>(counts: &[T]) -> f64 {
    counts.iter().map(|&count| count.into()).sum::<i64>() as f64
}

fn prepare(kernel: &str, arguments: &Arguments) -> Result<Call, Fault> {
    let n: usize = arguments.number_or("size", 1)?;
    Ok(match kernel {
        "if.multistep" => {
            let currents = fill(64 * n, |i| g(7 * i));
            Box::new(move || {
                let trace =
                    spikeport::if_multistep(View::new(&currents, &[64, n])?, &IfParameters::default())?;
                Ok(sum(&trace.counts))
            })
        }
        "if.constant" => {
            let current = fill(n, g);
            Box::new(move || {
                let trace = spikeport::if_constant(View::new(&current, &[n])?, 64, &IfParameters::default())?;
                Ok(sum(&trace.counts))
            })
        }
        "st_bif.multistep" => {
            let currents = fill(64 * n, |i| g(5 * i) - 0.5);
            Box::new(move || {
                let shape = [64, n];
                let trace =
                    spikeport::st_bif_multistep(View::new(&currents, &shape)?, &StBifParameters::default())?;
                Ok(sum(&trace.counts))
            })
        }
        "layer.forward" => {
            let inputs = fill(16 * n, |i| f64::from(u8::from(i % 4 == 0)));
            let weights = fill(n * n, |i| (g(11 * i) - 0.5) / 8.0);
            let neuron = Neuron { v_init: 0.5.into(), ..Neuron::new(NeuronKind::If) };
            Box::new(move || {
                let (inputs_shape, weights_shape) = ([16, 1, n], [n, n]);
                let (inputs, weights) =
                    (View::new(&inputs, &inputs_shape)?, View::new(&weights, &weights_shape)?);
                Ok(total(&spikeport::layer_forward(inputs, weights, None, &neuron)?.counts))
            })
        }
        "network.run" => network(arguments, n)?,
        "encode.poisson" => {
            let rates = fill(n, g);
            Box::new(move || Ok(sum(&spikeport::encode_poisson(View::new(&rates, &[1, n])?, 64, 1, None)?)))
        }
        "qcfs" => {
            let x = fill(n, g);
            Box::new(move || {
                let y = spikeport::qcfs(View::new(&x, &[n])?, 16, &PerNeuron::All(1.0))?;
                Ok(16.0 * y.iter().sum::<f64>())
            })
        }
        "finetune.step" => {
            let (weights, gradients) = (fill(n, g), fill(n, |i| g(3 * i)));
            Box::new(move || {
                let shape = [n];
                let (weights, gradients) = (View::new(&weights, &shape)?, View::new(&gradients, &shape)?);
                let layer = LayerStep { weights, gradients, velocities: None, rate: 0.5 };
                black_box(spikeport::finetune::step(&[layer], &["layer".to_owned()], &[], 0.5)?);
                Ok(0.0)
            })
        }
        "checkpoint.read" => {
            let path = arguments.text("checkpoint")?;
            Box::new(move || Ok(Checkpoint::load(Path::new(&path))?.checkpoint.total_params() as f64))
        }
        _ => return Err(Fault::Protocol(format!("there is no timing of {kernel}"))),
    })
}

fn network(arguments: &Arguments, n: usize) -> Result<Call, Fault> {
    let checkpoint = Checkpoint::load(Path::new(&arguments.text("checkpoint")?))?.checkpoint;
    let shape = [&[n], &checkpoint.input_shape[..]].concat();
    let options = RunOptions { threads: Some(1), ..RunOptions::new(16) };
    let network = checkpoint.to_network()?;
    let unit = if matches!(network, AnyNetwork::I32(_)) { 16.0 } else { 1.0 };
    let inputs = fill(shape.iter().product(), |i| unit * g(3 * i));
    Ok(Box::new(move || {
        let inputs = View::new(&inputs, &shape)?;
        let sum_of_last = match &network {
            AnyNetwork::F32(network) => {
                network.run(inputs, &options)?.layers.last().map(|l| total(&l.counts))
            }
            AnyNetwork::F64(network) => {
                network.run(inputs, &options)?.layers.last().map(|l| total(&l.counts))
            }
            AnyNetwork::I32(network) => {
                network.run(inputs, &options)?.layers.last().map(|l| total(&l.counts))
            }
        };
        Ok(sum_of_last.unwrap_or(0.0))
    }))
}
