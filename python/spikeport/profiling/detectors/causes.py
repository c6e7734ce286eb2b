"""Causes outside the neurons: an input of another scale than the weights, a learning rate that tears them away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spikeport.profiling.detectors.course import Layers
from spikeport.profiling.pathology import Pathology, Severity, Thresholds
from spikeport.profiling.recording.causes import Entry, Update
from spikeport.profiling.recording.statistics import LayerStats


def input_scale(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """An input far too small or too large for the first weights and biases, at the first recording."""
    for name, stats in layers.items():
        entry, θ = stats.entry, stats.membrane_threshold
        fault = None if entry is None else entry.fault(θ, thresholds)
        if entry is None or fault is None:
            continue
        beside = f"biases of {entry.bias:.3g}" + ("" if θ is None else f" and a threshold of {θ:.3g}")
        yield Pathology(
            category="input_scale",
            severity=Severity.CRITICAL,
            layer=name,
            message=(
                f"The input is too {fault}: values of at most {entry.largest:.3g} enter {entry.connection}, and make "
                f"currents of {entry.drive:.3g} (root mean square) beside {beside}."
            ),
            suggestion=_scaling(entry, fault),
            value=entry.largest,
            threshold=thresholds.input_small if fault == "small" else thresholds.input_large,
            first_step=stats.frames[0].start if stats.frames else None,
        )


def learning_rate(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """An update that moves weights by a large share of what they are, named for the weights that it moves most."""
    updates = {name: stats.update for name, stats in layers.items() if stats.update is not None}
    if not updates:
        return
    name = max(updates, key=lambda layer: updates[layer].ratio)
    update = updates[name]
    if update.ratio <= thresholds.update_ratio:
        return
    yield Pathology(
        category="learning_rate",
        severity=Severity.CRITICAL,
        layer=name,
        message=(
            f"The update at step {update.step} moved the weights of {update.connection} by {update.ratio:.3g} times "
            f"their norm, which grew {update.growth:.3g}-fold.{_membranes(layers[name])}"
        ),
        suggestion=(
            f"{_lowering(update)}, and begin anew from fresh weights: an early update of a training that is well moves "
            f"them by about {thresholds.update_wanted:g} of their norm.{tried(update.rates)}"
        ),
        value=update.ratio,
        threshold=thresholds.update_ratio,
        first_step=update.step,
    )


def tried(rates: Mapping[str, float] | None) -> str:
    """Return the rates that a number gave when it was tried, as a sentence; nothing where it was not."""
    if not rates:
        return ""
    return f" Tried on the first recorded batch: {', '.join(f'{n} has a rate of {r:.2g}' for n, r in rates.items())}."


def _scaling(entry: Entry, fault: str) -> str:
    if entry.factor is None:
        way = (
            "up (was it normalised twice?)" if fault == "small" else "down (pixels by 1/255, other features to about 1)"
        )
        return f"Scale the input {way}. No factor that could be tried made the layers well, so none is given."
    by = f"{entry.factor:g}" if entry.factor >= 1 else f"{entry.factor:g} (divide it by {1 / entry.factor:.3g})"
    return f"Multiply the input by {by}.{tried(entry.rates)}"


def _lowering(update: Update) -> str:
    if update.divisor is None:
        return "Lower the learning rate"
    if update.learning_rate is None:
        return f"Divide the learning rate by {update.divisor:g}"
    lower = update.learning_rate / update.divisor
    return f"Lower the learning rate from {update.learning_rate:.3g} to {lower:.2g} (divide it by {update.divisor:g})"


def _membranes(stats: LayerStats) -> str:
    highest = max((frame.deviation for frame in stats.frames if frame.deviation == frame.deviation), default=0.0)
    first = stats.voltage_std_first
    if not highest > 10 * first:
        return ""
    return f" The membranes deviated by {first:.3g} in the first recording, and by up to {highest:.3g} since."
