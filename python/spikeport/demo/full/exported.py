"""The networks in other forms, compared with their own runs: the float one as NIR, the integer one as C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.interop import load_nir, run_nir, save_nir, to_c, to_nir

Array = npt.NDArray[Any]

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2")


def as_nir(graph: SNNGraph, x: Array, T: int, path: Path) -> tuple[int, bool]:
    """Write a float network as NIR, run the file; return how many nodes it has, and whether it spikes the same."""
    save_nir(to_nir(graph, exact=False), path)
    stored = load_nir(path)
    counts = run_nir(stored, np.broadcast_to(x, (T, *x.shape))).sum(axis=0)
    return len(stored.nodes), bool(np.array_equal(counts, graph.run(x, T=T, backend="reference").counts[-1]))


def as_c(graph: SNNGraph, whole: Array, T: int, largest: int, path: Path) -> tuple[int, int, bool | None]:
    """Write an integer network as C; return bytes of constants and of state, and whether the program answers the same.

    The last is None where there is no C compiler. Raises `RuntimeError` where the compiler refuses the file.
    """
    source = to_c(graph, largest_input=largest, name=path.stem, sample=whole[0], T=T)
    source.save(path)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return source.constant_bytes, source.state_bytes, None
    program = path.with_suffix("")
    done = subprocess.run(
        [compiler, *WARNINGS, str(path), "-o", str(program)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{compiler} does not compile {path}: {done.stderr.strip()[-500:]}")
    text = "\n".join(map(str, whole.ravel().tolist()))
    ran = subprocess.run(
        [str(program.resolve()), "current", str(T)], input=text, capture_output=True, text=True, check=True
    )
    return source.constant_bytes, source.state_bytes, _answers_alike(ran.stdout, graph, whole, T)


def _answers_alike(printed: str, graph: SNNGraph, whole: Array, T: int) -> bool:
    """Whether what the program printed, a line a sample, has the reference's counts, membranes and drive."""
    run = graph.run(whole, T=T, backend="reference")
    lines = [dict(word.split("=") for word in line.split()) for line in printed.splitlines()]
    wanted = {"drive": run.drive}
    for k, node in enumerate(graph):
        wanted[f"counts.{k}"] = run.counts[k]
        if node.neuron.is_spiking:
            wanted[f"v.{k}"] = run.membrane[k]
    return len(lines) == len(whole) and all(
        line.get(name) == ",".join(str(int(value)) for value in values[index].ravel())
        for index, line in enumerate(lines)
        for name, values in wanted.items()
    )
