"""Integers: their laws, and what is refused before it could overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikeport.errors import GraphError, KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import if_constant, if_multistep, layer_forward, st_bif_multistep
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.transfer import CheckpointError, SNNCheckpoint, finetune_step, load_checkpoint, save_checkpoint

M = 2**31 - 1
tables = st.tuples(st.integers(1, 20), st.integers(1, 4)).flatmap(
    lambda shape: hnp.arrays(np.int32, shape, elements=st.integers(-900, 900))
)
even = st.integers(1, 300).map(lambda k: 2 * k)


def network(weights=np.int8, biases=np.int32):
    """A graph of every operation that integers have; of floats with the same numbers for other types."""
    rng = np.random.default_rng(5)

    def drawn(*shape):
        return rng.integers(-127, 128, shape).astype(weights)

    def b(n):
        return rng.integers(-900, 900, n).astype(biases)

    each = Neuron("IF", threshold=np.array([200.0, 300, 410, 88]), v_init=0.5, max_spikes=3)
    nodes = [
        LayerNode.of("stem", Conv(drawn(4, 2, 3, 3), b(4), padding=1), each),
        LayerNode.of("block", Conv(drawn(4, 2, 3, 3), padding=1, groups=2)),
        LayerNode.of("skip", Conv(drawn(4, 1, 1, 1), groups=4), PASS_ON, ["stem"]),
        LayerNode.of("join", Add(), Neuron("IF", 150.0, 0.5, -20.0), ["block", "skip"]),
        LayerNode.of("max", MaxPool(2), PASS_ON),
        LayerNode.of("sum", SumPool(2), PASS_ON, ["join"]),
        LayerNode.of("both", Concat(), PASS_ON, ["max", "sum"]),
        LayerNode.of("out", Linear(drawn(5, 32), b(5)), Neuron("IF", 64.0, 0.5)),
    ]
    return SNNGraph(nodes, (2, 4, 4))


@given(tables, even, st.sampled_from([1, 2, 7]))
def test_neurons_do_what_the_same_whole_numbers_do_as_floats(currents, threshold, max_spikes):
    whole = if_multistep(currents, threshold=threshold, max_spikes=max_spikes)
    floats = if_multistep(currents.astype(np.float64), threshold=threshold, max_spikes=max_spikes)
    assert whole.membrane.dtype == np.int32
    for a, b in zip(whole, floats, strict=True):
        assert np.array_equal(a, b)


@given(tables, even)
def test_a_bipolar_neuron_conserves_its_current_exactly(currents, threshold):
    """Σ I = θ·S + v_end - v_start, which division by θ can only approach."""
    trace = st_bif_multistep(currents, threshold=threshold, tracer_min=-5, tracer_max=7)
    total = currents.sum(axis=0, dtype=np.int64)
    assert np.array_equal(total, threshold * trace.counts + trace.membrane - threshold // 2)


def test_a_bipolar_neuron_of_thirds_settles_where_floats_do_not():
    """Three thirds are one: 1/3 + 1/3 + 1/3 of floats may not be."""
    trace = st_bif_multistep(np.ones((49, 1), np.int32), threshold=49, v_init=0.0)
    assert trace.counts.tolist() == [1] and trace.membrane.tolist() == [0]


@pytest.mark.parametrize("encoding", ["current", "spikes", "pulse"])
def test_a_network_does_what_the_same_whole_numbers_do_as_floats(encoding):
    T, shape = 12, (2, 4, 4)
    rng = np.random.default_rng(6)
    x = rng.integers(-20, 256, (T, 3, *shape) if encoding == "spikes" else (3, *shape))
    run = {"T": T, "encoding": encoding, "backend": "reference", "record": True}
    whole, floats = network().run(x, **run), network(np.float64, np.float64).run(x, **run)
    assert whole.drive.dtype == np.int32 and whole.counts[0].dtype == np.int64
    assert np.array_equal(whole.drive, floats.drive)
    for name in ("counts", "membrane", "spikes"):
        for a, b in zip(getattr(whole, name), getattr(floats, name), strict=True):
            assert np.array_equal(a, b)


@given(st.integers(1, 40), st.integers(-(2**31), M), even, st.sampled_from([0.0, 0.5, -1.0]))
def test_what_is_let_through_never_leaves_32_bits(T, current, threshold, start):
    """Run in numbers of any size, a membrane that was let through stays within 32 bits; v_init·θ ± T·|I| decides."""
    reach = max(abs(start * threshold), threshold) + T * abs(current)
    currents = np.full((T, 1), current, np.int32)
    if reach > M:
        with pytest.raises(KernelError, match="32-bit") as refused:
            if_multistep(currents, threshold=threshold, v_init=start)
        assert refused.value.code == "overflow"
        return
    v, highest = int(start * threshold), 0
    for _ in range(T):
        v += current
        highest = max(highest, abs(v))
        v -= threshold if v >= threshold else 0
    assert highest <= M
    assert if_multistep(currents, threshold=threshold, v_init=start).membrane.tolist() == [v]


def test_a_network_is_refused_before_its_first_step_where_it_could_overflow():
    graph, x = network(), np.full((1, 2, 4, 4), 255)
    with pytest.raises(KernelError, match="could reach") as refused:
        graph.run(x, T=10**9, backend="reference")  # would run for days
    assert refused.value.code == "overflow"


def test_the_bound_of_a_network_is_kept_by_its_currents():
    """No partial sum, in any order, and no membrane of a run that was let through passes the bound of its node."""
    from spikeport.kernels.bounds import node_reach

    graph, x, T = network(), np.random.default_rng(7).integers(-255, 256, (4, 2, 4, 4)), 9
    run = network(np.float64, np.float64).run(x, T=T, backend="reference", record=True)
    largest = {"input": 255.0}
    for node, counts, membrane in zip(graph, run.counts, run.membrane, strict=True):
        index = [layer.name for layer in graph].index(node.name)
        P = node.operation.bound(*(largest[name] for name in graph.reads(index)))
        largest[node.name] = P if not node.neuron.is_spiking else float(node.neuron.max_spikes)
        assert np.abs(membrane).max() <= node_reach(node.neuron, T, P)
        assert np.abs(counts).max() <= T * largest[node.name]


WRONG = {
    "a leak": (lambda: SNNGraph([LayerNode.of("a", Linear(W8), Neuron("LIF", 2.0))]), "neuron_kind"),
    "half of an odd threshold": (
        lambda: SNNGraph([LayerNode.of("a", Linear(W8), Neuron("IF", 3.0, 0.5))]),
        "not_whole",
    ),
    "a threshold with a fraction": (lambda: SNNGraph([LayerNode.of("a", Linear(W8), Neuron("IF", 2.5))]), "not_whole"),
    "a threshold of 33 bits": (lambda: SNNGraph([LayerNode.of("a", Linear(W8), Neuron("IF", 2.0**31))]), "overflow"),
    "an average": (
        lambda: SNNGraph([LayerNode.of("p", AvgPool((2,))), LayerNode.of("a", Linear(W8[:, :1]))], (1, 2)),
        "operation",
    ),
    "weights of 8 and 16 bits": (
        lambda: SNNGraph([LayerNode.of("a", Linear(W8)), LayerNode.of("b", Linear(W8.astype(np.int16)))]),
        "dtype",
    ),
    "a bias of 16 bits": (lambda: LayerNode.of("a", Linear(W8, np.ones(2, np.int16))), "dtype"),
    "weights of 32 bits": (lambda: LayerNode.of("a", Linear(W8.astype(np.int32))), "dtype"),
}
W8 = np.ones((2, 2), np.int8)


@pytest.mark.parametrize("wrong", WRONG)
def test_what_integers_cannot_be_is_refused_when_a_graph_is_built(wrong):
    build, code = WRONG[wrong]
    with pytest.raises((GraphError, KernelError)) as refused:
        build()
    assert refused.value.code == code


def test_inputs_that_are_not_whole_are_named():
    with pytest.raises(KernelError, match=r"0\.5") as refused:
        network().run(np.full((1, 2, 4, 4), 0.5), T=3, backend="reference")
    assert refused.value.code == "not_whole"


def test_integers_draw_no_poisson_spikes():
    with pytest.raises(KernelError, match="spikes") as refused:
        network().run(np.ones((1, 2, 4, 4)), T=3, encoding="poisson", backend="reference")
    assert refused.value.code == "encoding"


def test_whole_numbers_in_other_types_stay_floats():
    """An array of Python's integers has always been one of floats, and stays one."""
    trace = if_constant([1, 2], timesteps=3)
    assert trace.membrane.dtype == np.float64
    assert layer_forward(np.ones((2, 1, 2), np.int8), [[1, 2]], None, Neuron("IF")).membrane.dtype == np.float64


