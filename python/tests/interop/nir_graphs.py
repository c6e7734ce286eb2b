"""Random spiking networks of what NIR can say, with values that no sum rounds."""

import numpy as np

from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Conv, Linear, SumPool


def dyadic(draws, shape, dtype):
    """Multiples of 1/8 in [-1, 1]: of these, sums of a few hundred terms are exact in float32 too."""
    return (draws.integers(-8, 9, shape) / 8).astype(dtype)


def random_neuron(draws, shape):
    kind = draws.choice(["soft", "started", "hard", "hard started", "leaky", "leaky hard", "none"])
    per = (shape[0],) if draws.random() < 0.5 else ()
    threshold = draws.choice([0.5, 1.0, 2.0], per)
    if kind == "none":
        return PASS_ON
    if kind.startswith("leaky"):
        reset = None if kind == "leaky" else -0.25
        return Neuron("LIF", threshold=threshold, beta=draws.choice([0.0, 0.5, 0.75], per), v_reset=reset)
    start = draws.choice([0.25, 0.5], per) if kind.endswith("started") else 0.0
    return Neuron("IF", threshold=threshold, v_init=start, v_reset=-0.5 if kind.startswith("hard") else None)


def random_operation(draws, shape, dtype):
    """An operation that reads one signal of this shape."""
    window = len(shape) - 1
    words = ["linear"] + ["conv"] * (window > 0) + ["sum", "average"] * (window == 2 and min(shape[1:]) > 1)
    word = draws.choice(words)
    if word in ("sum", "average"):
        pool = SumPool if word == "sum" else AvgPool
        return pool((2, int(draws.integers(1, 3))), padding=(int(draws.integers(2)), 0))
    out = int(draws.integers(1, 5))
    bias = dyadic(draws, out, dtype) if draws.random() < 0.7 else None
    if word == "linear":
        return Linear(dyadic(draws, (out, int(np.prod(shape))), dtype), bias)
    groups = shape[0] if draws.random() < 0.3 else 1
    out = groups * int(draws.integers(1, 3))
    bias = dyadic(draws, out, dtype) if draws.random() < 0.7 else None
    kernel = [int(draws.integers(1, min(3, n) + 1)) for n in shape[1:]]
    geometry = {"stride": int(draws.integers(1, 3)), "padding": int(draws.integers(2)), "groups": groups}
    return Conv(dyadic(draws, (out, shape[0] // groups, *kernel), dtype), bias, **geometry)


def random_graph(seed, n_layers=5):
    """A network whose layers read any layer before them, and whose last layer is read by none."""
    draws = np.random.default_rng(seed)
    dtype = np.float32 if draws.random() < 0.5 else np.float64
    shape = [(6,), (2, 7), (2, 5, 4)][draws.integers(3)]
    shapes, layers = {"input": shape}, []
    for k in range(n_layers):
        name, names = f"node.{k}", list(shapes)
        source = names[draws.integers(len(names))]
        alike = [other for other in names if other != source and shapes[other] == shapes[source]]
        if alike and draws.random() < 0.6:
            operation, reads = Add(), [source, *draws.permutation(alike)[:2]]
        else:
            operation, reads = random_operation(draws, shapes[source], dtype), [source]
        shapes[name] = operation.output_shape(*(shapes[read] for read in reads))
        layers.append(LayerNode.of(name, operation, random_neuron(draws, shapes[name]), [str(read) for read in reads]))
    return SNNGraph(layers, shape)


def inputs_for(graph, seed, batch=3):
    return dyadic(np.random.default_rng(seed), (batch, *graph.input_shape), np.float64)
