//! Integer networks: the numbers of doubles where these are exact, up to the bound of 32 bits and not above it.

use proptest::prelude::*;
use spikeport::{
    Attributes, Code, Counts, Element, Encoding, Error, Network, Neuron, NeuronKind, Node, OperationKind,
    PerNeuron, RunOptions, RunResult, Signal, Source, View, layer_forward, mix,
};

/// The largest number of 32 bits.
const LARGEST: i64 = i32::MAX as i64;
/// Of a batch.
const SAMPLES: usize = 5;

fn code<T>(result: Result<T, Error>) -> Code {
    result.map(|_| ()).expect_err("the call is faulty").code()
}

/// A whole number from `low` to `high` that hangs on `seed` and `k`.
fn whole(seed: u64, k: usize, low: i64, high: i64) -> i64 {
    low + (mix(seed ^ mix(k as u64)) % (high - low + 1).unsigned_abs()) as i64
}

/// A network, once of integers and once of doubles that are the same numbers.
struct Twins {
    integers: Network<i32>,
    doubles: Network<f64>,
    /// Of each node, its thresholds where its neurons are ST-BIF: doubles have their membranes in units of them.
    units: Vec<Option<Vec<f64>>>,
}

/// Two ways from the input, added and put beside a max pool, read by two linear layers; neurons of all kinds.
fn twins(seed: u64, max_spikes: i64) -> Twins {
    let square = |kernel: i64, padding: i64| Attributes {
        kernel: Some(vec![kernel; 2]),
        padding: Some(vec![padding; 2]),
        ..Attributes::default()
    };
    let (none, node) = (Attributes::default(), Source::Node);
    let (spiking, bipolar) = (NeuronKind::If, NeuronKind::StBif);
    type Recipe<'a> = (&'a str, Attributes, &'a [usize], &'a [Source], NeuronKind, usize);
    let recipes: [Recipe<'_>; 9] = [
        ("conv", square(3, 1), &[9, 2, 3, 3], &[Source::Input], spiking, 9),
        ("conv", square(2, 0), &[3, 9, 2, 2], &[node(0)], NeuronKind::Identity, 0),
        ("conv", square(2, 0), &[3, 2, 2, 2], &[Source::Input], NeuronKind::Identity, 0),
        ("add", none.clone(), &[], &[node(2), node(1)], bipolar, 3),
        ("max_pool", square(2, 0), &[], &[node(3)], NeuronKind::Identity, 0),
        ("sum_pool", square(2, 1), &[], &[node(2)], bipolar, 3),
        ("concat", none.clone(), &[], &[node(5), node(5)], NeuronKind::Identity, 0),
        ("linear", none.clone(), &[5, 24], &[node(6)], spiking, 5),
        ("linear", none, &[4, 5], &[node(7)], bipolar, 4),
    ];
    let (mut integers, mut doubles, mut units) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (word, attributes, weight_shape, reads, kind, channels)) in recipes.into_iter().enumerate() {
        let seed = mix(seed ^ index as u64);
        let thresholds: Vec<f64> = (0..channels).map(|k| f64::from(1 << whole(seed ^ 1, k, 2, 7))).collect();
        let neuron = match kind {
            NeuronKind::Identity => Neuron::new(kind),
            _ => Neuron {
                threshold: PerNeuron::Each(thresholds.clone()),
                v_init: (whole(seed ^ 2, 0, -4, 4) as f64 / 4.0).into(),
                v_reset: (kind == spiking && index == 7 && max_spikes == 1).then(|| PerNeuron::All(-3.0)),
                max_spikes: if kind == spiking { max_spikes } else { 1 },
                tracer_min: -7,
                ..Neuron::new(kind)
            },
        };
        let kind_of = OperationKind::new(word, &attributes).unwrap();
        let weights: Vec<i64> = match kind_of.has_weight() {
            true => (0..weight_shape.iter().product()).map(|k| whole(seed ^ 3, k, -9, 9)).collect(),
            false => Vec::new(),
        };
        let biases: Vec<i64> =
            (0..weight_shape.first().copied().unwrap_or(0)).map(|k| whole(seed ^ 4, k, -30, 30)).collect();
        integers.push(placed::<i32>(&kind_of, &weights, weight_shape, &biases, &neuron, reads));
        doubles.push(placed::<f64>(&kind_of, &weights, weight_shape, &biases, &neuron, reads));
        units.push((kind == bipolar).then_some(thresholds));
    }
    Twins {
        integers: Network::new(&[2, 4, 4], integers).unwrap(),
        doubles: Network::new(&[2, 4, 4], doubles).unwrap(),
        units,
    }
}

