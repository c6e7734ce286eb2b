"""A batch runs in parts that fit, with the same bits: how many parts, and what is refused."""

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.backends import BIT_EQUAL, Network, available_backends
from spikeport.conversion import ConvertedSNN
from spikeport.errors import KernelError
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Conv, Linear, MaxPool

IF = Neuron("IF", v_init=0.5)
T = 5


@pytest.fixture
def graph():
    """A residual block with both pools, on images of 6 × 6."""
    rng = np.random.default_rng(0)
    layers = [
        LayerNode.of("conv1", Conv(rng.standard_normal((4, 2, 3, 3)), None, padding=1), IF),
        LayerNode.of("conv2", Conv(rng.standard_normal((4, 4, 3, 3)), rng.standard_normal(4), padding=1)),
        LayerNode.of("add", Add(), IF, ["conv2", "conv1"]),
        LayerNode.of("max", MaxPool(2)),
        LayerNode.of("mean", AvgPool(3)),
        LayerNode.of("out", Linear(rng.standard_normal((3, 4)), None), IF),
    ]
    return SNNGraph(layers, (2, 6, 6))


@pytest.fixture
def parts(monkeypatch):
    """How many samples each call into the backend got."""
    sizes = []
    kinds = {type(SNNGraph([LayerNode("a", 1, 1, [[1.0]])]).network(name)) for name in here()}
    for kind, inner in {kind: kind._run for kind in kinds}.items():  # all before any is changed: they inherit it

        def counted(self, x, *given, inner=inner):
            sizes.append(x.shape[-1 - len(self.placed.input_shape)])
            return inner(self, x, *given)

        monkeypatch.setattr(kind, "_run", counted)
    return sizes


def here():
    return [name for name in BIT_EQUAL if available_backends()[name] is None]


def arrays(result):
    return [*result.counts, *result.membrane, result.drive, *(result.spikes or [])]


def same(a, b):
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(arrays(a), arrays(b), strict=True))


@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes"])
@pytest.mark.parametrize("record", [False, True])
@pytest.mark.parametrize("backend", here())
def test_a_batch_runs_in_parts_of_so_many_bytes_with_the_same_bits(graph, parts, backend, record, encoding):
    x = np.random.default_rng(1).integers(0, 2, (T, 11, 2, 6, 6) if encoding == "spikes" else (11, 2, 6, 6))
    how = {"T": T, "encoding": encoding, "record": record, "backend": backend, "seed": 3}
    whole = graph.run(x, **how)
    assert parts == [11]
    need = graph.network(backend).need(T, record)
    assert sum(array.nbytes for array in arrays(whole)) == 11 * need.results
    for at_once, sizes in ((11, [11]), (4, [4, 4, 3]), (1, [1] * 11)):
        parts.clear()
        cut = graph.run(x, **how, max_bytes=11 * need.results + at_once * need.work)
        assert parts == sizes
        assert same(cut, whole)


@pytest.mark.parametrize("backend", here())
@pytest.mark.parametrize("record", [False, True])
def test_results_that_do_not_fit_are_refused_before_any_work(graph, parts, backend, record):
    need = graph.network(backend).need(T, record)
    least = 3 * need.results + need.work
    with pytest.raises(KernelError, match="3 samples takes") as refused:
        graph.run(np.zeros((3, 2, 6, 6)), T=T, record=record, backend=backend, max_bytes=least - 1)
    assert refused.value.code == "memory" and f"{3 * need.results:,} bytes" in str(refused.value)
    assert parts == []
    graph.run(np.zeros((3, 2, 6, 6)), T=T, record=record, backend=backend, max_bytes=least)
    assert sum(parts) == 3


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, "1", True])
def test_what_is_no_number_of_bytes_is_refused(graph, max_bytes):
    with pytest.raises(KernelError, match="max_bytes must be a whole number") as refused:
        graph.run(np.zeros((1, 2, 6, 6)), T=T, max_bytes=max_bytes)
    assert refused.value.code == "memory"
    with pytest.raises(KernelError, match="max_bytes must be a whole number"):
        ConvertedSNN.from_graph(graph, T).classify(np.zeros((1, 2, 6, 6)), max_bytes=max_bytes)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_a_converted_network_keeps_what_its_output_did_alone(graph, parts, backend, delay, monkeypatch):
    """The results of hidden layers are many times the answer, so that a large batch never holds them all."""
    snn = ConvertedSNN.from_graph(graph, T)
    x = np.random.default_rng(2).random((10, 2, 6, 6))
    how = {"backend": backend, "readout_delay": delay, "seed": 1}
    answers = [snn.run(x, **how, readout=readout) for readout in ("spikes", "membrane")] + [snn.classify(x, **how)]
    assert set(parts) == {10}
    parts.clear()
    most = 3 * sum(graph.network(backend).need(T))
    assert most < 10 * graph.network(backend).need(T).results or backend == "reference"
    cut = [snn.run(x, **how, readout=readout, max_bytes=most) for readout in ("spikes", "membrane")]
    cut.append(snn.classify(x, **how, max_bytes=most))
    assert all(np.array_equal(a, b) for a, b in zip(answers, cut, strict=True))
    assert max(parts) == 3 and sum(parts) == 3 * 10 * (2 if delay else 1)
    parts.clear()
    monkeypatch.setattr("spikeport.conversion.running.readout.BYTES_AT_ONCE", most)
    assert np.array_equal(snn.classify(x, **how), answers[2])
    assert max(parts) == 3


def test_the_estimate_holds_for_the_reference(graph):
    """What NumPy allocates at most lies within what was said, and is not far below it."""
    import tracemalloc

    steps, x = 200, np.random.default_rng(3).random((4, 2, 6, 6))
    network = graph.network("reference")
    network.run(x, timesteps=2)
    tracemalloc.start()
    try:
        network.run(x, timesteps=steps, encoding="poisson")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.3 * 4 * sum(network.need(steps)) < peak < 1.2 * 4 * sum(network.need(steps))
    assert isinstance(network, Network)


def test_what_the_crate_joins_is_bounded_whatever_the_batch(graph, parts, monkeypatch):
    x = np.random.default_rng(4).random((10, 2, 6, 6))
    whole = graph.run(x, T=T, backend="rust", record=True)
    parts.clear()
    most = 4 * graph.network("rust").need(T, record=True).results
    monkeypatch.setattr("spikeport.backends.rust.RESULTS_AT_ONCE", most)
    assert same(graph.run(x, T=T, backend="rust", record=True), whole)
    assert parts == [4, 3, 3]


@pytest.mark.parametrize("backend", here())
def test_a_pulse_settles_the_same_in_parts(parts, backend):
    rng = np.random.default_rng(5)
    neuron = Neuron("ST-BIF", 0.25, 0.5, tracer_min=0, tracer_max=7)
    weights = rng.integers(-16, 17, (8, 5)) / 16, rng.integers(-16, 17, (3, 8)) / 16
    graph = SNNGraph([LayerNode.of(str(k), Linear(W, None), neuron) for k, W in enumerate(weights)])
    x = rng.integers(0, 17, (12, 5)) / 16
    how = {"T": 200, "encoding": "pulse", "backend": backend, "record": True}
    whole = graph.run(x, **how)
    assert (whole.settled > 0).all()
    parts.clear()
    need = graph.network(backend).need(200, record=True)
    cut = graph.run(x, **how, max_bytes=12 * need.results + need.work)
    assert same(cut, whole) and np.array_equal(cut.settled, whole.settled)
    assert max(parts) < 12
