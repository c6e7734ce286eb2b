//! Pulses: what a network settles on, when, and that nothing moves afterwards.

use proptest::prelude::*;
use spikeport::{
    Attributes, Counts, Encoding, IfParameters, Network, Neuron, NeuronKind, Node, Operation, OperationKind,
    PerNeuron, RunOptions, RunResult, Signal, Source, StBifParameters, Trace, View, if_multistep, mix,
    operation_currents, st_bif_multistep,
};

const INPUT: [usize; 3] = [2, 4, 4];

/// A number in [0, 1) that hangs on `seed` and `k`.
fn unit(seed: u64, k: usize) -> f64 {
    (mix(seed ^ mix(k as u64)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Multiples of 1/8 in [-1, 1]: their sums are exact.
fn eighths(seed: u64, k: usize) -> f64 {
    (unit(seed, k) * 17.0).floor() / 8.0 - 1.0
}

/// A node, in parts; `bias` is empty where there is none.
struct Part {
    kind: OperationKind,
    weight: Option<(Vec<f64>, Vec<usize>)>,
    bias: Vec<f64>,
    reads: Vec<Source>,
    neuron: Neuron,
}

impl Part {
    fn operation(&self, is_biased: bool) -> Box<dyn Operation<f64>> {
        let weight = self.weight.as_ref().map(|(values, shape)| View::new(values, shape).unwrap());
        let shape = [self.bias.len()];
        let bias = Some(View::new(&self.bias, &shape).unwrap()).filter(|_| is_biased && shape != [0]);
        self.kind.build(weight, bias).unwrap()
    }

    /// Shape (T, batch, …) and values of its currents for signals like that.
    fn currents(&self, is_biased: bool, signals: &[Whole]) -> Whole {
        let read = self.reads.iter().map(|source| match *source {
            Source::Input => &signals[0],
            Source::Node(node) => &signals[node + 1],
        });
        let views: Vec<View<'_, f64>> = read.map(|(shape, data)| View::new(data, shape).unwrap()).collect();
        operation_currents(&*self.operation(is_biased), &views).unwrap()
    }

    /// A parameter, one number for each channel, for each of `width` neurons.
    fn spread(&self, value: &PerNeuron, channels: usize, width: usize) -> PerNeuron {
        let given = value.as_slice();
        PerNeuron::Each((0..width).map(|j| given[(j / (width / channels)).min(given.len() - 1)]).collect())
    }

    fn fire(&self, (shape, currents): &Whole) -> Option<Trace<f64>> {
        let (channels, width) = (shape[2], shape[2..].iter().product());
        let shape = [shape[0], shape[1], width];
        let currents = View::new(currents, &shape).unwrap();
        let threshold = self.spread(&self.neuron.threshold, channels, width);
        let Neuron { kind, ref v_init, ref v_reset, ref beta, tracer_min, tracer_max, max_spikes, .. } =
            self.neuron;
        let (v_init, v_reset, beta) = (v_init.clone(), v_reset.clone(), beta.clone());
        match kind {
            NeuronKind::Identity => None,
            NeuronKind::StBif => Some(st_bif_multistep(
                currents,
                &StBifParameters { threshold, tracer_min, tracer_max, v_init },
            )),
            _ => Some(if_multistep(currents, &IfParameters { threshold, v_init, v_reset, beta, max_spikes })),
        }
        .map(Result::unwrap)
    }
}

/// Shape and values.
type Whole = (Vec<usize>, Vec<f64>);

/// Operation, attributes, shape of the weight, whether there is a bias, what is read, and channels that have neurons: 0
/// where there are none.
type Recipe<'a> = (&'a str, &'a Attributes, &'a [usize], bool, &'a [Source], usize);

/// A convolution in tiles, two pools of it, each read by a narrow convolution, their sum, put beside one of the two, and a
/// linear layer: all operations that there are but one, with and without a bias.
fn parts(value: fn(u64, usize) -> f64, seed: u64, neuron: impl Fn(usize, usize) -> Neuron) -> Vec<Part> {
    let square = |kernel: i64, padding: i64| Attributes {
        kernel: Some(vec![kernel; 2]),
        padding: Some(vec![padding; 2]),
        ..Attributes::default()
    };
    let (none, node) = (Attributes::default(), Source::Node);
    let recipes: [Recipe<'_>; 8] = [
        ("conv", &square(3, 1), &[9, 2, 3, 3], true, &[Source::Input], 9),
        ("max_pool", &square(2, 0), &[], false, &[node(0)], 0),
        ("avg_pool", &square(2, 0), &[], false, &[node(0)], 0),
        ("conv", &square(1, 0), &[3, 9, 1, 1], true, &[node(1)], 3),
        ("conv", &square(1, 0), &[3, 9, 1, 1], false, &[node(2)], 0),
        ("add", &none, &[], false, &[node(3), node(4)], 3),
        ("concat", &none, &[], false, &[node(5), node(3)], 0),
        ("linear", &none, &[4, 24], true, &[node(6)], 4),
    ];
    let part = |(at, (word, attributes, shape, is_biased, reads, channels)): (usize, Recipe<'_>)| {
        let kind = OperationKind::new(word, attributes).unwrap();
        let values = |seed: u64, n: usize| (0..n).map(|k| value(seed ^ at as u64, k)).collect();
        Part {
            weight: kind.has_weight().then(|| (values(seed, shape.iter().product()), shape.to_vec())),
            bias: if is_biased { values(seed ^ 16, shape[0]) } else { Vec::new() },
            kind,
            reads: reads.to_vec(),
            neuron: if channels > 0 { neuron(at, channels) } else { Neuron::new(NeuronKind::Identity) },
        }
    };
    recipes.into_iter().enumerate().map(part).collect()
}

fn network(parts: &[Part]) -> Network<f64> {
    let node = |part: &Part| Node::reading(part.operation(true), part.neuron.clone(), part.reads.clone());
    Network::new(&INPUT, parts.iter().map(node).collect()).unwrap()
}

fn run(network: &Network<f64>, x: &[f64], timesteps: usize, threads: usize) -> RunResult<f64> {
    let batch = x.len() / INPUT.iter().product::<usize>();
    let options = RunOptions {
        encoding: Encoding::Pulse,
        record: true,
        threads: Some(threads),
        ..RunOptions::new(timesteps)
    };
    network.run(View::new(x, &[&[batch], &INPUT[..]].concat()).unwrap(), &options).unwrap()
}

/// Whether a sample of `batch` had anything passed on at a step.
fn moves(run: &RunResult<f64>, sample: usize, batch: usize, step: usize, steps: usize) -> bool {
    run.layers.iter().any(|layer| {
        let row = |n: usize| {
            n / steps / batch * (step * batch + sample)..n / steps / batch * (step * batch + sample + 1)
        };
        match layer.signal.as_ref().unwrap() {
            Signal::Spikes(spikes) => spikes[row(spikes.len())].iter().any(|&spike| spike != 0),
            Signal::Graded(values) => values[row(values.len())].iter().any(|&value| value != 0.0),
        }
    })
}

/// The step at which each sample settled, as the recorded signals say.
fn settled(run: &RunResult<f64>, batch: usize, steps: usize) -> Vec<i64> {
    let first = |sample| (1..steps).find(|&step| !moves(run, sample, batch, step, steps));
    (0..batch).map(|sample| first(sample).map_or(-1, |step| step as i64)).collect()
}

/// Counts as floats.
fn counts(counts: &Counts<f64>) -> Vec<f64> {
    match counts {
        Counts::Spikes(counts) => counts.iter().map(|&count| count as f64).collect(),
        Counts::Graded(counts) => counts.clone(),
    }
}

proptest! {
    #[test]
    fn a_pulse_settles_on_the_activations_of_the_quantised_network(
        batch in 1usize..6,
        threads in 1usize..=2,
        lowest in prop::sample::select(vec![0i64, -3]),
        is_graded in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let bipolar = |at: usize, channels: usize| Neuron {
            threshold: PerNeuron::Each((0..channels).map(|c| [0.25, 0.5, 1.0, 2.0][(at + c) % 4]).collect()),
            v_init: 0.5.into(),
            tracer_min: lowest,
            tracer_max: 7,
            ..Neuron::new(if is_graded && at == 7 { NeuronKind::Identity } else { NeuronKind::StBif })
        };
        let parts = parts(eighths, seed, bipolar);
        let network = network(&parts);
        let x: Vec<f64> = (0..batch * 32).map(|k| eighths(seed ^ 32, k)).collect();
        let steps = 100;
        let trace = run(&network, &x, steps, threads);

        // A step of the whole network on sums, activations in place of neurons.
        let mut signals = vec![([&[1, batch], &INPUT[..]].concat(), x.clone())];
        for (part, layer) in parts.iter().zip(&trace.layers) {
            let (shape, currents) = part.currents(true, &signals);
            let width: usize = shape[2..].iter().product();
            let thresholds = part.spread(&part.neuron.threshold, shape[2], width);
            let level = |(j, &sum): (usize, &f64)| match part.neuron.kind {
                NeuronKind::Identity => sum,
                _ => (sum / thresholds.as_slice()[j % width] + 0.5).floor().clamp(lowest as f64, 7.0),
            };
            let activations: Vec<f64> = currents.iter().enumerate().map(level).collect();
            prop_assert_eq!(&counts(&layer.counts), &activations);
            signals.push((shape, activations));
        }
        prop_assert_eq!(&trace.drive, &parts[7].currents(true, &signals).1);

        let when = trace.settled.clone().unwrap();
        prop_assert_eq!(&when, &settled(&trace, batch, steps));
        let last = *when.iter().max().unwrap() as usize;
        prop_assert!(when.iter().all(|&step| step >= 1));
        // One step less than it takes to see that all have settled, and just enough.
        let missed = run(&network, &x, last, threads).settled.unwrap();
        let cut: Vec<i64> = when.iter().map(|&step| if step < last as i64 { step } else { -1 }).collect();
        prop_assert_eq!(missed, cut);
        let seen = run(&network, &x, last + 1, threads);
        prop_assert_eq!(seen.settled.as_ref(), Some(&when));
        prop_assert_eq!(&seen.drive, &trace.drive);
        for (seen, layer) in seen.layers.iter().zip(&trace.layers) {
            prop_assert_eq!((&seen.counts, &seen.membrane), (&layer.counts, &layer.membrane));
        }
    }

    #[test]
    fn under_a_pulse_a_network_is_its_nodes_with_biases_in_the_first_step_alone(
        batch in 0usize..20,
        steps in 0usize..60,
        threads in 1usize..=2,
        kinds in prop::collection::vec(0usize..5, 8),
        seed in any::<u64>(),
    ) {
        let neuron = |at: usize, channels: usize| {
            let v_init = PerNeuron::All(0.5);
            let threshold = PerNeuron::Each((0..channels).map(|c| 0.3 + unit(seed ^ 64, c)).collect());
            let plain = |kind| Neuron { threshold, v_init, ..Neuron::new(kind) };
            match kinds[at] {
                0 => Neuron { beta: 0.75.into(), ..plain(NeuronKind::Lif) },
                1 => Neuron { v_reset: Some((-0.25).into()), ..plain(NeuronKind::If) },
                2 => Neuron { max_spikes: 5, ..plain(NeuronKind::If) },
                3 => Neuron { tracer_min: -2, ..plain(NeuronKind::StBif) },
                _ => plain(NeuronKind::Identity),
            }
        };
        let parts = parts(|seed, k| unit(seed, k) - 0.45, seed, neuron);
        let x: Vec<f64> = (0..batch * 32).map(|k| 2.0 * unit(seed ^ 32, k) - 0.5).collect();
        let trace = run(&network(&parts), &x, steps, threads);

        let mut pulse = vec![0.0; steps * x.len()];
        pulse.iter_mut().zip(&x).for_each(|(value, &x)| *value = x);
        let mut signals = vec![([&[steps, batch], &INPUT[..]].concat(), pulse)];
        for (part, layer) in parts.iter().zip(&trace.layers) {
            let (shape, mut currents) = part.currents(false, &signals);
            let (width, rest) = (shape[2..].iter().product::<usize>(), shape[3..].iter().product::<usize>());
            if !part.bias.is_empty() {
                let first = currents.iter_mut().take(batch * width).enumerate();
                first.for_each(|(at, current)| *current += part.bias[at % width / rest]);
            }
            let currents = (shape, currents);
            match part.fire(&currents) {
                None => {
                    prop_assert_eq!(layer.signal.as_ref(), Some(&Signal::Graded(currents.1.clone())));
                    signals.push(currents);
                }
                Some(expected) => {
                    prop_assert_eq!(&layer.membrane, &expected.membrane);
                    prop_assert_eq!(&layer.counts, &Counts::Spikes(expected.counts));
                    let spikes = expected.spikes.iter().map(|&spike| f64::from(spike)).collect();
                    prop_assert_eq!(layer.signal.as_ref(), Some(&Signal::Spikes(expected.spikes)));
                    signals.push((currents.0, spikes));
                }
            }
        }
        prop_assert_eq!(trace.settled.as_ref(), Some(&settled(&trace, batch, steps)));
    }
}
