"""`quantize`: a float graph becomes one of whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_real, is_whole
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.integers.budget import Budget
from spikeport.integers.certificate import certified
from spikeport.integers.evidence import Evidence, kept
from spikeport.integers.inputs.entry import Entry
from spikeport.integers.inputs.grids import HEADROOM, LEVELS, exact_step, measured_step, moved_step, with_room
from spikeport.integers.inputs.step import PerChannel, one_or_each
from spikeport.integers.network import IntegerNetwork, Units
from spikeport.integers.outlook import room_behind
from spikeport.integers.plan import Plan
from spikeport.kernels import INPUT, PlacedNetwork
from spikeport.kernels.bounds import check_network

Array = npt.NDArray[Any]

ENCODINGS: Final = ("current", "pulse")

STEPS: Final = 32
"""Of the runs on the data, unless another number is asked for."""


def quantize(
    graph: SNNGraph,
    bits: int = 8,
    data: npt.ArrayLike | None = None,
    timesteps: int = 256,
    *,
    T: int | None = None,
    encoding: str = "current",
    input_step: float | Sequence[float] | None = None,
    input_offset: float | Sequence[float] = 0.0,
    input_largest: int | None = None,
    backend: str = "auto",
) -> IntegerNetwork:
    """Return ``graph`` as an integer network: weights of 8 or 16 bits, everything else whole numbers of 32.

    Every row of weights has a scale of its own, as large as its bits and 32-bit sums allow, and its threshold is
    multiplied by the same: so thresholds, and with them what a spike stands for, do not change at all. Rows of the
    output share one scale, and its drive can be compared. Averages become sums. What is added gets one scale, by
    factors that are put before the sum where nothing else can take them up. With data, each row is rounded
    so that the error of its current is least (GPTQ), where that holds on samples kept apart; else to nearest.

    This is another thing than the optimiser's pass ``weight_quantization``, which leaves a float network whose weights
    lie on a grid.

    Parameters
    ----------
    graph : of float32 or float64, with IF or ST-BIF neurons or none
    bits : of a weight, 8 or 16
    data : (samples, *input_shape), or flat, real inputs as the float graph takes them: they say the step of the input,
        how rows are rounded (from 64 samples on) and what came of it. Up to 512 are used
    timesteps : the longest run that must not overflow: longer ones, and larger inputs, leave fewer bits to weights of
        long rows
    T, encoding : how the data are run: "current" for 32 steps unless T is given, or "pulse", by default for all
        ``timesteps``
    input_step : what 1 at the input stands for; or one for each entry of its first axis, such as each channel of an
        image. By default the step that all data are multiples of, with whole numbers up to 255, as for images; or the
        step and the offset that all data lie on, or those of each channel, as for normalised images; else one step by
        which the largest value comes to 255 or 127, with 16 bits to up to 32767
    input_offset : what 0 at the input stands for, beside an ``input_step``: one number, or as many as it has
    input_largest : the largest whole number at the input, without its sign; by default what the data have, with room
    backend : see `spikeport.backends.get_backend`: it runs the data

    Raises
    ------
    GraphError
        ``bits`` (also where no whole threshold is left), ``timesteps``, ``encoding``, ``dtype`` (a graph of integers),
        ``neuron_kind`` (LIF), ``name``, ``input_step`` (nothing says it), ``shape``, ``non_finite``.
    spikeport.errors.KernelError
        ``overflow`` where no scale keeps the longest run in 32 bits.
    """
    network, T = _checked(graph, bits, timesteps, T, encoding)
    samples = None if data is None else _as_samples(graph, data)
    budget = Budget(int(bits), int(timesteps))
    entry = _entry(graph, network, budget, samples, input_step, input_offset, input_largest)
    step, read = entry.step, entry.network(graph)
    evidence, judged = None, None
    if samples is not None:
        judged, fitted = kept(graph, samples)
        if fitted:
            evidence = Evidence.of(read, entry.moved(judged), fitted, T=T, encoding=encoding, backend=backend)
            judged = judged[fitted:]
    plan = Plan(read.network("reference").placed, budget, entry.read, evidence)
    whole = SNNGraph(entry.nodes(plan.nodes, budget), graph.input_shape)
    check_network(whole.network("reference").placed, budget.timesteps, step.largest)
    for layer in graph:
        whole[layer.name].firing_rates = layer.firing_rates
    certificate = certified(graph, whole, plan, step, judged, T=T, encoding=encoding, backend=backend)
    units = Units(step, plan.output_step, budget.bits, budget.timesteps)
    return IntegerNetwork(whole, units, certificate, {**entry.steps, **plan.steps})


def _checked(graph: Any, bits: Any, timesteps: Any, T: Any, encoding: Any) -> tuple[PlacedNetwork, int]:
    if not isinstance(graph, SNNGraph):
        raise GraphError("graph", f"quantize takes an SNNGraph, not a {type(graph).__name__}: give .graph of it")
    if bits not in (8, 16):
        raise GraphError("bits", f"weights of an integer network have 8 or 16 bits, not {bits!r}")
    if not is_whole(timesteps) or timesteps < 1:
        raise GraphError("timesteps", f"timesteps must be a whole number of at least 1, not {timesteps!r}")
    if encoding not in ENCODINGS:
        known = " or ".join(map(repr, ENCODINGS))
        raise GraphError("encoding", f"encoding {encoding!r} is not {known}: integers draw no Poisson spikes")
    T = (timesteps if encoding == "pulse" else min(STEPS, timesteps)) if T is None else T
    if not is_whole(T) or not 1 <= T <= timesteps:
        raise GraphError("timesteps", f"T={T!r} is no whole number from 1 to timesteps={timesteps}")
    if INPUT in {layer.name for layer in graph}:
        raise GraphError("name", f"a layer is called {INPUT!r}, as is what the network reads: call it otherwise")
    network = graph.network("reference").placed
    if network.dtype == np.int32:
        raise GraphError("dtype", "the graph is one of integers already: quantise the float graph that it was made of")
    return network, int(T)


def _as_samples(graph: SNNGraph, data: npt.ArrayLike) -> Array:
    if hasattr(data, "detach"):  # a torch tensor
        data = data.detach().cpu()
    samples = as_numbers("data", data, GraphError)
    if samples.ndim < 2 or not len(samples) or math.prod(samples.shape[1:]) != graph.n_inputs:
        wanted = ", ".join(map(str, graph.input_shape))
        raise GraphError("shape", f"data have shape {samples.shape}: give (samples, {wanted}), not empty")
    if not np.isfinite(samples).all():
        raise GraphError("non_finite", "data hold NaN or infinity: take those samples out")
    return samples.reshape(len(samples), *graph.input_shape)


def _entry(
    graph: SNNGraph,
    network: PlacedNetwork,
    budget: Budget,
    samples: Array | None,
    step: float | Sequence[float] | None,
    offset: float | Sequence[float],
    largest: int | None,
) -> Entry:
    if largest is not None and (not is_whole(largest) or largest < 1):
        raise GraphError("input_step", f"input_largest must be a whole number of at least 1, not {largest!r}")
    if step is not None:
        if largest is None and samples is None:
            raise GraphError("input_step", "input_step alone does not say how large inputs are: give input_largest too")
        given = _given(graph, step, "step"), _given(graph, offset, "offset")
        entry = Entry.of(graph, with_room(*given, samples, largest))
        if entry is None:
            raise GraphError(
                "input_step",
                "an offset of the input goes into the weights that read it, and here something else reads it too (a "
                "pool, a sum, a convolution in groups): leave input_offset=0",
            )
        return entry
    if np.any(offset):
        raise GraphError("input_step", "input_offset stands beside an input_step: give that too")
    if samples is None:
        raise GraphError(
            "input_step",
            "nothing says what whole numbers at the input stand for: give data, or input_step and input_largest "
            "(1/255 and 255 for an image in [0, 1], 1 and 1 for spikes)",
        )
    entry, found = None, exact_step(samples)
    if found is None and (moved := moved_step(samples)) is not None and (entry := Entry.of(graph, moved)) is not None:
        found = moved
    if found is None:
        most = LEVELS if budget.bits == 8 and samples.min() >= 0 else budget.largest_weight
        room = int(room_behind(network, INPUT, 1.0, budget) / HEADROOM)
        found = measured_step(samples, max(LEVELS // 2, min(most, room)))
    if largest is not None:
        found = replace(found, largest=int(largest))
    entry = Entry.of(graph, found)
    assert entry is not None  # asked for above where there is an offset
    return entry


def _given(graph: SNNGraph, values: float | Sequence[float], what: str) -> PerChannel:
    """Return a step or an offset that was given, or raise `GraphError` ``input_step``."""
    listed, channels = list(np.ravel(np.asarray(values, object))), graph.input_shape[0]
    right = all(is_real(value) and math.isfinite(value) and (value > 0 or what == "offset") for value in listed)
    if not right or len(listed) not in (1, channels):
        wanted = "a number" + (" above 0" if what == "step" else "")
        raise GraphError("input_step", f"input_{what} must be {wanted}, or {channels} of them, not {values!r}")
    return one_or_each(values if len(listed) > 1 else listed[0])
