"""Random graphs of integers: every operation and neuron, weights of 8 or of 16 bits, small enough never to overflow."""

import numpy as np

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.errors import GraphError
from spikeport.neuron import PASS_ON
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool

MOST_VALUES = 200  # of one signal


class Builder:
    """A graph while it grows: the shapes of its signals by name, and how large their values are at most."""

    def __init__(self, seed, pulse=False):
        self.rng = np.random.default_rng(seed)
        self.pulse = pulse
        self.dtype = self.rng.choice([np.int8, np.int16])
        places = [int(n) for n in self.rng.integers(3, 8, self.rng.integers(0, 3))]
        self.input_shape = (int(self.rng.integers(1, 5)), *places)
        self.shapes, self.largest = {"input": self.input_shape}, {"input": 9.0}
        self.nodes = []

    def window(self, axes, dilated):
        rng = self.rng
        kernel = tuple(int(k) for k in rng.integers(1, 4, axes))
        geometry = {
            "stride": [int(n) for n in rng.integers(1, 3, axes)],
            "padding": [int(rng.integers(k)) for k in kernel],
        }
        return kernel, geometry | ({"dilation": [int(n) for n in rng.integers(1, 3, axes)]} if dilated else {})

    def arrays(self, *shape):
        rng, most = self.rng, int(self.rng.choice([2, 9, 127]))
        weight = rng.integers(-most, most + 1, shape) * (rng.random(shape) < 0.8)
        bias = rng.integers(-3 * most, 3 * most + 1, shape[0]).astype(np.int32) if rng.random() < 0.7 else None
        return weight.astype(self.dtype), bias

    def neuron(self, n):
        """Neurons of n channels whose start is a whole number of their thresholds."""
        rng, several = self.rng, int(self.rng.choice([1, 2, 7]))
        kind = str(rng.choice(["ST-BIF", "identity"] if self.pulse else ["IF", "ST-BIF", "identity"]))
        if kind == "identity":
            return PASS_ON
        most = int(rng.choice([3, 20, 300]))
        per_channel = rng.random() < 0.5
        half = rng.integers(1, most, n) if per_channel else int(rng.integers(1, most))
        θ, start = (2.0 * half, float(rng.choice([0, 0.5, -1])))
        if kind == "ST-BIF":
            low, high = (int(rng.choice(bounds)) for bounds in ([0, -3], [1, 15]))
            return Neuron(kind, θ, start, tracer_min=low, tracer_max=high)
        hard = rng.random() < 0.4
        reset = (
            (-half.astype(float) if per_channel and rng.random() < 0.5 else float(rng.integers(-3, 2)))
            if hard
            else None
        )
        return Neuron(kind, θ, start, v_reset=reset, max_spikes=1 if hard else several)

    def source(self):
        names = list(self.shapes)
        return names[-1] if self.rng.random() < 0.7 else str(self.rng.choice(names))

    def drawn(self):
        """Return an operation and what it reads."""
        rng, source = self.rng, self.source()
        channels, *places = self.shapes[source]
        alike = [name for name, shape in self.shapes.items() if shape[1:] == self.shapes[source][1:]]
        same = [name for name in alike if self.shapes[name] == self.shapes[source]]
        kinds = (
            ["linear", "conv", "conv", "sum_pool", "max_pool", "add", "concat"]
            if places
            else ["linear", "add", "concat"]
        )
        kind = str(rng.choice(kinds))
        if kind == "linear":
            return Linear(*self.arrays(int(rng.integers(1, 7)), int(np.prod(self.shapes[source])))), [source]
        if kind == "conv":
            groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
            kernel, geometry = self.window(len(places), dilated=True)
            arrays = self.arrays(groups * int(rng.integers(1, 4)), channels // groups, *kernel)
            return Conv(*arrays, **geometry, groups=groups), [source]
        if kind == "add":
            return Add(), [source, *(str(name) for name in rng.choice(same, rng.integers(1, 3)))]
        if kind == "concat":
            return Concat(), [source, *(str(name) for name in rng.choice(alike, rng.integers(1, 3)))]
        kernel, geometry = self.window(len(places), dilated=False)
        return (SumPool if kind == "sum_pool" else MaxPool)(kernel, **geometry), [source]

    def grow(self, name, last=False):
        """Add one node, or none where what was drawn does not fit; where values have grown large, it has neurons."""
        try:
            operation, inputs = self.drawn()
            shape = operation.output_shape(*(self.shapes[source] for source in inputs))
        except GraphError:
            return
        most = operation.bound(*(self.largest[source] for source in inputs))
        neuron = self.neuron(shape[0])
        if np.prod(shape) > MOST_VALUES or most > 1e6 or (not neuron.is_spiking and most > 1e4 and not last):
            return
        self.nodes.append(LayerNode.of(name, operation, neuron, inputs))
        self.shapes[name] = shape
        self.largest[name] = float(max(map(abs, neuron.spike_range))) if neuron.is_spiking else most


def integer_graph(seed, pulse=False):
    """A graph of up to nine nodes on inputs of at most 9; for a ``pulse`` its neurons are ST-BIF, which settle."""
    build = Builder(seed, pulse)
    while not any(node.operation.arrays() for node in build.nodes):
        build.nodes.clear()
        build.shapes, build.largest = {"input": build.input_shape}, {"input": 9.0}
        for index in range(int(build.rng.integers(2, 10))):
            build.grow(f"node{index}")
    return SNNGraph(build.nodes, build.input_shape)


def integer_inputs(graph, seed, batch=3, timesteps=None):
    """Whole numbers from -9 to 9, of the network's shape; with ``timesteps`` one sample for each step."""
    lead = (batch,) if timesteps is None else (timesteps, batch)
    return np.random.default_rng([seed, 1]).integers(-9, 10, (*lead, *graph.input_shape)).astype(np.int32)
