"""One checkpoint from its files, in every language that is here: do they give the reference's spikes?"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.backends import BIT_EQUAL, available_backends
from spikeport.backends.julia import SOURCES
from spikeport.graph.signals import dtype_of
from spikeport.kernels import RunResult
from spikeport.transfer import load_checkpoint

Array = npt.NDArray[Any]

PROGRAM = Path(__file__).with_name("run.jl")
LONGEST = 300


class Heard(NamedTuple):
    """What a language answered: ``same`` is None where it is not here, and ``detail`` says why."""

    language: str
    same: bool | None
    spikes: int
    seconds: float
    detail: str


def heard(checkpoint: Path, x: Array, T: int) -> list[Heard]:
    """Run a checkpoint on samples by every backend that is bit-equal, and by a Julia on PATH where none is in process.

    Spikes are compared one by one; of a Julia of its own, counts of every layer and the drive.
    """
    graph = load_checkpoint(checkpoint).to_graph()
    want = graph.run(x, T=T, backend="reference", record=True)
    found = []
    for name, reason in available_backends().items():
        if name not in BIT_EQUAL:
            continue
        if reason is None:
            begun = time.perf_counter()
            got = graph.run(x, T=T, backend=name, record=True)
            found.append(Heard(name, _same(want, got), _spikes(got), time.perf_counter() - begun, "in this process"))
        elif name == "julia" and (julia := find_julia()) is not None:
            is_whole = dtype_of(graph) == np.int32
            found.append(_by_julia(julia, checkpoint, x.astype(np.int32 if is_whole else np.float64), T, want))
        else:
            found.append(Heard(name, None, 0, 0.0, reason))
    return found


def find_julia() -> str | None:
    """Return the Julia that ``SPIKEPORT_JULIA`` names, else the one on PATH, else None."""
    return shutil.which(os.environ.get("SPIKEPORT_JULIA", "julia"))


def _by_julia(julia: str, checkpoint: Path, x: Array, T: int, want: RunResult) -> Heard:
    package = next((folder for folder in SOURCES if (folder / "Project.toml").is_file()), None)
    if package is None:
        return Heard("julia", None, 0, 0.0, "the sources of the Julia package are not there")
    begun = time.perf_counter()
    with tempfile.NamedTemporaryFile(suffix=".bin") as samples:
        Path(samples.name).write_bytes(x.tobytes())
        command = [julia, "--startup-file=no", str(PROGRAM), str(package), str(checkpoint), samples.name, str(T)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LONGEST, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Heard("julia", None, 0, 0.0, str(error))
    if done.returncode:
        return Heard("julia", None, 0, 0.0, done.stderr.decode(errors="replace").strip()[-300:])
    said = b"".join(counts.astype(np.int64).tobytes() for counts in want.counts)
    said += want.drive.astype(np.float64).tobytes()
    return Heard("julia", done.stdout == said, _spikes(want), time.perf_counter() - begun, "a Julia of its own")


def _same(want: RunResult, got: RunResult) -> bool:
    pairs = zip([*(want.spikes or []), want.drive], [*(got.spikes or []), got.drive], strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def _spikes(run: RunResult) -> int:
    return int(sum(np.abs(counts).sum() for counts in run.counts))
