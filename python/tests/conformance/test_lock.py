"""Every language's save waits for one that goes on in the same folder."""

import fcntl
import os
import shlex
import subprocess
import sys
import time

import pytest

from conformance.crash import shim
from conformance.harness import required_languages
from conformance.languages import load_languages
from conformance.lines import encode_line

pytestmark = pytest.mark.skipif(bool(shim.absent()), reason=shim.absent() or "")

# Says, by a file that is there from then on, that a process has come to the lock.
ASKS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int flock(int file, int how) {
    close(open(getenv("SPIKEPORT_ASKED"), O_WRONLY | O_CREAT, 0600));
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(file, how);
}
"""
SAVES = """
import sys, numpy as np
from spikeport.transfer import SNNCheckpoint, save_checkpoint
save_checkpoint(SNNCheckpoint([np.ones((1, 2))], ["a"], [(2, 1)], ["IF"]), sys.argv[1], backend=sys.argv[2])
"""
WRITERS = {language.name: language for language in load_languages()} | {
    "rust in process": "rust",
    "python": "reference",
}


def command_of(writer, path, tmp_path):
    """Return the words of a command that saves a checkpoint at a path, and where it is run."""
    if isinstance(writer, str):
        return [sys.executable, "-c", SAVES, str(path), writer], None
    if writer.absent():
        assert writer.name not in required_languages(), writer.absent()
        pytest.skip(writer.absent())
    assert writer.prepare() == ""
    content = {"path": str(path), "names": ["a"], "kinds": ["IF"], "sizes": [2, 1], "weight.0": [1.0, 1.0]}
    cases = tmp_path / "cases.txt"
    cases.write_text(encode_line(0, "checkpoint.write", content) + "\n", "utf-8")
    return [word.replace("{cases}", str(cases)) for word in shlex.split(writer.run)], writer.root


@pytest.mark.parametrize("writer", WRITERS.values(), ids=list(WRITERS))
def test_a_save_waits_for_the_one_that_has_the_lock(writer, tmp_path):
    """It comes to the lock, which this process holds, and writes nothing until that lets it go."""
    (tmp_path / "asks.c").write_text(ASKS)
    library, asked, folder = tmp_path / "asks.so", tmp_path / "asked", tmp_path / "folder"
    shim.compiled(library, tmp_path / "asks.c")
    folder.mkdir()
    command, root = command_of(writer, folder / "pair", tmp_path)
    environment = os.environ | {"LD_PRELOAD": str(library), "SPIKEPORT_ASKED": str(asked)}
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while not asked.exists() and process.poll() is None:
                time.sleep(0.01)
            assert asked.exists(), "it saved, or stopped, without asking for the lock"
            assert process.poll() is None
            assert list(folder.iterdir()) == []
            os.close(held)
            assert process.wait(120) == 0
        finally:
            process.kill()
    assert sorted(path.name for path in folder.iterdir()) == ["pair.json", "pair.npz"]
