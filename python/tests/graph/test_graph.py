"""Graphs are checked when they are built, compare by content, and run."""

import copy
import pickle
import re

import numpy as np
import pytest
from bits import assert_same_bits, same_bits

from spikeport import Certificate, GraphError, KernelError, LayerNode, Neuron, SNNGraph, available_backends, get_backend
from spikeport.backends import BackendError, fingerprint
from spikeport.certificate import weakest


def node(name="a", n_in=3, n_out=2, **fields):
    fields = {"weights": np.ones((n_out, n_in)), "neuron_type": "IF"} | fields
    return LayerNode(name, n_in, n_out, **fields)


WRONG_LAYERS = {
    "shape": {"weights": np.ones((3, 2))},
    "non_finite": {"weights": np.full((2, 3), np.nan)},
    "dtype": {"weights": np.full((2, 3), "x")},
    "neuron_kind": {"neuron_type": "Izhikevich"},
    "threshold": {"threshold": 0.0},
    "beta": {"beta": 0.5},
    "v_reset": {"v_reset": 1.0},
    "tracer": {"neuron_type": "ST-BIF", "tracer_min": 1},
    "max_spikes": {"neuron_type": "LIF", "max_spikes": 2},
    "name": {"name": ""},
}


@pytest.mark.parametrize("code", WRONG_LAYERS)
def test_a_layer_that_cannot_be_is_refused(code):
    fields = {"name": "a", "n_in": 3, "n_out": 2} | WRONG_LAYERS[code]
    with pytest.raises(GraphError) as caught:
        node(**fields)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "fields", [{"bias": [1.0]}, {"firing_rates": [0.5]}, {"threshold": [1.0, 1.0, 1.0]}, {"weights": [1.0]}]
)
def test_arrays_must_fit_the_layer(fields):
    with pytest.raises(GraphError) as caught:
        node(**fields)
    assert caught.value.code == "shape"


@pytest.mark.parametrize("width", ["2", 2.5, None, True, 0, -1])
def test_a_width_is_a_whole_number_above_0(width):
    for name, sizes in (("n_inputs", (width, 2)), ("n_neurons", (3, width))):
        with pytest.raises(GraphError, match=f"a.{name} must be a whole number") as caught:
            LayerNode("a", *sizes, np.ones((2, 3)))
        assert caught.value.code == "shape"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"threshold": None}, "dtype"),
        ({"v_init": None}, "dtype"),
        ({"beta": None}, "dtype"),
        ({"threshold": "1"}, "dtype"),
        ({"threshold": np.array([1j])}, "dtype"),
        ({"threshold": [1, [2, 3]]}, "dtype"),
        ({"tracer_max": "31"}, "tracer"),
        ({"tracer_max": None}, "tracer"),
        ({"tracer_max": float("nan")}, "tracer"),
        ({"tracer_max": float("inf")}, "tracer"),
        ({"tracer_max": 3.5}, "tracer"),
        ({"tracer_max": True}, "tracer"),
        ({"tracer_max": 2**31}, "tracer"),
    ],
)
def test_a_neuron_that_cannot_be_is_refused(fields, code):
    with pytest.raises(GraphError) as caught:
        Neuron("ST-BIF", **fields)
    assert caught.value.code == code


def test_a_graph_must_chain_in_names_and_types():
    for layers, code in [
        ([], "shape"),
        (None, "shape"),
        (node(), "shape"),
        (["a"], "shape"),
        ([node(), node("b", 3, 2)], "shape"),
        ([node(), node("a", 2, 2)], "name"),
        ([node(), node("b", 2, 2, weights=np.ones((2, 2), np.float32))], "dtype"),
    ]:
        with pytest.raises(GraphError) as caught:
            SNNGraph(layers)
        assert caught.value.code == code


def test_a_layer_keeps_no_reference_to_what_it_was_given():
    weights, bias = np.ones((2, 3)), np.zeros(2)
    layer = node(weights=weights, bias=bias)
    weights[:], bias[:] = 7, 7
    assert layer.weights.max() == 1 and layer.bias.max() == 0
    copy = layer.copy()
    copy.weights[:] = 5
    assert layer.weights.max() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"bias": [1.0, 0.0]},
        {"threshold": 2.0},
        {"weights": np.zeros((2, 3))},
        {"v_init": 0.5},
        {"neuron_type": "LIF"},
        {"name": "b"},
        {"v_reset": 0.0},
        {"max_spikes": 2},
    ],
)
def test_equality_sees_every_part(change):
    fields = {"bias": [1.0, 1.0]} | change
    assert SNNGraph([node(bias=[1.0, 1.0])]) == SNNGraph([node(bias=[1.0, 1.0])])
    assert SNNGraph([node(bias=[1.0, 1.0])]) != SNNGraph([node(**fields)])


