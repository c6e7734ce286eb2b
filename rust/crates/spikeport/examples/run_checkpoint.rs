//! Load a checkpoint, run it with every input at one half, or at one where it computes in integers, and say what came out:
//!
//! ```sh
//! cargo run --release --example run_checkpoint -- mnist_snn 25
//! ```

use std::path::PathBuf;

use spikeport::checkpoint::Checkpoint;
use spikeport::{AnyNetwork, Counts, Element, Network, RunOptions, Source, View};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path: PathBuf = arguments.next().ok_or("usage: run_checkpoint CHECKPOINT [TIMESTEPS]")?.into();
    let timesteps = arguments.next().map_or(Ok(25), |text| text.to_string_lossy().parse())?;

    let checkpoint = Checkpoint::load(&path)?.checkpoint;
    for layer in &checkpoint.layers {
        let read = layer.inputs.iter().map(|source| match source {
            Source::Input => size(&checkpoint.input_shape),
            Source::Node(node) => size(&checkpoint.layers[*node].shape),
        });
        println!("{}: {} -> {}, {}", layer.name, read.sum::<usize>(), size(&layer.shape), layer.kind);
    }

    match checkpoint.to_network()? {
        AnyNetwork::F32(network) => run(&network, 0.5, timesteps),
        AnyNetwork::F64(network) => run(&network, 0.5, timesteps),
        AnyNetwork::I32(network) => run(&network, 1.0, timesteps),
    }
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn run<E: Element>(
    network: &Network<E>,
    input: f64,
    timesteps: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let shape = [&[1], network.input_shape()].concat();
    let inputs = vec![input; shape.iter().product()];
    let trace = network.run(View::new(&inputs, &shape)?, &RunOptions::new(timesteps))?;
    match trace.layers.last().map(|layer| &layer.counts) {
        Some(Counts::Spikes(counts)) => println!("spikes of the last layer: {counts:?}"),
        _ => println!("the last layer has no neurons"),
    }
    println!("its drive: {:?}", trace.drive);
    Ok(())
}
