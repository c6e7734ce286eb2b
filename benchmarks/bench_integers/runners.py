"""A run of the float network and of its integers in each language, timed inside the runner (SPEC.md, 6, Timing).

All get the same real inputs, (3·i mod 17)/16: these integer networks are made for steps of 1/16, so that float and
whole network do the same work. One thread, 16 steps.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.result import Measurement
from conformance.languages import converse, load_languages
from spikeport.graph import SNNGraph
from spikeport.integers import quantize
from spikeport.transfer import SNNCheckpoint, save_checkpoint

Array = npt.NDArray[Any]

FED = {"input_step": 1 / 16, "input_largest": 16}
REPEATS = 5
PATIENCE = 600.0


def timed_in_runners(
    name: str, graph: SNNGraph, calibration: Array, longest: int, samples: int
) -> tuple[list[Measurement], dict[str, str]]:
    """Return what each language that is here takes for ``samples`` samples, and each one's version."""
    graphs = {str(np.dtype(next(layer.weights.dtype for layer in graph if layer.weights is not None))): graph}
    graphs |= {f"int{bits}": quantize(graph, bits, calibration, longest, **FED).graph for bits in (8, 16)}
    taken, versions = list[Measurement](), dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        for who, each in graphs.items():
            save_checkpoint(SNNCheckpoint.from_graph(each), Path(folder) / who)
        lines = [
            f"{number} bench kernel=network.run size={samples} repeats={REPEATS} checkpoint={Path(folder) / who}"
            for number, who in enumerate(graphs)
        ]
        for language in load_languages():
            if language.absent() or language.prepare():
                continue
            replies, end = converse(language, lines, Path(folder), timeout=PATIENCE)
            if len(replies) < len(lines):
                raise RuntimeError(f"{language.name} stopped at {lines[len(replies)]!r}: {end}")
            versions[language.name] = f"{language.says()} {language.flags}".strip()
            taken += [
                Measurement(f"{name}: a run in {language.name}", who, *_read(reply, samples))
                for who, reply in zip(graphs, replies, strict=True)
            ]
    return taken, versions


def _read(reply: str, samples: int) -> tuple[list[float], str, dict[str, Any]]:
    words = dict(word.split("=", 1) for word in reply.split(" ")[1:])
    if "seconds" not in words:
        raise RuntimeError(f"a runner does not time this: {reply}")
    params = {"T": 16, "samples": samples, "threads": 1, "check": words["check"]}
    return [float(value) for value in words["seconds"].split(",")], "s", params
