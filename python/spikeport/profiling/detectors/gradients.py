"""Gradients that explode, are lost on their way to the input, or keep growing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from spikeport.profiling.detectors.course import Layers, start_of_quarter
from spikeport.profiling.pathology import Pathology, Severity, Thresholds
from spikeport.profiling.recording.statistics import LayerStats


def gradient_explosion(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A gradient norm far above all before it."""
    for name, stats in layers.items():
        seen = stats.explosion
        if seen is not None:
            again = f" ({seen.times} times)" if seen.times > 1 else ""
            yield Pathology(
                category="gradient_explosion",
                severity=Severity.CRITICAL,
                layer=name,
                message=(
                    f"The gradient's norm reached {seen.norm:.3g}, {seen.ratio:.0f} times the mean of the norms before "
                    f"it, first at step {seen.first_step}{again}."
                ),
                suggestion=(
                    "Clip gradients (torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)) and lower the learning "
                    "rate; a flatter surrogate or a smaller β shortens the product through time."
                ),
                value=seen.ratio,
                threshold=thresholds.explosion_ratio,
                first_step=seen.first_step,
            )


def no_gradient(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """A gradient that is None, or exactly 0 in every recording while a layer nearer the output has one: it was cut off.

    Named for the layer nearest the output that has none.
    """
    severed = dict[str, str | None](_cut(layers)) | dict.fromkeys(_without_surrogate(layers))
    for name in [name for name in layers if name in severed][-1:]:
        stats, after = layers[name], severed[name]
        if after is None:
            message = (
                f"The spikes of {name} pass no gradient at all (it is None in all {stats.n_gradients} recordings), "
                f"though what comes into {name} has one: nothing up to {name} can learn."
            )
            suggestion = (
                f"Give {name} a surrogate gradient: spikes made by a comparison such as (v > θ).float() have none, "
                "nor have those that went through .detach(), torch.no_grad() or NumPy inside it."
            )
        else:
            message = (
                f"The gradient at {name} is exactly 0 in all {stats.n_gradients} recordings, while {after} has one: "
                f"nothing up to {name} can learn."
            )
            suggestion = (
                f"Look between {name} and {after} for what cuts it off: .detach(), torch.no_grad(), a way through "
                "NumPy, or spikes made by a comparison that has no surrogate gradient."
            )
        yield Pathology(
            category="no_gradient",
            severity=Severity.CRITICAL,
            layer=name,
            message=message,
            suggestion=suggestion,
            value=0.0,
            threshold=0.0,
            first_step=start_of_quarter(stats.gradient_curve.steps, 0),
        )


def gradient_vanishing(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that are lost on their way to the input: over the whole recording, or in its last quarter.

    Named for the layer nearest the output that lost them.
    """
    cut = {name for name, _ in _cut(layers)}
    known = {name: stats for name, stats in layers.items() if stats.has_gradients and name not in cut}
    whole = {name: stats.gradient_norm_mean for name, stats in known.items()}
    lately = {n: s.gradient_quarters[-1] for n, s in known.items() if _has_trend(s, thresholds)}
    for norms, when in ((whole, ""), (lately, " in the last quarter of the recording")):
        lost = _lost(norms, thresholds.vanishing_ratio)
        if lost is None:
            continue
        last, name, ratio = lost
        first = next(iter(norms))
        yield Pathology(
            category="gradient_vanishing",
            severity=Severity.CRITICAL,
            layer=name,
            message=(
                f"The gradient's mean norm falls from {norms[last]:.3g} at layer {last} to {norms[name]:.3g} at layer "
                f"{name}{f' and {norms[first]:.3g} at layer {first}' if first != name else ''}{when}."
            ),
            suggestion=(
                f"Widen the surrogate of the layers after {name} (a smaller slope), bring their membranes nearer the "
                "threshold, add skip connections, or train with fewer steps."
            ),
            value=ratio,
            threshold=thresholds.vanishing_ratio,
            first_step=start_of_quarter(known[name].gradient_curve.steps, 3 if when else 0),
        )
        return


def gradient_growth(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """Gradients that still grow after the first quarter of the training."""
    for name, stats in layers.items():
        if not _has_trend(stats, thresholds) or stats.gradient_quarters[1] <= 0:
            continue
        _, second, third, fourth = stats.gradient_quarters
        growth = fourth / second
        if growth > thresholds.growth_ratio and second < third < fourth:
            yield Pathology(
                category="gradient_growth",
                severity=Severity.WARNING,
                layer=name,
                message=(
                    f"The gradient's norm keeps growing: {second:.3g} in the second quarter of the recording, "
                    f"{fourth:.3g} in the last."
                ),
                suggestion=(
                    "Lower the learning rate or let it decay, clip gradients, and add weight decay: growth comes "
                    "before an explosion."
                ),
                value=growth,
                threshold=thresholds.growth_ratio,
                first_step=start_of_quarter(stats.gradient_curve.steps, 1),
            )


def _cut(layers: Layers) -> Iterator[tuple[str, str]]:
    """Yield layers without any gradient, each with the next one that has some, and a surrogate that lets it through."""
    after = None
    found = []
    for name, stats in reversed([item for item in layers.items() if item[1].has_gradients]):
        if stats.gradient_norm_mean > 0:
            after = name
        elif after is not None and layers[after].surrogate_inactive_fraction != 1:
            found.append((name, after))
    yield from reversed(found)


def _without_surrogate(layers: Layers) -> list[str]:
    """Return layers whose spikes pass no gradient, none before which has any."""
    has = [stats.has_gradients and stats.gradient_norm_mean > 0 for stats in layers.values()]
    return [
        name
        for index, (name, stats) in enumerate(layers.items())
        if stats.has_gradients and not stats.passes_gradient and not any(has[: index + 1])
    ]


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


def _has_trend(stats: LayerStats, thresholds: Thresholds) -> bool:
    return stats.n_gradients >= thresholds.trend_records and len(stats.gradient_quarters) == 4
