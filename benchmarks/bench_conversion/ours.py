"""Our side of the comparison: several ways of `convert`, fed the pixel at every step."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bench_conversion.judged import judged
from benchmarks.bench_conversion.trained import Trained
from spikeport.conversion import ConvertedSNN, convert


class Way(NamedTuple):
    """Arguments of `convert`, what is fitted to T ("" where nothing is), and the largest T that it is measured at.

    ``reads_late`` is for the second half of the steps alone.
    """

    arguments: dict[str, Any]
    fitted: str = "chosen"
    most: int = 1 << 30
    reads_late: bool = False


WAYS = {
    "spikeport, auto": Way({}),
    "spikeport, percentile 99.9": Way({"percentile": 99.9}, fitted=""),
    "spikeport, percentile 99.9, biases and readout fitted": Way(
        {"percentile": 99.9, "bias_calibration": True, "readout_calibration": True}, fitted="asked for"
    ),
    "spikeport, auto, the second half of the steps read": Way({}, fitted="asked for", reads_late=True),
    "spikeport, auto, up to 3 spikes a step (N = 3T)": Way({"max_spikes": 3}, most=16),
    "spikeport, auto, up to 7 spikes a step (N = 7T)": Way({"max_spikes": 7}, most=16),
}
POISSON = "spikeport, auto, Poisson input"


def ours(
    net: Trained, timesteps: tuple[int, ...], most: int, names: list[str]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield system, T and what came of it, for ``names``; what is chosen for T is converted at each up to ``most``."""
    for name in names:
        way, kept = WAYS[name], None
        for T in timesteps:
            if T > (min(way.most, most) if way.fitted == "chosen" else way.most):
                continue
            late = {"readout_delay": T // 2} if way.reads_late else {}
            start = time.perf_counter()
            if kept is None or way.fitted:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of few steps; what they give is what is measured here
                    kept = convert(net.model, net.calibration, T=T if way.fitted else 1, **way.arguments, **late)
            converted = time.perf_counter()
            answer, spikes = answered(kept, net.x, T, **late)
            seconds = {"convert": converted - start, "run": time.perf_counter() - converted}
            yield name, T, judged(answer, net.logits, net.y) | {"spikes": spikes, "seconds": seconds}
            if name == "spikeport, auto" and net.x.min() >= 0:
                drawn = kept.run(net.x, T=T, encoding="poisson", readout="membrane")
                yield POISSON, T, judged(drawn, net.logits, net.y) | {"spikes": None, "seconds": None}


def answered(snn: ConvertedSNN, x: Any, T: int, **late: int) -> tuple[Any, float]:
    """Return the logits after T steps of constant current, and the hidden neurons' spikes for each of 100 samples."""
    parts = np.array_split(x, max(1, len(x) // 100))
    logits = [snn.run(some, T=T, encoding="current", readout="membrane", **late) for some in parts]
    counts = snn.graph.run(parts[0], T=T, encoding="current").counts
    hidden = [some for layer, some in list(zip(snn.graph, counts, strict=True))[:-1] if layer.neuron.is_spiking]
    return np.concatenate(logits), sum(float(some.sum(dtype=np.float64)) for some in hidden) / len(parts[0])
