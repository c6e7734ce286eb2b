"""The attacks of `conformance.attacks`: made, and refused by the code that the catalogue names."""

import pytest

from conformance.attacks import __main__ as attacks
from conformance.attacks.catalogue import ATTACKS, Attack
from spikeport.transfer import codec

NEEDS_RUST = pytest.mark.skipif(codec._rust is None, reason="the Rust extension is not built")


@pytest.mark.parametrize("name", ["python", pytest.param("rust in process", marks=NEEDS_RUST)])
def test_every_attack_is_refused_by_its_code(name, capsys):
    assert attacks.main(["--language", name]) == 0
    said = capsys.readouterr().out
    assert f"{len(ATTACKS)} attacks, 1 readers ({name}): 0 not refused" in said and len(ATTACKS) > 50


def test_a_reader_that_takes_an_attack_is_found_out(monkeypatch, capsys):
    """An attack that is said to be another."""
    good = Attack("nothing", "pickle", ATTACKS["appended"].write)
    monkeypatch.setattr("conformance.attacks.__main__.ATTACKS", {"appended": good})
    assert attacks.main(["--language", "python"]) == 1
    assert "BUT {'python': 'archive_digest'}" in capsys.readouterr().out
