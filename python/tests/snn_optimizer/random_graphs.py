"""Random graphs of every operation and neuron, with faults in them that exact passes find, and the law they must keep.

python python/tests/snn_optimizer/random_graphs.py 50000         # so many graphs, from seed 0 on
python python/tests/snn_optimizer/random_graphs.py 50000 25000   # from seed 25000 on
"""

import sys
from collections import Counter
from dataclasses import replace

import numpy as np

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.errors import GraphError
from spikeport.neuron import PASS_ON
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer import EXACT_PASSES, optimize

RANGES = (None, (0.0, 1.0), (-1.0, 1.0), (0.5, 1.0))
MOST_VALUES = 150  # of one signal


class Builder:
    """A graph while it grows: names and shapes of its signals, and numbers that are dyadic or not."""

    def __init__(self, seed):
        self.rng = rng = np.random.default_rng(seed)
        self.dtype = np.float32 if rng.random() < 0.5 else np.float64
        self.dyadic = rng.random() < 0.75
        self.nodes = []
        places = [int(n) for n in rng.integers(3, 6, rng.integers(0, 3))]
        self.input_shape = (int(rng.integers(1, 4 if places else 8)), *places)
        self.shapes = {"input": self.input_shape}

    def pick(self, *choices, p=None):
        return choices[self.rng.choice(len(choices), p=p)]

    def numbers(self, shape, low=-8, high=9):
        found = self.rng.integers(low, high, shape) / 8.0
        return found if self.dyadic else found * self.rng.uniform(0.5, 1.5, shape)

    def rows(self, shape):
        """Weights and bias, some rows of which are copies, never fire, fire always, and some columns of which are 0."""
        rng, n = self.rng, shape[0]
        weights = self.numbers(shape)
        weights[rng.random(shape) < self.pick(0, 0.3, 0.7)] = 0
        weights[:, rng.random(shape[1]) < self.pick(0, 0, 0.3)] = 0
        bias = self.numbers(n, -6, 9) if rng.random() < 0.7 else np.zeros(n)
        kind = rng.choice(["usual", "silent", "constant"], n, p=[0.76, 0.12, 0.12])
        weights[kind == "silent"] = -np.abs(weights[kind == "silent"])
        bias[kind == "silent"] = -0.25
        weights[kind == "constant"] = np.abs(weights[kind == "constant"]) * (rng.random() < 0.5)
        bias[kind == "constant"] = 2.5
        source = np.arange(n)
        for j in range(1, n):
            if rng.random() < 0.25:
                source[j] = source[rng.integers(0, j)]
        has_bias = bias.any() or rng.random() < 0.2
        return weights[source].astype(self.dtype), bias[source].astype(self.dtype) if has_bias else None, source

    def neuron(self, n, source=None, p=(0.35, 0.25, 0.15, 0.25)):
        rng = self.rng
        kind = str(rng.choice(["IF", "LIF", "ST-BIF", "identity"], p=p))
        if kind == "identity":
            return PASS_ON
        source = np.arange(n) if source is None else source

        def each(values, one):
            return rng.choice(values, n)[source] if rng.random() < 0.4 else float(rng.choice(one))

        return Neuron(
            kind,
            threshold=each([0.25, 0.5, 1.0, 2.0, 0.75], [1.0, 1.25, 0.5] if self.dyadic else [1.0, 0.7]),
            v_init=each([0, 0.5, 0.25], [0, 0.5, -1, 1.5]),
            v_reset=float(rng.choice([0, -0.5, 0.125])) if kind != "ST-BIF" and rng.random() < 0.3 else None,
            beta=each([0.5, 0.875, 0, 1], [0.5, 0.75]) if kind == "LIF" else 1.0,
            tracer_min=int(rng.choice([0, -2])),
            tracer_max=int(rng.choice([0, 3, 15])),
        )

    def source(self):
        names = list(self.shapes)
        return names[-1] if self.rng.random() < 0.7 else str(self.rng.choice(names))

    def window(self, axes):
        rng = self.rng
        if rng.random() < 0.4:
            return (3,) * axes, {"stride": 1, "padding": 1}
        kernel = tuple(int(k) for k in rng.integers(1, 4, axes))
        return kernel, {
            "stride": int(rng.choice([1, 1, 2])),
            "padding": tuple(int(rng.integers(0, k)) for k in kernel),
        }

    def linear(self):
        source = self.source()
        n = int(self.rng.integers(1, 7))
        weights, bias, rows = self.rows((n, int(np.prod(self.shapes[source]))))
        return Linear(weights, bias), self.neuron(n, rows), (source,)

    def conv(self):
        source = self.source()
        channels, *places = self.shapes[source]
        groups = channels if self.rng.random() < 0.15 else 1
        n = groups * int(self.rng.integers(1, 3 if groups > 1 else 6))
        kernel, geometry = self.window(len(places))
        weights, bias, rows = self.rows((n, channels // groups, *kernel))
        dilation = int(self.rng.choice([1, 1, 1, 2]))
        return Conv(weights, bias, groups=groups, dilation=dilation, **geometry), self.neuron(n, rows), (source,)

    def mixed(self):
        """A convolution of single places without neurons, with more channels than it reads, or nearly as many."""
        source = self.source()
        channels, *places = self.shapes[source]
        n = channels + int(self.rng.integers(0, 3))
        weights, bias, _ = self.rows((n, channels, *(1 for _ in places)))
        return Conv(weights, bias), PASS_ON, (source,)

    def pool(self):
        source = self.source()
        channels, *places = self.shapes[source]
        kernel, geometry = self.window(len(places))
        neuron = self.neuron(channels, p=(0.2, 0.1, 0.05, 0.65))
        return self.pick(SumPool, AvgPool, MaxPool)(kernel, **geometry), neuron, (source,)

    def add(self):
        source = self.source()
        same = [name for name, shape in self.shapes.items() if shape == self.shapes[source]]
        sources = (source, *(str(name) for name in self.rng.choice(same, self.rng.integers(1, 3))))
        return Add(), self.neuron(self.shapes[source][0], p=(0.4, 0.1, 0.1, 0.4)), sources

    def concat(self):
        source = self.source()
        alike = [name for name, shape in self.shapes.items() if shape[1:] == self.shapes[source][1:]]
        sources = (source, *(str(name) for name in self.rng.choice(alike, self.rng.integers(1, 3))))
        channels = sum(self.shapes[name][0] for name in sources)
        return Concat(), self.neuron(channels, p=(0.15, 0.05, 0.05, 0.75)), sources

    def grow(self):
        """Add one node, or none where the one that was drawn does not fit."""
        images = (self.conv, self.mixed, self.pool, self.add, self.concat, self.linear)
        image = self.pick(*images, p=[0.38, 0.1, 0.18, 0.11, 0.12, 0.11])
        vector = self.pick(self.linear, self.add, self.concat, p=[0.6, 0.2, 0.2])
        last = list(self.shapes.values())[-1]
        try:
            operation, neuron, sources = (image if len(last) > 1 else vector)()
            shape = operation.output_shape(*(self.shapes[name] for name in sources))
        except (GraphError, ValueError):
            return
        if np.prod(shape) > MOST_VALUES:
            return
        name = f"node{len(self.nodes)}"
        self.nodes.append(LayerNode.of(name, operation, neuron, sources))
        self.shapes[name] = shape


def random_graph(seed):
    """A graph of up to nine nodes, of which some may be read by several and some by none."""
    build = Builder(seed)
    for _ in range(int(build.rng.integers(2, 9))):
        build.grow()
    if not build.nodes or build.rng.random() < 0.7:
        operation, neuron, sources = build.linear()
        build.nodes.append(LayerNode.of("out", operation, neuron, sources))
    return SNNGraph(several_spikes(build.nodes, seed), build.input_shape)


def several_spikes(nodes, seed):
    """The nodes, some of whose neurons may send up to four spikes in one step."""
    rng = np.random.default_rng([seed, 7])
    for node in nodes:
        if node.neuron.kind == "IF" and node.neuron.v_reset is None and rng.random() < 0.15:
            node.neuron = replace(node.neuron, max_spikes=int(rng.choice([2, 4])))
    return nodes


def check(seed):
    """Optimise one random graph by the exact passes and run it before, in the reference, and after, in Rust.

    Return what its certificate says and whether anything was removed; an assertion fails where a result that is said
    to be exact differs in any output spike or in the drive.
    """
    rng = np.random.default_rng([seed, 1])
    graph, input_range, T = random_graph(seed), RANGES[seed % 4], int(rng.integers(1, 12))
    encoding = "poisson" if seed % 16 == 1 else "current"
    passes = list(rng.permutation(EXACT_PASSES))
    if seed % 5 == 0:  # these are exact on any floats
        passes = ["eliminate_silent", "eliminate_unread", "fold_scales"]
    before = graph.copy()
    smaller, report = optimize(
        graph,
        passes=passes,
        input_range=input_range,
        horizon=None if seed % 3 else T,
        timesteps=T,
        encoding=encoding,
        verification=False,
    )
    assert graph == before, f"seed {seed}: the graph that was given has changed"
    level = report.certificate.level
    assert level == "exact" or seed % 5, f"seed {seed}: {report}"
    if level == "exact":
        low, high = input_range or (-2.0, 2.0)
        x = low + rng.integers(0, 9, (6, *graph.input_shape)) / 8 * (high - low)
        wanted = graph.run(x, T=T, record=True, encoding=encoding, backend="reference")
        got = smaller.run(x, T=T, record=True, encoding=encoding, backend="rust")
        assert np.array_equal(wanted.spikes[-1], got.spikes[-1]), f"seed {seed}: an output spike differs\n{report}"
        assert np.array_equal(wanted.drive, got.drive), f"seed {seed}: the drive differs\n{report}"
    return level, smaller.n_params < graph.n_params


if __name__ == "__main__":
    count, start = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seen = Counter()
    for seed in range(start, start + count):
        seen[check(seed)] += 1
        if (seed - start + 1) % 1000 == 0:
            print(f"{seed - start + 1} graphs", flush=True)
    for (level, smaller), n in sorted(seen.items()):
        print(f"{n} {level}, {'smaller' if smaller else 'as they were'}")
    print(f"{count} graphs: no output spike of an exact result changed")
