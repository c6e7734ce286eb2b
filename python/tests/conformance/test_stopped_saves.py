"""A runner's save that is stopped at a call, by an error or a kill, loses nothing, in any language."""

import itertools
import os
import shlex
import signal
import subprocess

import numpy as np
import pytest

from conformance.crash import shim
from conformance.crash.overwriting import FAULTS
from conformance.lines import encode_line
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

pytestmark = pytest.mark.skipif(bool(shim.absent()), reason=shim.absent() or "")

EVERY = list(itertools.product(range(1, 9), ("fail halfway", "kill before", "kill halfway", "kill behind")))
FEW = [(1, "kill halfway"), (6, "kill before"), (6, "kill behind"), (7, "fail halfway")]
"""Julia takes seconds to start."""


def test_a_save_stopped_at_any_call_leaves_the_old_or_the_new(language, tmp_path):
    library, cases, folder = tmp_path / "shim.so", tmp_path / "cases.txt", tmp_path / "folder"
    shim.compiled(library)
    folder.mkdir()
    path, seen, killed = folder / "pair", set(), 0
    content = {"path": str(path), "names": ["a"], "kinds": ["IF"], "sizes": [30, 40], "weight.0": [0.75] * 1200}
    cases.write_text(encode_line(0, "checkpoint.write", content) + "\n", "utf-8")
    command = [word.replace("{cases}", str(cases)) for word in shlex.split(language.run)]
    for at, fault in FEW if language.name == "julia" else EVERY:
        save_checkpoint(SNNCheckpoint([np.full((40, 30), 0.25)], ["a"], [(30, 40)], ["IF"]), path)
        armed = {"LD_PRELOAD": str(library), "CRASH_AT": str(at), "CRASH_WHAT": str(FAULTS.index(fault))}
        done = subprocess.run(command, cwd=language.root, env=os.environ | armed, capture_output=True, check=False)
        values = set(np.unique(load_checkpoint(path).weights[0]))
        assert len(values) == 1 and values <= {0.25, 0.75}, (at, fault, values)
        killed += done.returncode == -signal.SIGKILL
        seen |= values
    assert seen == {0.25, 0.75} and killed >= 2
    save_checkpoint(SNNCheckpoint([np.ones((1, 1))], ["a"], [(1, 1)], ["IF"]), path)
    assert sorted(file.name for file in folder.iterdir()) == ["pair.json", "pair.npz"]
