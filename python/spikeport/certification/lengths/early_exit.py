"""Early exit: a sample stops once its answer leads by a margin that was learnt on other samples.

The margin is the smallest from which on, among the samples that it is learnt on, stopping keeps the answer of the whole
run for all but a tolerated share. No labels are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CANDIDATES: Final = 200
"""Margins that are tried: quantiles of those seen."""


@dataclass(frozen=True)
class EarlyExit:
    """What stopping by margin gives, on samples that the margin was not learnt on.

    Attributes
    ----------
    margin : in units of the trained network's output; infinite where no margin keeps the answers (then None as data)
    tolerance : share of the samples it was learnt on whose answer may differ from that of the whole run
    learnt_on : in words
    samples : reported on
    mean_steps : steps that a sample takes, of ``timesteps`` at most
    accuracy, whole_accuracy : with early exit, and of the whole run, on the same samples; None without labels
    kept : share of the samples with the answer of the whole run
    agreement : with the trained network; None without it
    spikes, energy : a sample's, mean; energy in microjoules, by kind
    steps : how many samples stopped after each step, one number for each of ``timesteps``
    curve : (mean steps, share with the whole run's answer) for other margins, the smallest first
    """

    margin: float | None
    tolerance: float
    learnt_on: str
    samples: int
    timesteps: int
    mean_steps: float
    accuracy: float | None
    whole_accuracy: float | None
    kept: float
    agreement: float | None
    spikes: float
    energy: dict[str, float]
    steps: tuple[int, ...]
    curve: tuple[tuple[float, float], ...]


def learnt_margin(classes: Array, margins: Array, tolerance: float) -> float:
    """Return the smallest margin from which on stopping keeps all but ``tolerance`` of the answers after the last step.

    Parameters
    ----------
    classes, margins : (samples, T): the answer after each step, and how far it leads
    """
    found = np.inf
    for margin in candidates(margins)[::-1]:
        answers = classes[np.arange(len(classes)), exits(margins, margin)]
        if (answers != classes[:, -1]).mean() > tolerance:
            break
        found = margin
    return float(found)


def exits(margins: Array, margin: float) -> Array:
    """Return the step, counted from 0, after which each sample stops: the first that leads by so much, or the last."""
    leads = margins >= margin
    steps: Array = np.where(leads.any(axis=1), leads.argmax(axis=1), margins.shape[1] - 1)
    return steps


def candidates(margins: Array) -> Array:
    """Return margins to try, ascending, from 0."""
    seen = margins[np.isfinite(margins)]
    found: Array = np.unique(np.concatenate([[0.0], np.quantile(seen, np.linspace(0, 1, CANDIDATES))]))
    return found


def curve_of(classes: Array, margins: Array, points: int = 24) -> tuple[tuple[float, float], ...]:
    """Return (mean steps, share of answers of the whole run) for margins from 0 to the largest."""
    tried = candidates(margins)
    chosen = tried[np.unique(np.linspace(0, len(tried) - 1, points).round().astype(int))]
    found = []
    for margin in chosen:
        stops = exits(margins, margin)
        kept = float((classes[np.arange(len(classes)), stops] == classes[:, -1]).mean())
        found.append((float(stops.mean()) + 1, kept))
    return tuple(found)
