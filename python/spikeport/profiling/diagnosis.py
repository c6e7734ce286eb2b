"""From statistics to pathologies: one function a category, each with the measurement it rests on and a fix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from spikeport.profiling.pathology import NETWORK, Pathology, Severity, Thresholds
from spikeport.profiling.recording.statistics import Frame, LayerStats

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
                category="non_finite",
                severity=CRITICAL,
                layer=name,
                message=f"NaN or infinity: {kinds}, first at step {stats.first_non_finite}.",
                suggestion="Stop at this step: nothing after it means anything. Lower the learning rate, clip gradients "
                "(torch.nn.utils.clip_grad_norm_), look for a division by zero or a logarithm of 0 in the loss, and "
                "check the data with torch.isfinite.",
                value=float(total),
                threshold=0.0,
                first_step=stats.first_non_finite,
            )


def silent_network(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """No neuron of any layer spikes: over the whole recording, or lately."""
    spiking = [stats for stats in layers.values() if stats.n_observations]
    if not spiking:
        return
    highest = max(float(np.nanmax(stats.firing_rates)) for stats in spiking)
    spells = [_lately(stats, lambda frame: -frame.highest, -thresholds.silent_rate) for stats in spiking]
    lately = max(-least for least, _ in spells)
    if min(highest, lately) < thresholds.silent_rate:
        since = None if highest < thresholds.silent_rate else max(step or 0 for _, step in spells)
        yield Pathology(
            category="silent_network",
            severity=CRITICAL,
            layer=NETWORK,
            message=f"No neuron spikes{'' if since is None else f' since step {since}'}: the highest rate of the network is "
            f"{min(highest, lately):.2g}.",
            suggestion="Check that the input is encoded and scaled (values around the threshold), then lower all thresholds or "
            f"scale up the weights.{_gain(next(iter(layers.values())))}",
            value=min(highest, lately),
            threshold=thresholds.silent_rate,
            first_step=since or 0,
        )


def dead_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that hardly ever spike: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = _lately(stats, lambda frame: frame.dead, thresholds.dead_warning)
        share = float(np.fmax(stats.dead_neuron_fraction, lately))
        if not share > thresholds.dead_warning:
            continue
        critical = share > thresholds.dead_critical
        yield Pathology(
            category="dead_neurons",
            severity=CRITICAL if critical else WARNING,
            layer=name,
            message=f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) have a rate below "
            f"{thresholds.dead_rate:g} spikes a step{_when(stats, since)}.{_evidence(stats, thresholds)}",
            suggestion=f"Lower the threshold of layer {name}, scale up its weights or input, or add noise to its membrane."
            f"{_gain(stats)}",
            value=share,
            threshold=thresholds.dead_critical if critical else thresholds.dead_warning,
            first_step=since,
        )


def saturated_neurons(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Neurons that spike at almost every step: over the whole recording, or lately."""
    for name, stats in layers.items():
        lately, since = _lately(stats, lambda frame: frame.saturated, thresholds.saturated_warning)
        share = float(np.fmax(stats.saturated_neuron_fraction, lately))
        if share > thresholds.saturated_warning:
            yield Pathology(
                category="saturated_neurons",
                severity=WARNING,
                layer=name,
                message=f"{share * stats.n_neurons:.0f} of {stats.n_neurons} neurons ({share:.0%}) spike at more than "
                f"{thresholds.saturated_rate:.0%} of the steps{_when(stats, since)}.",
                suggestion=f"Raise the threshold of layer {name}, scale down its weights or input, check that the neuron resets, "
                "or add a penalty on the rate to the loss.",
                value=share,
                threshold=thresholds.saturated_warning,
                first_step=since,
            )


