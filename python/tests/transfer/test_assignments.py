"""Each assignment to a checkpoint's lists reaches the graph that it holds and the file, or is refused by a code."""

import itertools

import numpy as np
import pytest

from spikeport import LayerNode, Neuron
from spikeport.errors import GraphError
from spikeport.transfer import CheckpointError, load_checkpoint, save_checkpoint


def an_entry_of_weights(c):
    c.weights[-1] = np.full((2, 4), 7.0)


def all_weights(c):
    c.weights = [2 * w for w in c.weights]


def values_of_weights(c):
    c.weights[0][...] = 7.0


def one_value_of_weights(c):
    c.weights[0][1, 2] = -7.0


def a_gradient_step(c):
    c.weights[0] -= 0.25 * np.ones((4, 3))


def a_slice_of_weights(c):
    c.weights[:1] = [np.zeros((4, 3))]


def weights_by_a_list_kept(c):
    kept = c.weights
    kept[1] = np.full((2, 4), 7.0)


def an_entry_of_biases(c):
    c.biases[0] = np.full(4, 7.0)


def values_of_biases(c):
    c.biases[1][:] = 7.0


def no_bias(c):
    c.biases[0] = None


def no_biases(c):
    c.biases = None


def an_entry_of_names(c):
    c.layer_names[1] = "x"


def all_names(c):
    c.layer_names = ["a", "x"]


def an_entry_of_labels(c):
    c.neuron_types[1] = "Izhikevich"


def an_entry_of_neurons(c):
    c.neurons[1] = Neuron("LIF", 2.0, beta=0.5)


def a_neuron_of_another_kind(c):
    c.neurons[0] = Neuron("ST-BIF", 2.0)


def a_neuron_forgotten(c):
    c.neurons[0] = None


def no_neurons(c):
    c.neurons = None


def one_more_frozen_layer(c):
    c.frozen_layers.append("b")


def all_frozen_layers(c):
    c.frozen_layers = []


def an_entry_of_metadata(c):
    c.metadata["accuracy"] = 0.5


def all_metadata(c):
    c.metadata = {}


def values_in_the_graph(c):
    c.graph["a"].weights[...] = 7.0


def weights_of_the_graph(c):
    c.graph["a"].weights = np.full((4, 3), 7.0)


def a_neuron_of_the_graph(c):
    c.graph["b"].neuron = Neuron("LIF", 2.0)


def a_layer_of_the_graph(c):
    c.graph.layers[1] = LayerNode("b", 4, 5, np.ones((5, 4)), "IF")


def another_layer_of_the_graph(c):
    c.graph.layers.append(LayerNode("c", 2, 5, np.ones((5, 2)), "IF"))


