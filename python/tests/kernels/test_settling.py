"""A pulse: the input and the biases once, until nothing moves; then the counts are the quantised activations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport.backends import get_backend
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

LONG = 256


def dyadic(rng, *shape):
    return rng.integers(-16, 17, shape) / 16


def quantised_graph(seed):
    """A network over all operations; averages are of four, thresholds powers of two: every sum is exact."""
    rng = np.random.default_rng(seed)

    def levels():
        return Neuron(
            "ST-BIF", float(rng.choice([0.25, 0.5, 1.0])), 0.5, tracer_min=0, tracer_max=int(rng.choice([3, 7]))
        )

    each = Neuron("ST-BIF", rng.choice([0.25, 0.5, 1.0], 3), 0.5, tracer_min=int(rng.choice([0, -4])), tracer_max=7)
    pool = [MaxPool(2), AvgPool(2), SumPool(2)][seed % 3]
    return SNNGraph(
        [
            LayerNode.of("stem", Conv(dyadic(rng, 3, 2, 3, 3), dyadic(rng, 3), padding=1), each),
            LayerNode.of("block", Conv(dyadic(rng, 3, 1, 3, 3), dyadic(rng, 3), padding=1, groups=3)),
            LayerNode.of("join", Add(), levels(), ["block", "stem"]),
            LayerNode.of("pool", pool),
            LayerNode.of("largest", MaxPool(2), PASS_ON, ["stem"]),
            LayerNode.of("both", Concat(), PASS_ON, ["pool", "largest"]),
            LayerNode.of("hidden", Linear(dyadic(rng, 4, 24), dyadic(rng, 4)), levels()),
            LayerNode.of("out", Linear(dyadic(rng, 2, 4), dyadic(rng, 2))),
        ],
        (2, 4, 4),
    )


def quantised_network(graph, x):
    """What the quantised network answers: each node once, on the activations of what it reads."""
    values = {"input": x}
    for k, node in enumerate(graph):
        reads = [values[name][None] for name in graph.reads(k)]
        z = node.operation.currents(*reads, dtype=x.dtype)[0]
        if node.neuron.is_spiking:
            θ = np.reshape(node.neuron.threshold, (-1, *(1,) * (z.ndim - 2)))
            z = np.clip(np.floor(z / θ + 0.5), node.neuron.tracer_min, node.neuron.tracer_max)
        values[node.name] = z
    return values


@settings(max_examples=40)
@given(st.integers(0, 2**20))
def test_settled_counts_are_the_activations_of_the_quantised_network(seed):
    graph = quantised_graph(seed)
    x = dyadic(np.random.default_rng(seed + 1), 4, 2, 4, 4)
    result = graph.run(x, T=LONG, encoding="pulse", backend="reference")
    expected = quantised_network(graph, x)
    settled = result.settled >= 0
    assert settled.any()
    for node, counts in zip(graph, result.counts, strict=True):
        assert np.array_equal(counts[settled], expected[node.name][settled]), node.name
    assert np.array_equal(result.drive[settled], expected["out"][settled])


@settings(max_examples=20)
@given(st.integers(0, 2**20))
def test_the_settled_step_is_the_first_behind_which_nothing_moves(seed):
    graph = quantised_graph(seed)
    x = dyadic(np.random.default_rng(seed + 1), 3, 2, 4, 4)
    result = graph.run(x, T=64, encoding="pulse", record=True, stop_when_settled=False, backend="reference")
    for sample, settled in enumerate(result.settled):
        moves = np.array([any(signal[t, sample].any() for signal in result.spikes) for t in range(64)])
        if settled < 0:
            assert moves[1:].all()
        else:
            assert moves[1:settled].all() and not moves[settled:].any()


@pytest.mark.parametrize("record", [False, True])
def test_a_run_that_stops_when_settled_gives_what_the_whole_run_gives(record):
    graph = quantised_graph(5)
    graph.layers[0].neuron = Neuron("IF", 0.25, 0.5)  # some samples take longer than others, or never end
    x = 4 * dyadic(np.random.default_rng(6), 12, 2, 4, 4)
    stopped, whole = (
        graph.run(x, T=200, encoding="pulse", record=record, stop_when_settled=stop, backend="reference")
        for stop in (True, False)
    )
    assert len(set(whole.settled.tolist())) > 2
    assert stopped.timesteps == whole.timesteps == 200
    for ours, theirs in ((stopped.counts, whole.counts), (stopped.membrane, whole.membrane)):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert np.array_equal(stopped.drive, whole.drive) and np.array_equal(stopped.settled, whole.settled)
    if record:
        assert all(np.array_equal(a, b) for a, b in zip(stopped.spikes, whole.spikes, strict=True))


def test_a_settled_sample_is_not_run_on(monkeypatch):
    network = get_backend("reference").network(quantised_graph(8).layers, (2, 4, 4))
    runs = []
    inner = network._run

    def counted(x, timesteps, *rest):
        runs.append((len(x), timesteps))
        return inner(x, timesteps, *rest)

    monkeypatch.setattr(network, "_run", counted)
    x = dyadic(np.random.default_rng(9), 6, 2, 4, 4)
    settled = network.run(x, timesteps=10**6, encoding="pulse").settled
    assert runs[0] == (6, 16) and max(steps for _, steps in runs) < 10**6
    assert (settled >= 0).all()
    for (samples, steps), (_, before) in zip(runs[1:], runs, strict=False):
        assert samples == int((settled >= before).sum()) and steps == 2 * before


def test_membranes_that_leak_are_run_to_the_end():
    leaky = Neuron("LIF", 4.0, 0.0, None, 0.5)
    graph = SNNGraph([LayerNode.of("out", Linear(np.array([[1.0]])), leaky)])
    result = graph.run(np.array([[1.0]]), T=20, encoding="pulse", backend="reference")
    assert result.membrane[0][0, 0] == 2.0**-19 and result.settled.tolist() == [1]


def test_only_a_pulse_settles():
    graph = quantised_graph(3)
    assert graph.run(np.zeros((1, 2, 4, 4)), T=4).settled is None
