"""θ as a percentile of a layer's positive activations (Rueckauer et al. 2017): few are clipped, all others finer."""

from __future__ import annotations

from functools import partial

from spikeport.conversion.thresholds.distribution import PositiveValues, Theta


def percentile_of(values: PositiveValues, percentile: float) -> float | None:
    """Return the ``percentile``, in (0, 100], of the values; None where there is none."""
    return values.percentile(percentile)


def by_percentile(percentile: float) -> Theta:
    """Return the rule with this percentile."""
    return partial(percentile_of, percentile=percentile)
