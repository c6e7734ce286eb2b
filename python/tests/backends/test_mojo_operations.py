"""The operations of the Mojo backend: the reference's bits behind any geometry, steady or not, whole or in parts."""

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from mojo_here import MOJO

from spikeport.backends import get_backend, parts
from spikeport.errors import KernelError
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

REFERENCE = get_backend("reference")

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
dtypes = st.sampled_from([np.float32, np.float64])
POOLS = [SumPool, AvgPool, MaxPool]


def per_axis(random, axes, low, high):
    return tuple(int(n) for n in random.integers(low, high, axes))


def drawn(random, shape, dtype):
    values = random.normal(size=shape) * (random.random(shape) < 0.6)
    return (values > 0.2 if random.integers(2) else values).astype(dtype)


def assert_agree(operation, *signals):
    expected = REFERENCE.operation_currents(operation, *signals)
    assert_same_bits(MOJO.operation_currents(operation, *signals), expected)


@given(seeds, dtypes, st.sampled_from([1, 2]), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_convolutions_give_the_same_bits(random, dtype, axes, groups):
    channels, out = groups * int(random.integers(1, 4)), groups * int(random.choice([1, 2, 7, 16, 17]))
    weight = random.normal(size=(out, channels // groups, *per_axis(random, axes, 1, 4))).astype(dtype)
    bias = random.normal(size=out).astype(dtype) if random.integers(2) else None
    window = {"stride": per_axis(random, axes, 1, 4), "padding": per_axis(random, axes, 0, 3)}
    operation = Conv(weight, bias, **window, dilation=per_axis(random, axes, 1, 3), groups=groups)
    lead = random.choice([0, 1, 3]), random.choice([0, 1, 2])
    assert_agree(operation, drawn(random, (*lead, channels, *random.integers(5, 9, axes)), dtype))


@given(seeds, dtypes, st.sampled_from([1, 2]), st.sampled_from(POOLS))
@settings(max_examples=150, deadline=None)
def test_pools_give_the_same_bits(random, dtype, axes, pool):
    kernel = per_axis(random, axes, 1, 4)
    padding = tuple(int(random.integers(k)) for k in kernel)
    operation = pool(kernel, per_axis(random, axes, 1, 4) if random.integers(2) else None, padding)
    lead = random.choice([0, 1, 5]), random.choice([0, 1, 2])
    assert_agree(operation, drawn(random, (*lead, 3, *random.integers(3, 8, axes)), dtype))


@given(seeds, dtypes, st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_joins_give_the_same_bits(random, dtype, count):
    shape = (4, 2, *random.integers(1, 4, random.integers(1, 4)))
    assert_agree(Add(), *(drawn(random, shape, dtype) for _ in range(count)))
    shapes = [(*shape[:2], random.integers(1, 4), *shape[3:]) for _ in range(count)]
    assert_agree(Concat(), *(drawn(random, each, dtype) for each in shapes))


def residual(random, dtype):
    """Pools of a constant input, a max pool of it, two branches, a join, a concat of spikes and values, an output."""

    def conv(out, channels, kernel, **window):
        return Conv(random.normal(size=(out, channels, *kernel)).astype(dtype), **window)

    fires = Neuron("IF", random.uniform(0.5, 1.5, 5), 0.5)
    leaks = Neuron("LIF", random.uniform(0.5, 1.5, 5), random.uniform(-1, 1, 5), beta=0.75)
    return [
        LayerNode.of("mean", AvgPool(2)),
        LayerNode.of("largest", MaxPool(2, stride=1), inputs=["input"]),
        LayerNode.of("first", conv(5, 1, (3, 3), padding=1), fires, ["mean"]),
        LayerNode.of("second", conv(5, 1, (1, 1), stride=2), leaks, ["largest"]),
        LayerNode.of("join", Add(), Neuron("ST-BIF", 0.75, 0.5), ["first", "second"]),
        LayerNode.of("all", Concat(), inputs=["join", "mean", "first"]),
        LayerNode.of("out", Linear(random.normal(size=(4, 11 * 16)).astype(dtype)), Neuron("IF", 1.0, 0.5)),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes"])
def test_a_residual_network_gives_the_same_bits_whole_and_in_parts(monkeypatch, encoding, dtype):
    random = np.random.default_rng(5)
    nodes = residual(random, dtype)
    x = random.random((6, 3, 1, 8, 8) if encoding == "spikes" else (3, 1, 8, 8)).astype(dtype)
    options = {"timesteps": 6, "encoding": encoding, "record": True, "seed": 7, "input_shape": (1, 8, 8)}
    expected = REFERENCE.network_run(nodes, x, **options)
    assert_same_bits(MOJO.network_run(nodes, x, **options), expected)
    monkeypatch.setattr(parts, "OPERATIONS_AT_ONCE", 40)
    assert_same_bits(MOJO.network_run(nodes, x, **options), expected)


def test_an_operation_that_mojo_does_not_have_is_refused_before_it_runs():
    class Doubled(Add):
        kind = "doubled"

    nodes = [LayerNode.of("join", Doubled(), inputs=["input", "input"])]
    for call in (
        lambda: MOJO.operation_currents(Doubled(), np.ones((1, 1, 2)), np.ones((1, 1, 2))),
        lambda: MOJO.network(nodes, (2,)),
    ):
        with pytest.raises(KernelError, match="no operation 'doubled'") as refused:
            call()
        assert refused.value.code == "operation"


def test_currents_that_overflow_are_refused():
    with pytest.raises(KernelError) as refused:
        MOJO.operation_currents(SumPool((2,)), np.full((1, 1, 1, 2), 1e308))
    assert refused.value.code == "non_finite"