def test_summary_and_repr_name_what_matters():
    graph = SNNGraph([node(bias=[0.0, 1.0], threshold=[1.0, 2.0]), node("out", 2, 1, neuron_type="LIF", beta=0.5)])
    assert repr(graph) == "<SNNGraph 3 -> 2 -> 1, 10 parameters>"
    text = graph.summary()
    assert "θ=1…2" in text and "β=0.5" in text and "2 layers, 10 parameters" in text


def test_parts_are_found_by_index_and_name():
    graph = SNNGraph([node(), node("out", 2, 1)])
    assert (
        graph["out"] is graph[1] is graph[np.int64(1)]
        and [layer.name for layer in graph] == ["a", "out"]
        and graph.n_outputs == 1
    )
    with pytest.raises(KeyError, match="nowhere"):
        graph["nowhere"]


def test_take_keeps_a_neurons_own_parameters():
    neuron = Neuron("IF", [1.0, 2.0, 3.0], 0.5)
    assert neuron.take([2, 0]) == Neuron("IF", [3.0, 1.0], 0.5)


@pytest.mark.parametrize(
    ("part", "value", "code"),
    [
        ("weights", np.ones((2, 5)), "shape"),
        ("weights", np.ones((2, 3), int), "dtype"),
        ("weights", [[1.0] * 3] * 2, "dtype"),
        ("bias", np.ones(1), "shape"),
        ("bias", 0.5, "shape"),
        ("bias", np.ones((2, 1)), "shape"),
        ("bias", np.ones(2, np.float32), "dtype"),
        ("neuron", Neuron("IF", np.ones(5)), "shape"),
    ],
)
def test_a_layer_that_was_broken_does_not_run(part, value, code):
    graph = SNNGraph([node()])
    setattr(graph.layers[0], part, value)
    with pytest.raises(GraphError) as caught:
        graph.run(np.ones((1, 3)), T=2)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"T": -1}, "timesteps"),
        ({"T": 2.5}, "timesteps"),
        ({"T": True}, "timesteps"),
        ({"encoding": "morse"}, "encoding"),
        ({"encoding": "poisson", "seed": -1}, "seed"),
        ({"encoding": "poisson", "seed": 1.5}, "seed"),
        ({"x": np.full((1, 3), 1.5), "encoding": "poisson"}, "rate_range"),
        ({"x": np.ones((1, 4))}, "shape"),
        ({"x": np.ones(3)}, "shape"),
        ({"x": np.full((1, 3), np.inf)}, "non_finite"),
        ({"x": np.full((1, 3), 1j)}, "dtype"),
        ({"x": np.ones((3, 1, 3)), "encoding": "spikes"}, "shape"),
    ],
)
@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_bad_input_is_refused_by_code(arguments, code, backend):
    with pytest.raises(KernelError) as caught:
        SNNGraph([node()]).run(**({"x": np.ones((1, 3)), "T": 2, "backend": backend} | arguments))
    assert caught.value.code == code


def test_an_unknown_backend_is_refused_by_name():
    for name in ("fortran", None, ["rust"]):
        with pytest.raises(BackendError, match=re.escape(repr(name))):
            get_backend(name)
    assert available_backends()["reference"] is None


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    graph = SNNGraph(
        [node("a", 4, 6, weights=rng.normal(size=(6, 4))), node("b", 6, 3, weights=rng.normal(size=(3, 6)))]
    )
    x = rng.random((9, 4))
    whole = graph.run(x, T=12, encoding="poisson", record=True, backend="reference")
    monkeypatch.setattr("spikeport.backends.network.VALUES_AT_ONCE", 100)
    parts = graph.run(x, T=12, encoding="poisson", record=True, backend="reference")
    for a, b in zip(
        [*whole.counts, *whole.membrane, whole.drive, *whole.spikes],
        [*parts.counts, *parts.membrane, parts.drive, *parts.spikes],
        strict=True,
    ):
        assert np.array_equal(a, b)


