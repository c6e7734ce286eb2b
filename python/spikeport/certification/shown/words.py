"""Figures in words, the same on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Sequence

from spikeport.certificate import Certificate


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage; a dash for None."""
    return "–" if share is None else f"{share:.{digits}%}"


def spread(figures: tuple[float, float]) -> str:
    """Return a mean and its standard deviation."""
    mean, deviation = figures
    return f"{mean:,.0f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{deviation:,.0f}" if mean or deviation else "–"


def decimals(value: float | None) -> str:
    """Return a figure of which three decimals tell enough; a dash for None."""
    return "–" if value is None else f"{value:.3f}" if value < 100 else f"{value:,.0f}"


def interval(certificate: Certificate) -> str:
    """Return the 95 % interval of an agreement."""
    found = certificate.agreement_interval
    return "–" if found is None else f"{found[0]:.1%} to {found[1]:.1%}"


def span(bounds: Sequence[float]) -> str:
    """Return the lowest and the highest value, or the one that they are."""
    low, high = bounds
    return f"{low:.4g}" if low == high else f"{low:.3g} … {high:.3g}"
