"""Saves that meet a fault in a call of the system, or are killed there: nothing is lost."""

import subprocess

import pytest

from conformance.crash.__main__ import stopped_overwrites
from conformance.crash.shim import absent
from spikeport.transfer import codec

pytestmark = pytest.mark.skipif(bool(absent()), reason=absent() or "")


@pytest.mark.skipif(codec._rust is None, reason="the Rust extension is not built")
def test_overwrites_stopped_at_drawn_calls_lose_nothing(tmp_path):
    """The run itself asserts after each save; here it is asserted that all kinds of ends were met."""
    counts = stopped_overwrites(tmp_path, 300, seed=7)
    assert counts["saved"] + counts["refused"] + counts["killed"] == 300
    assert min(counts[what] for what in ("saved", "refused", "killed", "the old one stayed")) > 5


def test_the_run_sees_a_save_that_is_not_done_in_one_step(tmp_path, monkeypatch):
    """A save that writes both files where they stand is found out."""
    (tmp_path / "sitecustomize.py").write_text(CARELESS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    (tmp_path / "there").mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        stopped_overwrites(tmp_path / "there", 300, seed=7)


CARELESS = """
import os
from spikeport.transfer import codec, saving

def write_in_place(path, content, durable, named=None):
    with open(path, "wb", buffering=0) as file:
        file.write(content)

saving._write = write_in_place
codec.save = lambda *args, **kwargs: False
"""
