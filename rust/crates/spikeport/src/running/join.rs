//! The traces of blocks of samples put together.

use crate::{Counts, Element, Error, LayerTrace, RunResult, Signal, checks};

/// Join the traces of consecutive blocks of samples into that of the whole batch.
pub(crate) fn join<E: Element>(
    mut blocks: Vec<RunResult<E>>,
    timesteps: usize,
) -> Result<RunResult<E>, Error> {
    if blocks.len() == 1 {
        return Ok(blocks.remove(0));
    }
    let mut drives = Vec::with_capacity(blocks.len());
    let settled = blocks.iter_mut().map(|block| block.settled.take()).collect::<Option<Vec<_>>>();
    let mut layers: Vec<Vec<LayerTrace<E>>> = Vec::new();
    for block in blocks {
        drives.push(block.drive);
        layers.resize_with(block.layers.len(), Vec::new);
        for (traces, trace) in layers.iter_mut().zip(block.layers) {
            traces.push(trace);
        }
    }
    let layers =
        layers.into_iter().map(|traces| join_layer(traces, timesteps)).collect::<Result<_, Error>>()?;
    Ok(RunResult { layers, drive: interleave(&drives, 1)?, settled: settled.map(|parts| parts.concat()) })
}

fn join_layer<E: Element>(traces: Vec<LayerTrace<E>>, timesteps: usize) -> Result<LayerTrace<E>, Error> {
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
        (true, false) => Some(Signal::Graded(interleave(&signal_graded, timesteps)?)),
    };
    let counts = match graded.is_empty() {
        true => Counts::Spikes(interleave(&spikes, 1)?),
        false => Counts::Graded(interleave(&graded, 1)?),
    };
    Ok(LayerTrace { counts, membrane: interleave(&membrane, 1)?, signal })
}

/// Join arrays of shape (steps, some samples, …) along the samples.
fn interleave<V: Copy>(parts: &[Vec<V>], steps: usize) -> Result<Vec<V>, Error> {
    let mut joined = checks::room(&[parts.iter().map(Vec::len).sum()])?;
    for t in 0..steps {
        for part in parts {
            let size = part.len() / steps;
            joined.extend_from_slice(&part[t * size..][..size]);
        }
    }
    Ok(joined)
}
