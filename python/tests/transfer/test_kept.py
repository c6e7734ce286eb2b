"""Files of released versions: read to what they were written from, and written again byte for byte."""

import hashlib

import numpy as np
import pytest

from conformance.cases import FILES, KEPT, load_cases
from conformance.in_process import answer
from spikeport.backends import get_backend
from spikeport.transfer import load_checkpoint, save_checkpoint

CASES = {case.id: case for case in load_cases(("checkpoint.read",)) if ".kept." in case.id}
PAIRS = sorted(path.with_suffix("") for path in KEPT.glob("0.*/*.json"))

SUMS = {
    "0.1/single.safetensors": "2d1c604739b213d21d84ad646a936836d32abf65626f410bc1bf982b36d17ac1",
    "sc-neurocore-3/pair.json": "a7238fab889e89d971da3458c31427e0754f28e4d295395c83567a71b7a2f845",
    "sc-neurocore-3/pair.npz": "ac1c1556321bfdb7b5332268e30f58019323fcff03bd7ddfc4e5c8e9d46e8551",
    "kept.json": "3b39bdbe6d2b891f97efa65e15e8396b65b1da25937823a77a10f039f48ebd4f",
}
"""SHA-256 of what no sidecar's digest watches."""


def test_nothing_that_is_kept_was_changed_or_left_out():
    """The archives' digests stand in the cases, and the sidecars are compared below."""
    assert {name: hashlib.sha256((KEPT / name).read_bytes()).hexdigest() for name in SUMS} == SUMS
    assert {f"checkpoint.read.kept.{path.parent.name}.{path.name}" for path in PAIRS} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_reference_reads_what_was_written(name):
    case = CASES[name]
    words = answer(get_backend("reference"), case.kernel, {"path": str(FILES / case.inputs["path"])})
    assert words == {key: [str(value) for value in values] for key, values in case.expected.items()}


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_kept_pair_is_written_again_byte_for_byte(path, tmp_path):
    save_checkpoint(load_checkpoint(path), tmp_path / "again")
    for suffix in (".npz", ".json"):
        assert (tmp_path / f"again{suffix}").read_bytes() == path.with_suffix(suffix).read_bytes()


def test_the_one_file_holds_what_the_pair_does():
    assert load_checkpoint(KEPT / "0.1" / "single.safetensors") == load_checkpoint(KEPT / "0.1" / "chain")


def test_a_pair_of_sc_neurocore_is_read():
    loaded = load_checkpoint(KEPT / "sc-neurocore-3" / "pair")
    assert np.array_equal(loaded.weights[0], np.arange(12).reshape(4, 3) / 8 - 0.5)
    assert np.array_equal(loaded.weights[1], np.arange(8).reshape(2, 4) / 4 - 1.0)
    assert (loaded.layer_names, loaded.layer_sizes) == (["hidden", "output"], [(3, 4), (4, 2)])
    assert (loaded.neuron_types, loaded.frozen_layers) == (["LIF", "LIF"], ["hidden"])
    assert loaded.metadata == {"task": "mnist", "accuracy": 0.972}