fn placed<E: Element>(
    kind: &OperationKind,
    weights: &[i64],
    weight_shape: &[usize],
    biases: &[i64],
    neuron: &Neuron,
    reads: &[Source],
) -> Node<E> {
    let typed =
        |values: &[i64]| -> Vec<E> { values.iter().map(|&value| E::from_f64(value as f64)).collect() };
    let (weights, biases, bias_shape) = (typed(weights), typed(biases), [biases.len()]);
    let weight = kind.has_weight().then(|| View::new(&weights, weight_shape).unwrap());
    let bias = kind.has_weight().then(|| View::new(&biases, &bias_shape).unwrap());
    Node::reading(kind.build(weight, bias).unwrap(), neuron.clone(), reads.to_vec())
}

/// All that a run gives, as doubles: counts, membranes and signals of every node, drive and steps until it settled.
fn numbers<E: Element>(run: RunResult<E>, units: Option<&[Option<Vec<f64>>]>) -> Vec<Vec<f64>> {
    let doubles = |values: &[E]| values.iter().map(|value| value.to_f64()).collect::<Vec<f64>>();
    let mut all = vec![doubles(&run.drive)];
    for (index, layer) in run.layers.iter().enumerate() {
        all.push(match &layer.counts {
            Counts::Spikes(counts) => counts.iter().map(|&count| count as f64).collect(),
            Counts::Graded(sums) => doubles(sums),
        });
        all.push(match layer.signal.as_ref().unwrap() {
            Signal::Spikes(spikes) => spikes.iter().copied().map(f64::from).collect(),
            Signal::Graded(values) => doubles(values),
        });
        let mut membrane = doubles(&layer.membrane);
        if let Some(thresholds) = units.and_then(|units| units[index].as_ref()) {
            let places = membrane.len() / SAMPLES / thresholds.len();
            for (k, v) in membrane.iter_mut().enumerate() {
                *v *= thresholds[k / places % thresholds.len()];
            }
        }
        all.push(membrane);
    }
    all.push(run.settled.unwrap_or_default().iter().map(|&step| step as f64).collect());
    all
}

proptest! {
    #[test]
    fn an_integer_network_is_that_of_doubles_where_these_are_exact(
        timesteps in 0usize..20,
        encoding in prop::sample::select(vec![Encoding::Current, Encoding::Spikes, Encoding::Pulse]),
        threads in 1usize..=2,
        max_spikes in prop::sample::select(vec![1i64, 3, 127]),
        seed in any::<u64>(),
    ) {
        let Twins { integers, doubles, units } = twins(seed, max_spikes);
        let lead = if encoding == Encoding::Spikes { vec![timesteps, SAMPLES] } else { vec![SAMPLES] };
        let shape = [&lead[..], &[2, 4, 4]].concat();
        let input: Vec<i32> =
            (0..shape.iter().product()).map(|k| whole(seed ^ 9, k, -40, 60).max(0) as i32).collect();
        let as_doubles: Vec<f64> = input.iter().copied().map(f64::from).collect();
        let options = RunOptions { encoding, record: true, threads: Some(threads), ..RunOptions::new(timesteps) };
        let of_integers = integers.run(View::new(&input, &shape).unwrap(), &options).unwrap();
        let converted = integers.run(View::new(&as_doubles, &shape).unwrap(), &options).unwrap();
        prop_assert_eq!(&of_integers, &converted);
        let of_doubles = doubles.run(View::new(&input, &shape).unwrap(), &options).unwrap();
        prop_assert_eq!(numbers(of_integers, None), numbers(of_doubles, Some(&units)));
    }

    #[test]
    fn a_network_runs_at_its_bound_and_not_above_it(
        masses in prop::array::uniform2(1i64..=32767),
        biases in prop::array::uniform2(-1000i64..1000),
        threshold in 1i64..1000,
        kind in prop::sample::select(vec![NeuronKind::If, NeuronKind::StBif, NeuronKind::Identity]),
        most in 1i64..=127,
        timesteps in 1i64..100,
    ) {
        let most = if kind == NeuronKind::If { most } else { 1 };
        let neuron = match kind {
            NeuronKind::Identity => Neuron::new(kind),
            _ => Neuron { threshold: (threshold as f64).into(), max_spikes: most, ..Neuron::new(kind) },
        };
        let chain = [0, 1].map(|k| {
            let neuron = if k == 0 { neuron.clone() } else { Neuron::new(NeuronKind::Identity) };
            let reads = [if k == 0 { Source::Input } else { Source::Node(0) }];
            placed::<i32>(&OperationKind::Linear, &[-masses[k]], &[1, 1], &[biases[k]], &neuron, &reads)
        });
        let network = Network::new(&[1], chain.into()).unwrap();
        let fits = |input: i64| {
            let first = masses[0] * input + biases[0].abs();
            let (reach, sent) = match kind {
                NeuronKind::Identity => (0, first),
                _ => (threshold * most, most),
            };
            let second = masses[1] * sent + biases[1].abs();
            reach + timesteps * first <= LARGEST && timesteps * second <= LARGEST
        };
        let (mut low, mut high) = (-1, LARGEST + 1);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        let run = |input: i64| {
            network.run(View::new(&[input as f64], &[1, 1]).unwrap(), &RunOptions::new(timesteps as usize))
        };
        if low >= 0 {
            prop_assert!(run(low).is_ok() && run(-low).is_ok(), "{low}");
        }
        prop_assert_eq!(code(run(high)), Code::Overflow);
    }
}

