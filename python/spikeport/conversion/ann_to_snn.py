"""`convert`: a trained torch network becomes a `ConvertedSNN`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.checks import takes
from spikeport.conversion import advice
from spikeport.conversion.calibration import Seen, batches, length
from spikeport.conversion.checks import check_percentile, check_timesteps, import_torch
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.distribution import PositiveValues
from spikeport.conversion.measurement import measured
from spikeport.conversion.normalise import normalised
from spikeport.errors import ConversionError
from spikeport.report.progress import bar

if TYPE_CHECKING:
    from spikeport.reading.torch import TracedModel

Array = npt.NDArray[Any]


@takes("T", instead_of="timesteps")
def convert(
    model: Any,
    calibration_data: Any = None,
    T: int = 16,
    percentile: float = 99.9,
    *,
    classes: bool | Sequence[str] | None = None,
    progress: bool = False,
) -> ConvertedSNN:
    """Convert a trained ``nn.Sequential`` to a rate-coded spiking network.

    Every Linear layer becomes a layer of integrate-and-fire neurons with soft reset, threshold 1 and ``v_init = 1/2``.
    A rate of 1 stands for θ_l: of a QCFS layer its own θ, of a ReLU layer the ``percentile`` of its positive
    activations on the calibration data, without calibration data 1. The last layer is read out by its drive, which is
    neither clipped nor rounded (`ConvertedSNN.classify`); its θ sets the scale of its spike counts alone. A model that
    ends in an activation is compared, and read out, behind it.

    The model is left as it was found: it is run in eval mode without gradients, gets the mode of every module back, and
    shares no memory with the result, which keeps the model's dtype (half precisions become float32).

    Parameters
    ----------
    model : nn.Sequential of Linear, ReLU, QCFSActivation, Flatten, Dropout, Identity; nested too
    calibration_data : (batch, n_inputs) tensor or array as the model takes it; or a list of samples or of batches, a
        DataLoader or any iterator of them, each with its labels or without: it is read once, batch by batch, in memory
        that does not grow with it. Samples of more axes where the model begins with Flatten. Any finite values: only a
        Poisson run asks for [0, 1]. Percentiles are exact for up to 2^20 positive activations of a layer, and within
        0.05 % for more
    T : number of timesteps, at least 1: more are more accurate and slower
    percentile : in (0, 100]; below 100, the few largest activations are clipped so that the rest are finer
    classes : the names of the outputs; or whether the largest output is the answer (True), or the values are (False).
        By default labels that came with the calibration data say so: whole numbers are classes, others values
    progress : show how far calibration is, on standard error

    Returns
    -------
    ConvertedSNN
        Its certificate is ``measured`` on up to 256 of the calibration samples, for ``T`` steps: fed as constant
        current, and beside it (``further``) drawn as Poisson spikes; ``unchecked`` without calibration data.

    Raises
    ------
    ConversionError
        ``timesteps``, ``percentile``, ``classes``, ``model``, ``unsupported_module``, ``order``, ``non_finite``,
        ``shape``, ``dtype``, ``calibration_empty``, ``unfaithful``.
    MissingExtra
        where torch is not installed.

    Warns
    -----
    ConversionWarning
        where the result is worth little: an agreement below 90 %, calibration samples that are all the same or fewer
        than 8, a percentile of at most 1, a θ learnt down to its smallest value.
    SilentLayerWarning
        where a layer is never active on the calibration data; its θ is then 1.
    """
    T, percentile = check_timesteps(T), check_percentile(percentile)
    torch = import_torch("converting a torch model")
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.torch import evaluating, read_model

    traced = read_model(model, ACTIVATIONS)
    said = [*advice.on_percentile(percentile), *advice.on_model(traced)]
    seen, values = Seen(), [_Outputs() for _ in traced.layers]
    with evaluating(model):
        if calibration_data is not None:
            _calibrate(traced, calibration_data, seen, values, progress)
        samples = seen.compared if seen.count else np.random.default_rng(0).random((4, traced.n_inputs))
        x = torch.tensor(samples, dtype=traced.dtype, device=traced.device)
        outputs, drive = traced.outputs(x)
        traced.check_faithful(x)

    scales, silent = _scales(traced, values if seen.count else None, percentile)
    pairs = [
        normalised(layer.weight, layer.bias, scale_in, scale_out)
        for layer, scale_in, scale_out in zip(traced.layers, [1.0, *scales], scales, strict=False)
    ]
    last = traced.layers[-1]
    snn = ConvertedSNN(
        [weight for weight, _ in pairs],
        [bias for _, bias in pairs],
        [1.0] * len(pairs),
        T,
        names=[layer.name for layer in traced.layers],
        scales=scales,
        certificate=Certificate("unchecked", "converted without calibration data: every ReLU layer has θ = 1"),
        output_activation=last.activation,
        output_levels=last.levels,
        input_range=(seen.low, seen.high) if seen.count else None,
        classes=seen.label_kind in (None, "i", "u", "b") if classes is None else classes,
    )
    if seen.count:
        expected = outputs[-1] if last.activation else drive
        details = {"percentile": percentile, **({"silent_layers": silent} if silent else {})}
        snn.certificate = measured(snn, samples, expected, details)
        said += [*advice.on_calibration(seen, silent), *advice.on_certificate(snn, percentile)]
    for warning in said:
        advice.warn(warning)
    return snn


class _Outputs:
    """What a layer put out: its positive values, and for a last layer that may have none, how far the others go."""

    def __init__(self) -> None:
        self.positive, self.negative = PositiveValues(), PositiveValues()

    def add(self, output: Array, *, is_drive: bool) -> None:
        self.positive.add(output)
        if is_drive and not self.positive.count:
            self.negative.add(-output)


def _calibrate(traced: TracedModel, given: Any, seen: Seen, values: list[_Outputs], progress: bool) -> None:
    import torch

    showing = bar("calibrating", length(given)) if progress else nullcontext(_ignore)
    with showing as advance:
        for batch in batches(given, traced.n_inputs, flattens=traced.flattens):
            outputs, _ = traced.outputs(torch.tensor(batch.samples, dtype=traced.dtype, device=traced.device))
            for layer, output, kept in zip(traced.layers, outputs, values, strict=True):
                if not np.isfinite(output).all():
                    raise ConversionError(
                        "non_finite",
                        f"{layer.name} overflows on the calibration data: its weights, or values of the data, are too "
                        f"large for {traced.dtype}",
                    )
                kept.add(output, is_drive=layer.activation is None)
            seen.add(batch)
            advance(len(batch.samples))


def _ignore(count: int) -> None:
    pass


def _scales(traced: TracedModel, values: list[_Outputs] | None, percentile: float) -> tuple[list[float], list[str]]:
    """Return θ_l of every layer, and the names of the layers that are never active."""
    scales, silent = [], []
    for index, layer in enumerate(traced.layers):
        scale: float | None = 1.0
        if layer.theta is not None:
            scale = layer.theta
        elif values is not None:
            seen = values[index]
            scale = seen.positive.percentile(percentile)
            if layer.activation is None:  # an output layer, whose values may all be negative
                scale = scale or seen.negative.percentile(percentile) or 1.0
        if scale is None:
            silent.append(layer.name)
        scales.append(scale or 1.0)
    return scales, silent