CHANGES = [
    an_entry_of_weights,
    all_weights,
    values_of_weights,
    one_value_of_weights,
    a_gradient_step,
    a_slice_of_weights,
    weights_by_a_list_kept,
    an_entry_of_biases,
    values_of_biases,
    no_bias,
    no_biases,
    an_entry_of_names,
    all_names,
    an_entry_of_labels,
    an_entry_of_neurons,
    a_neuron_of_another_kind,
    a_neuron_forgotten,
    no_neurons,
    one_more_frozen_layer,
    all_frozen_layers,
    an_entry_of_metadata,
    all_metadata,
    values_in_the_graph,
    weights_of_the_graph,
    a_neuron_of_the_graph,
    a_layer_of_the_graph,
    another_layer_of_the_graph,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_reaches_the_graph_and_the_file(tmp_path, change, made):
    checkpoint = made()
    change(checkpoint)
    assert checkpoint != made()
    save_checkpoint(checkpoint, tmp_path / "c")
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded == checkpoint
    if "Izhikevich" not in checkpoint.neuron_types:
        assert checkpoint.graph == loaded.to_graph() == checkpoint.to_graph()


REFUSED = {
    "a_layer_appended": ("sidecar_schema", lambda c: c.weights.append(np.ones((2, 2)))),
    "a_layer_removed": ("sidecar_schema", lambda c: c.layer_names.pop()),
    "a_layer_deleted": ("sidecar_schema", lambda c: c.weights.__delitem__(0)),
    "layers_added": ("sidecar_schema", lambda c: c.weights.__iadd__([np.ones((2, 2))])),
    "too_few_weights": ("sidecar_schema", lambda c: setattr(c, "weights", c.weights[:1])),
    "no_weights": ("sidecar_schema", lambda c: setattr(c, "weights", None)),
    "too_few_biases": ("sidecar_schema", lambda c: setattr(c, "biases", [None])),
    "a_text_for_names": ("sidecar_schema", lambda c: setattr(c, "layer_names", "ab")),
    "an_empty_name": ("sidecar_schema", lambda c: c.layer_names.__setitem__(0, "")),
    "a_label_that_is_no_text": ("sidecar_schema", lambda c: c.neuron_types.__setitem__(0, None)),
    "a_size_that_is_no_pair": ("sidecar_schema", lambda c: c.layer_sizes.__setitem__(0, 3)),
    "a_size_of_zero": ("sidecar_schema", lambda c: c.layer_sizes.__setitem__(0, (3, 0))),
    "integers": ("dtype", lambda c: c.weights.__setitem__(0, np.ones((4, 3), int))),
    "half_precision": ("dtype", lambda c: c.biases.__setitem__(0, np.ones(4, np.float16))),
    "objects": ("pickle", lambda c: c.weights.__setitem__(0, np.full((4, 3), None))),
    "ragged_rows": ("shape", lambda c: c.weights.__setitem__(0, [[1.0], [1.0, 2.0]])),
    "a_row_for_a_matrix": ("shape", lambda c: c.weights.__setitem__(0, np.ones(3))),
    "a_matrix_for_a_row": ("shape", lambda c: c.biases.__setitem__(0, np.ones((4, 1)))),
    "a_label_for_a_neuron": ("neuron", lambda c: c.neurons.__setitem__(0, "IF")),
    "the_second_of_two": ("dtype", lambda c: setattr(c, "weights", [np.zeros((4, 3)), np.ones((2, 4), int)])),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_assignment_changes_nothing(name, made):
    code, assign = REFUSED[name]
    checkpoint = made()
    with pytest.raises(CheckpointError) as caught:
        assign(checkpoint)
    assert caught.value.code == code and checkpoint == made()


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("sidecar_schema", {"weights": [], "layer_names": [], "layer_sizes": []}),
        ("sidecar_schema", {"weights": [np.ones((4, 3))]}),
        ("sidecar_schema", {"layer_sizes": None}),
        ("sidecar_schema", {"neuron_types": ["IF"]}),
        ("shape", {"layer_sizes": [(3, 4), (4, 3)]}),
        ("shape", {"biases": [np.ones(3), None]}),
        ("dtype", {"biases": [np.ones(4, np.float32), None]}),
        ("dtype", {"weights": [np.ones((4, 3), int), np.ones((2, 4))]}),
        ("neuron", {"neurons": [Neuron("LIF"), None]}),
        ("neuron", {"neurons": [Neuron("IF", np.ones(3)), None]}),
    ],
)
def test_parts_that_do_not_fit_make_no_checkpoint(code, fields, made):
    with pytest.raises(CheckpointError) as caught:
        made(**fields)
    assert caught.value.code == code


HEAD = {
    "weights": np.full((5, 4), 0.5),
    "biases": np.full(5, 0.25),
    "neurons": Neuron("IF", np.full(5, 2.0), np.zeros(5), beta=np.ones(5)),
    "neuron_types": "IF",
    "layer_sizes": (4, 5),
}


@pytest.mark.parametrize("order", list(itertools.permutations(HEAD)), ids=" ".join)
def test_a_head_of_another_width_is_assigned_in_any_order(tmp_path, order, made):
    """Step 4 of the documented workflow. On the way the checkpoint is whole, or refused; what is assigned is shown."""
    checkpoint = made(neuron_types=["IF", "LIF"], neurons=[None, Neuron("LIF", np.ones(2))])
    for step, field in enumerate(order, 1):
        getattr(checkpoint, field)[-1] = HEAD[field]
        assert np.array_equal(getattr(checkpoint, field)[-1], HEAD[field])
        if not {"weights", "biases", "neurons"} <= set(order[:step]):
            with pytest.raises(CheckpointError):
                save_checkpoint(checkpoint, tmp_path / "c")
            with pytest.raises(CheckpointError):
                checkpoint.graph.run(np.ones((1, 3)), T=1)
    save_checkpoint(checkpoint, tmp_path / "c")
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded == checkpoint and loaded.layer_sizes == [(3, 4), (4, 5)]
    assert loaded.graph.run(np.ones((1, 3)), T=2).counts[-1].shape == (1, 5)


