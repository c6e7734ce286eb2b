"""`quantize`: a float graph becomes one of whole numbers."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_real, is_whole
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.integers.budget import Budget
from spikeport.integers.certificate import certified
from spikeport.integers.evidence import Evidence, kept
from spikeport.integers.inputs import HEADROOM, LEVELS, InputStep, exact_step, measured_step, with_room
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
    input_step: float | None = None,
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
    input_step : what 1 at the input stands for. By default the step that all data are multiples of, with whole numbers
        up to 255, as for images; else one by which the largest value comes to 255 or 127, with 16 bits to up to 32767
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
    step = _input(network, budget, samples, input_step, input_largest)
    evidence, judged = None, None
    if samples is not None:
        judged, fitted = kept(graph, samples)
        if fitted:
            evidence = Evidence.of(graph, judged, fitted, T=T, encoding=encoding, backend=backend)
            judged = judged[fitted:]
    plan = Plan(network, budget, step, evidence)
    whole = SNNGraph(plan.nodes, graph.input_shape)
    check_network(whole.network("reference").placed, budget.timesteps, step.largest)
    for layer in graph:
        whole[layer.name].firing_rates = layer.firing_rates
    certificate = certified(graph, whole, plan, judged, T=T, encoding=encoding, backend=backend)
    units = Units(step, plan.output_step, budget.bits, budget.timesteps)
    return IntegerNetwork(whole, units, certificate)


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


def _input(
    network: PlacedNetwork, budget: Budget, samples: Array | None, step: float | None, largest: int | None
) -> InputStep:
    if largest is not None and (not is_whole(largest) or largest < 1):
        raise GraphError("input_step", f"input_largest must be a whole number of at least 1, not {largest!r}")
    if step is not None:
        if not is_real(step) or not 0 < step < math.inf:
            raise GraphError("input_step", f"input_step must be a number above 0, not {step!r}")
        if largest is None and samples is None:
            raise GraphError("input_step", "input_step alone does not say how large inputs are: give input_largest too")
        return with_room(float(step), samples, largest)
    if samples is None:
        raise GraphError(
            "input_step",
            "nothing says what whole numbers at the input stand for: give data, or input_step and input_largest "
            "(1/255 and 255 for an image in [0, 1], 1 and 1 for spikes)",
        )
    found = exact_step(samples)
    if found is None:
        most = LEVELS if budget.bits == 8 and samples.min() >= 0 else budget.largest_weight
        room = int(room_behind(network, INPUT, 1.0, budget) / HEADROOM)
        found = measured_step(samples, max(LEVELS // 2, min(most, room)))
    return found if largest is None else InputStep(found.step, int(largest), found.exact)