def test_a_checkpoint_keeps_integers(tmp_path):
    graph = network()
    save_checkpoint(SNNCheckpoint.from_graph(graph), tmp_path / "net")
    loaded = load_checkpoint(tmp_path / "net")
    assert loaded.to_graph() == graph and loaded.weights[0].dtype == np.int8 and loaded.biases[0].dtype == np.int32
    with np.load(tmp_path / "net.npz") as archive:  # NumPy reads what stands there
        assert archive["layer_0.weight"].dtype == np.int8


def test_a_chain_of_integers_is_no_version_1(tmp_path):
    graph = SNNGraph([LayerNode.of("a", Linear(W8), Neuron("IF", 2.0, 0.5))])
    save_checkpoint(SNNCheckpoint.from_graph(graph), tmp_path / "net")
    assert '"version": 2' in (tmp_path / "net.json").read_text("utf-8")
    assert load_checkpoint(tmp_path / "net").to_graph() == graph


def test_integers_do_not_learn():
    checkpoint = SNNCheckpoint.from_graph(SNNGraph([LayerNode.of("a", Linear(W8), Neuron("IF", 2.0, 0.5))]))
    with pytest.raises(KernelError, match="floats") as refused:
        finetune_step(checkpoint, [np.ones((2, 2))], [0.1])
    assert refused.value.code == "dtype"


def test_integers_without_a_structure_are_refused_by_type():
    with pytest.raises(CheckpointError) as refused:
        SNNCheckpoint([W8], ["a"], [(2, 2)])
    assert refused.value.code == "dtype"
