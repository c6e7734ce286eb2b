"""The diagnosis: every detector is asked, and the timeline says when a layer was ill."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from spikeport.profiling.detectors.causes import input_scale, learning_rate
from spikeport.profiling.detectors.course import Detector, Layers
from spikeport.profiling.detectors.gradients import (
    gradient_explosion,
    gradient_growth,
    gradient_vanishing,
    no_gradient,
)
from spikeport.profiling.detectors.membranes import (
    exploding_membrane,
    surrogate_inactive,
    voltage_collapse,
)
from spikeport.profiling.detectors.non_finite import non_finite
from spikeport.profiling.detectors.rates import (
    batch_synchronous,
    dead_neurons,
    rate_drift,
    saturated_neurons,
    silent_network,
)
from spikeport.profiling.pathology import Pathology, Severity, Thresholds
from spikeport.profiling.recording.frames import Frame

DETECTORS: tuple[Detector, ...] = (
    non_finite,
    no_gradient,
    input_scale,
    learning_rate,
    exploding_membrane,
    silent_network,
    dead_neurons,
    saturated_neurons,
    voltage_collapse,
    gradient_explosion,
    gradient_vanishing,
    gradient_growth,
    surrogate_inactive,
    rate_drift,
    batch_synchronous,
)


CAUSES = ("no_gradient", "input_scale", "learning_rate", "non_finite", "exploding_membrane", "silent_network")
"""What other pathologies follow from, in the order in which they are to be mended."""


def diagnose(layers: Layers, thresholds: Thresholds, detectors: Iterable[Detector] = ()) -> list[Pathology]:
    """Return every pathology: causes before what follows from them, then the worst first, then in network order."""
    order = {name: index for index, name in enumerate(layers)}
    found = [p for detector in (*DETECTORS, *detectors) for p in detector(layers, thresholds)]

    def rank(p: Pathology) -> tuple[int, int, int]:
        is_cause = p.severity is Severity.CRITICAL and p.category in CAUSES
        return (CAUSES.index(p.category) if is_cause else len(CAUSES), p.severity.rank, order.get(p.layer, -1))

    return sorted(found, key=rank)


def timeline(
    layers: Layers, thresholds: Thresholds, pathologies: Iterable[Pathology] = ()
) -> list[tuple[str, str, int, int]]:
    """Return when a layer was ill: category, layer, first and last step.

    What can be judged frame by frame is, whether it is a pathology of the whole recording or not; of the rest, every
    one of the ``pathologies`` that has a first step lasts from there to the end.
    """
    tests: dict[str, Callable[[Frame], bool]] = {
        "non_finite": lambda frame: frame.non_finite > 0,
        "dead_neurons": lambda frame: frame.dead > thresholds.dead_warning,
        "saturated_neurons": lambda frame: frame.saturated > thresholds.saturated_warning,
        "voltage_collapse": lambda frame: frame.deviation < thresholds.voltage_std,
        "surrogate_inactive": lambda frame: frame.inactive > thresholds.inactive_share,
        "batch_synchronous": lambda frame: frame.synchrony > thresholds.synchrony,
    }
    spans = []
    for name, stats in layers.items():
        spans += [(category, name, *spell) for category, ill in tests.items() for spell in _spells(stats.frames, ill)]
        if stats.explosion is not None:
            step = stats.explosion.first_step
            spans.append(("gradient_explosion", name, step, step))
    judged = {(category, layer) for category, layer, _, _ in spans}
    ends = [stats.frames[-1].end for stats in layers.values() if stats.frames]
    end = max(ends + [step for stats in layers.values() for step in stats.gradient_curve.steps[-1:]], default=0)
    for p in pathologies:
        if p.first_step is not None and (p.category, p.layer) not in judged:
            spans.append((p.category, p.layer, p.first_step, max(end, p.first_step)))
    return spans


def _spells(frames: Iterable[Frame], ill: Callable[[Frame], bool]) -> Iterator[tuple[int, int]]:
    for is_ill, group in itertools.groupby(frames, ill):
        spell = list(group)
        if is_ill:
            yield spell[0].start, spell[-1].end
