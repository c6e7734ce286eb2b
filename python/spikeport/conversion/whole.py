"""A converted network in whole numbers."""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.parts import Scale
from spikeport.errors import ConversionError, GraphError, KernelError
from spikeport.graph import LayerNode
from spikeport.integers import quantize

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
    scales = dict(zip(snn.names, snn.scales, strict=True))
    described = {
        "scales": [_scale(scales.get(layer.name), layer) for layer in made.graph],
        "output_activation": snn.output_activation,
        "output_levels": snn.output_levels,
        "input_range": snn.input_range,
        "classes": snn.classes,
        "units": made.units,
        "readout_delay": snn.readout_delay,
    }
    return ConvertedSNN.from_graph(made.graph, snn.T, encoding=encoding, **described), made.certificate


def _scale(scale: Scale | None, layer: LayerNode) -> Scale:
    """Return what a rate of 1 stands for; of a factor that was put before a sum nothing does, and it is 1."""
    return 1.0 if scale is None else scale
