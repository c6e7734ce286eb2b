"""Fuzzing: the drawn pairs reach what they should, and a difference between the codecs is found."""

import pytest

from conformance.fuzz import difference, drawn, seeds
from spikeport.transfer import CheckpointError, codec

pytestmark = pytest.mark.skipif(codec._rust is None, reason="the Rust extension is not built")


def test_drawn_pairs_are_refused_for_many_reasons_and_some_are_read(tmp_path):
    counts = drawn.run(tmp_path, seed=3, count=600, seconds=600)
    assert counts.total() == 600 and counts["read"] > 5
    assert len(counts) >= 12, counts


def test_a_pair_of_a_number_is_always_the_same():
    good = drawn.pool(5)
    assert good == drawn.pool(5)
    assert drawn.drawn(good, 5, 17) == drawn.drawn(good, 5, 17) != drawn.drawn(good, 5, 18)


def test_a_reference_that_says_another_code_is_found_out(tmp_path, monkeypatch):
    def careless(path, *, backend, load=difference.load_checkpoint):
        try:
            return load(path, backend=backend)
        except CheckpointError as error:
            raise CheckpointError("dtype" if error.code == "shape" else error.code, str(error)) from None

    monkeypatch.setattr(difference, "load_checkpoint", careless)
    with pytest.raises(difference.Differ, match=r"pair \d+ of seed 3.*the reference says dtype, Rust says shape"):
        drawn.run(tmp_path, seed=3, count=600, seconds=600)


def test_the_seeds_have_every_network_that_the_targets_know(tmp_path):
    known = seeds.networks()
    assert len(known) > 10 and set(range(1, len(known))) <= {which for which, *_ in seeds.pairs()}
    seeds.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "sidecar", "json", "pair", "disk"}
