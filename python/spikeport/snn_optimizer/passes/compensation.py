"""Optimal brain surgery: change some weights, and let the others make up for it on the data.

A row's error on what its terms read, x (a 1 appended for the bias), is quadratic in the change of its weights::

    E |Δw·x|² = Δw·H·Δwᵀ         H = E[x xᵀ] + λ·I

In a convolution x is the window at a place, and the mean is over samples and places; each group has an H of its own.
With a set J of weights of a row fixed to 0, the best change of the others and its cost are (Hassibi and Stork 1993)::

    Δw = - w_J · ([H⁻¹]_JJ)⁻¹ · [H⁻¹]_J:        cost = w_J · ([H⁻¹]_JJ)⁻¹ · w_Jᵀ

`remove_units` drops whole units of a source, cheapest first, the same for all rows of all that read it. The same H
serves `spikeport.projection`, which changes all weights of a node, term by term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.operations import Linear
from spikeport.projection import damped, window_products
from spikeport.snn_optimizer.replay.signals import Signals
from spikeport.snn_optimizer.surgery.weighted import places_of, weighted_of

Array = npt.NDArray[Any]
ROUNDS = 256  # of removal; above so many inputs, several go in each round
MOST_TERMS = 1 << 13  # of a sum: an H of more of them, and its inverse, would not fit into a few gigabytes
MOST_WINDOWS = 1 << 16  # of a convolution that H is a mean over, where samples are many: it needs no more
LEAST_SAMPLES = 128  # of which all windows count, however many they are


def second_moments(graph: SNNGraph, name: str, signals: Signals | None, first: str | None = None) -> list[Array] | None:
    """Return H of each group of the node ``name`` on the data, (terms + 1, terms + 1) each.

    None where there are no data, or too many terms. ``first`` is what `Signals.means` takes.
    """
    operation = weighted_of(graph[name])
    if signals is None or operation.matrix.shape[2] > MOST_TERMS:
        return None
    if isinstance(operation, Linear):
        seen = list(signals.means(graph, name, first=first))
        return [second_moment(np.concatenate([block.reshape(len(block), -1) for block in seen]))]
    groups, _, terms = operation.matrix.shape
    places, samples = places_of(graph[name]), 0
    total = np.zeros((groups, terms + 1, terms + 1))
    for block in signals.means(graph, name, most=max(LEAST_SAMPLES, MOST_WINDOWS // places), first=first):
        total += window_products(operation, block, places)
        samples += len(block)
    return [damped(H / (samples * places)) for H in total]


def second_moment(inputs: Array) -> Array:
    """Return H of shape (n_inputs + 1, n_inputs + 1) from inputs (samples, n_inputs), damped by 1% of its mean
    diagonal."""
    x = np.column_stack([inputs, np.ones(len(inputs))]).astype(np.float64)
    return damped(x.T @ x / len(x))


def removal_cost(weights: Array, H: Array) -> Array:
    """Return what fixing each single weight to 0 costs, the others making up for it: ``w²/[H⁻¹]``, shape of
    ``weights``."""
    return np.asarray(weights**2 / np.linalg.inv(H).diagonal()[: weights.shape[1]])


@dataclass
class Reading:
    """What reads the units of a source: weights (rows, terms + 1; the bias last), H⁻¹, and the terms of each unit."""

    weights: Array
    inverse: Array
    terms: Array

    @classmethod
    def of(cls, weights: Array, H: Array, terms: Array) -> Reading:
        """Return a reading of weights that are copied; ``terms`` have shape (units, …)."""
        return cls(weights.astype(np.float64), np.linalg.inv(H), terms.reshape(len(terms), -1))

    def costs(self, units: Array) -> Array:
        """Return what it costs to do without each of the units, the others making up for it."""
        terms = self.terms[units]
        if terms.shape[1] == 1:
            (k,) = terms.T
            return np.asarray((self.weights[:, k] ** 2).sum(axis=0) / self.inverse.diagonal()[k])
        W = self.weights[:, terms].transpose(1, 2, 0)  # (units, terms of each, rows)
        return np.asarray((W * np.linalg.solve(self.inverse[terms[:, :, None], terms[:, None]], W)).sum(axis=(1, 2)))

    def remove(self, units: Array) -> None:
        """Fix the weights of the units to 0, and let the others make up for it."""
        J = self.terms[units].ravel()
        change = np.linalg.solve(self.inverse[np.ix_(J, J)], self.inverse[J])
        self.weights -= self.weights[:, J] @ change
        self.inverse = self.inverse - self.inverse[:, J] @ change
        self.weights[:, J] = 0
        self.inverse[J], self.inverse[:, J] = 0, 0


def remove_units(readings: Sequence[Reading], count: int) -> Array:
    """Remove ``count`` units of what the readings read, and return the units that stay.

    The readings' weights change in place: those of the units are 0 then. Units go one after the other, cheapest first
    (in a few hundred rounds where there are more).
    """
    alive = np.ones(len(readings[0].terms), bool)
    while (left := count - int((~alive).sum())) > 0:
        cost = np.full(len(alive), np.inf)
        cost[alive] = sum(reading.costs(np.flatnonzero(alive)) for reading in readings)
        gone = np.argsort(cost, kind="stable")[: min(left, max(1, count // ROUNDS))]
        for reading in readings:
            reading.remove(gone)
        alive[gone] = False
    return np.flatnonzero(alive)
