"""An overwrite loses nothing: stopped, killed or read meanwhile, it leaves the old checkpoint or the new, whole."""

import errno
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint
from spikeport.transfer import saving as saving_module


def checkpoint(value):
    return SNNCheckpoint([np.full((4, 3), value), np.full((2, 4), value)], ["a", "b"], [(3, 4), (4, 2)])


class Stop(BaseException):
    """What ends a save in the middle."""


@pytest.mark.parametrize("first", [True, False])
def test_a_save_stopped_anywhere_leaves_the_old_or_the_new(tmp_path, monkeypatch, first):
    """Every write, rename and removal of a save is cut once; what loads is one of the two, whole."""
    if not first:
        save_checkpoint(checkpoint(0.25), tmp_path / "c")
    seen = set()
    for cut in range(1, 20):
        steps = iter(range(1, 100))

        def counted(original, steps=steps, cut=cut):
            def call(*args, **kwargs):
                if next(steps) == cut:
                    raise Stop
                return original(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(saving_module.os, "open", counted(os.open))
            patch.setattr(saving_module.os, "replace", counted(os.replace))
            patch.setattr(saving_module.os, "fdopen", counted(os.fdopen))
            patch.setattr(type(tmp_path), "replace", counted(type(tmp_path).replace))
            patch.setattr(type(tmp_path), "unlink", lambda *a, **k: None)
            try:
                save_checkpoint(checkpoint(0.75), tmp_path / "c", backend="reference")
                finished = True
            except Stop:
                finished = False
        try:
            seen.add(load_checkpoint(tmp_path / "c").weights[0][0, 0])
        except CheckpointError as error:
            assert first and error.code == "missing_file"
            seen.add("nothing")
        if finished:
            break
        if not first:
            save_checkpoint(checkpoint(0.25), tmp_path / "c")
        else:
            for path in tmp_path.iterdir():
                path.unlink()
    assert finished and seen == ({"nothing", 0.75} if first else {0.25, 0.75})


KILLED = """
import sys, numpy as np
from spikeport.transfer import SNNCheckpoint, save_checkpoint
value = 0.0
while True:
    value += 1.0
    weights = [np.full((64, 64), value), np.full((64, 64), value)]
    save_checkpoint(SNNCheckpoint(weights, ["a", "b"], [(64, 64), (64, 64)]), sys.argv[1])
    print(value, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_checkpoint(tmp_path):
    """A real SIGKILL, many times, in a save that nobody chose: what loads is whole, no older than the last report."""
    for trial in range(12):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "c")], stdout=subprocess.PIPE)
        try:
            for _ in range(1 + trial):
                reported = float(writer.stdout.readline())
            threading.Event().wait(0.0007 * trial)  # some way into a later save; what is asserted holds anywhere
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        values = {float(v) for w in load_checkpoint(tmp_path / "c").weights for v in np.unique(w)}
        assert len(values) == 1 and values.pop() >= reported


def test_a_reader_beside_a_writer_never_sees_a_torn_pair(tmp_path):
    """The writer goes on for as long as the reader reads, each save with other values than the one before."""
    save_checkpoint(checkpoint(0.0), tmp_path / "c")
    saved, enough = [], threading.Event()

    def write():
        while not enough.is_set():
            save_checkpoint(checkpoint(float(len(saved) + 1)), tmp_path / "c")
            saved.append(True)

    writer = threading.Thread(target=write)
    writer.start()
    seen, reads = set(), 0
    try:
        while reads < 100 or len(seen) < 3:
            assert writer.is_alive()
            values = {float(v) for w in load_checkpoint(tmp_path / "c").weights for v in np.unique(w)}
            assert len(values) == 1
            seen |= values
            reads += 1
    finally:
        enough.set()
        writer.join()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.json", "c.npz"]


@pytest.mark.parametrize("name", ["c", "c.safetensors"])
def test_a_folder_that_may_not_be_written_names_the_file_that_was_asked_for(tmp_path, monkeypatch, name):
    def refuse(path, *args):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(saving_module.os, "open", refuse)
    with pytest.raises(PermissionError) as caught:
        save_checkpoint(checkpoint(0.5), tmp_path / name, backend="reference")
    assert caught.value.filename == str(tmp_path / ("c.npz" if name == "c" else name))
    assert not list(tmp_path.iterdir())


def test_what_a_stopped_save_has_left_is_still_there_when_the_next_one_fails(tmp_path, monkeypatch):
    """A save is stopped before its archive has its name; the same save again finds the disk full."""
    save_checkpoint(checkpoint(0.25), tmp_path / "c")

    def stop(*args):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "replace", stop)
        with pytest.raises(Stop):
            save_checkpoint(checkpoint(0.75), tmp_path / "c", backend="reference")
    assert load_checkpoint(tmp_path / "c").weights[0][0, 0] == 0.75

    def full(descriptor, mode, fdopen=os.fdopen):
        if "json" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return fdopen(descriptor, mode)

    with monkeypatch.context() as patch:
        patch.setattr(saving_module.os, "fdopen", full)
        with pytest.raises(OSError, match="No space"):
            save_checkpoint(checkpoint(0.75), tmp_path / "c", backend="reference")
    assert load_checkpoint(tmp_path / "c").weights[0][0, 0] == 0.75


@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_the_next_save_takes_away_what_stopped_ones_have_left_and_nothing_else(tmp_path, backend):
    save_checkpoint(checkpoint(0.25), tmp_path / "c", backend=backend)
    for left in (".c.npz.0123456789abcdef", ".c.json.00000000deadbeef"):
        (tmp_path / left).write_text("half")
    kept = {".c.npz.mine", ".c.npz.x.npz.0123456789abcdef", ".c2.npz.0123456789abcdef"}
    for name in kept:
        (tmp_path / name).write_text("mine")
    save_checkpoint(checkpoint(0.75), tmp_path / "c", backend=backend)
    assert {path.name for path in tmp_path.iterdir()} == {"c.npz", "c.json"} | kept


SAVES = """
import sys, numpy as np
from spikeport.transfer import SNNCheckpoint, save_checkpoint
first, backend = float(sys.argv[2]), sys.argv[3]
for k in range(100):
    weights = [np.full((64, 64), first + k), np.full((64, 64), first + k)]
    save_checkpoint(SNNCheckpoint(weights, ["a", "b"], [(64, 64), (64, 64)]), sys.argv[1], backend=backend)
"""


def test_writers_side_by_side_leave_a_whole_checkpoint(tmp_path):
    """Two processes, one with each codec, save to one path; every moment has a whole checkpoint of one of them."""
    save_checkpoint(checkpoint(0.0), tmp_path / "c")
    writers = [
        subprocess.Popen([sys.executable, "-c", SAVES, str(tmp_path / "c"), str(first), backend])
        for first, backend in ((1000, "rust"), (2000, "reference"))
    ]
    try:
        while any(writer.poll() is None for writer in writers):
            values = {float(v) for w in load_checkpoint(tmp_path / "c").weights for v in np.unique(w)}
            assert len(values) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.json", "c.npz"]
