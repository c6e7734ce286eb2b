"""Integers in Rust: the numbers and the types of the reference, for networks of every operation and for each kernel."""

import numpy as np
import pytest

from spikeport.backends import get_backend
from spikeport.errors import KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool

_rust = pytest.importorskip("spikeport._rust", reason="the Rust extension is not built: maturin develop")

SHAPE = (4, 9, 7)
SOFT = Neuron("IF", threshold=150.0, v_init=0.5)
BIPOLAR = Neuron("ST-BIF", 64.0, 0.25, tracer_min=-3, tracer_max=5)


def graph(dtype):
    random = np.random.default_rng(12)
    most = min(900, np.iinfo(dtype).max)  # beyond, 40 steps could overflow

    def weight(*shape):
        return random.integers(-most, most + 1, shape).astype(dtype)

    def bias(n):
        return random.integers(-9000, 9000, n).astype(np.int32)

    each = Neuron("IF", threshold=2.0 * random.integers(50, 9000, 16), v_init=0.5, max_spikes=7)
    return SNNGraph(
        [
            LayerNode.of("summed", SumPool((2, 3), stride=1, padding=(1, 1))),
            LayerNode.of("wide", Conv(weight(16, 4, 3, 3), bias(16), padding=1), each),
            LayerNode.of("grouped", Conv(weight(16, 4, 3, 2), stride=(2, 1), dilation=(1, 2), groups=4), BIPOLAR),
            LayerNode.of("depthwise", Conv(weight(16, 1, 2, 2), bias(16), groups=16), inputs=["wide"]),
            LayerNode.of("hard", MaxPool(2), Neuron("IF", 300.0, v_reset=-20.0)),
            LayerNode.of("largest", MaxPool(3, stride=2, padding=1), inputs=["summed"]),
            LayerNode.of("sum", SumPool((3, 3), stride=(3, 2)), BIPOLAR, inputs=["input"]),
            LayerNode.of("twice", Add(), SOFT, inputs=["largest", "largest", "largest"]),
            LayerNode.of("beside", Concat(), inputs=["largest", "twice"]),
            LayerNode.of("read", Linear(weight(9, 8 * 5 * 4)), SOFT),
            LayerNode.of("others", Linear(weight(9, 4 * 3 * 3), bias(9)), inputs=["sum"]),
            LayerNode.of("out", Add(), inputs=["others", "read"]),
        ],
        SHAPE,
    )


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize("encoding", ["current", "spikes", "pulse"])
@pytest.mark.parametrize(("T", "batch"), [(40, 2), (9, 33), (0, 1), (5, 0)])
def test_every_node_gives_the_integers_of_the_reference(dtype, encoding, T, batch):
    random = np.random.default_rng(3)
    x = random.integers(-9, 64, (T, batch, *SHAPE) if encoding == "spikes" else (batch, *SHAPE))
    given = {"T": T, "encoding": encoding, "record": True}
    expected, got = (graph(dtype).run(x, backend=name, **given) for name in ("reference", "rust"))
    for part in ("counts", "membrane", "spikes"):
        for node, a, b in zip(graph(dtype), getattr(got, part), getattr(expected, part), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), (part, node.name)
            assert np.array_equal(a, b), (part, node.name)
    assert got.drive.dtype == np.int32 and np.array_equal(got.drive, expected.drive)
    assert (got.settled is None) == (expected.settled is None) and np.array_equal(got.settled, expected.settled)
    if T and batch and encoding != "pulse":
        assert all(np.any(counts) for counts in got.counts)


KERNELS = {
    "several spikes": lambda b, I: b.if_multistep(I, threshold=[8, 20, 44], max_spikes=5),
    "hard reset": lambda b, I: b.if_multistep(I, threshold=30, v_init=0.0, v_reset=[-9, 0, 29]),
    "a constant current": lambda b, I: b.if_constant(I[0], timesteps=50, threshold=70, v_init=-2.0),
    "bipolar": lambda b, I: b.st_bif_multistep(I, threshold=12, tracer_min=-4, v_init=[0.5, 0.25, 0.0]),
    "a layer": lambda b, I: b.layer_forward(I, W, np.array([7, -90000], np.int32), Neuron("IF", 600.0)),
    "a layer without neurons": lambda b, I: b.layer_forward(I, W, None, Neuron("identity")),
}
W = np.array([[-32768, 3, 32767], [90, -800, 7]], np.int16)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_give_the_integers_of_the_reference(name):
    currents = np.random.default_rng(8).integers(-50, 80, (30, 4, 3)).astype(np.int32)
    expected, got = (KERNELS[name](get_backend(backend), currents) for backend in ("reference", "rust"))
    for a, b in zip(got, expected, strict=True):
        assert (a.dtype, a.shape, a.tolist()) == (b.dtype, b.shape, b.tolist())
    assert got.membrane.dtype == np.int32


def test_a_run_at_the_bound_is_made_and_one_above_it_refused():
    net = SNNGraph([LayerNode.of("a", Linear(np.array([[-3, 4]], np.int8)), Neuron("IF", 10.0))])
    most = (2**31 - 1 - 10) // (6 * 7)
    at = net.run(np.array([[-most, most]]), T=6, backend="rust")
    assert at.membrane[0][0, 0] == 6 * 7 * most - 60
    with pytest.raises(KernelError) as refused:
        net.run(np.array([[-most, most + 1]]), T=6, backend="rust")
    assert refused.value.code == "overflow"


REFUSED = {
    "integers that could overflow": (1, np.full((1, 1), 2**30, np.int32), "current", "overflow"),
    "floats for a network of integers": (1, np.ones((1, 1)), "current", "dtype"),
    "integers as rates": (1, np.ones((1, 1), np.int32), "poisson", "encoding"),
    "a weight of 17 bits": (40000, None, "", "overflow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_crate_itself_refuses(name):
    """Whatever Python has checked before: the crate believes nobody."""
    weight, x, encoding, code = REFUSED[name]
    node = ("linear", {"weight": np.full((1, 1), weight, np.int32)}, {}, [-1], Neuron("IF", 2.0))
    with pytest.raises(KernelError) as refused:
        _rust.Network([node], (1,)).run(x, 2, encoding, 0, False, None)
    assert refused.value.code == code
