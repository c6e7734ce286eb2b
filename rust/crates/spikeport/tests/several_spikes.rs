//! Neurons that may send several spikes in a step: the equation to the bit, and the laws that follow.

use proptest::prelude::*;
use spikeport::{
    Code, Element, Error, IfParameters, Linear, Neuron, NeuronKind, PerNeuron, View, if_constant,
    if_multistep, layer_forward, qcfs,
};

/// The equation, word for word: spikes and membrane of one neuron.
fn by_the_word<F: Element>(currents: &[F], threshold: F, v_start: F, max_spikes: i64) -> (Vec<i8>, F) {
    let product = |m: i8| F::from(m) * threshold;
    let mut v = v_start;
    let step = |&current: &F| {
        v += current;
        let s = (1..=max_spikes as i8).filter(|&m| v >= product(m)).count() as i8;
        if s > 0 {
            v = v - product(s);
        }
        s
    };
    (currents.iter().map(step).collect(), v)
}

fn run<F: Element>(currents: &[F], threshold: f64, v_init: f64, max_spikes: i64) -> (Vec<i8>, F, i64) {
    let parameters = IfParameters {
        threshold: threshold.into(),
        v_init: v_init.into(),
        max_spikes,
        ..IfParameters::default()
    };
    let shape = [currents.len(), 1];
    let trace = if_multistep(View::new(currents, &shape).unwrap(), &parameters).unwrap();
    (trace.spikes, trace.membrane[0], trace.counts[0])
}

/// Spikes and the bits of the membrane, as the kernel and as the equation have them.
fn both_ways<F: Element>(currents: &[f64], threshold: f64, v_init: f64, most: i64) -> [(Vec<i8>, u64); 2] {
    let currents: Vec<F> = currents.iter().copied().map(F::from_f64).collect();
    let theta = F::from_f64(threshold);
    let (spikes, v, counts) = run(&currents, threshold, v_init, most);
    assert_eq!(counts, spikes.iter().map(|&spike| i64::from(spike)).sum::<i64>());
    let (expected, end) = by_the_word(&currents, theta, F::from_f64(v_init) * theta, most);
    [(spikes, v.to_f64().to_bits()), (expected, end.to_f64().to_bits())]
}

fn max_spikes() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1i64), Just(2), Just(3), Just(126), Just(127), 1i64..=127]
}

