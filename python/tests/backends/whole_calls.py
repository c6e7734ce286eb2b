"""Calls of integers for a backend that is held against the reference: what it answers, and what it refuses."""

import itertools

import numpy as np

from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

LARGEST = 2**31 - 1
IF, SEVERAL = Neuron("IF", threshold=24, v_init=0.5), Neuron("IF", threshold=10, v_init=0.5, max_spikes=7)
HARD, BIPOLAR = Neuron("IF", threshold=9, v_reset=-4), Neuron("ST-BIF", threshold=6, v_init=0.5, tracer_min=-3)
ROWS = Neuron("IF", threshold=[8, 16, 30, 4], v_init=0.5)
GRADED = Neuron("identity")


def whole_calls():
    """Return (name, call of a backend) pairs: every kernel that has integers, in shapes of all kinds."""
    rng = np.random.default_rng(9)

    def draw(*shape, most=60, dtype=np.int32):
        return rng.integers(-most // 2, most, shape).astype(dtype)

    for shape in ((6, 3), (5, 2, 4), (0, 3), (4, 0)):
        I, θ = draw(*shape), 2 * rng.integers(1, 30, shape[-1]) if shape[-1] else 2
        yield f"soft {shape}", lambda b, I=I, θ=θ: b.if_multistep(I, threshold=θ)
        yield f"several {shape}", lambda b, I=I, θ=θ: b.if_multistep(I, threshold=θ, max_spikes=5)
        yield f"hard {shape}", lambda b, I=I, θ=θ: b.if_multistep(I[::-1], threshold=θ, v_init=0, v_reset=-7)
        yield f"bipolar {shape}", lambda b, I=I, θ=θ: b.st_bif_multistep(I, threshold=θ, tracer_min=-3, tracer_max=4)
        if len(I):
            yield f"constant {shape}", lambda b, I=I, θ=θ: b.if_constant(I[0], timesteps=7, threshold=θ)
    odd = (draw(20, 4, most=2**26) | 1, {"threshold": 2**26 + 7, "v_init": 0.0})
    yield "beyond float32", lambda b: b.if_multistep(odd[0], **odd[1])
    x = draw(6, 2, 5, most=9)
    for dtype, neuron in itertools.product((np.int8, np.int16), (IF, SEVERAL, HARD, BIPOLAR, GRADED)):
        W, bias = draw(3, 5, most=np.iinfo(dtype).max, dtype=dtype), draw(3)
        yield f"layer {neuron.kind} {dtype.__name__}", lambda b, a=(x, W, bias, neuron): b.layer_forward(*a)
    x, line = draw(3, 2, 6, 5, 6), draw(3, 2, 4, 7)
    reads = {"conv": (Conv(draw(6, 2, 3, 2, dtype=np.int8), draw(6), (2, 1), (1, 0), (1, 2), 3), [x])}
    reads |= {"linear": (Linear(draw(4, 28, most=30_000, dtype=np.int16)), [line]), "add": (Add(), [x, x[::-1], x])}
    reads |= {"concat": (Concat(), [x, x]), "sum_pool": (SumPool((3, 2), stride=2, padding=1), [x])}
    reads |= {"max_pool": (MaxPool((3, 2), stride=2, padding=1), [-abs(x)]), "line": (MaxPool((2,)), [line])}
    for name, (operation, signals) in reads.items():
        yield f"whole {name}", lambda b, o=operation, s=signals: (b.operation_currents(o, *s),)
    shapes = {"current": (3, 2, 4, 4), "spikes": (5, 3, 2, 4, 4), "pulse": (3, 2, 4, 4)}
    for k, (neuron, encoding) in enumerate(itertools.product((SEVERAL, HARD, BIPOLAR, ROWS), shapes)):
        nodes, dtype = whole_nodes(draw, (np.int8, np.int16)[k % 2], neuron), (np.int32, np.float64)[k % 3 == 1]
        given = {"timesteps": 5, "encoding": encoding, "record": True, "input_shape": (2, 4, 4)}
        inputs = draw(*shapes[encoding], dtype=dtype)
        name = f"whole {neuron.kind} {encoding} {k}"
        yield name, lambda b, a=(nodes, inputs), k=given: b.network_run(*a, **k)


def whole_nodes(draw, dtype, neuron):
    """Return the nodes of a network with branches, of weights of integers."""
    return [
        LayerNode.of("first one", Conv(draw(4, 2, 3, 3, most=7, dtype=dtype), draw(4), padding=1), neuron),
        LayerNode.of("pool", MaxPool(2)),
        LayerNode.of("skip", Conv(draw(4, 2, 1, 1, most=7, dtype=dtype), stride=2), GRADED, ["input"]),
        LayerNode.of("join", Add(), neuron, ["skip", "pool"]),
        LayerNode.of("sum", SumPool(1), GRADED),
        LayerNode.of("out", Linear(draw(3, 16, most=7, dtype=dtype), draw(3)), BIPOLAR),
    ]


def whole_faults():
    """Return (name, call of a backend) pairs of integers that are refused."""
    I, one = np.array([[4, 2], [0, 1]], np.int32), np.ones((1, 1), np.int8)
    layer = [LayerNode.of("a", Linear(one), Neuron("IF"))]
    yield "start", lambda b: b.if_multistep(I)
    yield "fraction", lambda b: b.if_multistep(I, threshold=2.5, v_init=0)
    yield "leak", lambda b: b.if_multistep(I, v_init=0, beta=0.5)
    yield "overflow", lambda b: b.if_multistep(I, v_init=0, threshold=LARGEST - 7)
    yield "steps", lambda b: b.if_constant(I[0], timesteps=LARGEST, v_init=0)
    yield "bipolar", lambda b: b.st_bif_multistep(I, threshold=LARGEST - 7, v_init=0)
    yield "half", lambda b: b.layer_forward(np.full((1, 1, 1), 0.5), one, None, Neuron("IF"))
    yield "leaks", lambda b: b.layer_forward(np.ones((1, 1, 1)), one, None, Neuron("LIF"))
    yield "layer", lambda b: b.layer_forward(np.full((2, 1, 1), 2**30), one, None, GRADED)
    yield "average", lambda b: b.operation_currents(AvgPool(2), np.ones((1, 1, 1, 2, 2), np.int32))
    yield "add", lambda b: b.operation_currents(Add(), *[np.full((1, 1, 1), 2**30, np.int32)] * 2)
    yield "rates", lambda b: b.network_run(layer, [[1.0]], timesteps=1, encoding="poisson")
    yield "network", lambda b: b.network_run(layer, [[2.0**30]], timesteps=2)
    yield "input", lambda b: b.network_run(layer, [[2.0**31]], timesteps=1)
