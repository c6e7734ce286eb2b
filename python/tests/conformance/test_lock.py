"""Every language's save waits for one that goes on in the same folder, and takes nothing away from it."""

import fcntl
import itertools
import multiprocessing
import os
import shlex
import subprocess
import sys
import time

import numpy as np
import pytest

from conformance.crash import shim
from conformance.languages import converse, load_languages
from conformance.lines import decode_reply, encode_line
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

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


def line_of(path, number=0, value=1.0):
    """Return the line of a case that saves a checkpoint of one value."""
    content = {"path": str(path), "names": ["a"], "kinds": ["IF"], "sizes": [2, 1], "weight.0": [value, value]}
    return encode_line(number, "checkpoint.write", content)


def command_of(writer, path, tmp_path, built):
    """Return the words of a command that saves a checkpoint at a path, and where it is run."""
    if isinstance(writer, str):
        return [sys.executable, "-c", SAVES, str(path), writer], None
    built(writer)
    cases = tmp_path / "cases.txt"
    cases.write_text(line_of(path) + "\n", "utf-8")
    return [word.replace("{cases}", str(cases)) for word in shlex.split(writer.run)], writer.root


@pytest.mark.parametrize("writer", WRITERS.values(), ids=list(WRITERS))
def test_a_save_waits_for_the_one_that_has_the_lock(writer, tmp_path, built):
    """It comes to the lock, which this process holds, and writes nothing until that lets it go."""
    (tmp_path / "asks.c").write_text(ASKS)
    library, asked, folder = tmp_path / "asks.so", tmp_path / "asked", tmp_path / "folder"
    shim.compiled(library, tmp_path / "asks.c")
    folder.mkdir()
    command, root = command_of(writer, folder / "pair", tmp_path, built)
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


def save_for_ever(path):
    for number in itertools.count(1):
        save_checkpoint(SNNCheckpoint([np.full((40, 30), -float(number))], ["b"], [(30, 40)], ["IF"]), path)


def test_writers_of_two_languages_lose_nothing(language, tmp_path):
    """A language saves two hundred times where Python does, too: every save is done, and one is there, whole."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "pair"
    writer = multiprocessing.get_context("spawn").Process(target=save_for_ever, args=(str(path),), daemon=True)
    writer.start()
    try:
        lines = [line_of(path, number, 1.0 + number) for number in range(200)]
        replies, end = converse(language, lines, tmp_path, timeout=300)
        assert writer.is_alive()
    finally:
        writer.kill()
        writer.join()
    assert end == ""
    assert [reply for number, reply in enumerate(replies) if "error" in decode_reply(reply, number)] == []
    assert len({float(value) for value in np.unique(load_checkpoint(path).weights[0])}) == 1
