//! A caller who no longer waits ends a call on all of its threads.
//!
//! A file of its own, because what is asked is asked in the whole process.

use spikeport::{
    Code, Encoding, IfParameters, Linear, Network, Neuron, NeuronKind, Node, RunOptions, View, if_constant,
};

#[test]
fn a_call_that_must_not_go_on_ends_long_before_its_last_step() {
    spikeport::ask_before_going_on(|| false);
    let current = View::new(&[0.25], &[1]).unwrap();
    let stopped = if_constant(current, 1 << 28, &IfParameters::default()).unwrap_err();
    assert_eq!(stopped.code(), Code::Interrupted);

    let weights = View::new(&[0.5; 16], &[4, 4]).unwrap();
    let nodes = vec![Node::new(Linear::new(weights, None).unwrap(), Neuron::new(NeuronKind::If))];
    let network = Network::new(&[4], nodes).unwrap();
    let inputs = [0.5; 4 * 64];
    for threads in [1, 3] {
        let options = RunOptions {
            encoding: Encoding::Poisson,
            threads: Some(threads),
            ..RunOptions::new(usize::MAX >> 8)
        };
        let stopped = network.run(View::new(&inputs, &[64, 4]).unwrap(), &options).unwrap_err();
        assert_eq!(stopped.code(), Code::Interrupted);
    }
}
