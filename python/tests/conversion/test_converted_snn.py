"""`ConvertedSNN`: built from arrays, run, classified."""

import copy
import pickle

import numpy as np
import pytest

from spikeport.conversion import ConvertedSNN
from spikeport.errors import ConversionError, GraphError, KernelError
from spikeport.graph import SNNGraph


@pytest.fixture
def snn():
    return ConvertedSNN([np.eye(3), np.array([[1.0, 0, 0], [0, -1, 0]])], [None, np.array([0.0, 0.25])], [1.0, 1.0], 8)


def test_it_is_built_from_arrays_as_documented(snn):
    assert (snn.n_layers, snn.T) == (2, 8)
    assert [layer.neuron_type for layer in snn.graph] == ["IF", "IF"]
    assert snn.certificate.level == "unchecked"
    assert repr(snn) == "<ConvertedSNN 3 -> 3 -> 2, T=8, unchecked>"


def test_counts_are_those_of_qcfs_of_the_input(snn):
    assert snn.run([0.5, 0.0, 0.0], encoding="current").tolist() == [4, 2]
    assert snn.run([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0]], encoding="current").tolist() == [[8, 2], [0, 0]]


def test_counts_lie_between_0_and_the_timesteps(snn):
    counts = snn.run(np.random.default_rng(0).random((20, 3)))
    assert counts.dtype == np.int64
    assert counts.min() >= 0
    assert counts.max() <= 8


def test_the_membrane_readout_is_the_mean_drive_in_units_of_the_trained_network(snn):
    scaled = ConvertedSNN(snn.weights, snn.biases, snn.thresholds, 8, scales=[1.0, 10.0])
    assert scaled.run([0.0, 1.0, 0.0], encoding="current", readout="membrane").tolist() == [0.0, -7.5]
    assert scaled.run([0.0, 1.0, 0.0], encoding="current").tolist() == [0, 0]


def test_one_sample_or_a_batch(snn):
    x = np.random.default_rng(1).random((5, 3))
    batch = snn.classify(x, seed=2)
    assert batch.shape == (5,)
    assert [snn.classify(row, seed=2) for row in x] == batch.tolist()
    assert np.array_equal(snn.run(x.reshape(5, 1, 3), seed=2), snn.run(x, seed=2))
    assert snn.run(np.zeros((0, 3))).shape == (0, 2)


def test_poisson_is_seeded_and_current_takes_no_seed(snn):
    x = np.full((4, 3), 0.5)
    assert np.array_equal(snn.run(x, seed=4, T=64), snn.run(x, seed=4, T=64))
    assert not np.array_equal(snn.run(x, seed=4, T=64), snn.run(x, seed=5, T=64))
    assert np.array_equal(snn.run(x, seed=4, encoding="current"), snn.run(x, seed=5, encoding="current"))


def test_a_tensor_with_a_gradient_is_taken(snn, torch):
    x = torch.full((2, 3), 0.5, requires_grad=True)
    assert np.array_equal(snn.run(x, seed=1), snn.run(x.detach().numpy(), seed=1))


def test_it_keeps_no_reference_to_the_arrays_it_was_given():
    weights = np.eye(3)
    snn = ConvertedSNN([weights], [None], [1.0], 8)
    weights[:] = 7
    assert np.array_equal(snn.weights[0], np.eye(3))


