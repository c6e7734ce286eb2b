//! How far whole numbers go in a run, known before its first step.

use super::Placed;
use crate::{Element, Error, checks};

/// Refuse a run of whole numbers that could pass 32 bits: node by node, what an operation makes at most of what it reads,
/// and what the neurons behind it make of that in `steps` steps. Errors: `overflow`.
pub(crate) fn check_reach<E: Element>(nodes: &[Placed<E>], inputs: &[E], steps: usize) -> Result<(), Error> {
    let mut most = vec![checks::largest(inputs)];
    for (index, Placed { operation, neurons, reads, .. }) in nodes.iter().enumerate() {
        let read: Vec<u64> = reads.iter().map(|&signal| most[signal]).collect();
        let currents = operation.bound(&read);
        checks::fits(&format!("node {index}"), neurons.bound(currents, steps))?;
        most.push(neurons.most_sent(currents));
    }
    Ok(())
}
