"""A checkpoint in one safetensors file: the same content, checked the same way."""

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint, saving

safetensors = pytest.importorskip("safetensors.numpy")


def made():
    rng = np.random.default_rng(0)
    layers = [
        LayerNode.with_neuron(
            "größer", rng.normal(size=(4, 3)), rng.normal(size=4), Neuron("LIF", 0.75, 0.5, 0.25, 0.9)
        ),
        LayerNode.with_neuron("b", rng.normal(size=(2, 4)), None, Neuron("IF", [1.0, 2.0])),
    ]
    return SNNCheckpoint.from_graph(SNNGraph(layers), {"beta": 0.9}, ["b"])


def test_one_file_holds_what_the_pair_holds(tmp_path):
    save_checkpoint(made(), tmp_path / "net.safetensors")
    save_checkpoint(made(), tmp_path / "net")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.json", "net.npz", "net.safetensors"]
    one, pair = load_checkpoint(tmp_path / "net.safetensors"), load_checkpoint(tmp_path / "net")
    assert one.to_graph() == pair.to_graph()
    assert (one.metadata, one.frozen_layers) == (pair.metadata, pair.frozen_layers)
    save_checkpoint(one, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "net.safetensors").read_bytes()


def test_a_durable_save_also_syncs_the_folder(tmp_path, monkeypatch):
    """Without that a power cut may lose the name of a file whose content is safe."""
    synced = []
    monkeypatch.setattr(saving, "_sync_folder", synced.append)
    save_checkpoint(made(), tmp_path / "net.safetensors")
    assert synced == []
    save_checkpoint(made(), tmp_path / "net.safetensors", durable=True)
    assert synced == [tmp_path]


def changed(tmp_path, tensors=None, metadata=None):
    """Write the file with other tensors or metadata than it was saved with."""
    path = tmp_path / "net.safetensors"
    save_checkpoint(made(), path)
    with safetensors.safe_open(str(path), framework="numpy") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        said = file.metadata()
    for name, array in (tensors or {}).items():
        if array is None:
            del kept[name]
        else:
            kept[name] = array
    safetensors.save_file(kept, str(path), metadata=said if metadata is None else metadata)
    return path


@pytest.mark.parametrize(
    ("tensors", "metadata", "code"),
    [
        ({"layer_0.weight": np.zeros((4, 3))}, None, "archive_digest"),
        ({"layer_0.weight": np.full((4, 3), np.nan)}, None, "archive_digest"),
        ({"layer_0.bias": None}, None, "archive_digest"),
        ({"layer_1.weight": None}, None, "missing_entry"),
        ({"evil": np.zeros(1)}, None, "unexpected_entry"),
        ({}, {"other": "{}"}, "sidecar_schema"),
        ({}, {"spikeport": "{"}, "sidecar_syntax"),
    ],
)
def test_a_changed_file_is_refused(tmp_path, tensors, metadata, code):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(changed(tmp_path, tensors, metadata))
    assert caught.value.code == code


def test_files_that_are_none_of_ours(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "missing_file"
    path.write_bytes(b"spikes")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "archive_syntax"
    (tmp_path / "link.safetensors").symlink_to(path)
    for call in (load_checkpoint, lambda p: save_checkpoint(made(), p)):
        with pytest.raises(CheckpointError) as caught:
            call(tmp_path / "link.safetensors")
        assert caught.value.code == "symlink"