def voltage_collapse(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes that do not move, where membranes were recorded: over the whole recording, or lately."""
    for name, stats in layers.items():
        if not stats.has_voltages:
            continue
        least, since = _lately(stats, lambda frame: -frame.deviation, -thresholds.voltage_std)
        deviation = min(stats.voltage_std, -least)
        if deviation < thresholds.voltage_std:
            where = (stats.voltage_curve.means or [stats.voltage_mean])[-1]
            yield Pathology(
                category="voltage_collapse",
                severity=WARNING,
                layer=name,
                message=f"All membranes stay at {where:.3g}{_when(stats, since)}: they deviate by {deviation:.2g}.",
                suggestion=f"Check that layer {name} receives its input (weights that are not 0, a current that is not clipped "
                "away) and scale the input up; a leak near 0 forgets every input at once.",
                value=deviation,
                threshold=thresholds.voltage_std,
                first_step=since,
            )


def gradient_explosion(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A gradient norm far above all before it."""
    for name, stats in layers.items():
        seen = stats.explosion
        if seen is not None:
            again = f" ({seen.times} times)" if seen.times > 1 else ""
            yield Pathology(
                category="gradient_explosion",
                severity=CRITICAL,
                layer=name,
                message=f"The gradient's norm reached {seen.norm:.3g}, {seen.ratio:.0f} times the mean of the norms before "
                f"it, first at step {seen.first_step}{again}.",
                suggestion="Clip gradients (torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)) and lower the learning rate; "
                "a flatter surrogate or a smaller β shortens the product through time.",
                value=seen.ratio,
                threshold=thresholds.explosion_ratio,
                first_step=seen.first_step,
            )


def gradient_vanishing(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that are lost on their way to the input: over the whole recording, or in its last quarter.

    Named for the layer nearest the output that lost them.
    """
    known = {name: stats for name, stats in layers.items() if stats.has_gradients}
    whole = {name: stats.gradient_norm_mean for name, stats in known.items()}
    lately = {n: s.gradient_quarters[-1] for n, s in known.items() if _has_trend(s.n_gradients, s, thresholds)}
    for norms, when in ((whole, ""), (lately, " in the last quarter of the recording")):
        lost = _lost(norms, thresholds.vanishing_ratio)
        if lost is None:
            continue
        last, name, ratio = lost
        first = next(iter(norms))
        yield Pathology(
            category="gradient_vanishing",
            severity=CRITICAL,
            layer=name,
            message=f"The gradient's mean norm falls from {norms[last]:.3g} at layer {last} to {norms[name]:.3g} at layer "
            f"{name}"
            f"{f' and {norms[first]:.3g} at layer {first}' if first != name else ''}{when}.",
            suggestion=f"Widen the surrogate of the layers after {name} (a smaller slope), bring their membranes nearer the "
            "threshold, add skip connections, or train with fewer steps.",
            value=ratio,
            threshold=thresholds.vanishing_ratio,
            first_step=_quarter(known[name].gradient_curve.steps, 3 if when else 0),
        )
        return


def gradient_growth(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that still grow after the first quarter of the training."""
    for name, stats in layers.items():
        if not _has_trend(stats.n_gradients, stats, thresholds) or stats.gradient_quarters[1] <= 0:
            continue
        _, second, third, fourth = stats.gradient_quarters
        growth = fourth / second
        if growth > thresholds.growth_ratio and second < third < fourth:
            yield Pathology(
                category="gradient_growth",
                severity=WARNING,
                layer=name,
                message=f"The gradient's norm keeps growing: {second:.3g} in the second quarter of the recording, "
                f"{fourth:.3g} in the last.",
                suggestion="Lower the learning rate or let it decay, clip gradients, and add weight decay: growth comes before "
                "an explosion.",
                value=growth,
                threshold=thresholds.growth_ratio,
                first_step=_quarter(stats.gradient_curve.steps, 1),
            )


def surrogate_inactive(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Membranes so far from the threshold that the surrogate passes no gradient, where there is one to pass."""
    for name, stats in layers.items():
        if stats.gradient_norm_mean == 0:
            continue
        lately, since = _lately(stats, lambda frame: frame.inactive, thresholds.inactive_share)
        share = float(np.fmax(stats.surrogate_inactive_fraction, lately))
        if share > thresholds.inactive_share:
            yield Pathology(
                category="surrogate_inactive",
                severity=WARNING,
                layer=name,
                message=f"The surrogate's derivative is below {thresholds.inactive_derivative:.0%} of its peak for "
                f"{share:.0%} of the membranes{_when(stats, since)}: they learn nothing.",
                suggestion=f"Give layer {name} a wider surrogate (a smaller slope), or bring its membranes nearer the threshold "
                "by scaling its weights.",
                value=share,
                threshold=thresholds.inactive_share,
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
                severity=WARNING,
                layer=name,
                message=f"The mean rate keeps {'rising' if fourth > second else 'falling'}: {second:.3g} in the second "
                f"quarter of the recording, {fourth:.3g} in the last.",
                suggestion="Hold the rate with a penalty towards a target (such as (rate - 0.1)²), lower the learning rate, or "
                "weaken the regularisation that pushes it.",
                value=drift,
                threshold=thresholds.drift_ratio,
                first_step=_quarter(stats.rate_curve.steps, 1),
            )


def batch_synchronous(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """All samples of a batch spike together: the layer does not see its input."""
    for name, stats in layers.items():
        lately, since = _lately(stats, lambda frame: frame.synchrony, thresholds.synchrony)
        share = float(np.fmax(stats.synchrony, lately))
        if share > thresholds.synchrony:
            yield Pathology(
                category="batch_synchronous",
                severity=WARNING,
                layer=name,
                message=f"The samples of a batch spike together{_when(stats, since)}: {share:.0%} of the spikes' variance is "
                "common to all of them, so the layer says little about its input.",
                suggestion=f"Check the scale of the input against the biases of layer {name} (an input normalised twice is a "
                "common cause), start from random membranes, or lower the biases.",
                value=share,
                threshold=thresholds.synchrony,
                first_step=since,
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


def _lost(norms: Mapping[str, float], limit: float) -> tuple[str, str, float] | None:
    """Return the layer nearest the output that has a gradient, the one before it that lost it, and the ratio."""
    names = list(norms)
    while names and norms[names[-1]] == 0:  # the loss does not see this layer's spikes
        names.pop()
    for name in names[-2::-1]:
        ratio = norms[names[-1]] / norms[name] if norms[name] > 0 else math.inf
        if ratio > limit:
            return names[-1], name, ratio
    return None


def _has_trend(number: int, stats: LayerStats, thresholds: Thresholds) -> bool:
    return number >= thresholds.trend_records and len(stats.gradient_quarters) == 4


def _quarter(steps: list[int], number: int) -> int | None:
    """Return the step at which a quarter of the curve begins."""
    return int(np.array_split(steps, 4)[number][0]) if len(steps) >= 4 else steps[0] if steps else None


def _lately(stats: LayerStats, share: Callable[[Frame], float], limit: float) -> tuple[float, int | None]:
    """Return the least share in the last eighth of the frames, and the step since when all frames are above the limit.

    A layer that falls ill late is ill though over the whole recording it is not. NaN where the frames do not say.
    """
    frames = [frame for frame in stats.frames if not math.isnan(share(frame))]
    if not frames:
        return math.nan, None
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
        f" 99 % of the membranes in layer {stats.name} stay below {top:.3g}, the threshold is {θ:.3g}: "
        f"try its weights times {θ / top:.2g}."
    )
