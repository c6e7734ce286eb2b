"""A network that Rust lays out once runs as often as it is asked; what it cannot run is refused when it is made."""

import itertools

import numpy as np
import pytest
from bits import same_bits

from spikeport.backends import get_backend
from spikeport.errors import KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron

_rust = pytest.importorskip("spikeport._rust", reason="the Rust extension is not built: maturin develop")

WIDTHS = (12, 40, 33, 5)
NEURONS = (Neuron("IF", 1.0, 0.5), Neuron("ST-BIF", 0.7, 0.5, tracer_min=-3, tracer_max=5), Neuron("identity"))


def random_nodes(dtype):
    random = np.random.default_rng(4)
    nodes = []
    for index, (n_in, n_out) in enumerate(itertools.pairwise(WIDTHS)):
        arrays = {"weight": (random.normal(size=(n_out, n_in)) / np.sqrt(n_in)).astype(dtype)}
        if index != 1:
            arrays["bias"] = (random.normal(size=n_out) / 4).astype(dtype)
        nodes.append(("linear", arrays, {}, [index - 1], NEURONS[index]))
    return nodes


def one_node(weight=None, kind="linear", neuron=NEURONS[0], reads=-1, attributes=None, **arrays):
    weight = np.ones((2, 3)) if weight is None else weight
    return (kind, {"weight": weight, **arrays}, attributes or {}, [reads], neuron)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes", "pulse"])
def test_every_run_of_a_network_gives_the_bits_of_the_reference(dtype, encoding):
    nodes = random_nodes(dtype)
    layers = [
        LayerNode.with_neuron(str(index), arrays["weight"], arrays.get("bias"), neuron)
        for index, (_, arrays, _, _, neuron) in enumerate(nodes)
    ]
    network = _rust.Network(nodes, (12,))
    for seed, batch in itertools.product((1, 2), (1, 20)):
        x = np.random.default_rng(seed).random((9, batch, 12) if encoding == "spikes" else (batch, 12))
        expected = get_backend("reference").network_run(
            layers, x, timesteps=9, encoding=encoding, seed=seed, record=True
        )
        for threads in (None, 1, 3):
            traces, drive, settled = network.run(x, 9, encoding, seed, True, threads)
            assert same_bits(settled, expected.settled)
            assert drive.tobytes() == expected.drive.tobytes()
            for index, (counts, membrane, signal) in enumerate(traces):
                assert counts.tobytes() == expected.counts[index].tobytes()
                assert membrane.tobytes() == expected.membrane[index].tobytes()
                assert signal.tobytes() == expected.spikes[index].tobytes()


def test_a_network_keeps_the_weights_it_was_made_of():
    nodes = random_nodes(np.float64)
    network, x = _rust.Network(nodes, (12,)), np.full((1, 12), 0.5)
    before = network.run(x, 5, "current", 0, False, None)[1].tobytes()
    nodes[0][1]["weight"][:] = 0.0
    assert network.run(x, 5, "current", 0, False, None)[1].tobytes() == before


REFUSED = {
    "no nodes": ([], "shape"),
    "an operation that does not exist": ([one_node(kind="dense")], "operation"),
    "an array that a linear operation has not": ([one_node(stride=np.ones(1))], "operation"),
    "an attribute that no operation has": ([one_node(attributes={"depth": 1})], "operation"),
    "no weight": ([("linear", {}, {}, [-1], NEURONS[0])], "shape"),
    "layers of two types": ([one_node(), one_node(np.ones((2, 2), np.float32), reads=0)], "dtype"),
    "a bias of another type": ([one_node(bias=np.ones(2, np.float32))], "dtype"),
    "weights of whole numbers": ([one_node(np.ones((2, 3), int))], "dtype"),
    "weights of one axis": ([one_node(np.ones(3))], "shape"),
    "a bias of another length": ([one_node(bias=np.ones(3))], "shape"),
    "layers that do not chain": ([one_node(), one_node(reads=0)], "shape"),
    "a node that reads itself": ([one_node(np.ones((3, 3)), reads=0)], "shape"),
    "two signals for one reader": ([("linear", {"weight": np.ones((2, 3))}, {}, [-1, -1], NEURONS[0])], "shape"),
    "a convolution without a kernel": ([one_node(np.ones((1, 1, 3)), kind="conv")], "shape"),
    "a neuron of another width": ([one_node(neuron=Neuron("IF", [1.0, 1.0, 1.0]))], "shape"),
    "NaN among the weights": ([one_node(np.full((2, 3), np.nan))], "non_finite"),
    "an infinite bias": ([one_node(bias=np.full(2, np.inf))], "non_finite"),
}


