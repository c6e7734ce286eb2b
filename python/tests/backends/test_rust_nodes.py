"""Networks of every operation give the reference's bits in Rust, whatever reads what."""

import numpy as np
import pytest

from spikeport.backends import get_backend
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

pytest.importorskip("spikeport._rust", reason="the Rust extension is not built: maturin develop")

SHAPE = (4, 9, 7)
SOFT = Neuron("IF", threshold=0.7, v_init=0.5)
SEVERAL = Neuron("IF", threshold=0.2, v_init=0.5, max_spikes=7)


def nodes(dtype):
    random = np.random.default_rng(12)

    def weight(*shape):
        return random.normal(size=shape).astype(dtype) / dtype(np.sqrt(np.prod(shape[1:])))

    per_channel = Neuron("LIF", threshold=random.uniform(0.5, 1.5, 16), beta=random.uniform(0.5, 1.0, 16))
    return [
        LayerNode.of("average", AvgPool((2, 3), stride=1, padding=(1, 1))),
        LayerNode.of("wide", Conv(weight(16, 4, 3, 3), weight(16), padding=1), per_channel),
        LayerNode.of("grouped", Conv(weight(16, 4, 3, 2), stride=(2, 1), dilation=(1, 2), groups=4), SEVERAL),
        LayerNode.of("depthwise", Conv(weight(16, 1, 2, 2), groups=16), inputs=["wide"]),
        LayerNode.of("hard", MaxPool(2), Neuron("IF", v_reset=-0.5)),
        LayerNode.of("largest", MaxPool(3, stride=2, padding=1), inputs=["average"]),
        LayerNode.of(
            "sum", SumPool((3, 3), stride=(3, 2)), Neuron("ST-BIF", 2.0, 0.5, tracer_min=-3), inputs=["input"]
        ),
        LayerNode.of("twice", Add(), SOFT, inputs=["largest", "largest", "largest"]),
        LayerNode.of("beside", Concat(), inputs=["largest", "twice"]),
        LayerNode.of("read", Linear(weight(9, 8 * 5 * 4)), SOFT),
        LayerNode.of("others", Linear(weight(9, 4 * 3 * 3), weight(9)), inputs=["sum"]),
        LayerNode.of("out", Add(), SOFT, inputs=["others", "read"]),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes", "pulse"])
@pytest.mark.parametrize(("timesteps", "batch"), [(70, 2), (9, 33), (0, 1), (5, 0)])
def test_every_node_gives_the_bits_of_the_reference(dtype, encoding, timesteps, batch):
    random = np.random.default_rng(3)
    x = random.random((timesteps, batch, *SHAPE) if encoding == "spikes" else (batch, *SHAPE))
    if encoding == "spikes":
        x = np.round(2 * x - 1)
    given = {"timesteps": timesteps, "encoding": encoding, "seed": 5, "record": True}
    expected, got = (get_backend(name).network(nodes(dtype), SHAPE).run(x, **given) for name in ("reference", "rust"))
    for part in ("counts", "membrane", "spikes"):
        for node, a, b in zip(nodes(dtype), getattr(got, part), getattr(expected, part), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), (part, node.name)
            assert a.tobytes() == b.tobytes(), (part, node.name)
    assert got.drive.tobytes() == expected.drive.tobytes()
    assert_same_settling(got.settled, expected.settled)
    if timesteps and batch and encoding != "pulse":
        assert all(np.any(counts) for counts in got.counts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 11), (4, 6, 5)], ids=len)
def test_currents_of_an_operation_are_those_of_the_reference(dtype, shape):
    random = np.random.default_rng(7)
    kernel = (3, 2)[: len(shape) - 1]
    signals = [np.round(random.normal(size=(70, 3, *shape)) * 0.7, 1).astype(dtype) for _ in range(3)]
    for rows in (1, 5, 40):
        weight = random.normal(size=(2 * rows, 2, *kernel)).astype(dtype)
        operation = Conv(weight, weight[:, 0].reshape(2 * rows, -1)[:, 0].copy(), padding=1, groups=2)
        assert_same(operation, signals[:1])
    for pool in (SumPool, AvgPool, MaxPool):
        assert_same(pool(kernel, stride=1, padding=(1,) * len(kernel)), signals[:1])
    assert_same(Add(), signals)
    assert_same(Concat(), signals)


def assert_same_settling(got, expected):
    assert (got is None) == (expected is None)
    if got is not None:
        assert (got.dtype, got.tolist()) == (expected.dtype, expected.tolist())


def assert_same(operation, signals):
    expected, got = (get_backend(name).operation_currents(operation, *signals) for name in ("reference", "rust"))
    assert (got.dtype, got.shape, got.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
