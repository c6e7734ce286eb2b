//! Load a checkpoint and run it on a constant input:
//!
//! ```sh
//! cargo run --release --example run_checkpoint -- mnist_snn 16
//! ```

use std::path::PathBuf;

use spikeport::checkpoint::Checkpoint;
use spikeport::{Counts, RunOptions, View, network_run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path: PathBuf = arguments.next().ok_or("usage: run_checkpoint CHECKPOINT [TIMESTEPS]")?.into();
    let timesteps = arguments.next().map_or(Ok(16), |text| text.to_string_lossy().parse())?;

    let checkpoint = Checkpoint::load(&path)?.checkpoint;
    let layers = checkpoint.to_layers()?;
    let n_inputs = checkpoint.layers[0].size[0];
    let shape = [1, n_inputs];
    let trace = network_run(&layers, View::new(&vec![0.5; n_inputs], &shape)?, &RunOptions::new(timesteps))?;

    println!("{} parameters, {timesteps} steps on an input of 1/2", checkpoint.total_params());
    for (layer, trace) in checkpoint.layers.iter().zip(&trace.layers) {
        match &trace.counts {
            Counts::Spikes(counts) => println!("{:>12}: {} spikes", layer.name, counts.iter().sum::<i64>()),
            Counts::Graded(_) => println!("{:>12}: no neurons", layer.name),
        }
    }
    println!("drive of the output layer: {:?}", trace.drive);
    Ok(())
}
