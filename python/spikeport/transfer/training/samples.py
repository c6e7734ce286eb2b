"""Labelled samples: checked against the network that learns from them, and a part held out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_real
from spikeport.graph import SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.transfer.errors import TransferError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Samples:
    """Samples with their classes.

    Attributes
    ----------
    x : shape (samples, *input_shape), of the type that the network computes in
    labels : shape (samples,), int64, each in 0 … classes - 1
    """

    x: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Array) -> Samples:
        """Return the samples at ``rows``."""
        return Samples(self.x[rows], self.labels[rows])


def checked_samples(graph: SNNGraph, data: Any, labels: Any, encoding: str, what: str = "data") -> Samples:
    """Return samples that ``graph`` can learn from.

    Parameters
    ----------
    data : real numbers of shape (samples, *input_shape) or (samples, n_inputs)
    labels : whole numbers of shape (samples,), from 0 to below the number of outputs
    encoding : "poisson" wants values in [0, 1]
    what : what the samples are called in a message

    Raises `TransferError`: ``samples`` for none, ``shape``, ``dtype``, ``non_finite``, ``rate_range``, ``labels``.
    """
    x = as_numbers(what, _on_cpu(data), TransferError)
    shape = graph.input_shape
    flat = x.ndim == 2 and x.shape[1] == math.prod(shape)
    if not flat and (x.ndim < 1 or x.shape[1:] != shape):
        wanted = ", ".join(map(str, ("samples", *shape)))
        raise TransferError("shape", f"{what} has shape {x.shape}, and the network reads ({wanted}): give that")
    if not len(x):
        raise TransferError("samples", f"{what} holds no sample: there is nothing to learn from")
    if not np.isfinite(x).all():
        bad = int(np.argmin(np.isfinite(x.reshape(len(x), -1)).all(axis=1)))
        raise TransferError("non_finite", f"{what} holds NaN or infinity, first in sample {bad}: leave it out")
    if encoding == "poisson" and (x.min() < 0 or x.max() > 1):
        raise TransferError(
            "rate_range",
            f"{what} lies in [{x.min():g}, {x.max():g}], and Poisson spikes are drawn by rates in [0, 1]: scale it, or "
            "take encoding='current'",
        )
    given = as_numbers("labels", _on_cpu(labels), TransferError)
    return Samples(_as_read(x, shape, dtype_of(graph)), _checked_labels(given, len(x), graph.n_outputs, what))


def held_out(samples: Samples, share: Any, seed: int) -> tuple[Samples, Samples]:
    """Return the samples to learn from and those held out, drawn by ``seed`` from each class in turn.

    Of a class with n samples ``share · n`` are held out, rounded, at least one and never all; of one with a single
    sample none. Raises `TransferError` ``validation`` unless ``share`` is above 0 and below 1 and holds some out.
    """
    if not is_real(share) or not 0 < share < 1:
        raise TransferError(
            "validation", f"validation {share!r} is no share above 0 and below 1: give 0.2, or a pair (data, labels)"
        )
    rng = np.random.default_rng(seed)
    unseen = np.zeros(len(samples), bool)
    for label in np.unique(samples.labels):
        rows = rng.permutation(np.flatnonzero(samples.labels == label))
        count = min(len(rows) - 1, max(1, math.floor(share * len(rows) + 0.5)))
        unseen[rows[:count]] = True
    if not unseen.any():
        raise TransferError("validation", "every class has one sample alone: give validation as a pair (data, labels)")
    return samples.take(~unseen), samples.take(unseen)


def _checked_labels(labels: Array, n: int, classes: int, what: str) -> Array:
    if classes < 2:
        raise TransferError("labels", "the network has one output, which tells no classes apart: give it another head")
    if labels.dtype.kind not in "iu":
        raise TransferError("labels", f"labels have dtype {labels.dtype}: give whole numbers, the class of each sample")
    if labels.shape != (n,):
        raise TransferError("labels", f"labels have shape {labels.shape} for {n} samples of {what}: give one for each")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        wrong = low if low < 0 else high
        raise TransferError(
            "labels",
            f"label {wrong} is none of the {classes} classes 0 … {classes - 1} that the network tells apart: number "
            "the classes from 0, or give the network another head with replace_head(checkpoint, n_classes)",
        )
    return labels.astype(np.int64)


def _as_read(x: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    with np.errstate(over="ignore"):
        read = np.ascontiguousarray(x.reshape(len(x), *shape), dtype=dtype)
    if not np.isfinite(read).all():
        raise TransferError("non_finite", f"data holds values beyond what {dtype} can hold: scale it")
    return read


def _on_cpu(given: Any) -> Any:
    """Return a tensor of torch as an array, anything else as it is."""
    return given.detach().cpu().numpy() if hasattr(given, "detach") else given
