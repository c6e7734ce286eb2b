//! The laws that the kernels keep, on random input.

use proptest::prelude::*;
use spikeport::{
    Code, Counts, Encoding, Error, IfParameters, Linear, Network, Neuron, NeuronKind, Node, PerNeuron,
    RunOptions, Signal, StBifParameters, View, encode_poisson, if_constant, if_multistep, layer_forward,
    qcfs, st_bif_multistep, weighted_sum,
};

/// Sixteenths: sums of a few hundred of them are exact in any order.
fn sixteenths(low: i32, high: i32) -> impl Strategy<Value = f64> {
    (low..=high).prop_map(|k| f64::from(k) / 16.0)
}

proptest! {
    #[test]
    fn soft_reset_loses_nothing(
        currents in prop::collection::vec(sixteenths(-48, 48), 1..60),
        threshold in sixteenths(1, 32),
        v_init in sixteenths(-16, 16),
    ) {
        let parameters =
            IfParameters { threshold: threshold.into(), v_init: v_init.into(), ..IfParameters::default() };
        let shape = [currents.len(), 1];
        let trace = if_multistep(View::new(&currents, &shape).unwrap(), &parameters).unwrap();
        let received: f64 = currents.iter().sum();
        let passed_on = threshold * trace.counts[0] as f64;
        prop_assert_eq!(received, passed_on + trace.membrane[0] - v_init * threshold);
    }

    #[test]
    fn constant_current_fires_at_the_qcfs_rate(current in sixteenths(-32, 48), timesteps in 1usize..70) {
        let trace = if_constant(View::new(&[current], &[1]).unwrap(), timesteps, &IfParameters::default()).unwrap();
        let activation = qcfs(View::new(&[current], &[1]).unwrap(), timesteps, &PerNeuron::All(1.0)).unwrap();
        prop_assert_eq!(trace.counts[0] as f64 / timesteps as f64, activation[0]);
    }

    #[test]
    fn st_bif_settles_on_its_quantised_sum(
        currents in prop::collection::vec(sixteenths(-32, 32), 0..20),
        threshold in prop::sample::select(vec![0.25, 0.5, 1.0, 2.0]),
        tracer_min in -6i64..=0,
        tracer_max in 0i64..=6,
    ) {
        let sum: f64 = currents.iter().map(|current| current / threshold).sum();
        let quiet = currents.len() + 400;
        let steps: Vec<f64> = currents.iter().copied().chain(std::iter::repeat(0.0)).take(quiet).collect();
        let parameters = StBifParameters {
            threshold: threshold.into(), tracer_min, tracer_max, ..StBifParameters::default()
        };
        let trace = st_bif_multistep(View::new(&steps, &[quiet, 1]).unwrap(), &parameters).unwrap();
        let level = (sum + 0.5).floor().clamp(tracer_min as f64, tracer_max as f64);
        prop_assert_eq!(trace.counts[0] as f64, level);
    }

    #[test]
    fn currents_are_summed_in_the_order_of_the_inputs(
        inputs in prop::collection::vec(prop::sample::select(vec![0.0, 0.0, 1.0, -1.0, 0.3]), 1..50),
        n_out in 1usize..70,
        seed in any::<u64>(),
    ) {
        let n_in = inputs.len();
        let weights: Vec<f32> = (0..n_out * n_in).map(|k| unit(seed, k) as f32 - 0.5).collect();
        let inputs: Vec<f32> = inputs.iter().map(|&x| x as f32).collect();
        let shape = [n_out, n_in];
        let input_shape = [1, n_in];
        let sums = weighted_sum(
            View::new(&inputs, &input_shape).unwrap(), View::new(&weights, &shape).unwrap(), None,
        ).unwrap();
        for (j, sum) in sums.iter().enumerate() {
            let mut expected = 0.0f32;
            for k in 0..n_in {
                expected += inputs[k] * weights[j * n_in + k];
            }
            prop_assert_eq!(sum.to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn a_batch_in_any_order_and_on_any_threads_gives_each_sample_the_same(
        batch in 1usize..40,
        timesteps in 0usize..20,
        poisson in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let network = Network::new(&[7], vec![hidden_layer(seed, 40, 7), readout(seed, 3, 40)]).unwrap();
        let rows: Vec<Vec<f64>> =
            (0..batch).map(|row| (0..7).map(|k| unit(seed ^ 1, row * 7 + k)).collect()).collect();
        let encoding = if poisson { Encoding::Poisson } else { Encoding::Current };
        let mut options = RunOptions { encoding, seed, threads: Some(1), ..RunOptions::new(timesteps) };
        let shape = [batch, 7];
        let in_order = network.run(View::new(&rows.concat(), &shape).unwrap(), &options).unwrap();
        options.threads = Some(3);
        let threaded = network.run(View::new(&rows.concat(), &shape).unwrap(), &options).unwrap();
        prop_assert_eq!(&in_order, &threaded);
        let reversed: Vec<Vec<f64>> = rows.into_iter().rev().collect();
        let backwards = network.run(View::new(&reversed.concat(), &shape).unwrap(), &options).unwrap();
        let (Counts::Spikes(one), Counts::Spikes(other)) = (&in_order.layers[0].counts, &backwards.layers[0].counts)
        else { unreachable!("the layer spikes") };
        prop_assert!(one.chunks(40).eq(other.chunks(40).rev()));
    }

    #[test]
    fn a_layer_is_its_sums_and_its_neurons(
        spikes in prop::collection::vec(prop::sample::select(vec![0.0f64, 1.0]), 30),
        seed in any::<u64>(),
    ) {
        let weights: Vec<f64> = (0..50).map(|k| unit(seed, k) - 0.3).collect();
        let (inputs, weights) = (View::new(&spikes, &[3, 2, 5]).unwrap(), View::new(&weights, &[10, 5]).unwrap());
        let layer = layer_forward(inputs, weights, None, &Neuron::new(NeuronKind::If)).unwrap();
        let currents = weighted_sum(inputs, weights, None).unwrap();
        let parameters = IfParameters { v_init: 0.0.into(), ..IfParameters::default() };
        let trace = if_multistep(View::new(&currents, &[3, 2, 10]).unwrap(), &parameters).unwrap();
        prop_assert_eq!(layer.signal, Some(Signal::Spikes(trace.spikes)));
        prop_assert_eq!(layer.counts, Counts::Spikes(trace.counts));
    }

    #[test]
    fn poisson_rates_0_and_1_are_certain(timesteps in 0usize..9, seed in any::<u64>()) {
        let spikes = encode_poisson(View::new(&[0.0, 1.0], &[1, 2]).unwrap(), timesteps, seed, None).unwrap();
        prop_assert_eq!(spikes, [0, 1].repeat(timesteps));
    }
}

fn unit(seed: u64, k: usize) -> f64 {
    (spikeport::mix(seed ^ (k as u64).wrapping_mul(0x9E37_79B9)) >> 11) as f64 / (1u64 << 53) as f64
}

fn hidden_layer(seed: u64, n_out: usize, n_in: usize) -> Node<f64> {
    let weights: Vec<f64> = (0..n_out * n_in).map(|k| unit(seed, k) - 0.3).collect();
    let bias: Vec<f64> = (0..n_out).map(|k| unit(seed ^ 2, k) - 0.5).collect();
    let (shape, bias_shape) = ([n_out, n_in], [n_out]);
    let (weights, bias) = (View::new(&weights, &shape).unwrap(), View::new(&bias, &bias_shape).unwrap());
    let neuron = Neuron { v_init: 0.5.into(), ..Neuron::new(NeuronKind::If) };
    Node::new(Linear::new(weights, Some(bias)).unwrap(), neuron)
}

fn readout(seed: u64, n_out: usize, n_in: usize) -> Node<f64> {
    let weights: Vec<f64> = (0..n_out * n_in).map(|k| unit(seed ^ 3, k) - 0.5).collect();
    let weights = Linear::new(View::new(&weights, &[n_out, n_in]).unwrap(), None).unwrap();
    Node::new(weights, Neuron::new(NeuronKind::Identity))
}

fn code<T>(result: Result<T, Error>) -> Code {
    result.map(|_| ()).expect_err("the call is faulty").code()
}

#[test]
fn a_network_that_cannot_run_is_refused_when_it_is_made() {
    assert_eq!(code(Network::<f64>::new(&[3], Vec::new())), Code::Shape);
    assert_eq!(code(Network::new(&[6], vec![hidden_layer(1, 4, 7)])), Code::Shape);
    assert_eq!(code(Network::new(&[7], vec![hidden_layer(1, 4, 7), readout(1, 2, 5)])), Code::Shape);
    let weights = || Linear::new(View::new(&[0.5f32, 0.5], &[2, 1]).unwrap(), None).unwrap();
    let neuron = Neuron { threshold: PerNeuron::Each(vec![1.0; 3]), ..Neuron::new(NeuronKind::If) };
    assert_eq!(code(Network::new(&[1], vec![Node::new(weights(), neuron)])), Code::Shape);
    let neuron = Neuron { threshold: 0.0.into(), ..Neuron::new(NeuronKind::If) };
    assert_eq!(code(Network::new(&[1], vec![Node::new(weights(), neuron)])), Code::Threshold);
}

#[test]
fn weights_that_cannot_be_summed_are_refused() {
    let linear = |values: &[f32], shape: &[usize], bias: &[f32]| {
        let n = [bias.len()];
        Linear::new(View::new(values, shape).unwrap(), Some(View::new(bias, &n).unwrap()))
    };
    assert_eq!(code(linear(&[1.0], &[1], &[0.0])), Code::Shape);
    assert_eq!(code(linear(&[1.0, 2.0], &[2, 1], &[0.0])), Code::Shape);
    assert_eq!(code(linear(&[f32::NAN], &[1, 1], &[0.0])), Code::NonFinite);
    assert_eq!(code(linear(&[1.0], &[1, 1], &[f32::INFINITY])), Code::NonFinite);
}

#[test]
fn every_code_has_a_word_of_its_own() {
    let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Code::ALL.len());
    assert_eq!(Error::new(Code::VReset, "why").to_string(), "why");
    assert_eq!(Code::VReset.to_string(), "v_reset");
}
