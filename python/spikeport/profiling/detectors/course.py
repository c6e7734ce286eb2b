"""What all detectors ask of the course of a layer: how it was lately, since when, and how its quarters begin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from spikeport.profiling.pathology import Pathology, Thresholds
from spikeport.profiling.recording.frames import Frame
from spikeport.profiling.recording.statistics import LayerStats

Layers = Mapping[str, LayerStats]
Detector = Callable[[Layers, Thresholds], Iterable[Pathology]]
"""What may be added to a profiler: a function of the layers, in network order, and the thresholds."""


def lately_above(stats: LayerStats, share: Callable[[Frame], float], limit: float) -> tuple[float, int | None]:
    """Return the least share in the last eighth of the frames, and the step since when all are above the limit.

    So a layer is found that falls ill late, and on the whole of the recording looks well. The share is NaN where the
    frames do not say.
    """
    frames = [frame for frame in stats.frames if not math.isnan(share(frame))]
    if not frames:
        return math.nan, None
    well = [index for index, frame in enumerate(frames) if share(frame) <= limit]
    spell = frames[well[-1] + 1 :] if well else frames
    recent = frames[-max(1, len(frames) // 8) :]
    return min(share(frame) for frame in recent), spell[0].start if spell else None


def since_words(stats: LayerStats, since: int | None) -> str:
    """Return since when a layer has been ill, for a sentence; nothing where that is the beginning or not known."""
    return f" since step {since}" if since is not None and stats.frames and since > stats.frames[0].start else ""


def start_of_quarter(steps: list[int], number: int) -> int | None:
    """Return the step at which a quarter of the curve begins."""
    return int(np.array_split(steps, 4)[number][0]) if len(steps) >= 4 else steps[0] if steps else None
