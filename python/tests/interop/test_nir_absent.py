"""Without nir, spikeport imports as ever and says what to install."""

import subprocess
import sys

import numpy as np
import pytest

from spikeport import LayerNode, MissingExtra, SNNGraph
from spikeport.interop import load_nir, to_nir


def test_the_room_imports_without_nir():
    code = "import sys, spikeport.interop; print([m for m in ('nir', 'h5py', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)  # as if it were not installed
    graph = SNNGraph([LayerNode("a", 2, 2, np.eye(2), "IF")])
    for call in (lambda: to_nir(graph), lambda: load_nir("a.nir")):
        with pytest.raises(MissingExtra, match=r"pip install 'spikeport\[nir\]'"):
            call()