#[test]
fn what_a_node_passes_on_counts_in_the_bound_of_its_readers() {
    // The node before passes on at most `sent`; five times that and the bias make ten steps reach the bound, or pass it.
    let fits = |kind: NeuronKind, max_spikes: i64, joined: Option<OperationKind>, bias: i64| {
        let neuron = Neuron { max_spikes, ..Neuron::new(kind) };
        let identity = Neuron::new(NeuronKind::Identity);
        let mut nodes = vec![placed(&OperationKind::Linear, &[2], &[1, 1], &[0], &neuron, &[Source::Input])];
        let mut width = 1;
        if let Some(join) = &joined {
            width = if *join == OperationKind::Concat { 2 } else { 1 };
            nodes.push(placed(join, &[], &[], &[], &identity, &[Source::Node(0), Source::Input]));
        }
        let reads = [Source::Node(nodes.len() - 1)];
        nodes.push(placed(&OperationKind::Linear, &[5, 0][..width], &[1, width], &[bias], &identity, &reads));
        let network = Network::<i32>::new(&[1], nodes).unwrap();
        network
            .run(View::new(&[3.0], &[1, 1]).unwrap(), &RunOptions::new(10))
            .map(|_| ())
            .map_err(|e| e.code())
    };
    let (add, concat) = (Some(OperationKind::Add), Some(OperationKind::Concat));
    for (kind, max_spikes, joined, sent) in [
        (NeuronKind::If, 1, None, 1),
        (NeuronKind::If, 127, None, 127),
        (NeuronKind::StBif, 1, None, 1),
        (NeuronKind::Identity, 1, None, 6),
        (NeuronKind::Identity, 1, add, 9),
        (NeuronKind::Identity, 1, concat.clone(), 6),
        (NeuronKind::If, 1, concat, 3),
    ] {
        let most = LARGEST / 10 - 5 * sent;
        let of = |bias| fits(kind, max_spikes, joined.clone(), bias);
        assert_eq!(
            [most - 1, most, most + 1].map(of),
            [Ok(()), Ok(()), Err(Code::Overflow)],
            "{kind:?} {joined:?}"
        );
    }
}

#[test]
fn what_no_integer_layer_or_network_can_be_is_refused() {
    let layer = |input: i32, weight: i32, kind: NeuronKind| {
        let (inputs, weights) = ([input], [weight]);
        let inputs = View::new(&inputs, &[1, 1, 1]).unwrap();
        let weights = View::new(&weights, &[1, 1]).unwrap();
        layer_forward(inputs, weights, None, &Neuron::new(kind)).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(layer(1, -32768, NeuronKind::If), Ok(()));
    assert_eq!(layer(1, 32767, NeuronKind::StBif), Ok(()));
    assert_eq!(layer(0, 32768, NeuronKind::If), Err(Code::Overflow));
    assert_eq!(layer(0, -32769, NeuronKind::If), Err(Code::Overflow));
    assert_eq!(layer(i32::MIN, 0, NeuronKind::Identity), Err(Code::Overflow));
    assert_eq!(layer(1, 1, NeuronKind::Lif), Err(Code::NeuronKind));
    assert_eq!(layer(i32::MAX, 1, NeuronKind::Identity), Ok(()));
    // The threshold's own unit is too much beside it.
    assert_eq!(layer(i32::MAX, 1, NeuronKind::If), Err(Code::Overflow));

    let node = |kind| {
        placed::<i32>(&OperationKind::Linear, &[1], &[1, 1], &[0], &Neuron::new(kind), &[Source::Input])
    };
    assert_eq!(code(Network::new(&[1], vec![node(NeuronKind::Lif)])), Code::Neuron);
    let network = Network::new(&[1], vec![node(NeuronKind::If)]).unwrap();
    let run = |input: f64, encoding| {
        let options = RunOptions { encoding, ..RunOptions::new(1) };
        network.run(View::new(&[input], &[1, 1]).unwrap(), &options).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(run(3.0, Encoding::Current), Ok(()));
    assert_eq!(run(3.5, Encoding::Current), Err(Code::NotWhole));
    assert_eq!(run(-2147483648.0, Encoding::Pulse), Err(Code::Overflow));
    assert_eq!(run(f64::NAN, Encoding::Current), Err(Code::NonFinite));
    assert_eq!(run(1.0, Encoding::Poisson), Err(Code::Encoding));
    let window = Attributes { kernel: Some(vec![1]), ..Attributes::default() };
    let average = OperationKind::new("avg_pool", &window).unwrap().build(None, None).unwrap();
    let average = Node::<i32>::reading(average, Neuron::new(NeuronKind::Identity), vec![Source::Input]);
    assert_eq!(code(Network::new(&[1, 1], vec![average])), Code::Operation);
}
