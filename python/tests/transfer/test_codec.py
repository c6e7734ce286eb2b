"""The codec in Rust: the reference's answer on every file and every content, or none, so that the reference answers."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from spikeport.backends import BackendError
from spikeport.neuron import Neuron
from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer.codec import load, save

FILES = Path(__file__).parents[3] / "conformance" / "vectors" / "checkpoint" / "files"
GOOD = sorted(path.with_suffix("") for path in (FILES / "networks").glob("*.json"))
HOSTILE = sorted({path.with_suffix("") for path in (FILES / "hostile").iterdir()})


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_every_network_of_the_vectors_is_the_same(path, tmp_path):
    read = load(path.with_suffix(".json"))
    expected = load_checkpoint(path, backend="reference")
    assert read == expected and [n.inputs for n in read.held.graph] == [n.inputs for n in expected.held.graph]
    assert save(read, tmp_path / "again.json", durable=False)
    for suffix in (".npz", ".json"):
        assert (tmp_path / f"again{suffix}").read_bytes() == path.with_suffix(suffix).read_bytes()


def test_nothing_hostile_is_read():
    assert len(HOSTILE) > 100
    assert [path.name for path in HOSTILE if load(path.with_suffix(".json")) is not None] == []


def drawn(rng):
    """Return a random chain: types, biases, neurons, labels, names, frozen layers and metadata of many kinds."""
    sizes = list(rng.integers(1, 40, size=rng.integers(2, 5)))
    pairs = [(int(a), int(b)) for a, b in itertools.pairwise(sizes)]
    dtype = rng.choice([np.float32, np.float64])
    weights = [rng.normal(size=(b, a)).astype(dtype) for a, b in pairs]
    biases = [rng.normal(size=b).astype(dtype) if rng.random() < 0.5 else None for _, b in pairs]
    neurons = [None if rng.random() < 0.3 else neuron(rng, b) for _, b in pairs]
    labels = [rng.choice(["LIF", "my own"]) if n is None else n.kind for n in neurons]
    names = [f'layer {k} "ü" \u2028' for k in range(len(pairs))]
    metadata = {"ü": [1, -0.0, 1e-300, None, True, {"b": "\\", "a": 10**30}], "": {}}
    return SNNCheckpoint(weights, names, pairs, labels, metadata, names[::2], biases=biases, neurons=neurons)


def neuron(rng, n):
    def one_or_each(low, high):
        return float(rng.uniform(low, high)) if rng.random() < 0.5 else rng.uniform(low, high, size=n)

    if rng.random() < 0.3:
        return Neuron("ST-BIF", threshold=one_or_each(0.5, 2.0), tracer_min=-3, tracer_max=int(rng.integers(0, 31)))
    reset = one_or_each(-1.0, 0.25) if rng.random() < 0.3 else None
    kind, beta = ("LIF", one_or_each(0.0, 1.0)) if rng.random() < 0.5 else ("IF", 1.0)
    spikes = 1 if kind == "LIF" or reset is not None or rng.random() < 0.5 else int(rng.integers(2, 127))
    given = {"threshold": one_or_each(0.5, 2.0), "v_init": one_or_each(-1.0, 0.5), "v_reset": reset, "beta": beta}
    return Neuron(kind, **given, max_spikes=spikes)


@pytest.mark.parametrize("seed", range(40))
def test_random_checkpoints_have_the_same_bytes_and_come_back(seed, tmp_path):
    made = drawn(np.random.default_rng(seed))
    save_checkpoint(made, tmp_path / "reference", backend="reference")
    assert save(made, tmp_path / "rust.json", durable=bool(seed % 2))
    for suffix in (".npz", ".json"):
        assert (tmp_path / f"rust{suffix}").read_bytes() == (tmp_path / f"reference{suffix}").read_bytes()
    assert load(tmp_path / "rust.json") == load_checkpoint(tmp_path / "rust", backend="reference") == made


def swap_sizes(made):
    made.layer_sizes = [(4, 3), (2, 4)]


def make_nan(made):
    made.weights[1][0, 0] = np.nan


def name_twice(made):
    made.layer_names = ["a", "a"]


def freeze_a_stranger(made):
    made.frozen_layers.append("nobody")


def keep_a_tuple(made):
    made.metadata["pair"] = (1, 2)


def keep_half_a_character(made):
    made.metadata["half"] = "\ud800"


def keep_a_giant_number(made):
    made.metadata["n"] = 10**500


@pytest.mark.parametrize(
    "spoil",
    [swap_sizes, make_nan, name_twice, freeze_a_stranger, keep_a_tuple, keep_half_a_character, keep_a_giant_number],
)
def test_what_the_reference_would_not_write_is_not_written(spoil, tmp_path):
    made = SNNCheckpoint([np.ones((4, 3)), np.ones((2, 4))], ["a", "b"], [(3, 4), (4, 2)], ["IF", "IF"])
    spoil(made)
    with pytest.raises(CheckpointError) as expected:
        save_checkpoint(made, tmp_path / "c", backend="reference")
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(made, tmp_path / "c", backend="rust")
    assert (caught.value.code, str(caught.value)) == (expected.value.code, str(expected.value))
    assert list(tmp_path.iterdir()) == []


def test_a_large_checkpoint_is_read_in_one_pass_and_every_fault_of_it_is_seen(tmp_path):
    """Beyond 256 KiB the archive is read straight into its arrays; a byte that is changed anywhere is found."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(300, 200)).astype(np.float32), rng.normal(size=(100, 300)).astype(np.float32)]
    neurons = [Neuron("IF", threshold=rng.uniform(0.5, 1.0, size=300)), None]
    made = SNNCheckpoint(weights, ["a", "b"], [(200, 300), (300, 100)], ["IF", "LIF"], neurons=neurons)
    save_checkpoint(made, tmp_path / "c")
    content = (tmp_path / "c.npz").read_bytes()
    assert len(content) > 1 << 18 and load(tmp_path / "c.json") == made
    for at in (*range(0, 200, 7), *range(200, len(content), 9973), *range(len(content) - 300, len(content), 7)):
        changed = bytearray(content)
        changed[at] ^= 0x10
        (tmp_path / "c.npz").write_bytes(changed)
        assert load(tmp_path / "c.json") is None
    for cut in (0, 10, 1000, len(content) - 1):
        (tmp_path / "c.npz").write_bytes(content[:cut])
        assert load(tmp_path / "c.json") is None
    (tmp_path / "c.npz").write_bytes(content + b"\0")
    assert load(tmp_path / "c.json") is None


def test_an_unknown_codec_is_refused(tmp_path):
    with pytest.raises(BackendError) as caught:
        load_checkpoint(tmp_path / "c", backend="numpy")
    assert caught.value.code == "unknown_backend"
