"""Overwrites beneath the shim: ``LD_PRELOAD=shim.so python -m conformance.crash.overwriting FOLDER COUNT SEED``.

Each save is made by a child of this process, which arms the shim first: it fails, or is killed, at a call that was
drawn. What it leaves is what the next one finds. After each, what loads must be the checkpoint before it or the one it
saved, whole, and the new one where the save said that it was done. Prints one JSON object of counts.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint, save_checkpoint

FAULTS: Final = ("fail", "fail halfway", "kill before", "kill halfway", "kill behind", "the folder is taken away")
ERRORS: Final = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES)
BACKENDS: Final = ("rust", "reference")
MOST_CALLS: Final = 14
SAVED, REFUSED, KILLED = "saved", "refused", "killed"


class Fault(NamedTuple):
    """What happens to one save: at which call, counted from 1, which of `FAULTS`, which error, and whether it lasts."""

    at: int
    what: int
    error: int
    lasts: bool


def checkpoint(value: float) -> SNNCheckpoint:
    """Return one whose every weight is ``value``."""
    return SNNCheckpoint([np.full((40, 30), value), np.full((20, 40), value)], ["a", "b"], [(30, 40), (40, 20)])


def value_at(path: Path) -> float:
    """Return the one value of the checkpoint there, read by both codecs, or raise `AssertionError` for a mixture."""
    values = set()
    for backend in BACKENDS:
        loaded = load_checkpoint(path, backend=backend)
        values |= {float(value) for weight in loaded.weights for value in np.unique(weight)}
    assert len(values) == 1, f"{path.name} is a mixture of {sorted(values)}"
    return values.pop()


def overwrite(path: Path, value: float, fault: Fault, backend: str, durable: bool) -> str:
    """Save in a child that meets ``fault``; return what became of it."""
    away = path.parent.with_name(f"{path.parent.name}-away")
    folders = os.fsencode(path.parent), os.fsencode(away)
    child = os.fork()
    if child == 0:
        status = 3
        try:
            ctypes.CDLL(None).crash_folder(*folders)
            ctypes.CDLL(None).crash_arm(fault.at, fault.what, fault.error, int(fault.lasts))
            save_checkpoint(checkpoint(value), path, durable=durable, backend=backend)
            status = 0
        except OSError:
            status = 1
        except CheckpointError as error:
            status = 1 if error.code == "missing_file" and away.exists() else 3
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if away.exists():
        away.rename(path.parent)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) in (0, 1), "a fault of the disk is no OSError"
    if os.WIFSIGNALED(status):
        return KILLED
    return SAVED if os.WEXITSTATUS(status) == 0 else REFUSED


def run(folder: Path, count: int, seed: int) -> Counter[str]:
    """Overwrite ``count`` times, and return how often what came of it."""
    draw = random.Random(seed)
    paths = [folder / "pair", folder / "one.safetensors"]
    now = dict.fromkeys(paths, 0.0)
    for path in paths:
        save_checkpoint(checkpoint(0.0), path)
    counts: Counter[str] = Counter()
    for number in range(1, count + 1):
        path, backend = draw.choice(paths), draw.choice(BACKENDS)
        fault = Fault(
            draw.randint(1, MOST_CALLS), draw.randrange(len(FAULTS)), draw.choice(ERRORS), draw.random() < 0.5
        )
        # Now and then what was saved last, once more: then a file that a stopped save has staged has its name already.
        value = now[path] if draw.random() < 0.2 else float(number)
        outcome = overwrite(path, value, fault, backend, durable=draw.random() < 0.1)
        found = value_at(path)
        assert found in (now[path], value), f"{path.name} has {found}, not {now[path]} or {value} ({fault})"
        assert outcome != SAVED or found == value, f"{path.name}: the save said it was done, and {found} is there"
        counts[outcome] += 1
        counts["the old one stayed" if found != value else "the new one is there"] += 1
        now[path] = found
    for path in paths:
        save_checkpoint(checkpoint(-1.0), path)
        assert value_at(path) == -1.0
    left = sorted(file.name for file in folder.iterdir())
    assert left == ["one.safetensors", "pair.json", "pair.npz"], f"good saves leave {left}"
    return counts


if __name__ == "__main__":
    where, how_often, which = sys.argv[1:]
    print(json.dumps(run(Path(where), int(how_often), int(which))))
