"""A checkpoint's lists are views of one graph, and are read, compared and copied as lists are."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.transfer import SNNCheckpoint


def test_a_view_is_read_as_a_list(made):
    checkpoint = made()
    assert [w.shape for w in checkpoint.weights] == [(4, 3), (2, 4)] and checkpoint.weights[-1].shape == (2, 4)
    assert isinstance(checkpoint.weights, list) and len(list(checkpoint.weights)) == len(checkpoint.weights) == 2
    assert json.dumps([checkpoint.layer_names, checkpoint.layer_sizes]) == '[["a", "b"], [[3, 4], [4, 2]]]'
    assert np.asarray(checkpoint.layer_sizes).tolist() == [[3, 4], [4, 2]]
    assert ["x", *checkpoint.layer_names] == ["x"] + checkpoint.layer_names == ["x", "a", "b"]  # noqa: RUF005
    assert checkpoint.layer_names + ["x"] == ["a", "b", "x"]  # noqa: RUF005
    assert "b" in checkpoint.layer_names and checkpoint.layer_names.index("b") == 1
    assert checkpoint.layer_names[::-1] == ["b", "a"] and repr(checkpoint.layer_names) == "['a', 'b']"
    assert checkpoint.weights == made().weights and checkpoint.weights != checkpoint.biases
    assert checkpoint.weights != [w.astype(np.float32) for w in checkpoint.weights]
    assert checkpoint.neuron_types != ("IF", "LIF")
    with pytest.raises(IndexError):
        checkpoint.weights[2] = np.ones((2, 2))


def test_a_view_that_is_kept_shows_what_the_graph_has_now(made):
    checkpoint = made()
    weights, names = checkpoint.weights, checkpoint.layer_names
    checkpoint.graph["a"].weights = np.full((4, 3), 7.0)
    checkpoint.layer_names[1] = "x"
    assert weights[0][0, 0] == 7.0 and list(names) == ["a", "x"]
    weights[0][...] = 8.0
    assert checkpoint.graph["a"].weights[0, 0] == 8.0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
def test_a_copied_view_is_a_plain_list(copied, made):
    checkpoint = made()
    plain = copied(checkpoint.layer_names)
    plain.append("c")
    assert type(plain) is list and plain == ["a", "b", "c"] and checkpoint.layer_names == ["a", "b"]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda checkpoint: pickle.loads(pickle.dumps(checkpoint)), dataclasses.replace]
)
def test_a_copied_checkpoint_is_equal_and_its_own(copied, made):
    checkpoint = made()
    twin = copied(checkpoint)
    assert twin == checkpoint and twin.graph is not checkpoint.graph
    twin.weights[0] -= 1.0
    twin.layer_names[0] = "x"
    twin.frozen_layers.append("b")
    twin.metadata["task"] = "other"
    assert checkpoint == made() and twin.graph["x"].weights[0, 0] == -1.0


def test_what_waits_is_copied_too(made):
    checkpoint = made()
    checkpoint.weights[-1] = np.ones((5, 4))
    twin = copy.deepcopy(checkpoint)
    twin.biases[-1] = np.ones(5)
    twin.validate()
    assert twin.layer_sizes == checkpoint.layer_sizes and checkpoint.biases[-1].shape == (2,)


def test_a_checkpoint_is_a_dataclass_of_plain_content(made):
    content = {field.name: getattr(made(), field.name) for field in dataclasses.fields(SNNCheckpoint)}
    assert SNNCheckpoint(**content) == made()
    assert dataclasses.replace(made(), metadata={}).metadata == {}
    plain = dataclasses.asdict(made())
    assert list(plain) == list(content) and plain["layer_names"] == ["a", "b"] and type(plain["weights"]) is list


def test_arrays_and_lists_are_copied_when_they_are_given(made):
    weights, bias, frozen = np.zeros((4, 3)), np.zeros(4), ["a"]
    checkpoint = made(weights=[weights, np.ones((2, 4))], biases=[bias, None], frozen_layers=frozen)
    assigned = np.zeros((2, 4))
    checkpoint.weights[1] = assigned
    for array in (weights, bias, assigned):
        array[...] = 7.0
    frozen.append("b")
    assert not any(array.any() for array in (*checkpoint.weights, checkpoint.biases[0]))
    assert checkpoint.frozen_layers == ["a"]


def test_an_array_assigned_where_it_already_is_stays_the_same_array(made):
    """``checkpoint.weights[0] -= …`` ends with one: a copy would leave behind whoever holds the array."""
    checkpoint = made()
    held = checkpoint.weights[0]
    checkpoint.weights[0] -= 1.0
    held[0, 0] = 7.0
    assert checkpoint.weights[0] is held and checkpoint.graph["a"].weights is held


def test_the_held_graph_and_the_copies(made):
    checkpoint = made()
    assert checkpoint.graph is checkpoint.graph and checkpoint.to_graph() == checkpoint.graph
    for graph in (checkpoint.to_graph(), SNNCheckpoint.from_graph(checkpoint.graph).graph):
        graph["a"].weights[...] = 7.0
    assert checkpoint == made()


def test_another_graph_keeps_metadata_and_the_frozen_layers_it_has(made):
    checkpoint = made(frozen_layers=["a", "b"])
    smaller = SNNGraph([LayerNode("b", 3, 2, np.ones((2, 3)), "IF")])
    other = checkpoint.with_graph(smaller)
    assert (other.metadata, other.frozen_layers, other.layer_names) == ({"task": "mnist"}, ["b"], ["b"])
    assert other.graph == smaller and other.neurons == [Neuron("IF")]
    other.metadata["task"] = "other"
    other.weights[0][...] = 7.0
    assert checkpoint == made(frozen_layers=["a", "b"]) and smaller["b"].weights[0, 0] == 1.0
    assert checkpoint.with_graph(checkpoint.graph) == checkpoint  # a layer known by its label stays one
