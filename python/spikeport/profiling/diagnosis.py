"""From statistics to pathologies: one function a category, each with the measurement it rests on and a fix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from spikeport.profiling.pathology import NETWORK, Pathology, Severity, Thresholds
from spikeport.profiling.statistics import Frame, LayerStats

Layers = Mapping[str, LayerStats]
Detector = Callable[[Layers, Thresholds], Iterable[Pathology]]
"""What may be added to a profiler: a function of the layers, in network order, and the thresholds."""

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def diagnose(layers: Layers, thresholds: Thresholds, detectors: Iterable[Detector] = ()) -> list[Pathology]:
    """Return every pathology, the worst first, within a severity in network order."""
    order = {name: index for index, name in enumerate(layers)}
    found = [p for detector in (*DETECTORS, *detectors) for p in detector(layers, thresholds)]
    return sorted(found, key=lambda p: (p.severity.rank, order.get(p.layer, -1)))


def non_finite(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """NaN or infinity in what was recorded."""
    for name, stats in layers.items():
        total = sum(stats.non_finite.values())
        if total:
            kinds = ", ".join(f"{number:,} in the {kind}" for kind, number in stats.non_finite.items())
            yield Pathology(
                "non_finite",
                CRITICAL,
                name,
                f"NaN or infinity: {kinds}, first at step {stats.first_non_finite}.",
                "Stop at this step: nothing after it means anything. Lower the learning rate, clip gradients "
                "(torch.nn.utils.clip_grad_norm_), look for a division by zero or a logarithm of 0 in the loss, and "
                "check the data with torch.isfinite.",
                float(total),
                0.0,
                stats.first_non_finite,
            )


def silent_network(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """No neuron of any layer spikes."""
    rates = [float(np.nanmax(s.firing_rates)) for s in layers.values() if s.n_observations]
    if rates and max(rates) < thresholds.silent_rate:
        yield Pathology(
            "silent_network",
            CRITICAL,
            NETWORK,
            f"No neuron spikes: the highest rate of the network is {max(rates):.2g}.",
            "Check that the input is encoded and scaled (values around the threshold), then lower all thresholds or "
            f"scale up the weights.{_gain(next(iter(layers.values())))}",
            max(rates),
            thresholds.silent_rate,
            0,
        )


def dead_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that hardly ever spike: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = _lately(stats, lambda frame: frame.dead, thresholds.dead_warning)
        share = max(stats.dead_neuron_fraction if stats.n_observations else 0.0, lately)
        if share <= thresholds.dead_warning:
            continue
        critical = share > thresholds.dead_critical
        yield Pathology(
            "dead_neurons",
            CRITICAL if critical else WARNING,
            name,
            f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) have a rate below "
            f"{thresholds.dead_rate:g} spikes a step{_when(stats, since)}.{_evidence(stats, thresholds)}",
            f"Lower the threshold of {name}, scale up its weights or input, or add noise to its membrane."
            f"{_gain(stats)}",
            share,
            thresholds.dead_critical if critical else thresholds.dead_warning,
            since,
        )


def saturated_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that spike at almost every step: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = _lately(stats, lambda frame: frame.saturated, thresholds.saturated_warning)
        share = max(stats.saturated_neuron_fraction if stats.n_observations else 0.0, lately)
        if share > thresholds.saturated_warning:
            yield Pathology(
                "saturated_neurons",
                WARNING,
                name,
                f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) spike at more than "
                f"{thresholds.saturated_rate:.0%} of the steps{_when(stats, since)}.",
                f"Raise the threshold of {name}, scale down its weights or input, check that the neuron resets, or "
                "add a penalty on the rate to the loss.",
                share,
                thresholds.saturated_warning,
                since,
            )


def voltage_collapse(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes that do not move, where membranes were recorded."""
    for name, stats in layers.items():
        if stats.has_voltages and stats.voltage_std < thresholds.voltage_std:
            yield Pathology(
                "voltage_collapse",
                WARNING,
                name,
                f"All membranes stay at {stats.voltage_mean:.3g}: they deviate by {stats.voltage_std:.2g}.",
                f"Check that {name} receives its input (weights that are not 0, a current that is not clipped away) "
                "and scale the input up; a leak near 0 forgets every input at once.",
                stats.voltage_std,
                thresholds.voltage_std,
            )


