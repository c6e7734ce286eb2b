"""A converted network in whole numbers."""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.converted import ConvertedSNN
from spikeport.errors import ConversionError, GraphError, KernelError
from spikeport.integers import quantize
from spikeport.integers.inputs.entry import Entry
from spikeport.kernels import INPUT
from spikeport.operations import Operation

Array = npt.NDArray[Any]

SAMPLES: Final = 512
"""Calibration samples that weights are rounded by, at most."""

TIMESTEPS: Final = 256
"""The longest run that an integer network is made for, unless it was converted for a longer one."""

STEPS: Final = 32
"""Of the runs on calibration data, at most, where rates are constant."""


def in_integers(snn: ConvertedSNN, bits: int, samples: Array) -> tuple[ConvertedSNN, Certificate]:
    """Return ``snn`` with whole numbers, and what they did to its answer; raises `ConversionError` ``arithmetic``."""
    T = snn.T if snn.is_pulsed else min(snn.T, STEPS)
    encoding = "pulse" if snn.is_pulsed else "current"
    try:
        made = quantize(snn.graph, bits, samples, max(snn.T, TIMESTEPS), T=T, encoding=encoding)
    except (GraphError, KernelError) as error:
        raise ConversionError("arithmetic", f"int{bits}: {error}") from None
    return snn.with_integers(made), made.certificate


def read_by(snn: ConvertedSNN, name: str, operation: Operation) -> Operation:
    """Return an operation of the trained network as the layer ``name`` of integers reads what it reads.

    Where that is the input, its offset is in the biases, or in the weights of a channel that is put behind it.
    """
    entry = None if snn.units is None else Entry.found(snn.graph, snn.units.input)
    if entry is None or not {INPUT, entry.name}.intersection(snn.graph.reads(snn.names.index(name))):
        return operation
    return entry.reader(operation)
