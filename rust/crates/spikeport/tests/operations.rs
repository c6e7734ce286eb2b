//! The laws that operations and networks of them keep, on random input.

use proptest::prelude::*;
use spikeport::{
    Attributes, Code, Counts, Element, Encoding, Error, IfParameters, Network, Neuron, NeuronKind, Node,
    Operation, OperationKind, PerNeuron, RunOptions, Signal, Source, View, if_multistep, mix,
    operation_currents,
};

/// A window on one axis, and what it slides over.
#[derive(Clone, Copy, Debug)]
struct Axis {
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    size: usize,
}

impl Axis {
    fn reach(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    fn places(&self) -> usize {
        (self.size + 2 * self.padding - self.reach()) / self.stride + 1
    }

    /// What tap `tap` of place `place` reads, unless that is padding.
    fn at(&self, place: usize, tap: usize) -> Option<usize> {
        (place * self.stride + tap * self.dilation).checked_sub(self.padding).filter(|&at| at < self.size)
    }
}

fn axis() -> impl Strategy<Value = Axis> {
    (1usize..=3, 1usize..=3, 0usize..=2, 1usize..=4, 1usize..=6)
        .prop_map(|(kernel, stride, padding, dilation, size)| Axis {
            kernel,
            stride,
            padding,
            dilation,
            size,
        })
        .prop_filter("a window must fit", |axis| axis.size + 2 * axis.padding >= axis.reach())
}

/// One axis or two; the first is left out where there is one.
fn axes() -> impl Strategy<Value = Vec<Axis>> {
    prop::collection::vec(axis(), 1..=2)
}

fn attributes(axes: &[Axis], groups: i64) -> Attributes {
    let each = |part: fn(&Axis) -> usize| Some(axes.iter().map(|axis| part(axis) as i64).collect());
    Attributes {
        kernel: each(|axis| axis.kernel),
        stride: each(|axis| axis.stride),
        padding: each(|axis| axis.padding),
        dilation: each(|axis| axis.dilation),
        groups: Some(groups),
    }
}

/// A number in [0, 1) that hangs on `seed` and `k`.
fn unit(seed: u64, k: usize) -> f64 {
    (mix(seed ^ mix(k as u64)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Values of which about half are 0, some of the others 1, and the rest as large as `scale` about.
fn signal<E: Element>(seed: u64, n: usize, scale: f64) -> Vec<E> {
    let value = |k| match (unit(seed, k), unit(seed ^ 1, k)) {
        (0.0..0.5, _) => 0.0,
        (0.5..0.7, _) => 1.0,
        (_, value) => (value - 0.4) * scale,
    };
    (0..n).map(|k| E::from_f64(value(k))).collect()
}

fn indices(sizes: &[usize]) -> Vec<Vec<usize>> {
    let start = vec![Vec::new()];
    sizes.iter().fold(start, |all, &n| {
        all.iter().flat_map(|index| (0..n).map(move |k| [&index[..], &[k]].concat())).collect()
    })
}

fn currents<E: Element>(
    kind: &OperationKind,
    weight: Option<View<'_, E>>,
    bias: Option<View<'_, E>>,
    signals: &[View<'_, E>],
) -> Result<(Vec<usize>, Vec<E>), Error> {
    operation_currents(&*kind.build(weight, bias)?, signals)
}

/// The bits of a convolution and of the linear layer that does the same; weights and inputs are as large as `scale` about.
fn both_ways<E: Element>(
    axes: &[Axis],
    groups: usize,
    channels: usize,
    rows: usize,
    seed: u64,
    scale: f64,
) -> [Vec<u64>; 2] {
    let (out, size) = (groups * rows, axes.iter().map(|axis| axis.size).product::<usize>());
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let places: Vec<usize> = axes.iter().map(Axis::places).collect();
    let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
    let weight_shape = [&[out, channels], &kernel[..]].concat();
    let number = |seed: u64, k: usize| E::from_f64((unit(seed, k) - 0.5) * scale);
    let weight: Vec<E> = (0..weight_shape.iter().product()).map(|k| number(seed ^ 2, k)).collect();
    let bias: Vec<E> = (0..out).map(|k| number(seed ^ 3, k)).collect();
    let (taps, n_in) = (indices(&kernel), groups * channels * size);
    let (mut matrix, mut spread) = (Vec::new(), Vec::new());
    for c in 0..out {
        for place in indices(&places) {
            let mut row = vec![E::ZERO; n_in];
            for (d, (q, tap)) in (0..channels).flat_map(|d| taps.iter().enumerate().map(move |tap| (d, tap)))
            {
                let at = axes
                    .iter()
                    .zip(place.iter().zip(tap))
                    .try_fold(0, |flat, (axis, (&p, &q))| Some(flat * axis.size + axis.at(p, q)?));
                if let Some(at) = at {
                    row[(c / rows * channels + d) * size + at] = weight[(c * channels + d) * taps.len() + q];
                }
            }
            matrix.extend(row);
            spread.push(bias[c]);
        }
    }
    let input = signal::<E>(seed, 3 * 2 * n_in, scale);
    let shape = [&[3, 2, groups * channels], &sizes[..]].concat();
    let conv = OperationKind::new("conv", &attributes(axes, groups as i64)).unwrap();
    let (shape_of_conv, of_conv) = currents(
        &conv,
        Some(View::new(&weight, &weight_shape).unwrap()),
        Some(View::new(&bias, &[out]).unwrap()),
        &[View::new(&input, &shape).unwrap()],
    )
    .unwrap();
    assert_eq!(shape_of_conv, [&[3, 2, out], &places[..]].concat());
    let n_out = spread.len();
    let (_, of_linear) = currents(
        &OperationKind::Linear,
        Some(View::new(&matrix, &[n_out, n_in]).unwrap()),
        Some(View::new(&spread, &[n_out]).unwrap()),
        &[View::new(&input, &shape).unwrap()],
    )
    .unwrap();
    [of_conv, of_linear].map(|values| values.iter().map(|value| value.to_f64().to_bits()).collect())
}

proptest! {
    #[test]
    fn a_convolution_is_its_unrolled_linear_layer_to_the_bit(
        axes in axes(),
        groups in 1usize..=3,
        channels in 1usize..=3,
        // Sums one by one, in one tile, and in two.
        rows in prop::sample::select(vec![1usize, 2, 7, 8, 33]),
        seed in any::<u64>(),
    ) {
        let [conv, linear] = both_ways::<f32>(&axes, groups, channels, rows, seed, 1.0);
        prop_assert_eq!(conv, linear);
        let [conv, linear] = both_ways::<f64>(&axes, groups, channels, rows, seed, 1.0);
        prop_assert_eq!(conv, linear);
        let [conv, linear] = both_ways::<i32>(&axes, groups, channels, rows, seed, 1000.0);
        prop_assert_eq!(conv, linear);
    }

    #[test]
    fn the_sum_of_a_max_pool_is_the_largest_sum_in_its_window(
        axes in axes(),
        steps in 1usize..12,
        bipolar in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let axes: Vec<Axis> = axes
            .into_iter()
            .map(|axis| Axis { dilation: 1, padding: axis.padding.min(axis.kernel - 1), ..axis })
            .filter(|axis| axis.size + 2 * axis.padding >= axis.kernel)
            .collect();
        prop_assume!(!axes.is_empty());
        let sizes: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
        let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
        let places: Vec<usize> = axes.iter().map(Axis::places).collect();
        let (n, shape) = (sizes.iter().product::<usize>(), [&[steps, 1, 1], &sizes[..]].concat());
        let spike = |k| match unit(seed, k) {
            0.0..0.4 => 1.0,
            0.4..0.6 if bipolar => -1.0,
            _ => 0.0,
        };
        let spikes: Vec<f32> = (0..steps * n).map(spike).collect();
        let pool = OperationKind::new("max_pool", &attributes(&axes, 1)).unwrap();
        let (_, given) = currents(&pool, None, None, &[View::new(&spikes, &shape).unwrap()]).unwrap();
        prop_assert!(given.iter().all(|value| [0.0, 1.0].contains(value) || bipolar && *value == -1.0));
        for (p, place) in indices(&places).iter().enumerate() {
            let count = |at: usize| spikes.iter().skip(at).step_by(n).sum::<f32>();
            let of_tap = |tap: &Vec<usize>| {
                axes.iter().zip(place.iter().zip(tap)).try_fold(0, |flat, (axis, (&p, &q))| {
                    Some(flat * axis.size + axis.at(p, q)?)
                })
            };
            let largest = indices(&kernel).iter().filter_map(of_tap).map(count).reduce(f32::max).unwrap();
            let passed_on: f32 = given.iter().skip(p).step_by(places.iter().product()).sum();
            prop_assert_eq!(passed_on, largest);
        }
    }

    #[test]
    fn a_network_is_its_nodes_one_after_another_and_loses_nothing(
        batch in 1usize..20,
        timesteps in 0usize..20,
        is_steady in any::<bool>(),
        threads in 1usize..=2,
        max_spikes in prop::sample::select(vec![1i64, 3, 127]),
        seed in any::<u64>(),
    ) {
        let parts = residual(seed, max_spikes);
        let n = 2 * 4 * 4;
        let (encoding, lead) = match is_steady {
            true => (Encoding::Current, vec![batch]),
            false => (Encoding::Spikes, vec![timesteps, batch]),
        };
        let input: Vec<f64> = (0..lead.iter().product::<usize>() * n).map(|k| eighths(seed ^ 9, k)).collect();
        let shape = [&lead[..], &[2, 4, 4]].concat();
        let options = RunOptions {
            encoding, record: true, threads: Some(threads), ..RunOptions::new(timesteps)
        };
        let nodes = parts.iter().map(Part::node).collect();
        let network = Network::new(&[2, 4, 4], nodes).unwrap();
        let run = network.run(View::new(&input, &shape).unwrap(), &options).unwrap();

        let every_step = if is_steady { input.repeat(timesteps) } else { input };
        let mut signals = vec![(vec![timesteps, batch, 2, 4, 4], every_step)];
        for (index, (part, trace)) in parts.iter().zip(&run.layers).enumerate() {
            let read = part.reads.iter().map(|source| match source {
                Source::Input => &signals[0],
                Source::Node(node) => &signals[node + 1],
            });
            let views: Vec<View<'_, f64>> = read.map(|(shape, data)| View::new(data, shape).unwrap()).collect();
            let (shape, currents) = operation_currents(&*part.operation(), &views).unwrap();
            prop_assert_eq!(&shape[2..], network.shape(index));
            let width: usize = shape[2..].iter().product();
            let received = |at: usize| currents.iter().skip(at).step_by(batch * width).sum::<f64>();
            if part.thresholds.is_empty() {
                prop_assert_eq!(trace.signal.as_ref(), Some(&Signal::Graded(currents.clone())));
                signals.push((shape, currents));
                continue;
            }
            let threshold: Vec<f64> = (0..width).map(|j| part.thresholds[j / (width / shape[2])]).collect();
            let parameters = IfParameters {
                threshold: PerNeuron::Each(threshold.clone()), max_spikes, ..IfParameters::default()
            };
            let expected = if_multistep(View::new(&currents, &[timesteps, batch, width]).unwrap(), &parameters).unwrap();
            prop_assert_eq!(trace.signal.as_ref(), Some(&Signal::Spikes(expected.spikes.clone())));
            prop_assert_eq!(&trace.membrane, &expected.membrane);
            let Counts::Spikes(counts) = &trace.counts else { unreachable!("the node spikes") };
            for at in 0..batch * width {
                let threshold = threshold[at % width];
                let kept = trace.membrane[at] - 0.5 * threshold;
                prop_assert_eq!(received(at), threshold * counts[at] as f64 + kept);
            }
            signals.push((shape, expected.spikes.iter().map(|&spike| f64::from(spike)).collect()));
        }
    }
}

/// Multiples of 1/8 in [-1, 1]: their sums are exact.
fn eighths(seed: u64, k: usize) -> f64 {
    (unit(seed, k) * 17.0).floor() / 8.0 - 1.0
}

/// A node, in parts.
struct Part {
    kind: OperationKind,
    weight: Option<(Vec<f64>, Vec<usize>)>,
    reads: Vec<Source>,
    /// One for each channel; empty where there are no neurons.
    thresholds: Vec<f64>,
    max_spikes: i64,
}

impl Part {
    fn operation(&self) -> Box<dyn Operation<f64>> {
        let weight = self.weight.as_ref().map(|(values, shape)| View::new(values, shape).unwrap());
        self.kind.build(weight, None).unwrap()
    }

    fn node(&self) -> Node<f64> {
        let neuron = match self.thresholds.is_empty() {
            true => Neuron::new(NeuronKind::Identity),
            false => Neuron {
                threshold: PerNeuron::Each(self.thresholds.clone()),
                v_init: 0.5.into(),
                max_spikes: self.max_spikes,
                ..Neuron::new(NeuronKind::If)
            },
        };
        Node::reading(self.operation(), neuron, self.reads.clone())
    }
}

/// Two ways from a pooled convolution, added and put beside a max pool, read by a linear layer.
fn residual(seed: u64, max_spikes: i64) -> Vec<Part> {
    let square = |kernel: i64, padding: i64| Attributes {
        kernel: Some(vec![kernel; 2]),
        padding: Some(vec![padding; 2]),
        ..Attributes::default()
    };
    let part =
        |word: &str, attributes: &Attributes, shape: &[usize], reads: &[Source], thresholds: &[f64]| {
            let kind = OperationKind::new(word, attributes).unwrap();
            let values = |shape: &[usize]| {
                (0..shape.iter().product()).map(|k| eighths(seed ^ shape[0] as u64, k)).collect()
            };
            let weight = kind.has_weight().then(|| (values(shape), shape.to_vec()));
            Part { kind, weight, reads: reads.to_vec(), thresholds: thresholds.to_vec(), max_spikes }
        };
    let (none, node) = (Attributes::default(), Source::Node);
    vec![
        part(
            "avg_pool",
            &Attributes { stride: Some(vec![1; 2]), ..square(2, 1) },
            &[],
            &[Source::Input],
            &[],
        ),
        part("conv", &square(3, 1), &[9, 2, 3, 3], &[node(0)], &[0.5; 9]),
        part("conv", &square(2, 0), &[3, 9, 2, 2], &[node(1)], &[]),
        part("conv", &square(2, 0), &[3, 2, 2, 2], &[node(0)], &[]),
        part("add", &none, &[], &[node(3), node(2)], &[1.0, 0.5, 2.0]),
        part("max_pool", &square(2, 0), &[], &[node(4)], &[]),
        part("sum_pool", &square(2, 0), &[], &[node(3)], &[]),
        part("concat", &none, &[], &[node(6), node(5)], &[1.0; 6]),
        part("linear", &none, &[4, 24], &[node(7)], &[0.25; 4]),
    ]
}

fn code<T>(result: Result<T, Error>) -> Code {
    result.map(|_| ()).expect_err("the call is faulty").code()
}

#[test]
fn a_window_that_cannot_be_is_refused() {
    let of = |word: &str, change: fn(&mut Attributes)| {
        let axis = Axis { kernel: 2, stride: 1, padding: 0, dilation: 1, size: 4 };
        let mut attributes = attributes(&[axis, axis], 1);
        change(&mut attributes);
        code(OperationKind::new(word, &attributes))
    };
    assert_eq!(of("convolution", |_| ()), Code::Operation);
    assert_eq!(of("conv", |a| a.stride = Some(vec![0, 1])), Code::Shape);
    assert_eq!(of("conv", |a| a.padding = Some(vec![0, -1])), Code::Shape);
    assert_eq!(of("conv", |a| a.dilation = Some(vec![1])), Code::Shape);
    assert_eq!(of("conv", |a| a.kernel = Some(vec![2; 3])), Code::Shape);
    assert_eq!(of("conv", |a| a.groups = Some(0)), Code::Shape);
    assert_eq!(of("max_pool", |a| a.padding = Some(vec![0, 2])), Code::Shape);
    assert_eq!(of("sum_pool", |a| a.kernel = None), Code::Shape);
}

#[test]
fn signals_that_do_not_fit_are_refused() {
    let axis = Axis { kernel: 3, stride: 1, padding: 0, dilation: 1, size: 4 };
    let kinds = ["conv", "avg_pool", "max_pool", "add", "concat"]
        .map(|word| OperationKind::new(word, &attributes(&[axis], 1)).unwrap());
    let fits = |kind: &OperationKind, shapes: &[&[usize]]| kind.output_shape(shapes, 2);
    let [conv, average, maximum, add, concat] = &kinds;
    for kind in [conv, average, maximum] {
        assert!(fits(kind, &[&[2, 3]]).is_ok());
        for shapes in [&[&[2, 2][..]][..], &[&[2]], &[&[2, 3, 3]], &[&[2, 3], &[2, 3]], &[]] {
            assert_eq!(code(fits(kind, shapes)), Code::Shape);
        }
    }
    assert_eq!(fits(concat, &[&[2, 3], &[1, 3]]).unwrap(), [3, 3]);
    for shapes in [&[&[2, 3][..]][..], &[&[2, 3], &[2, 4]], &[&[2, 3], &[2]]] {
        assert_eq!(code(fits(add, shapes)), Code::Shape);
        assert_eq!(code(fits(concat, shapes)), Code::Shape);
    }
    assert_eq!(code(fits(add, &[&[2, 3], &[1, 3]])), Code::Shape);
}

#[test]
fn a_node_reads_only_what_stands_before_it() {
    let add = |reads: &[Source]| {
        let operation = OperationKind::Add.build::<f64>(None, None).unwrap();
        Node::reading(operation, Neuron::new(NeuronKind::Identity), reads.to_vec())
    };
    let input = [Source::Input; 2];
    assert!(Network::new(&[2], vec![add(&input), add(&[Source::Node(0), Source::Input])]).is_ok());
    assert_eq!(code(Network::new(&[2], vec![add(&[Source::Node(0), Source::Input])])), Code::Shape);
    assert_eq!(code(Network::new(&[2], vec![add(&[])])), Code::Shape);
}

#[test]
fn a_giant_window_takes_no_more_room_than_the_signal_it_is_over() {
    // A table of who reads what, by which tap, would have 65535·65536 entries.
    let axis = Axis { kernel: 65535, stride: 1, padding: 0, dilation: 1, size: 131_070 };
    let kind = OperationKind::new("sum_pool", &attributes(&[axis], 1)).unwrap();
    let mut values = vec![0.0f32; axis.size];
    values[axis.size / 2] = 1.0;
    let (shape, sums) =
        currents(&kind, None, None, &[View::new(&values, &[1, 1, 1, axis.size]).unwrap()]).unwrap();
    assert_eq!(shape, [1, 1, 1, 65536]);
    assert_eq!(sums.iter().sum::<f32>(), 65535.0);
}

#[test]
fn minus_zero_is_passed_on_as_it_is() {
    let values = View::new(&[-0.0f64, 0.0], &[1, 1, 2]).unwrap();
    let (_, beside) = currents(&OperationKind::Concat, None, None, &[values, values]).unwrap();
    assert_eq!(bits(&beside), [-0.0f64, 0.0, -0.0, 0.0].map(f64::to_bits));
    let (_, sum) = currents(&OperationKind::Add, None, None, &[values, values]).unwrap();
    assert_eq!(bits(&sum), [0, 0]);
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