@pytest.mark.parametrize(("nodes", "code"), REFUSED.values(), ids=REFUSED)
def test_a_network_that_cannot_run_is_refused_when_it_is_made(nodes, code):
    with pytest.raises(KernelError) as error:
        _rust.Network(nodes, (3,))
    assert error.value.code == code


def test_a_fingerprint_is_that_of_dtype_shape_and_values():
    a = np.arange(12, dtype=np.float64).reshape(3, 4)
    same = [a, a.copy(), np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]]
    assert len({_rust.fingerprint([array]) for array in same}) == 1
    changed = a.copy()
    changed[2, 3] = np.nextafter(changed[2, 3], 99.0)
    others = [
        [a],
        [changed],
        [a.reshape(4, 3)],
        [a.ravel()],
        [np.ascontiguousarray(a.T)],
        [a.ravel().reshape(3, 4, order="F")],
        [a.view(np.int64)],
        [a.astype(np.float32)],
        [a.astype(">f8")],
        [a, a],
        [a[:1], a[1:]],
        [a[:2], a[2:]],
        [a[:0]],
        [a[:, :0]],
        [np.array(-0.0)],
        [np.array(0.0)],
        [],
    ]
    assert len({_rust.fingerprint(arrays) for arrays in others}) == len(others)


def test_arrays_of_objects_have_no_fingerprint():
    with pytest.raises(KernelError) as error:
        _rust.fingerprint([np.array([None])])
    assert error.value.code == "dtype"


class Exported:
    """An array that says what it is by DLPack alone, as a tensor of a library that NumPy does not know."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **asked):
        return self._array.__dlpack__(**asked)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def graph_of(dtype=np.float32):
    nodes = random_nodes(dtype)
    return SNNGraph(
        LayerNode.with_neuron(str(index), arrays["weight"], arrays.get("bias"), neuron)
        for index, (_, arrays, _, _, neuron) in enumerate(nodes)
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_graph_gives_the_same_bits_on_any_number_of_threads(threads):
    graph, x = graph_of(), np.random.default_rng(3).random((70, 12), np.float32)
    expected, got = (graph.run(x, T=8, backend=name, threads=threads) for name in ("reference", "rust"))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(expected.counts, got.counts, strict=True))
    assert expected.drive.tobytes() == got.drive.tobytes()


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", 10**6])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(KernelError, match=r"threads must be a whole number from 1 to 1,024") as caught:
        graph_of().run(np.zeros((2, 12)), T=1, threads=threads)
    assert caught.value.code == "threads"


def test_an_array_of_another_library_is_read_by_dlpack():
    graph, x = graph_of(), np.random.default_rng(3).random((5, 12), np.float32)
    assert graph.run(Exported(x), T=6).drive.tobytes() == graph.run(x, T=6).drive.tobytes()


@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes", "pulse"])
def test_what_the_crate_looks_at_itself_is_refused_with_the_code_of_the_reference(encoding):
    good = np.full((3, 2, 12) if encoding == "spikes" else (2, 12), 0.5)
    for value, rounded in ((np.nan, np.float64), (np.inf, np.float64), (1e300, np.float32), (1.5, np.float64)):
        bad = good.copy()
        bad[..., 0] = value
        codes = []
        for backend in ("reference", "rust"):
            try:
                graph_of(rounded).run(bad, T=3, encoding=encoding, backend=backend)
                codes.append(None)
            except KernelError as error:
                codes.append(error.code)
        assert codes[0] == codes[1], (value, codes)
