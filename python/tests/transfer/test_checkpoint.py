"""Checkpoints load as they were saved, or are refused by a code; overwriting loses nothing."""

import itertools
import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.transfer import CODES, CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer.files.strict_json import dump, parse


def checkpoint(value=0.5, **fields):
    fields = {"metadata": {"task": "mnist", "beta": 0.9}} | fields
    return SNNCheckpoint(
        [np.full((4, 3), value), np.full((2, 4), value)], ["a", "b"], [(3, 4), (4, 2)], ["LIF", "LIF"], **fields
    )


def test_the_documented_calls(tmp_path, monkeypatch):
    """The calls of the transfer tutorial: relative path, no suffix, keyword arguments as shown there."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(42)
    model_weights = [
        rng.standard_normal((256, 784)).astype(np.float64) * 0.05,
        rng.standard_normal((10, 256)).astype(np.float64) * 0.1,
    ]
    made = SNNCheckpoint(
        weights=model_weights,
        layer_names=["hidden", "output"],
        layer_sizes=[(784, 256), (256, 10)],
        neuron_types=["LIF", "LIF"],
        metadata={"task": "mnist", "accuracy": 0.972, "timesteps": 25, "beta": 0.9},
    )
    save_checkpoint(made, "mnist_snn")
    loaded = load_checkpoint("mnist_snn")
    assert (loaded.n_layers, loaded.total_params, loaded.metadata["task"]) == (2, 203264, "mnist")
    assert sorted(os.listdir()) == ["mnist_snn.json", "mnist_snn.npz"]
    with np.load("mnist_snn.npz") as archive:
        assert np.array_equal(archive["layer_0.weight"], model_weights[0])


@pytest.mark.parametrize("suffix", ["", ".npz", ".json"])
def test_every_spelling_names_the_pair(tmp_path, suffix):
    save_checkpoint(checkpoint(), tmp_path / f"net{suffix}")
    assert load_checkpoint(str(tmp_path / "net")).weights[0][0, 0] == 0.5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "net.npz"]


def test_a_dot_in_the_name_stays(tmp_path):
    save_checkpoint(checkpoint(), tmp_path / "net.v2")
    assert (tmp_path / "net.v2.npz").exists() and load_checkpoint(tmp_path / "net.v2").n_layers == 2


def graphs():
    neuron = st.sampled_from(
        [
            Neuron("IF", 1.0, 0.5),
            Neuron("LIF", 0.75, 0.0, 0.25, 0.9),
            Neuron("ST-BIF", 0.25, 0.5, tracer_min=-8, tracer_max=7),
            Neuron("identity"),
        ]
    )
    return st.tuples(
        st.lists(st.integers(1, 5), min_size=2, max_size=5),
        st.lists(neuron, min_size=4, max_size=4),
        st.booleans(),
        st.booleans(),
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs())
def test_a_graph_comes_back_equal_and_runs_the_same(tmp_path, drawn):
    widths, neurons, with_bias, single = drawn
    rng = np.random.default_rng(sum(widths))
    dtype = np.float32 if single else np.float64
    layers = [
        LayerNode.with_neuron(
            f"l{k}", rng.normal(size=(b, a)).astype(dtype), rng.normal(size=b) if with_bias else None, neurons[k]
        )
        for k, (a, b) in enumerate(itertools.pairwise(widths))
    ]
    graph = SNNGraph(layers)
    save_checkpoint(SNNCheckpoint.from_graph(graph, {"n": 1}), tmp_path / "g")
    back = load_checkpoint(tmp_path / "g").to_graph()
    assert back == graph
    x = rng.random((3, widths[0]))
    a, b = graph.run(x, T=8), back.run(x, T=8)
    assert all(np.array_equal(p, q) for p, q in zip([*a.counts, a.drive], [*b.counts, b.drive], strict=True))


def test_per_neuron_parameters_come_back(tmp_path):
    neuron = Neuron("LIF", [1.0, 2.0], [0.0, 0.5], [0.0, -1.0], [1.0, 0.5])
    save_checkpoint(
        SNNCheckpoint.from_graph(SNNGraph([LayerNode.with_neuron("a", np.eye(2), None, neuron)])), tmp_path / "c"
    )
    assert load_checkpoint(tmp_path / "c").to_graph()["a"].neuron == neuron


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


REFUSED_AT_SAVE = {
    "non_finite": lambda: checkpoint(np.nan),
    "shape": lambda: SNNCheckpoint([np.ones((3, 4))], ["a"], [(3, 4)]),
    "dtype": lambda: SNNCheckpoint([np.ones((2, 2), np.float16)], ["a"], [(2, 2)]),
    "pickle": lambda: SNNCheckpoint([np.full((2, 2), None)], ["a"], [(2, 2)]),
    "layer_chain": lambda: SNNCheckpoint([np.ones((2, 2)), np.ones((2, 3))], ["a", "b"], [(2, 2), (3, 2)]),
    "neuron": lambda: checkpoint(neurons=[Neuron("IF"), None]),
}


@pytest.mark.parametrize("code", REFUSED_AT_SAVE)
def test_what_would_not_load_is_not_saved(tmp_path, code):
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(REFUSED_AT_SAVE[code](), tmp_path / "c")
    assert caught.value.code == code and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"pair": (1, 2)}},
        {"metadata": {1: "a"}},
        {"metadata": {"deep": {"loss": float("nan")}}},
        {"metadata": {"array": np.ones(2)}},
        {"metadata": {"long": 10**400}},
        {"metadata": {"half": "\ud800"}},
        {"metadata": nested(64)},
        {"layer_names": ["\ud800", "b"]},
        {"neuron_types": ["LIF", "\ud800"]},
        {"metadata": None},
        {"frozen_layers": ["nowhere"]},
        {"biases": [None]},
        {"neurons": [None]},
        {"layer_names": ["a", "a"]},
        {"layer_names": ["a"]},
        {"layer_names": "ab"},
        {"layer_sizes": None},
        {"layer_sizes": [3, 2]},
        {"weights": None},
        {"frozen_layers": "a"},
    ],
)
def test_content_that_the_sidecar_cannot_hold_is_refused(tmp_path, fields):
    """Refused by the assignment where the list alone says so, else by the save."""

    def assign_and_save():
        made = checkpoint()
        for name, value in fields.items():
            setattr(made, name, value)
        save_checkpoint(made, tmp_path / "c")

    with pytest.raises(CheckpointError) as caught:
        assign_and_save()
    assert caught.value.code == "sidecar_schema" and list(tmp_path.iterdir()) == []


def test_metadata_is_as_deep_as_it_can_be_read(tmp_path):
    save_checkpoint(checkpoint(metadata=nested(63)), tmp_path / "c")
    assert load_checkpoint(tmp_path / "c").metadata == nested(63)


@pytest.mark.parametrize("path", ["", ".", "/", "n" * 300, "nul\0"])
def test_a_path_that_no_file_can_have_is_a_missing_file(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "missing_file"


@pytest.mark.parametrize("name", ["nowhere/c", "nowhere/c.safetensors", "c/below_a_file"])
def test_a_folder_that_is_not_there_is_named(tmp_path, name):
    (tmp_path / "c").touch()
    with pytest.raises(CheckpointError, match=f"no folder .*{name.split('/')[0]}: make it") as caught:
        save_checkpoint(checkpoint(), tmp_path / name)
    assert caught.value.code == "missing_file"


@pytest.mark.parametrize("neurons", [["LIF", "LIF"], [Neuron("LIF", np.ones(9)), None]])
def test_neurons_that_do_not_fit_are_refused(tmp_path, neurons):
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(checkpoint(neurons=neurons), tmp_path / "c")
    assert caught.value.code == "neuron" and list(tmp_path.iterdir()) == []


def test_checkpoints_compare_by_content():
    assert checkpoint() == checkpoint(biases=[None, None], neurons=[None, None])
    changes = [
        {"value": 0.25},
        {"biases": [np.ones(4), None]},
        {"neurons": [Neuron("LIF"), None]},
        {"metadata": {}},
        {"frozen_layers": ["a"]},
    ]
    for change in changes:
        assert checkpoint() != checkpoint(**change)
        assert checkpoint(**change) == checkpoint(**change)
    single = checkpoint()
    single.weights = [w.astype(np.float32) for w in single.weights]
    assert single != checkpoint()
    assert checkpoint() != "c"


def test_a_checkpoint_shows_its_layers_not_its_numbers():
    shown = repr(checkpoint(frozen_layers=["a"]))
    assert shown == "<SNNCheckpoint a (3, 4), b (4, 2): 20 parameters, frozen: a>"


def test_metadata_errors_name_the_key(tmp_path):
    with pytest.raises(CheckpointError, match=r"runs\[1\]\.loss"):
        save_checkpoint(checkpoint(metadata={"runs": [{}, {"loss": float("inf")}]}), tmp_path / "c")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_metadata_comes_back_unchanged(value):
    text = dump(value)
    assert parse(text.encode()) == value and dump(parse(text.encode())) == text


def test_big_endian_and_fortran_arrays_are_saved_by_value(tmp_path):
    weights = np.asfortranarray(np.arange(6.0).reshape(2, 3)).astype(">f8")
    save_checkpoint(SNNCheckpoint([weights], ["a"], [(3, 2)]), tmp_path / "c")
    back = load_checkpoint(tmp_path / "c").weights[0]
    assert np.array_equal(back, weights) and back.dtype == np.float64 and back.flags.writeable


def test_saving_through_a_link_is_refused(tmp_path):
    (tmp_path / "real.npz").write_bytes(b"precious")
    (tmp_path / "c.npz").symlink_to("real.npz")
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(checkpoint(), tmp_path / "c")
    assert caught.value.code == "symlink" and (tmp_path / "real.npz").read_bytes() == b"precious"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_random_damage_is_refused_or_harmless(tmp_path, data):
    """Any bytes changed in either file: a `CheckpointError` with a known code, or the same content."""
    save_checkpoint(checkpoint(), tmp_path / "c")
    path = tmp_path / data.draw(st.sampled_from(["c.npz", "c.json"]))
    whole = path.read_bytes()
    content = bytearray(whole)
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start, min(len(content), start + 8)))
    content[start:end] = data.draw(st.binary(max_size=8))
    path.write_bytes(content)
    try:
        loaded = load_checkpoint(tmp_path / "c")
    except CheckpointError as error:
        assert error.code in CODES
    else:
        assert path.name == "c.json" or content == whole
        assert all(np.array_equal(a, b) for a, b in zip(loaded.weights, checkpoint().weights, strict=True))


def test_a_bomb_is_refused_before_it_is_read(tmp_path):
    """A small sidecar beside a sparse 2 GiB archive, declared or not."""
    save_checkpoint(checkpoint(), tmp_path / "c")
    with (tmp_path / "c.npz").open("r+b") as archive:
        archive.truncate(2**31)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "c")
    assert caught.value.code == "archive_digest"
    content = json.loads((tmp_path / "c.json").read_text())
    content["archive"]["bytes"] = 2**31
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "c")
    assert caught.value.code == "too_large"


def test_an_unknown_label_loads_but_does_not_run(tmp_path):
    save_checkpoint(SNNCheckpoint([np.eye(2)], ["a"], [(2, 2)], ["Izhikevich"]), tmp_path / "c")
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded.neuron_types == ["Izhikevich"]
    with pytest.raises(CheckpointError, match="Izhikevich"):
        loaded.to_graph()


def test_durable_saves_load(tmp_path):
    save_checkpoint(checkpoint(), tmp_path / "c", durable=True)
    assert load_checkpoint(tmp_path / "c").n_layers == 2
