"""NaN and infinity, in whatever was recorded."""

from __future__ import annotations

from collections.abc import Iterator

from spikeport.profiling.detectors.course import Layers
from spikeport.profiling.pathology import Pathology, Severity, Thresholds


def non_finite(layers: Layers, thresholds: Thresholds) -> Iterator[Pathology]:
    """NaN or infinity in what was recorded."""
    for name, stats in layers.items():
        total = sum(stats.non_finite.values())
        if total:
            kinds = ", ".join(f"{number:,} in the {kind}" for kind, number in stats.non_finite.items())
            yield Pathology(
                category="non_finite",
                severity=Severity.CRITICAL,
                layer=name,
                message=f"NaN or infinity: {kinds}, first at step {stats.first_non_finite}.",
                suggestion=(
                    "Stop at this step: nothing after it means anything. Lower the learning rate, clip gradients "
                    "(torch.nn.utils.clip_grad_norm_), look for a division by zero or a logarithm of 0 in the loss, "
                    "and check the data with torch.isfinite."
                ),
                value=float(total),
                threshold=0.0,
                first_step=stats.first_non_finite,
            )
