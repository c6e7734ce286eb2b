//! The traces of blocks of samples put together.

use crate::{Counts, Element, Error, LayerTrace, NetworkTrace, Signal, Values, checks};

/// Join the traces of consecutive blocks of samples into that of the whole batch.
pub(crate) fn join(mut blocks: Vec<NetworkTrace>, timesteps: usize) -> Result<NetworkTrace, Error> {
    if blocks.len() == 1 {
        return Ok(blocks.remove(0));
    }
    let mut drives = Vec::with_capacity(blocks.len());
    let mut layers: Vec<Vec<LayerTrace>> = Vec::new();
    for block in blocks {
        drives.push(block.drive);
        layers.resize_with(block.layers.len(), Vec::new);
        for (traces, trace) in layers.iter_mut().zip(block.layers) {
            traces.push(trace);
        }
    }
    let layers =
        layers.into_iter().map(|traces| join_layer(traces, timesteps)).collect::<Result<_, Error>>()?;
    Ok(NetworkTrace { layers, drive: join_values(drives, 1)? })
}

fn join_layer(traces: Vec<LayerTrace>, timesteps: usize) -> Result<LayerTrace, Error> {
    let (mut spikes, mut graded, mut membrane) = (Vec::new(), Vec::new(), Vec::new());
    let (mut signal_spikes, mut signal_graded) = (Vec::new(), Vec::new());
    for trace in traces {
        membrane.push(trace.membrane);
        match trace.counts {
            Counts::Spikes(counts) => spikes.push(counts),
            Counts::Graded(counts) => graded.push(counts),
        }
        match trace.signal {
            Some(Signal::Spikes(signal)) => signal_spikes.push(signal),
            Some(Signal::Graded(signal)) => signal_graded.push(signal),
            None => {}
        }
    }
    let signal = match (signal_spikes.is_empty(), signal_graded.is_empty()) {
        (true, true) => None,
        (false, _) => Some(Signal::Spikes(interleave(&signal_spikes, timesteps)?)),
        (true, false) => Some(Signal::Graded(join_values(signal_graded, timesteps)?)),
    };
    let counts = match graded.is_empty() {
        true => Counts::Spikes(interleave(&spikes, 1)?),
        false => Counts::Graded(join_values(graded, 1)?),
    };
    Ok(LayerTrace { counts, membrane: join_values(membrane, 1)?, signal })
}

fn join_values(parts: Vec<Values>, timesteps: usize) -> Result<Values, Error> {
    let (mut single, mut double) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Values::F32(values) => single.push(values),
            Values::F64(values) => double.push(values),
        }
    }
    Ok(match double.is_empty() {
        true => f32::wrap(interleave(&single, timesteps)?),
        false => f64::wrap(interleave(&double, timesteps)?),
    })
}

/// Join arrays of shape (steps, some samples, …) along the samples.
fn interleave<V: Copy + Default>(parts: &[Vec<V>], steps: usize) -> Result<Vec<V>, Error> {
    let mut joined: Vec<V> = checks::zeros(&[parts.iter().map(Vec::len).sum()])?;
    let mut rest = joined.as_mut_slice();
    for t in 0..steps {
        for part in parts {
            let size = part.len() / steps;
            let (row, after) = rest.split_at_mut(size);
            row.copy_from_slice(&part[t * size..][..size]);
            rest = after;
        }
    }
    Ok(joined)
}
