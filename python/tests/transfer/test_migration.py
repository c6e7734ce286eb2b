"""Pairs in the layout of sc-neurocore 3.x load through our checks and are ours when they are saved again."""

import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikeport.transfer import CheckpointError, load_checkpoint, save_checkpoint

SIZES = [(3, 4), (4, 2)]
PEERS = Path(__file__).resolve().parents[3] / ".venv-peers" / "bin" / "python"


def write_pair(folder, arrays, method=zipfile.ZIP_DEFLATED, names=None, **fields):
    """Write a pair by that layout: seven keys, indented; one deflated `.npy` a layer."""
    with zipfile.ZipFile(folder / "old.npz", "w", method) as archive:
        for index, array in enumerate(arrays):
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=True)
            archive.writestr(names[index] if names else f"layer_{index}.npy", buffer.getvalue())
    content = {
        "layer_names": ["hidden", "output"],
        "layer_sizes": [list(size) for size in SIZES],
        "neuron_types": ["LIF", "LIF"],
        "frozen_layers": ["hidden"],
        "n_layers": 2,
        "total_params": 20,
        "metadata": {"task": "mnist"},
    }
    (folder / "old.json").write_text(json.dumps(content | fields, indent=2))


def arrays():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((b, a)) for a, b in SIZES]


def test_an_old_pair_loads_and_becomes_ours(tmp_path):
    weights = arrays()
    write_pair(tmp_path, weights)
    loaded = load_checkpoint(tmp_path / "old")
    assert all(np.array_equal(a, b) for a, b in zip(loaded.weights, weights, strict=True))
    assert (loaded.frozen_layers, loaded.neuron_types, loaded.metadata) == (["hidden"], ["LIF"] * 2, {"task": "mnist"})
    save_checkpoint(loaded, tmp_path / "old")
    assert json.loads((tmp_path / "old.json").read_text())["format"] == "spikeport-checkpoint"
    assert np.array_equal(load_checkpoint(tmp_path / "old").weights[1], weights[1])


def test_labels_left_out_are_the_documented_default(tmp_path):
    write_pair(tmp_path, arrays(), neuron_types=[])
    assert load_checkpoint(tmp_path / "old").neuron_types == ["LIF", "LIF"]


BOMB = np.zeros((3000, 3000))
REFUSED = {
    "bomb": ("too_large", {"arrays": [BOMB, np.ones((2, 4))]}),
    "pickled": ("pickle", {"arrays": [np.full((4, 3), None), np.ones((2, 4))]}),
    "integers": ("dtype", {"arrays": [np.ones((4, 3), np.int64), np.ones((2, 4))]}),
    "transposed": ("shape", {"arrays": [np.ones((3, 4)), np.ones((2, 4))]}),
    "nan": ("non_finite", {"arrays": [np.full((4, 3), np.nan), np.ones((2, 4))]}),
    "extra": ("unexpected_entry", {"arrays": [*arrays(), np.ones(1)]}),
    "missing": ("missing_entry", {"arrays": arrays()[:1]}),
    "names": ("unexpected_entry", {"arrays": arrays(), "names": ["layer_0.npy", "../layer_1.npy"]}),
    "count": ("shape", {"arrays": arrays(), "total_params": 21}),
    "chain": ("layer_chain", {"arrays": arrays(), "layer_sizes": [[3, 4], [5, 2]]}),
    "frozen": ("sidecar_schema", {"arrays": arrays(), "frozen_layers": ["nowhere"]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_old_pair_is_checked_like_ours(tmp_path, name):
    code, changes = REFUSED[name]
    write_pair(tmp_path, **changes)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "old")
    assert caught.value.code == code


@pytest.mark.parametrize("damage", [b"", b"PK\x05\x06" + bytes(18), b"spikes"])
def test_a_damaged_archive_is_a_checkpoint_error(tmp_path, damage):
    write_pair(tmp_path, arrays())
    (tmp_path / "old.npz").write_bytes(damage)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "old")


def test_every_flipped_byte_of_an_old_archive_is_refused_or_harmless(tmp_path):
    weights = arrays()
    write_pair(tmp_path, weights)
    whole = (tmp_path / "old.npz").read_bytes()
    for place in range(0, len(whole), 3):
        (tmp_path / "old.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            loaded = load_checkpoint(tmp_path / "old")
        except CheckpointError:
            continue
        assert all(np.array_equal(a, b) for a, b in zip(loaded.weights, weights, strict=True)), place


WRITE = """
import numpy as np
from sc_neurocore.transfer import SNNCheckpoint, save_checkpoint
rng = np.random.default_rng(42)
weights = [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))]
save_checkpoint(SNNCheckpoint(weights=weights, layer_names=["hidden", "output"], layer_sizes=[(3, 4), (4, 2)],
                              neuron_types=["LIF", "LIF"], metadata={"task": "mnist", "accuracy": 0.972}), "theirs")
"""


def test_a_pair_written_by_sc_neurocore_itself(tmp_path):
    if not PEERS.exists():
        assert "peers" not in os.environ.get("SPIKEPORT_REQUIRE", ""), "required, but absent: make peers"
        pytest.skip("no environment with sc-neurocore: make peers")
    subprocess.run([PEERS, "-W", "ignore", "-c", WRITE], cwd=tmp_path, check=True, capture_output=True)
    loaded = load_checkpoint(tmp_path / "theirs")
    rng = np.random.default_rng(42)
    assert np.array_equal(loaded.weights[0], rng.standard_normal((4, 3))) and loaded.metadata["accuracy"] == 0.972
