"""Rates: neurons that spike too rarely, too often, more and more, or all at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeport.profiling.detectors.causes import tried
from spikeport.profiling.detectors.course import Layers, lately_above, since_words, start_of_quarter
from spikeport.profiling.pathology import NETWORK, Pathology, Severity, Thresholds
from spikeport.profiling.recording.statistics import LayerStats


def silent_network(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """No neuron of any layer spikes: over the whole recording, or lately."""
    spiking = [stats for stats in layers.values() if stats.n_observations]
    if not spiking:
        return
    highest = max(float(np.nanmax(stats.firing_rates)) for stats in spiking)
    spells = [lately_above(stats, lambda frame: -frame.highest, -thresholds.silent_rate) for stats in spiking]
    lately = max(-least for least, _ in spells)
    if min(highest, lately) < thresholds.silent_rate:
        since = None if highest < thresholds.silent_rate else max(step or 0 for _, step in spells)
        yield Pathology(
            category="silent_network",
            severity=Severity.CRITICAL,
            layer=NETWORK,
            message=(
                f"No neuron spikes{'' if since is None else f' since step {since}'}: the highest rate of the network "
                f"is {min(highest, lately):.2g}."
            ),
            suggestion=_waking(layers) + _distance(next(iter(layers.values()))),
            value=min(highest, lately),
            threshold=thresholds.silent_rate,
            first_step=since or 0,
        )


def dead_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that hardly ever spike: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = lately_above(stats, lambda frame: frame.dead, thresholds.dead_warning)
        share = float(np.fmax(stats.dead_neuron_fraction, lately))
        if not share > thresholds.dead_warning:
            continue
        critical = share > thresholds.dead_critical
        yield Pathology(
            category="dead_neurons",
            severity=Severity.CRITICAL if critical else Severity.WARNING,
            layer=name,
            message=(
                f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) have a rate below "
                f"{thresholds.dead_rate:g} spikes per step{since_words(stats, since)}.{_evidence(stats, thresholds)}"
            ),
            suggestion=(
                ("" if since_words(stats, since) else _lowering(layers, name))
                or f"Lower the threshold of layer {name}, scale up its weights or input, or add noise to its membrane."
            )
            + _distance(stats),
            value=share,
            threshold=thresholds.dead_critical if critical else thresholds.dead_warning,
            first_step=since,
        )


def saturated_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that spike at almost every step: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = lately_above(stats, lambda frame: frame.saturated, thresholds.saturated_warning)
        share = float(np.fmax(stats.saturated_neuron_fraction, lately))
        if share > thresholds.saturated_warning:
            yield Pathology(
                category="saturated_neurons",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) send more than "
                    f"{thresholds.saturated_rate:.0%} of the spikes that they could{since_words(stats, since)}."
                ),
                suggestion=(
                    f"Raise the threshold of layer {name}, scale down its weights or input, check that the neuron "
                    "resets, or add a penalty on the rate to the loss."
                ),
                value=share,
                threshold=thresholds.saturated_warning,
                first_step=since,
            )


def rate_drift(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A rate that still moves one way after the first quarter of the training."""
    for name, stats in layers.items():
        if stats.n_records < thresholds.trend_records or len(stats.rate_quarters) < 4:
            continue
        _, second, third, fourth = (max(rate, thresholds.silent_rate) for rate in stats.rate_quarters)
        drift = max(fourth / second, second / fourth)
        if drift > thresholds.drift_ratio and (second < third < fourth or second > third > fourth):
            yield Pathology(
                category="rate_drift",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"The mean rate keeps {'rising' if fourth > second else 'falling'}: {second:.3g} in the second "
                    f"quarter of the recording, {fourth:.3g} in the last."
                ),
                suggestion=(
                    "Hold the rate with a penalty towards a target (such as (rate - 0.1)²), lower the learning rate, "
                    "or weaken the regularisation that pushes it."
                ),
                value=drift,
                threshold=thresholds.drift_ratio,
                first_step=start_of_quarter(stats.rate_curve.steps, 1),
            )


def batch_synchronous(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """All samples of a batch spike together: the layer does not see its input."""
    for name, stats in layers.items():
        lately, since = lately_above(stats, lambda frame: frame.synchrony, thresholds.synchrony)
        share = float(np.fmax(stats.synchrony, lately))
        if share > thresholds.synchrony:
            yield Pathology(
                category="batch_synchronous",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"The samples of a batch spike together{since_words(stats, since)}: {share:.0%} of the spikes' "
                    "variance is common to all of them, so the layer says little about its input."
                ),
                suggestion=(
                    f"Check the scale of the input against the biases of layer {name} (an input normalised twice is a "
                    "common cause), start from random membranes, or lower the biases."
                ),
                value=share,
                threshold=thresholds.synchrony,
                first_step=since,
            )


def _waking(layers: Layers) -> str:
    """Return how to wake a silent network: with the thresholds that were tried, where there are any."""
    return _lowering(layers) or (
        "Check that the input is encoded and scaled (values around the threshold), then lower all thresholds or "
        "scale up the weights."
    )


def _lowering(layers: Layers, layer: str | None = None) -> str:
    """Return the thresholds that were tried together; nothing where there are none, or none for the ``layer``."""
    found = {name: stats.remedy for name, stats in layers.items() if stats.remedy is not None}
    if not found or (layer is not None and layer not in found):
        return ""
    lower = ", ".join(f"{name} to {remedy.threshold:g}" for name, remedy in found.items())
    return f"Lower the threshold{'s' * (len(found) > 1)}: {lower}.{tried({n: r.after for n, r in found.items()})}"


def _evidence(stats: LayerStats, thresholds: Thresholds) -> str:
    if stats.n_observations * thresholds.dead_rate >= 5:
        return ""
    return f" That rests on {stats.n_observations} observations per neuron: record more to be sure."


def _distance(stats: LayerStats) -> str:
    """Return how far the membranes are from the threshold.

    No factor for the weights: what biases make of a membrane does not scale with them, so it would have to be tried.
    """
    θ, membranes = stats.membrane_threshold, stats.membranes
    if θ is None or θ <= 0 or len(membranes) == 0:
        return ""
    top = float(np.quantile(membranes, 0.99))
    if not 0 < top < θ:
        return ""
    return f" 99 % of the membranes in layer {stats.name} stay below {top:.3g}, the threshold is {θ:.3g}."