CHANGES = {
    "an array assigned to the list": lambda snn: snn.weights.__setitem__(0, 2 * np.eye(3)),
    "an array that is written into": lambda snn: np.multiply(snn.weights[0], 2, out=snn.weights[0]),
    "a list of arrays": lambda snn: setattr(snn, "weights", [2 * np.eye(3), snn.weights[1]]),
    "a slice": lambda snn: snn.weights.__setitem__(slice(0, 1), [2 * np.eye(3)]),
    "a layer of the graph": lambda snn: setattr(snn.graph[0], "weights", 2 * np.eye(3)),
    "a bias": lambda snn: snn.biases.__setitem__(0, [0.25, 0, 0]),
    "a threshold": lambda snn: snn.thresholds.__setitem__(0, 0.5),
    "the start of the membrane": lambda snn: setattr(snn, "v_init", 0.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_a_change_reaches_the_next_run(snn, change, backend):
    x = [0.3, 0.0, 0.0]
    before = snn.graph.run([x], T=8, backend=backend)
    CHANGES[change](snn)
    after = snn.graph.run([x], T=8, backend=backend)
    assert before.drive.tolist() != after.drive.tolist() or before.membrane[0].tolist() != after.membrane[0].tolist()
    parts = {"weights": snn.weights, "biases": snn.biases, "thresholds": snn.thresholds, "v_init": snn.v_init, "T": 8}
    assert ConvertedSNN(**parts) == snn


def test_a_change_that_makes_no_network_is_refused(snn):
    for change in (lambda: snn.weights.append(np.eye(3)), lambda: snn.weights.__setitem__(slice(0, 2), [np.eye(3)])):
        with pytest.raises(GraphError, match=r"layers"):
            change()
    snn.weights[1] = np.ones((2, 4))
    with pytest.raises(GraphError) as caught:
        snn.run(np.zeros(3))
    assert caught.value.code == "shape"


def test_a_copy_is_a_network_of_its_own(snn):
    for twin in (copy.deepcopy(snn), pickle.loads(pickle.dumps(snn))):
        twin.weights[0][:] = 0
        assert twin != snn and np.array_equal(snn.weights[0], np.eye(3))


def test_another_graph_keeps_what_the_conversion_knows(snn):
    named = ConvertedSNN(snn.weights, snn.biases, [1.0, 1.0], 8, names=["a", "b"], scales=[2.0, 3.0])
    graph = SNNGraph([named.graph["b"].copy()])
    assert named.with_graph(graph).scales == [3.0]
    assert named.with_graph(graph).graph is graph
    with pytest.raises(ConversionError, match="layer_0"):
        named.with_graph(snn.graph)


def test_equal_networks_are_equal(snn):
    twin = ConvertedSNN([W.copy() for W in snn.weights], snn.biases, [1.0, 1.0], 8)
    assert twin == snn
    assert twin != ConvertedSNN(snn.weights, snn.biases, [1.0, 1.0], 9)


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.zeros((3, 4)), ConversionError),
        (np.zeros(2), ConversionError),
        (0.5, ConversionError),
        ([[0.0, np.nan, 0.0]], KernelError),
        ([[0.0, np.inf, 0.0]], KernelError),
        ([[0.0, 1.5, 0.0]], KernelError),
        ([[0.0, -0.1, 0.0]], KernelError),
        ([["a", "b", "c"]], KernelError),
        ([[0.0, 0.0, 0.0], [0.0]], ConversionError),
    ],
)
def test_bad_input_is_a_value_error_before_any_work(snn, x, error):
    with pytest.raises(error) as caught:
        snn.run(x)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"T": 0}, "timesteps"),
        ({"T": -3}, "timesteps"),
        ({"encoding": "spikes"}, "encoding"),
        ({"encoding": "rate"}, "encoding"),
        ({"readout": "voltage"}, "readout"),
        ({"seed": -1}, "seed"),
        ({"backend": "fpga"}, "unknown_backend"),
    ],
)
def test_an_unknown_way_of_running_is_refused(snn, how, code):
    with pytest.raises(ValueError) as caught:
        snn.run(np.zeros(3), **how)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"biases": [None]}, ConversionError),
        ({"biases": None}, ConversionError),
        ({"thresholds": 1.0}, ConversionError),
        ({"names": "ab"}, ConversionError),
        ({"scales": [1.0, float("nan")]}, ConversionError),
        ({"thresholds": [1.0]}, ConversionError),
        ({"names": ["a"]}, ConversionError),
        ({"T": 0}, ConversionError),
        ({"weights": [np.eye(3), np.ones((2, 4))]}, GraphError),
        ({"weights": [np.eye(3), np.ones(2)]}, ConversionError),
        ({"weights": []}, ConversionError),
        ({"thresholds": [1.0, 0.0]}, GraphError),
        ({"weights": [np.full((3, 3), np.nan), np.ones((2, 3))]}, GraphError),
    ],
)
def test_arrays_that_make_no_network_are_refused(snn, change, error):
    parts = {"weights": snn.weights, "biases": snn.biases, "thresholds": snn.thresholds, "T": 8}
    with pytest.raises(error):
        ConvertedSNN(**{**parts, **change})
