"""The Rust backend gives the reference's bits, on any floats, and refuses what the reference refuses."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import spikeport
from spikeport.backends import get_backend
from spikeport.errors import KernelError
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Linear

_rust = pytest.importorskip("spikeport._rust", reason="the Rust extension is not built: maturin develop")
RUST, REFERENCE = get_backend("rust"), get_backend("reference")

DTYPES = st.sampled_from([np.float32, np.float64])


def floats(dtype, shape, low=-4.0, high=4.0):
    width = 32 if dtype == np.float32 else 64
    low, high = float(dtype(low)), float(dtype(high))
    return arrays.arrays(dtype, shape, elements=st.floats(low, high, width=width))


@st.composite
def currents(draw):
    dtype = draw(DTYPES)
    shape = draw(st.sampled_from([(0, 3), (4, 0), (5, 1), (6, 3), (3, 2, 4), (2, 2, 1, 3)]))
    return draw(floats(dtype, shape))


def per_neuron(draw, n, low, high):
    one = st.floats(low, high)
    return draw(st.one_of(one, st.lists(one, min_size=n, max_size=n))) if n else draw(one)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_if_multistep_gives_the_same_bits(data):
    I = data.draw(currents())
    n = I.shape[-1]
    parameters = {
        "threshold": per_neuron(data.draw, n, 0.25, 2.0),
        "v_init": per_neuron(data.draw, n, -1.0, 1.0),
        "v_reset": data.draw(st.one_of(st.none(), st.floats(-1.0, 0.2))),
        "beta": per_neuron(data.draw, n, 0.0, 1.0),
    }
    assert_same_bits(RUST.if_multistep(I, **parameters), REFERENCE.if_multistep(I, **parameters))


@given(st.data(), st.integers(1, 127))
@settings(max_examples=100, deadline=None)
def test_several_spikes_a_step_have_the_same_bits(data, most):
    I = data.draw(currents()) * np.float32(most / 2)
    n = I.shape[-1]
    parameters = {
        "threshold": per_neuron(data.draw, n, 0.25, 2.0),
        "v_init": per_neuron(data.draw, n, -1.0, 1.0),
        "max_spikes": most,
    }
    assert_same_bits(RUST.if_multistep(I, **parameters), REFERENCE.if_multistep(I, **parameters))
    if len(I):
        one, other = (backend.if_constant(I[0], timesteps=3, **parameters) for backend in (RUST, REFERENCE))
        assert_same_bits(one, other)


@given(st.data(), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_if_constant_gives_the_same_bits(data, timesteps):
    dtype = data.draw(DTYPES)
    I = data.draw(floats(dtype, data.draw(st.sampled_from([(3,), (2, 3), (0, 3), (0,)]))))
    beta = data.draw(st.floats(0.0, 1.0))
    assert_same_bits(
        RUST.if_constant(I, timesteps=timesteps, beta=beta, threshold=0.7),
        REFERENCE.if_constant(I, timesteps=timesteps, beta=beta, threshold=0.7),
    )


@given(st.data(), st.integers(-3, 0), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_st_bif_gives_the_same_bits(data, tracer_min, tracer_max):
    I = data.draw(currents())
    parameters = {
        "threshold": per_neuron(data.draw, I.shape[-1], 0.25, 2.0),
        "v_init": data.draw(st.floats(-1.0, 1.5)),
        "tracer_min": tracer_min,
        "tracer_max": tracer_max,
    }
    assert_same_bits(RUST.st_bif_multistep(I, **parameters), REFERENCE.st_bif_multistep(I, **parameters))


@given(st.data(), st.integers(1, 70))
@settings(max_examples=100, deadline=None)
def test_qcfs_gives_the_same_bits(data, timesteps):
    x = data.draw(floats(data.draw(DTYPES), data.draw(st.sampled_from([(5,), (2, 3), (0, 2), (2, 0)]))))
    threshold = per_neuron(data.draw, x.shape[-1], 0.1, 3.0)
    assert_same_bits(
        RUST.qcfs(x, timesteps=timesteps, threshold=threshold),
        REFERENCE.qcfs(x, timesteps=timesteps, threshold=threshold),
    )


@given(st.data(), st.integers(0, 5), st.integers(0, 2**64 - 1))
@settings(max_examples=60, deadline=None)
def test_poisson_draws_the_same_spikes(data, timesteps, seed):
    rates = data.draw(floats(data.draw(DTYPES), data.draw(st.sampled_from([(3, 5), (0, 2), (2, 0)])), 0.0, 1.0))
    samples = data.draw(st.one_of(st.none(), arrays.arrays(np.uint64, len(rates))))
    assert_same_bits(
        RUST.encode_poisson(rates, timesteps=timesteps, seed=seed, samples=samples),
        REFERENCE.encode_poisson(rates, timesteps=timesteps, seed=seed, samples=samples),
    )


NEURONS = [
    Neuron("IF", 1.0, 0.5),
    Neuron("IF", 0.75, 0.0, v_reset=-0.125),
    Neuron("IF", 0.3, 0.5, max_spikes=5),
    Neuron("LIF", 1.0, 0.0, beta=0.9),
    Neuron("LIF", 0.5, 0.25, v_reset=0.1, beta=0.3),
    Neuron("ST-BIF", 0.6, 0.5, tracer_min=-2, tracer_max=3),
    Neuron("identity"),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("neuron", NEURONS, ids=repr)
def test_layer_forward_gives_the_same_bits(neuron, dtype):
    random = np.random.default_rng(3)
    weights, bias = random.normal(size=(37, 21)).astype(dtype), random.normal(size=37)
    for inputs in (random.integers(-1, 2, (7, 4, 21)).astype(np.int8), random.normal(size=(7, 21))):
        for b in (None, bias):
            one, other = (backend.layer_forward(inputs, weights, b, neuron) for backend in (RUST, REFERENCE))
            assert_same_bits(one, other)


def random_network(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    widths = draw(st.lists(st.sampled_from([1, 3, 31, 32, 33, 70]), min_size=2, max_size=4))
    layers, dtype = [], draw(DTYPES)
    for index, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        neuron = draw(st.sampled_from(NEURONS))
        if neuron.kind in ("IF", "LIF") and draw(st.booleans()):
            neuron = Neuron(neuron.kind, random.uniform(0.5, 1.5, n_out), random.uniform(-1, 1, n_out))
        weights = (random.normal(size=(n_out, n_in)) * 1.5 / np.sqrt(n_in)).astype(dtype)
        bias = random.normal(size=n_out) * 0.2 if draw(st.booleans()) else None
        layers.append(LayerNode.with_neuron(str(index), weights, bias, neuron))
    return layers, widths[0], random


@given(st.data(), st.sampled_from(["current", "poisson", "spikes", "pulse"]), st.booleans())
@settings(max_examples=160, deadline=None)
def test_network_run_gives_the_same_bits(data, encoding, record):
    layers, n_in, random = random_network(data.draw)
    timesteps, batch = data.draw(st.sampled_from([0, 1, 5, 70])), data.draw(st.sampled_from([0, 1, 5, 40]))
    x = random.random((timesteps, batch, n_in) if encoding == "spikes" else (batch, n_in))
    x = x.astype(data.draw(DTYPES))
    if encoding == "spikes":
        x = np.round(x * 2 - 1) * data.draw(st.sampled_from([1.0, 0.3]))
    options = {"timesteps": timesteps, "encoding": encoding, "record": record, "seed": 11}
    expected = REFERENCE.network_run(layers, x, **options)
    network = RUST.network(layers)
    for network.threads in (1, 3):
        assert_same_bits(network.run(x, **options), expected)


def test_a_sample_gives_the_same_spikes_at_any_place_in_a_batch():
    random = np.random.default_rng(5)
    layer = LayerNode("a", 12, 40, random.normal(size=(40, 12)), "IF")
    x = random.random((50, 12))
    order = random.permutation(50)
    one = RUST.network_run([layer], x, timesteps=9, encoding="poisson", seed=2, record=True)
    other = RUST.network_run([layer], x[order], timesteps=9, encoding="poisson", seed=2, record=True)
    assert_same_bits(one.counts[0][order], other.counts[0])
    assert_same_bits(one.spikes[0][:, order], other.spikes[0])


def test_arrays_that_are_not_contiguous_are_read_by_their_indices():
    random = np.random.default_rng(6)
    weights = np.asfortranarray(random.normal(size=(5, 4)))
    layer = LayerNode("a", 4, 5, weights, "IF")
    layer.weights = weights
    x = random.random((8, 4)).T[::-1].T
    assert_same_bits(RUST.network_run([layer], x, timesteps=6), REFERENCE.network_run([layer], x, timesteps=6))
    I = random.normal(size=(6, 8))[:, ::2]
    assert_same_bits(RUST.if_multistep(I), REFERENCE.if_multistep(I))


class Parts(NamedTuple):
    """A node that nobody checked."""

    operation: Linear
    neuron: Neuron = Neuron("IF")
    name: str = "a"
    inputs: tuple = ()


ONE_LAYER = [LayerNode("a", 3, 2, np.ones((2, 3)), "IF")]
X = np.full((2, 3), 0.5)
REFUSED = {
    "currents of one axis": lambda b: b.if_multistep([1.0, 2.0]),
    "NaN current": lambda b: b.if_multistep([[np.nan]]),
    "complex current": lambda b: b.if_multistep(np.ones((2, 2), complex)),
    "ragged currents": lambda b: b.if_multistep([[1.0, 2.0], [3.0]]),
    "infinite current": lambda b: b.if_constant([np.inf], timesteps=2),
    "threshold 0": lambda b: b.if_multistep([[1.0]], threshold=0.0),
    "threshold that float32 rounds to 0": lambda b: b.if_multistep(np.ones((1, 1), np.float32), threshold=1e-60),
    "threshold of another width": lambda b: b.if_multistep(np.ones((2, 3)), threshold=[1.0, 2.0]),
    "threshold of two axes": lambda b: b.if_multistep(np.ones((2, 3)), threshold=np.ones((1, 3))),
    "NaN v_init": lambda b: b.if_multistep([[1.0]], v_init=np.nan),
    "beta above 1": lambda b: b.if_multistep([[1.0]], beta=1.5),
    "v_reset at the threshold": lambda b: b.if_multistep([[1.0]], v_reset=1.0),
    "negative timesteps": lambda b: b.if_constant([1.0], timesteps=-1),
    "fractional timesteps": lambda b: b.if_constant([1.0], timesteps=1.5),
    "too many timesteps": lambda b: b.if_constant([1.0], timesteps=2**31),
    "a single number as current": lambda b: b.if_constant(1.0, timesteps=2),
    "no spikes at all": lambda b: b.if_multistep([[1.0]], max_spikes=0),
    "128 spikes a step": lambda b: b.if_multistep([[1.0]], max_spikes=128),
    "several spikes under hard reset": lambda b: b.if_multistep([[1.0]], v_reset=0.0, max_spikes=2),
    "several spikes under a leak": lambda b: b.if_constant([1.0], timesteps=2, beta=0.5, max_spikes=2),
    "tracer bounds above 0": lambda b: b.st_bif_multistep([[1.0]], tracer_min=1),
    "tracer bound between whole numbers": lambda b: b.st_bif_multistep([[1.0]], tracer_max=0.5),
    "tracer bound of 32 bits": lambda b: b.st_bif_multistep([[1.0]], tracer_max=2**31),
    "tracer bound that is a text": lambda b: b.st_bif_multistep([[1.0]], tracer_min="0"),
    "tracer threshold": lambda b: b.st_bif_multistep([[1.0]], threshold=-1.0),
    "inputs that do not fit": lambda b: b.layer_forward(np.ones((2, 1, 4)), np.ones((2, 3)), None, Neuron("IF")),
    "inputs of one axis": lambda b: b.layer_forward(np.ones(3), np.ones((2, 3)), None, Neuron("IF")),
    "bias that does not fit": lambda b: b.layer_forward(np.ones((2, 3)), np.ones((2, 3)), [1.0], Neuron("IF")),
    "weights of one axis": lambda b: b.layer_forward(np.ones((2, 3)), np.ones(3), None, Neuron("IF")),
    "weights of no axis": lambda b: b.layer_forward(np.ones((2, 3)), 1.0, None, Neuron("IF")),
    "neuron that does not fit": lambda b: b.layer_forward(
        np.ones((2, 3)), np.ones((2, 3)), None, Neuron("IF", [1.0, 1.0, 1.0])
    ),
    "unknown encoding": lambda b: b.network_run(ONE_LAYER, X, timesteps=2, encoding="burst"),
    "no layers": lambda b: b.network_run([], X, timesteps=2),
    "weights of whole numbers": lambda b: b.network_run([Parts(Linear(np.ones((2, 3), int)))], X, timesteps=2),
    "a bias for all": lambda b: b.network_run([Parts(Linear(np.ones((2, 3)), np.ones(1)))], X, timesteps=2),
    "layers that do not chain": lambda b: b.network_run(ONE_LAYER * 2, X, timesteps=2),
    "input of another width": lambda b: b.network_run(ONE_LAYER, X[:, :2], timesteps=2),
    "NaN input": lambda b: b.network_run(ONE_LAYER, X * np.nan, timesteps=2),
    "spikes of other steps": lambda b: b.network_run(ONE_LAYER, X[None], timesteps=2, encoding="spikes"),
    "rate above 1": lambda b: b.network_run(ONE_LAYER, X * 3, timesteps=2, encoding="poisson"),
    "negative seed": lambda b: b.network_run(ONE_LAYER, X, timesteps=2, encoding="poisson", seed=-1),
    "network timesteps": lambda b: b.network_run(ONE_LAYER, X, timesteps=True),
    "sums that overflow": lambda b: b.network_run(ONE_LAYER, X * 1e308 * 3, timesteps=2),
    "rates of one axis": lambda b: b.encode_poisson([0.5], timesteps=2),
    "NaN rate": lambda b: b.encode_poisson([[np.nan]], timesteps=2),
    "NaN input as rate": lambda b: b.network_run(ONE_LAYER, X * np.nan, timesteps=2, encoding="poisson"),
    "rates outside": lambda b: b.encode_poisson([[-0.5]], timesteps=2),
    "samples that do not fit": lambda b: b.encode_poisson([[0.5]], timesteps=2, samples=[1, 2]),
    "one sample for all": lambda b: b.encode_poisson([[0.5]], timesteps=2, samples=1),
    "samples between whole numbers": lambda b: b.encode_poisson([[0.5]], timesteps=2, samples=[1.5]),
    "negative samples": lambda b: b.encode_poisson([[0.5]], timesteps=2, samples=[-1]),
    "seed of 65 bits": lambda b: b.encode_poisson([[0.5]], timesteps=2, seed=2**64),
    "qcfs of no steps": lambda b: b.qcfs([1.0], timesteps=0),
    "qcfs of a number": lambda b: b.qcfs(1.0, timesteps=2),
    "qcfs threshold": lambda b: b.qcfs([1.0], timesteps=2, threshold=0.0),
}


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # the reference's own sums
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refuses_with_the_reference_code(call):
    with pytest.raises(KernelError) as expected:
        call(REFERENCE)
    with pytest.raises(KernelError) as given:
        call(RUST)
    assert given.value.code == expected.value.code


def test_a_run_that_memory_cannot_hold_is_an_error_not_an_abort():
    with pytest.raises(MemoryError):
        RUST.if_constant(np.ones(10**6), timesteps=2**31 - 1)


def test_the_extension_has_the_version_of_the_package():
    assert _rust.__version__ == spikeport.__version__


def test_auto_is_rust_where_it_is_built():
    assert get_backend("auto").name == "rust"