def gradient_explosion(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A gradient norm far above all before it."""
    for name, stats in layers.items():
        seen = stats.explosion
        if seen is not None:
            again = f" ({seen.times} times)" if seen.times > 1 else ""
            yield Pathology(
                "gradient_explosion",
                CRITICAL,
                name,
                f"The gradient's norm reached {seen.norm:.3g}, {seen.ratio:.0f} times the mean of the norms before "
                f"it, first at step {seen.first_step}{again}.",
                "Clip gradients (torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)) and lower the learning rate; "
                "a flatter surrogate or a smaller β shortens the product through time.",
                seen.ratio,
                thresholds.explosion_ratio,
                seen.first_step,
            )


def gradient_vanishing(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that are lost on their way to the input, named for the layer nearest the output that lost them."""
    norms = {name: stats.gradient_norm_mean for name, stats in layers.items() if stats.has_gradients}
    if len(norms) < 2:
        return
    last, reference = list(norms.items())[-1]
    for name, value in list(norms.items())[-2::-1]:
        ratio = reference / value if value > 0 else math.inf if reference > 0 else 0.0
        if ratio > thresholds.vanishing_ratio:
            first = next(iter(norms))
            yield Pathology(
                "gradient_vanishing",
                CRITICAL,
                name,
                f"The gradient's mean norm falls from {reference:.3g} at {last} to {value:.3g} at {name}"
                f"{f' and {norms[first]:.3g} at {first}' if first != name else ''}.",
                f"Widen the surrogate of the layers after {name} (a smaller slope), bring their membranes nearer the "
                "threshold, add skip connections, or train with fewer steps.",
                ratio,
                thresholds.vanishing_ratio,
            )
            return


def gradient_growth(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that still grow after the first quarter of the training."""
    for name, stats in layers.items():
        quarters = stats.gradient_quarters
        if not _has_trend(stats, quarters, thresholds) or quarters[1] <= 0:
            continue
        growth = quarters[3] / quarters[1]
        if growth > thresholds.growth_ratio and quarters[1] < quarters[2] < quarters[3]:
            yield Pathology(
                "gradient_growth",
                WARNING,
                name,
                f"The gradient's norm keeps growing: {quarters[1]:.3g} in the second quarter of the recording, "
                f"{quarters[3]:.3g} in the last.",
                "Lower the learning rate or let it decay, clip gradients, and add weight decay: growth comes before "
                "an explosion.",
                growth,
                thresholds.growth_ratio,
            )


def surrogate_inactive(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes so far from the threshold that the surrogate passes no gradient."""
    for name, stats in layers.items():
        share = stats.surrogate_inactive_fraction
        if share > thresholds.inactive_share:
            yield Pathology(
                "surrogate_inactive",
                WARNING,
                name,
                f"The surrogate's derivative is below {thresholds.inactive_derivative:.0%} of its peak for "
                f"{share:.0%} of the membranes: they learn nothing.",
                f"Give {name} a wider surrogate (a smaller slope), or bring its membranes nearer the threshold by "
                "scaling its weights.",
                share,
                thresholds.inactive_share,
            )


def rate_drift(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A rate that still moves one way after the first quarter of the training."""
    for name, stats in layers.items():
        quarters = stats.rate_quarters
        if not _has_trend(stats, quarters, thresholds):
            continue
        _, second, third, fourth = (max(rate, thresholds.silent_rate) for rate in quarters)
        drift = max(fourth / second, second / fourth)
        if drift > thresholds.drift_ratio and (second < third < fourth or second > third > fourth):
            yield Pathology(
                "rate_drift",
                WARNING,
                name,
                f"The mean rate keeps {'rising' if fourth > second else 'falling'}: {second:.3g} in the second "
                f"quarter of the recording, {fourth:.3g} in the last.",
                "Hold the rate with a penalty towards a target (such as (rate - 0.1)²), lower the learning rate, or "
                "weaken the regularisation that pushes it.",
                drift,
                thresholds.drift_ratio,
            )


def batch_synchronous(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """All samples of a batch spike together: the layer does not see its input."""
    for name, stats in layers.items():
        if stats.synchrony > thresholds.synchrony:
            yield Pathology(
                "batch_synchronous",
                WARNING,
                name,
                f"The samples of a batch spike together: {stats.synchrony:.0%} of the spikes' variance is common to "
                "all of them, so the layer says little about its input.",
                f"Check the scale of the input against the biases of {name} (an input normalised twice is a common "
                "cause), start from random membranes, or lower the biases.",
                stats.synchrony,
                thresholds.synchrony,
            )


DETECTORS: tuple[Detector, ...] = (
    non_finite,
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


def timeline(layers: Layers, thresholds: Thresholds) -> list[tuple[str, str, int, int]]:
    """Return when a layer was ill: category, layer, first and last step, for what can be judged frame by frame."""
    tests: dict[str, Callable[[Frame], bool]] = {
        "non_finite": lambda frame: frame.non_finite > 0,
        "dead_neurons": lambda frame: frame.dead > thresholds.dead_warning,
        "saturated_neurons": lambda frame: frame.saturated > thresholds.saturated_warning,
    }
    spans = []
    for name, stats in layers.items():
        for category, ill in tests.items():
            start: int | None = None
            for frame in stats.frames:
                if ill(frame):
                    start = frame.start if start is None else start
                    end = frame.end
                elif start is not None:
                    spans.append((category, name, start, end))
                    start = None
            if start is not None:
                spans.append((category, name, start, end))
        if stats.explosion is not None:
            step = stats.explosion.first_step
            spans.append(("gradient_explosion", name, step, step))
    return spans


def _has_trend(stats: LayerStats, quarters: list[float], thresholds: Thresholds) -> bool:
    return stats.n_records >= thresholds.trend_records and len(quarters) == 4


def _lately(stats: LayerStats, share: Callable[[Frame], float], limit: float) -> tuple[float, int | None]:
    """Return the least share in the last eighth of the frames, and the step since when all frames are above the limit.

    A layer that dies late is ill though its rate over the whole recording is not.
    """
    frames = stats.frames
    if not frames:
        return 0.0, None
    well = [index for index, frame in enumerate(frames) if share(frame) <= limit]
    spell = frames[well[-1] + 1 :] if well else frames
    recent = frames[-max(1, len(frames) // 8) :]
    return min(share(frame) for frame in recent), spell[0].start if spell else None


def _when(stats: LayerStats, since: int | None) -> str:
    return f" since step {since}" if since is not None and stats.frames and since > stats.frames[0].start else ""


def _evidence(stats: LayerStats, thresholds: Thresholds) -> str:
    if stats.n_observations * thresholds.dead_rate >= 5:
        return ""
    return f" That rests on {stats.n_observations} observations a neuron: record more to be sure."


def _gain(stats: LayerStats) -> str:
    """Return how far the membranes are from the threshold, and the factor that would bring them there."""
    θ, membranes = stats.membrane_threshold, stats.membranes
    if θ is None or θ <= 0 or len(membranes) == 0:
        return ""
    top = float(np.quantile(membranes, 0.99))
    if not 0 < top < θ:
        return ""
    return (
        f" 99 % of the membranes in {stats.name} stay below {top:.3g}, the threshold is {θ:.3g}: "
        f"try its weights times {θ / top:.2g}."
    )
