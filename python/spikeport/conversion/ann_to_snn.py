"""`convert`: a trained torch network becomes a `ConvertedSNN`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.checks import as_array, check_percentile, check_timesteps, import_torch
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.normalise import activation_scale, drive_scale, normalised
from spikeport.errors import ConversionError

if TYPE_CHECKING:
    from spikeport.reading.torch import TracedModel

Array = npt.NDArray[Any]

SAMPLES_COMPARED = 256


class SilentLayerWarning(UserWarning):
    """A layer is never active on the calibration data, so nothing says what a rate of 1 should stand for."""


def convert(model: Any, calibration_data: Any = None, T: int = 16, percentile: float = 99.9) -> ConvertedSNN:
    """Convert a trained ``nn.Sequential`` to a rate-coded spiking network.

    Every Linear layer becomes a layer of integrate-and-fire neurons with soft reset, threshold 1 and ``v_init = 1/2``.
    A rate of 1 stands for θ_l: of a QCFS layer its own θ, of a ReLU layer the ``percentile`` of its positive
    activations on the calibration data, without calibration data 1. The last layer is read out by its drive, which is
    neither clipped nor rounded (`ConvertedSNN.classify`); its θ sets the scale of its spike counts alone.

    The model is left as it was found: it is run in eval mode without gradients, gets the mode of every module back, and
    shares no memory with the result, which keeps the model's dtype (half precisions become float32).

    Parameters
    ----------
    model : nn.Sequential of Linear, ReLU, QCFSActivation, Flatten, Dropout, Identity; nested too
    calibration_data : (batch, n_inputs) tensor or array as the model takes it, at least one sample; samples of more
        axes where the model begins with Flatten. Any finite values: only a Poisson run asks for [0, 1]
    T : number of timesteps, at least 1: more are more accurate and slower
    percentile : in (0, 100]; below 100, the few largest activations are clipped so that the rest are finer

    Returns
    -------
    ConvertedSNN
        Its certificate is ``measured`` on up to 256 of the calibration samples, fed as constant current for ``T``
        steps; ``unchecked`` without calibration data.

    Raises
    ------
    ConversionError
        ``timesteps``, ``percentile``, ``model``, ``unsupported_module``, ``order``, ``non_finite``, ``shape``,
        ``dtype``, ``calibration_empty``, ``unfaithful``.
    MissingExtra
        where torch is not installed.

    Warns
    -----
    SilentLayerWarning
        where a layer is never active on the calibration data; its θ is then 1.
    """
    T, percentile = check_timesteps(T), check_percentile(percentile)
    torch = import_torch("converting a torch model")
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.torch import evaluating, read_model

    traced = read_model(model, ACTIVATIONS)
    data = None if calibration_data is None else _calibration(traced, calibration_data)
    samples = np.random.default_rng(0).random((4, traced.n_inputs)) if data is None else data
    with evaluating(model):
        x = torch.tensor(samples, dtype=traced.dtype, device=traced.device)
        outputs, drive = traced.outputs(x)
        compared = np.unique(np.linspace(0, len(samples) - 1, SAMPLES_COMPARED).round().astype(int))
        for layer, output in zip(traced.layers, outputs, strict=True):
            if not np.isfinite(output).all():
                raise ConversionError("non_finite", f"{layer.name} overflows on the calibration data: scale the data")
        traced.check_faithful(x[compared])

    scales, silent = _scales(traced, None if data is None else outputs, percentile)
    if silent:
        warnings.warn(
            SilentLayerWarning(
                f"{', '.join(silent)}: no neuron is active on any of the {len(samples)} calibration samples, so θ = 1 "
                "is used; calibrate with data that drives it, or look whether the layer is dead"
            ),
            stacklevel=2,
        )
    pairs = [
        normalised(layer.weight, layer.bias, scale_in, scale_out)
        for layer, scale_in, scale_out in zip(traced.layers, [1.0, *scales], scales, strict=False)
    ]
    snn = ConvertedSNN(
        [weight for weight, _ in pairs],
        [bias for _, bias in pairs],
        [1.0] * len(pairs),
        T,
        names=[layer.name for layer in traced.layers],
        scales=scales,
        certificate=Certificate("unchecked", "converted without calibration data: every ReLU layer has θ = 1"),
    )
    if data is not None:
        snn.certificate = _measured(snn, data[compared], drive[compared], percentile, silent)
    return snn


def _calibration(traced: TracedModel, calibration_data: Any) -> Array:
    data = as_array("calibration data", calibration_data)
    if data.dtype.kind not in "fiub":
        raise ConversionError("dtype", f"calibration data has dtype {data.dtype}: give real numbers")
    if data.size == 0:
        raise ConversionError("calibration_empty", f"calibration data of shape {data.shape} holds no sample: give some")
    n = traced.n_inputs
    if data.ndim < 2 or (data.ndim > 2 and not traced.flattens) or np.prod(data.shape[1:]) != n:
        raise ConversionError("shape", f"calibration data has shape {data.shape}: the model takes (batch, {n})")
    if not np.isfinite(data).all():
        raise ConversionError("non_finite", "calibration data holds NaN or infinity: take those samples out")
    return data


def _scales(traced: TracedModel, outputs: list[Array] | None, percentile: float) -> tuple[list[float], list[str]]:
    """Return θ_l of every layer, and the names of the layers that are never active."""
    scales, silent = [], []
    for index, layer in enumerate(traced.layers):
        scale: float | None = 1.0
        if layer.theta is not None:
            scale = layer.theta
        elif outputs is not None and layer.activation is None:
            scale = drive_scale(outputs[index], percentile)
        elif outputs is not None:
            scale = activation_scale(outputs[index], percentile)
        if scale is None:
            silent.append(layer.name)
        scales.append(scale or 1.0)
    return scales, silent


def _measured(snn: ConvertedSNN, x: Array, expected: Array, percentile: float, silent: list[str]) -> Certificate:
    got = snn.run(x.reshape(len(x), -1), encoding="current", readout="membrane")
    several = expected.shape[1] > 1
    return Certificate(
        "measured",
        "the last layer's drive against the trained network's, on calibration samples fed as constant current",
        agreement=float((got.argmax(1) == expected.argmax(1)).mean()) if several else None,
        largest_difference=float(np.abs(got - expected).max()),
        samples=len(x),
        details={"T": snn.T, "percentile": percentile, **({"silent_layers": silent} if silent else {})},
    )
