//! How fast a network runs, and how near that is to what the machine can add:
//!
//! ```sh
//! cargo run --release --example throughput -- 784,1024,1024,10 256 16
//! ```
//!
//! widths, samples and steps; one thread. A *synaptic addition* is one weight added for one spike, the work that no
//! event-driven run can leave out; each reads one weight, from the cache at best.

use std::time::Instant;

use spikeport::{
    Counts, Element, Encoding, Linear, Network, Neuron, NeuronKind, Node, RunOptions, Signal, View, mix,
};

const REPEATS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |k: usize, default: &str| arguments.get(k).cloned().unwrap_or_else(|| default.to_owned());
    let widths: Vec<usize> =
        argument(0, "784,1024,1024,10").split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (batch, timesteps) = (argument(1, "256").parse()?, argument(2, "16").parse()?);
    measure::<f32>(&widths, batch, timesteps)?;
    measure::<f64>(&widths, batch, timesteps)
}

fn measure<F: Element>(
    widths: &[usize],
    batch: usize,
    timesteps: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let nodes = widths.windows(2).map(|pair| node::<F>(pair[0], pair[1])).collect::<Result<_, _>>()?;
    let network = Network::new(&widths[..1], nodes)?;
    let shape = [batch, widths[0]];
    let inputs: Vec<f32> = (0..batch * widths[0]).map(|k| unit(k) as f32).collect();
    let inputs = View::new(&inputs, &shape)?;
    println!("{} {widths:?}, {batch} samples, {timesteps} steps, one thread", std::any::type_name::<F>());
    for (name, encoding) in [("current", Encoding::Current), ("poisson", Encoding::Poisson)] {
        let options = RunOptions { encoding, threads: Some(1), ..RunOptions::new(timesteps) };
        let additions = additions(&network, &options, inputs, widths)?;
        let mut seconds: Vec<f64> = Vec::new();
        for _ in 0..REPEATS {
            let start = Instant::now();
            std::hint::black_box(network.run(inputs, &options)?);
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let (least, median) = (seconds[0], seconds[REPEATS / 2]);
        let rate = additions / least;
        let bytes = rate * size_of::<F>() as f64;
        println!(
            "  {name}: {:.1} ms (median {:.1}), {:.2e} synaptic additions: {:.2} per ns, {:.1} GB of weights per second",
            least * 1e3,
            median * 1e3,
            additions,
            rate / 1e9,
            bytes / 1e9
        );
    }
    Ok(())
}

/// Σ over layers of (values that are not zero) × (outputs), counted on a recorded run.
fn additions<F: Element>(
    network: &Network<F>,
    options: &RunOptions,
    inputs: View<'_, f32>,
    widths: &[usize],
) -> Result<f64, spikeport::Error> {
    let trace = network.run(inputs, &RunOptions { record: true, ..*options })?;
    let of_input: f64 = match options.encoding {
        Encoding::Poisson => {
            inputs.data().iter().map(|&rate| f64::from(rate)).sum::<f64>() * options.timesteps as f64
        }
        _ => inputs.data().iter().filter(|&&value| value != 0.0).count() as f64,
    };
    let mut additions = of_input * widths[1] as f64;
    for (layer, &next) in trace.layers.iter().zip(&widths[2..]) {
        let spikes = match (&layer.signal, &layer.counts) {
            (Some(Signal::Spikes(spikes)), _) => spikes.iter().filter(|&&spike| spike != 0).count() as f64,
            (_, Counts::Spikes(counts)) => counts.iter().sum::<i64>() as f64,
            _ => 0.0,
        };
        additions += spikes * next as f64;
    }
    Ok(additions)
}

fn node<F: Element>(n_in: usize, n_out: usize) -> Result<Node<F>, spikeport::Error> {
    let scale = 3.0 / (n_in as f64).sqrt();
    let weights: Vec<F> = (0..n_in * n_out).map(|k| F::from_f64((unit(k) - 0.48) * scale)).collect();
    let neuron = Neuron { v_init: 0.5.into(), ..Neuron::new(NeuronKind::If) };
    Ok(Node::new(Linear::new(View::new(&weights, &[n_out, n_in])?, None)?, neuron))
}

fn unit(k: usize) -> f64 {
    (mix(k as u64) >> 11) as f64 / (1u64 << 53) as f64
}
