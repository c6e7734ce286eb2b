//! Which signals are the same at every step, and where each is kept while nodes still read it.

/// A plan for the signals of a run: signal 0 is the input, signal n + 1 that of node n.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Of each signal, whether every step is the same.
    pub(crate) is_steady: Vec<bool>,
    /// Of each node, whether its currents are the same at every step.
    pub(crate) has_steady_currents: Vec<bool>,
    /// Of each signal, the place where it is kept; `None` where no node reads it.
    pub(crate) places: Vec<Option<usize>>,
    /// Number of places.
    pub(crate) n_places: usize,
}

/// What a plan needs to know of a node.
pub(crate) struct NodeOutline<'a> {
    /// The signals that it reads.
    pub(crate) reads: &'a [usize],
    /// Whether its currents hang on the steps before.
    pub(crate) remembers: bool,
    /// Whether there are neurons behind its operation.
    pub(crate) is_spiking: bool,
}

impl Plan {
    /// Plan a run of `nodes`. A signal's place is free for another once its last reader has read it, unless it is steady:
    /// that is written once, and read in every block of steps.
    pub(crate) fn new(nodes: &[NodeOutline<'_>], is_input_steady: bool) -> Self {
        let mut is_steady = vec![is_input_steady];
        let mut has_steady_currents = Vec::with_capacity(nodes.len());
        let mut last_reader = vec![None; nodes.len() + 1];
        for (index, node) in nodes.iter().enumerate() {
            let are_steady = !node.remembers && node.reads.iter().all(|&signal| is_steady[signal]);
            has_steady_currents.push(are_steady);
            is_steady.push(are_steady && !node.is_spiking);
            node.reads.iter().for_each(|&signal| last_reader[signal] = Some(index));
        }
        let (mut free, mut n_places) = (Vec::new(), 0);
        let mut places = Vec::with_capacity(nodes.len() + 1);
        for signal in 0..=nodes.len() {
            // Node `signal - 1` has read what it reads when its own signal is written.
            let read = signal.checked_sub(1).map_or(&[][..], |node| nodes[node].reads);
            for (nth, &before) in read.iter().enumerate() {
                let is_last = last_reader[before] == Some(signal - 1) && !read[..nth].contains(&before);
                if is_last && !is_steady[before] {
                    free.extend(places[before]);
                }
            }
            places.push(last_reader[signal].map(|_| {
                let found = if is_steady[signal] { None } else { free.pop() };
                found.unwrap_or_else(|| {
                    n_places += 1;
                    n_places - 1
                })
            }));
        }
        Self { is_steady, has_steady_currents, places, n_places }
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeOutline, Plan};

    fn node(reads: &[usize]) -> NodeOutline<'_> {
        NodeOutline { reads, remembers: false, is_spiking: true }
    }

    #[test]
    fn a_signal_gives_up_its_place_after_its_last_reader() {
        let plan = Plan::new(&[node(&[0]), node(&[1]), node(&[1, 2]), node(&[3, 3])], false);
        assert_eq!(plan.places, [Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!((plan.n_places, plan.has_steady_currents), (2, vec![false; 4]));
    }

    #[test]
    fn what_a_constant_input_feeds_without_neurons_is_steady_but_for_what_remembers() {
        let pool = NodeOutline { is_spiking: false, ..node(&[0]) };
        let max_pool = NodeOutline { remembers: true, is_spiking: false, reads: &[1] };
        let plan = Plan::new(&[pool, max_pool, node(&[1])], true);
        assert_eq!(plan.is_steady, [true, true, false, false]);
        assert_eq!(plan.has_steady_currents, [true, false, true]);
        assert_eq!(plan.places, [Some(0), Some(1), None, None]);
    }
}