def test_certificates_refuse_claims_without_figures():
    for fields in [
        {"level": "proven", "reason": "x"},
        {"level": "exact", "reason": ""},
        {"level": "bounded", "reason": "x"},
        {"level": "exact", "reason": "x", "bound": 1.0},
        {"level": "bounded", "reason": "x", "bound": float("nan")},
        {"level": "measured", "reason": "x"},
        {"level": "measured", "reason": "x", "samples": 3, "agreement": 1.5},
        {"level": "measured", "reason": "x", "samples": 3, "largest_difference": float("nan")},
    ]:
        with pytest.raises(ValueError):
            Certificate(**fields)


def test_a_chain_is_as_strong_as_its_weakest_step():
    exact, bounded = Certificate("exact", "equal rows"), Certificate("bounded", "rounding", bound=0.5)
    measured = Certificate("measured", "replayed", agreement=0.99, samples=100)
    assert (
        weakest([]) == "exact" and weakest([exact, bounded]) == "bounded" and weakest([measured, exact]) == "measured"
    )
    assert "99.00% agreement" in str(measured) and measured.to_dict()["samples"] == 100


class Counting:
    """A backend's `network`, counted."""

    def __init__(self, monkeypatch, backend):
        self.count, self._network = 0, backend.network
        monkeypatch.setattr(backend, "network", self, raising=True)

    def __call__(self, nodes, input_shape):
        self.count += 1
        return self._network(nodes, input_shape)


CHANGES = {
    "a value written into the weights": lambda graph: graph[0].weights.__setitem__((0, 0), 5.0),
    "a value written into the bias": lambda graph: graph[0].bias.__setitem__(0, 5.0),
    "other weights": lambda graph: setattr(graph[0], "weights", np.full((2, 3), 5.0)),
    "another bias": lambda graph: setattr(graph[0], "bias", np.full(2, 5.0)),
    "no bias": lambda graph: setattr(graph[0], "bias", None),
    "another neuron": lambda graph: setattr(graph[0], "neuron", Neuron("IF", 5.0)),
    "another layer": lambda graph: graph.layers.__setitem__(0, node(weights=np.full((2, 3), 5.0))),
    "one layer more": lambda graph: graph.layers.append(node("b", 2, 2)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_a_network_is_laid_out_once_and_again_after_a_change(change, backend, monkeypatch):
    graph = SNNGraph([node(bias=[1.0, 1.0], threshold=1.5)])
    laid_out, x = Counting(monkeypatch, get_backend(backend)), np.full((1, 3), 0.25)
    before = [graph.run(x, T=5, backend=backend, encoding=how) for how in ("current", "poisson", "current")]
    assert laid_out.count == 1
    CHANGES[change](graph)
    after = graph.run(x, T=5, backend=backend)
    assert laid_out.count == 2
    fresh = graph.copy().run(x, T=5, backend=backend)
    assert_same_bits(after, fresh)
    assert not same_bits(after, before[0]) and same_bits(before[0], before[2])


def test_each_backend_lays_out_for_itself():
    graph, x = SNNGraph([node()]), np.full((1, 3), 0.25)
    networks = [graph.network(name) for name in ("reference", "rust", "reference")]
    assert len({id(network) for network in networks}) == 3
    assert_same_bits(*(network.run(x, timesteps=4) for network in networks[:2]))


def test_a_copy_takes_no_laid_out_network_along():
    graph = SNNGraph([node()])
    graph.run(np.ones((1, 3)), T=2)
    for twin in (copy.deepcopy(graph), pickle.loads(pickle.dumps(graph)), graph.copy()):
        twin[0].weights[:] = 0
        assert twin.run(np.ones((1, 3)), T=2).counts[0].sum() == 0
    assert graph.run(np.ones((1, 3)), T=2).counts[0].sum() == 4


@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_weights_turned_over_are_another_network(backend):
    graph = SNNGraph([node(n_in=2, weights=np.array([[1.0, 2.0], [3.0, 4.0]]))])
    x = np.array([[0.25, 0.5]])
    graph.run(x, T=3, backend=backend)
    graph[0].weights = graph[0].weights.T
    assert_same_bits(graph.run(x, T=3, backend=backend), graph.copy().run(x, T=3, backend=backend))


def test_a_fingerprint_tells_a_square_from_its_transpose():
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert fingerprint([square]) != fingerprint([square.T]) == fingerprint([square.T.copy()])
