"""Membranes that do not move, move a hundred thresholds away, or stand where the surrogate passes no gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeport.profiling.detectors.course import Layers, lately_above, since_words
from spikeport.profiling.pathology import Pathology, Severity, Thresholds


def voltage_collapse(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes that do not move, where membranes were recorded: over the whole recording, or lately."""
    for name, stats in layers.items():
        if not stats.has_voltages:
            continue
        least, since = lately_above(stats, lambda frame: -frame.deviation, -thresholds.voltage_std)
        deviation = min(stats.voltage_std, -least)
        if deviation < thresholds.voltage_std:
            where = (stats.voltage_curve.means or [stats.voltage_mean])[-1]
            yield Pathology(
                category="voltage_collapse",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"All membranes stay at {where:.3g}{since_words(stats, since)}: they deviate by {deviation:.2g}."
                ),
                suggestion=(
                    f"Check that layer {name} receives its input (weights that are not 0, a current that is not "
                    "clipped away) and scale the input up; a leak near 0 forgets every input at once."
                ),
                value=deviation,
                threshold=thresholds.voltage_std,
                first_step=since,
            )


def exploding_membrane(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes many thresholds away, where the threshold is known: from the first recording on, or by training.

    Named for the layer nearest the input, whose membranes drive the others.
    """
    for name, stats in layers.items():
        θ = stats.membrane_threshold
        if not stats.has_voltages or θ is None or θ <= 0:
            continue
        limit = thresholds.membrane_ratio * θ
        lately, since = lately_above(stats, lambda frame: frame.deviation, limit)
        deviation = float(np.fmax(lately, stats.voltage_std))
        if not deviation > limit:
            continue
        first = stats.voltage_std_first
        from_the_start = first > limit
        grown = "already in the first recording" if from_the_start else f"from {first:.3g} in the first recording"
        cause = (
            "The input is too large for the weights before training has changed them: scale it (pixels by 1/255, other "
            "features to a deviation of about 1)"
            if from_the_start
            else "Training made it so: lower the learning rate (to a tenth, say), or clip gradients, and begin anew"
        )
        yield Pathology(
            category="exploding_membrane",
            severity=Severity.CRITICAL,
            layer=name,
            message=f"The membranes deviate by {deviation:.3g} where the threshold is {θ:.3g}, {grown}.",
            suggestion=f"{cause}. Dead and saturated neurons and lost gradients follow from it.",
            value=deviation / θ,
            threshold=thresholds.membrane_ratio,
            first_step=since,
        )
        return


def surrogate_inactive(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes so far from the threshold that the surrogate passes no gradient, where there is one to pass."""
    for name, stats in layers.items():
        if stats.gradient_norm_mean == 0:
            continue
        lately, since = lately_above(stats, lambda frame: frame.inactive, thresholds.inactive_share)
        share = float(np.fmax(stats.surrogate_inactive_fraction, lately))
        if share > thresholds.inactive_share:
            yield Pathology(
                category="surrogate_inactive",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"The surrogate's derivative is below {thresholds.inactive_derivative:.0%} of its peak for "
                    f"{share:.0%} of the membranes{since_words(stats, since)}: they learn nothing."
                ),
                suggestion=(
                    f"Give layer {name} a wider surrogate (a smaller slope), or bring its membranes nearer the "
                    "threshold by scaling its weights."
                ),
                value=share,
                threshold=thresholds.inactive_share,
                first_step=since,
            )
