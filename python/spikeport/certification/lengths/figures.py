"""From trajectories to figures: one length of the run, and early exit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.certification.energy.assumptions import Assumptions
from spikeport.certification.energy.model import energy_of
from spikeport.certification.energy.work import FIELDS, Structure
from spikeport.certification.lengths.early_exit import EarlyExit, curve_of, exits, learnt_margin
from spikeport.certification.lengths.findings import LayerWork, SweepPoint
from spikeport.certification.lengths.trajectory import Trajectory
from spikeport.conversion.measurement import spread_of
from spikeport.conversion.running.samples import classes_of

Array = npt.NDArray[Any]


def point_of(
    found: Trajectory,
    place: int,
    T: int,
    structure: list[Structure],
    labels: Array | None,
    expected: Array | None,
    has_classes: bool,
    levels: Callable[[int], int],
    given: Assumptions,
    is_pulsed: bool = False,
) -> SweepPoint:
    """Return what the length ``T``, number ``place`` of those that were run, gives and costs.

    ``levels`` gives N for so many steps. Samples of a pulse take the steps that they need to be seen settled.
    """
    outputs, work = found.outputs[:, place].astype(np.float64), found.layers[:, place]
    answers = classes_of(outputs)
    agreement, interval, error = None, None, None
    if expected is not None:
        if has_classes:
            agreement = float((answers == classes_of(expected)).mean())
            said = Certificate("measured", "answers compared", agreement=agreement, samples=len(answers))
            interval = said.agreement_interval
        error = float(np.sqrt(np.square(outputs - expected).mean())) / spread_of(expected)
    totals = work.sum(axis=1)
    is_settled = (found.settled >= 0) & (found.settled < T)
    steps = np.where(is_settled, found.settled + 1, T).astype(np.float64)
    return SweepPoint(
        T,
        levels(T),
        None if labels is None else float((answers == labels).mean()),
        agreement,
        interval,
        error,
        _mean_and_spread(_column(totals, "spikes")),
        _mean_and_spread(_column(totals, "accumulates") + _column(totals, "multiply_accumulates")),
        tuple(_layer_work(work[:, k], node, T) for k, node in enumerate(structure)),
        energy_of(work, structure, steps, levels(T), given),
        float(is_settled.mean()) if is_pulsed else None,
    )


def early_exit_of(
    found: Trajectory,
    calibration: Trajectory | None,
    structure: list[Structure],
    labels: Array | None,
    expected: Array | None,
    tolerance: float,
    levels: Callable[[int], int],
    given: Assumptions,
) -> EarlyExit:
    """Return what early exit gives: by a margin learnt on ``calibration``, or on every other sample of ``found``."""
    count, T = found.classes.shape
    learnt = found if calibration is None else calibration
    aside = slice(0, None, 2) if calibration is None else slice(None)
    rows = np.arange(1, count, 2) if calibration is None else np.arange(count)
    margin = learnt_margin(learnt.classes[aside], learnt.margins[aside], tolerance)
    words = f"{len(learnt.classes[aside]):,} calibration samples"
    if calibration is None:
        words = f"every other sample, {len(learnt.classes[aside]):,}; reported for the rest"

    classes, stops = found.classes[rows], exits(found.margins[rows], margin)
    answers, last = classes[np.arange(len(rows)), stops], classes[:, -1]
    work = found.work[rows, stops]
    energy = energy_of(work[:, None], structure, stops + 1.0, levels(T), given)
    return EarlyExit(
        margin if np.isfinite(margin) else None,
        tolerance,
        words,
        len(rows),
        T,
        float(stops.mean()) + 1,
        None if labels is None else float((answers == labels[rows]).mean()),
        None if labels is None else float((last == labels[rows]).mean()),
        float((answers == last).mean()),
        None if expected is None else float((answers == classes_of(expected)[rows]).mean()),
        float(_column(work, "spikes").mean()),
        energy.spiking,
        tuple(np.bincount(stops, minlength=T).tolist()),
        curve_of(classes, found.margins[rows]),
    )


def _layer_work(work: Array, node: Structure, T: int) -> LayerWork:
    spikes, bits, accumulates, products = (
        _mean_and_spread(_column(work, name)) for name in ("spikes", "set_bits", "accumulates", "multiply_accumulates")
    )
    accesses = float(node.neurons * T)
    rate = spikes[0] / accesses if accesses else None
    return LayerWork(
        node.name, rate, spikes, bits, accumulates, products, accesses, accesses, accumulates[0] + products[0]
    )


def _column(work: Array, name: str) -> Array:
    column: Array = work[..., FIELDS.index(name)]
    return column


def _mean_and_spread(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std())
