"""NIR, written by us: the same network comes back, and a walk of the graph in time has its spikes, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

nir = pytest.importorskip("nir", reason="NIR is not installed: pip install 'spikeport[nir]'")

from interop.nir_graphs import inputs_for, random_graph  # noqa: E402

from spikeport import LayerNode, Neuron, SNNGraph  # noqa: E402
from spikeport.interop.nir import from_nir, load_nir, run_nir, save_nir, signals_of, to_nir  # noqa: E402
from spikeport.operations import Add, AvgPool, Conv, Linear  # noqa: E402

T = 6
SEEDS = st.integers(0, 2**32 - 1)


def spikes_in(nir_graph, graph, x, T=T):
    """Return the spikes of each layer that has neurons, shape (T, batch, …), by the walk in time."""
    names = {
        layer.name: next(n for n in (f"{layer.name}.fire", f"{layer.name}.neuron") if n in nir_graph.nodes)
        for layer in graph
        if layer.neuron.is_spiking
    }
    signals = signals_of(nir_graph, np.broadcast_to(x, (T, *x.shape)), names.values())
    return {layer: signals[name] for layer, name in names.items()}


def residual(dtype=np.float32, seed=3):
    """A residual block of 8×8 images: conv, pool, two ways that join, a readout."""
    draws = np.random.default_rng(seed)

    def weights(*shape):
        return (draws.integers(-8, 9, shape) / 16).astype(dtype)

    fires = Neuron("IF", threshold=[0.5, 1.0, 2.0], v_init=0.5)
    layers = [
        LayerNode.of("stem", Conv(weights(3, 1, 3, 2), weights(3), padding=1), fires),
        LayerNode.of("pool", AvgPool(2)),
        LayerNode.of("left", Conv(weights(3, 3, 3, 3), padding=1), Neuron("IF", threshold=0.5)),
        LayerNode.of("right", Conv(weights(3, 3, 1, 1), weights(3)), inputs=["pool"]),
        LayerNode.of("join", Add(), fires, inputs=["left", "right"]),
        LayerNode.of("output", Linear(weights(4, 48), np.ones(4, dtype)), Neuron("IF", v_init=0.5)),
    ]
    return SNNGraph(layers, (1, 8, 8))


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_what_is_written_is_read_as_the_same_network(seed):
    graph = random_graph(seed)
    assert from_nir(to_nir(graph)) == graph


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_walk_has_the_spikes_of_the_network(seed):
    graph = random_graph(seed)
    x = inputs_for(graph, seed)
    ran = graph.run(x, T=T, record=True, backend="reference")
    for name, spikes in spikes_in(to_nir(graph), graph, x).items():
        k = [layer.name for layer in graph].index(name)
        assert np.array_equal(spikes, ran.spikes[k]), name


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_a_file_keeps_all_of_it(seed, tmp_path_factory):
    graph, path = random_graph(seed), tmp_path_factory.mktemp("nir") / "a.nir"
    save_nir(to_nir(graph), path)
    assert from_nir(load_nir(path)) == graph


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_residual_network_runs_to_the_bit_and_comes_back(dtype, tmp_path):
    graph = residual(dtype)
    x = np.random.default_rng(0).integers(0, 9, (5, 1, 8, 8)) / 8
    save_nir(to_nir(graph), tmp_path / "residual.nir")
    back = load_nir(tmp_path / "residual.nir")
    assert list(back.nodes) == sorted(back.nodes)  # a file gives nodes by name: the order is that of the edges
    ran = graph.run(x, T=8, record=True, backend="reference")
    for name, spikes in spikes_in(back, graph, x, T=8).items():
        k = [layer.name for layer in graph].index(name)
        assert spikes.any()
        assert np.array_equal(spikes, ran.spikes[k]), name
    assert np.array_equal(run_nir(back, np.broadcast_to(x, (8, *x.shape))).sum(axis=0), ran.counts[-1])
    assert from_nir(back) == graph


def test_a_soft_reset_without_a_start_has_the_bits_of_any_floats():
    draws = np.random.default_rng(1)
    graph = SNNGraph(
        [
            LayerNode("a", 20, 30, draws.normal(size=(30, 20)), "IF", bias=draws.normal(size=30), threshold=0.7),
            LayerNode("b", 30, 10, draws.normal(size=(10, 30)), "IF", threshold=draws.uniform(0.3, 2, 10)),
        ]
    )
    x = draws.normal(size=(50, 20))
    ran = graph.run(x, T=40, record=True, backend="reference")
    spikes = spikes_in(to_nir(graph), graph, x, T=40)
    assert np.array_equal(spikes["a"], ran.spikes[0])
    assert np.array_equal(spikes["b"], ran.spikes[1])
    assert 0 < spikes["a"].mean() < 1


def test_a_circle_says_the_soft_reset_by_nodes_alone():
    written = to_nir(SNNGraph([LayerNode("a", 1, 1, [[1.0]], "IF", threshold=2.0, v_init=0.5)]))
    assert {name: type(node).__name__ for name, node in written.nodes.items()} == {
        "input": "Input",
        "a": "Affine",
        "a.membrane": "I",
        "a.fire": "Threshold",
        "a.back": "Scale",
        "a.late": "Delay",
        "output": "Output",
    }
    assert written.nodes["a.back"].scale == -2.0
    assert written.nodes["a.fire"].threshold == np.nextafter(1.0, 0)  # 2 - v_init·2, and just below for ">"
    assert ("a.late", "a.membrane") in written.edges
    for node in written.nodes.values():  # numbers alone, no words of ours: as another tool would write them
        node.metadata = {}
    assert from_nir(written)["a"].neuron == Neuron("IF", threshold=2.0, v_init=0.5)


def test_edited_numbers_win_over_what_the_metadata_say():
    graph = SNNGraph([LayerNode("a", 1, 1, [[1.0]], "IF", threshold=2.0)])
    written = to_nir(graph)
    written.nodes["a.back"].scale = np.array([-4.0])
    written.nodes["a.fire"].threshold = np.nextafter(np.array([4.0]), 0)
    assert from_nir(written)["a"].neuron == Neuron("IF", threshold=4.0)


def test_parameters_that_float32_rounds_come_back_as_they_were():
    weights = np.eye(2, dtype=np.float32)
    graph = SNNGraph([LayerNode("a", 2, 2, weights, "LIF", threshold=0.3, beta=0.9, v_reset=-0.1)])
    assert from_nir(to_nir(graph)) == graph


def test_names_that_nodes_need_give_way_to_names_of_layers():
    chain = [LayerNode("input", 2, 2, np.eye(2), "IF"), LayerNode("output", 2, 2, np.eye(2), "IF")]
    graph = SNNGraph([*chain, LayerNode("input.fire", 2, 2, np.eye(2), "IF")])
    assert from_nir(to_nir(graph)) == graph


def test_the_types_are_the_shapes_as_they_are():
    written = to_nir(residual())
    assert written.check_types()  # of all edges, in NIR's own words
    assert written.nodes["stem"].output_type["output"].tolist() == [3, 8, 9]  # NIR's rule would say 8 × 8
    assert written.nodes["pool"].output_type["output"].tolist() == [3, 4, 4]