def test_the_size_of_a_layer_follows_its_weights(tmp_path, made):
    checkpoint = made(biases=None)
    checkpoint.weights[-1] = np.ones((5, 4))
    assert checkpoint.layer_sizes == [(3, 4), (4, 5)] and checkpoint.total_params == 32
    save_checkpoint(checkpoint, tmp_path / "c")
    assert load_checkpoint(tmp_path / "c") == checkpoint


def test_a_size_that_the_weights_have_not_is_refused_until_they_do(assert_refused, made):
    checkpoint = made(biases=None)
    checkpoint.layer_sizes[-1] = (4, 5)
    assert_refused(checkpoint, "shape")
    checkpoint.weights[-1] = np.ones((6, 4))
    assert_refused(checkpoint, "shape")
    checkpoint.layer_sizes[-1] = (4, 6)
    checkpoint.validate()
    assert checkpoint.graph["b"].n_neurons == 6


def test_a_part_that_waits_goes_in_when_the_graph_makes_room_for_it(made):
    checkpoint = made()
    graph = checkpoint.graph
    checkpoint.weights[-1] = np.ones((5, 4))
    graph["b"].bias = None
    assert checkpoint.graph is graph and graph["b"].weights.shape == (5, 4)


def test_a_graph_changed_to_one_that_cannot_be_is_refused(made, assert_refused):
    checkpoint = made()
    checkpoint.graph["a"].weights = np.ones(3)
    checkpoint.biases[0] = np.zeros(4)
    assert_refused(checkpoint, "shape")


def test_a_hidden_layer_of_another_width_is_two_assignments(assert_refused, made):
    checkpoint = made(biases=None)
    checkpoint.weights[0] = np.ones((6, 3))
    assert_refused(checkpoint, "layer_chain")
    checkpoint.weights[1] = np.ones((2, 6))
    checkpoint.validate()


@pytest.mark.parametrize("first", ["weights", "biases"])
def test_a_checkpoint_is_made_single_precision_list_by_list(first, assert_refused, made):
    checkpoint = made()
    for field in (first, {"weights": "biases", "biases": "weights"}[first]):
        if field != first:
            assert_refused(checkpoint, "dtype")
        setattr(checkpoint, field, [array.astype(np.float32) for array in getattr(checkpoint, field)])
    assert {layer.weights.dtype for layer in checkpoint.graph} == {np.dtype(np.float32)}
    checkpoint.validate()


def test_label_and_neuron_are_assigned_in_either_order(assert_refused, made):
    by_label, by_neuron = made(), made()
    by_label.neuron_types[0] = "LIF"
    assert_refused(by_label, "neuron")
    by_label.neurons[0] = Neuron("LIF", beta=0.5)
    by_neuron.neurons[0] = Neuron("LIF", beta=0.5)
    by_neuron.neuron_types[0] = "LIF"
    assert by_label == by_neuron and by_label.graph["a"].neuron == Neuron("LIF", beta=0.5)


def test_layers_of_different_types_are_saved_and_do_not_run(tmp_path, made):
    checkpoint = made(biases=None)
    checkpoint.weights[1] = checkpoint.weights[1].astype(np.float32)
    save_checkpoint(checkpoint, tmp_path / "c")
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded == checkpoint
    for use in (loaded.to_graph, lambda: loaded.graph.run(np.ones((1, 3)), T=1)):
        with pytest.raises(GraphError) as caught:
            use()
        assert caught.value.code == "dtype"


@pytest.mark.parametrize("field", ["weights", "biases"])
def test_nan_is_held_and_refused_where_it_is_saved(field, assert_refused, made):
    poisoned = [np.where(array == array.flat[0], np.nan, array) for array in getattr(made(), field)]
    built, written, assigned = made(**{field: poisoned}), made(), made()
    getattr(written, field)[0].flat[0] = np.nan
    setattr(assigned, field, poisoned)
    for checkpoint in (built, written, assigned):
        assert np.isnan(getattr(checkpoint, field)[0].flat[0])
        assert_refused(checkpoint, "non_finite")


def test_a_label_that_is_no_kind_gives_no_graph(made):
    checkpoint = made()
    checkpoint.neuron_types[1] = "Izhikevich"
    with pytest.raises(CheckpointError, match="Izhikevich") as caught:
        _ = checkpoint.graph
    assert caught.value.code == "neuron"
