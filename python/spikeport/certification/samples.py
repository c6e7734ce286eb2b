"""What is asked of samples and labels before any work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import get_backend
from spikeport.conversion.checks import as_array
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.running.samples import ENCODINGS, PULSE
from spikeport.errors import ConversionError
from spikeport.graph import SNNGraph
from spikeport.graph.signals import fed

Array = npt.NDArray[Any]


def encoding_of(snn: ConvertedSNN, encoding: str | None) -> str:
    """Return how a network is fed: as asked, by default a constant current, or a pulse where it is lossless.

    Raises `ConversionError` ``encoding`` for what it cannot be fed.
    """
    known = (PULSE,) if snn.is_pulsed else ENCODINGS
    if encoding is None:
        return PULSE if snn.is_pulsed else "current"
    if encoding not in known:
        what = ": a lossless network is fed once" if snn.is_pulsed else ""
        raise ConversionError("encoding", f"encoding {encoding!r} is not one of {', '.join(known)}{what}")
    return encoding


def check_fed(snn: ConvertedSNN, encoding: str) -> None:
    """Raise `ConversionError` ``encoding`` where Poisson spikes are asked of a network of integers."""
    if snn.units is not None and encoding == "poisson":
        raise ConversionError("encoding", "integers draw no Poisson spikes: leave encoding='current'")


def as_samples(x: Any, graph: SNNGraph) -> Array:
    """Return samples as (n, *input_shape), or raise `ConversionError`: ``dtype``, ``shape``, ``samples`` for none."""
    samples = as_array("x", x)
    if samples.dtype.kind not in "fiub":
        raise ConversionError("dtype", f"x has dtype {samples.dtype}: give real numbers")
    if samples.ndim < 2 or math.prod(samples.shape[1:]) != graph.n_inputs:
        n = ", ".join(map(str, graph.input_shape))
        raise ConversionError("shape", f"x has shape {samples.shape}: give (n, {n})")
    if not len(samples):
        raise ConversionError("samples", "x holds no sample: give a few hundred")
    if not np.isfinite(samples).all():
        raise ConversionError("non_finite", "x holds NaN or infinity: take those samples out")
    return samples.reshape(len(samples), *graph.input_shape)


def as_labels(y: Any, samples: Array) -> Array:
    """Return the classes (n,), or raise `ConversionError` ``labels`` unless there is a whole number for each sample."""
    labels = as_array("y", y)
    if labels.shape != (len(samples),) or labels.dtype.kind not in "iu":
        raise ConversionError(
            "labels",
            f"y has shape {labels.shape} and dtype {labels.dtype}: give {len(samples)} whole numbers, a class for each "
            "sample",
        )
    return labels


def drawn(graph: SNNGraph, x: Array, T: int, seed: int, backend: str) -> Array:
    """Return the Poisson spikes (T, n, *input_shape) that a run of ``T`` steps draws of samples ``x``."""
    return fed(graph, x, T, "poisson", seed, get_backend(backend).encode_poisson).values