/// Sixteenths: sums of a few hundred of them are exact in any order.
fn sixteenths(low: i32, high: i32) -> impl Strategy<Value = f64> {
    (low..=high).prop_map(|k| f64::from(k) / 16.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_membrane_sends_as_many_spikes_as_it_reaches_thresholds(
        currents in prop::collection::vec(-300.0f64..300.0, 0..30),
        threshold in prop_oneof![0.01f64..4.0, Just(1e-3)],
        v_init in -2.0f64..2.0,
        most in max_spikes(),
    ) {
        let [kernel, expected] = both_ways::<f32>(&currents, threshold, v_init, most);
        prop_assert_eq!(kernel, expected);
        let [kernel, expected] = both_ways::<f64>(&currents, threshold, v_init, most);
        prop_assert_eq!(kernel, expected);
    }

    #[test]
    fn a_membrane_at_a_threshold_or_a_bit_beside_it_is_told_apart(
        bits in any::<u64>(),
        level in 1i8..=127,
        beside in -2i64..=2,
        most in max_spikes(),
    ) {
        // Any positive threshold, subnormal ones too, whose thresholds are finite.
        let single = f32::from_bits(bits as u32 % 0x7f00_0000 + 1) / 128.0;
        prop_assume!(single > 0.0);
        let v = f32::from_bits((f32::from(level) * single).to_bits().saturating_add_signed(beside as i32));
        let [kernel, expected] = both_ways::<f32>(&[f64::from(v), 0.0, 0.0], f64::from(single), 0.0, most);
        prop_assert_eq!(kernel, expected);
        let double = f64::from_bits(bits % 0x7fe0_0000_0000_0000 + 1) / 128.0;
        prop_assume!(double > 0.0);
        let v = f64::from_bits((f64::from(level) * double).to_bits().saturating_add_signed(beside));
        let [kernel, expected] = both_ways::<f64>(&[v, 0.0, 0.0], double, 0.0, most);
        prop_assert_eq!(kernel, expected);
    }

    #[test]
    fn nothing_is_lost(
        currents in prop::collection::vec(sixteenths(-480, 480), 1..60),
        threshold in sixteenths(1, 32),
        v_init in sixteenths(-16, 16),
        most in max_spikes(),
    ) {
        let (_, v, count) = run(&currents, threshold, v_init, most);
        let received: f64 = currents.iter().sum();
        prop_assert_eq!(received, threshold * count as f64 + v - v_init * threshold);
    }

    #[test]
    fn a_constant_current_fires_at_the_qcfs_rate_of_as_many_levels_as_spikes_fit(
        current in sixteenths(-32, 400),
        timesteps in 1usize..40,
        most in prop::sample::select(vec![1i64, 2, 4, 16, 64]),
        threshold in prop::sample::select(vec![0.25, 1.0, 2.0]),
    ) {
        let parameters =
            IfParameters { threshold: PerNeuron::All(threshold), max_spikes: most, ..IfParameters::default() };
        let current = [current];
        let current = View::new(&current, &[1]).unwrap();
        let trace = if_constant(current, timesteps, &parameters).unwrap();
        let (levels, ceiling) = (most as usize * timesteps, most as f64 * threshold);
        let activation = qcfs(current, levels, &PerNeuron::All(ceiling)).unwrap();
        prop_assert_eq!(trace.counts[0] as f64 / levels as f64 * ceiling, activation[0]);
    }
}

#[test]
fn a_membrane_that_overflows_sends_all_or_nothing() {
    let large = f64::MAX;
    for (currents, expected) in [([large, large, large], 127), ([-large, -large, -large], 0)] {
        assert_eq!(i64::from(run(&currents, 1.0, 0.0, 127).0[2]), expected);
    }
    // Thresholds beyond the largest number are never reached.
    let [kernel, expected] = both_ways::<f64>(&[large, large, -large, large], large / 2.0, 0.0, 127);
    assert_eq!((kernel.0[0], kernel), (2, expected));
}

#[test]
fn a_number_of_spikes_that_neurons_cannot_send_is_refused() {
    let code = |error: Option<Error>| error.map(|error| error.code());
    let of = |max_spikes: i64, v_reset: Option<PerNeuron>, beta: f64| {
        let parameters = IfParameters { v_reset, beta: beta.into(), max_spikes, ..IfParameters::default() };
        let none = View::<f64>::new(&[], &[0, 0]).unwrap();
        code(if_multistep(none, &parameters).err())
    };
    for most in [i64::MIN, -1, 0, 128, i64::MAX] {
        assert_eq!(of(most, None, 1.0), Some(Code::MaxSpikes), "{most}");
    }
    assert_eq!(of(127, None, 1.0), None);
    assert_eq!(of(2, Some(0.0.into()), 1.0), Some(Code::MaxSpikes));
    assert_eq!(of(2, None, 0.5), Some(Code::MaxSpikes));
    assert_eq!(of(1, Some(0.0.into()), 0.5), None);
    let layer = |kind: NeuronKind, max_spikes: i64| {
        let neuron = Neuron { max_spikes, ..Neuron::new(kind) };
        let (inputs, weights) = (View::new(&[1.0], &[1, 1]).unwrap(), View::new(&[1.0], &[1, 1]).unwrap());
        code(layer_forward(inputs, weights, None, &neuron).err())
    };
    assert_eq!(layer(NeuronKind::If, 2), None);
    for kind in [NeuronKind::Lif, NeuronKind::StBif, NeuronKind::Identity] {
        assert_eq!((layer(kind, 2), layer(kind, 1)), (Some(Code::MaxSpikes), None), "{}", kind.name());
    }
}

#[test]
fn spikes_of_any_number_are_weighed_one_product_each() {
    let weights = [0.1f32, 0.7, -0.3];
    let spikes = [127.0f32, 3.0, 2.0];
    let linear = View::new(&weights, &[1, 3]).unwrap();
    assert!(Linear::new(linear, None).is_ok());
    let neuron = Neuron::new(NeuronKind::Identity);
    let trace = layer_forward(View::new(&spikes, &[1, 3]).unwrap(), linear, None, &neuron).unwrap();
    let expected = ((0.0 + 0.1f32 * 127.0) + 0.7f32 * 3.0) + -0.3f32 * 2.0;
    assert_eq!(trace.counts, spikeport::Counts::Graded(vec![expected]));
}
