"""`convert`: a trained torch network becomes a `ConvertedSNN`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.checks import takes
from spikeport.conversion import advice
from spikeport.conversion.calibrating.asked import Asked
from spikeport.conversion.calibrating.spiking import spiking, untold
from spikeport.conversion.calibration import COMPARED, Batch, SampleForm, Seen, batches, evenly, length, shape_in
from spikeport.conversion.checks import (
    check_arithmetic,
    check_fit,
    check_levels,
    check_rule,
    check_timesteps,
)
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.lossless.certificate import certified
from spikeport.conversion.lossless.network import settling
from spikeport.conversion.measurement import measured
from spikeport.conversion.running.readout import check_delay
from spikeport.conversion.thresholds.distribution import Outputs
from spikeport.conversion.thresholds.network import channels_of
from spikeport.conversion.whole import SAMPLES, in_integers
from spikeport.errors import ConversionError
from spikeport.lazy import import_torch
from spikeport.neuron import check_max_spikes
from spikeport.report.progress import bar

if TYPE_CHECKING:
    from torch import Tensor

    from spikeport.reading.brought.origin import Origin
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]


@takes("T", instead_of="timesteps")
def convert(
    model: Any,
    calibration_data: Any = None,
    T: int = 16,
    percentile: float | None = None,
    *,
    thresholds: str | None = None,
    bias_calibration: bool | None = None,
    readout_calibration: bool | None = None,
    max_spikes: int = 1,
    readout_delay: int | str = 0,
    neuron: str = "if",
    levels: int | None = None,
    arithmetic: str = "float",
    classes: bool | Sequence[str] | None = None,
    input_shape: Sequence[int] | None = None,
    per_channel: bool = True,
    progress: bool = False,
) -> ConvertedSNN:
    """Convert a trained network to a spiking network: a rate-coded one, or a lossless one.

    Every activation becomes integrate-and-fire neurons with soft reset, threshold 1 and ``v_init = 1/2`` behind the
    layer that it follows. A rate of 1 stands for θ_l: of a QCFS layer its own θ, of a ReLU layer what a rule says of
    its activations on the calibration data, without calibration data 1. The last layer is read out by its drive, which
    is neither clipped nor rounded (`ConvertedSNN.classify`); its θ sets the scale of its spike counts alone. A model
    that ends in an activation is compared, and read out, behind it. Signals that are added get one unit, and where
    nothing with weights stands before neurons, θ is their threshold.

    Which rule is best hangs on the network and on ``T``. Unless one is asked for, each is tried, with biases and
    readout as they were trained and fitted to the network as it spikes for ``T`` steps of constant current; the best,
    too, with neurons that begin late, and with hidden layers' weights fitted. What comes closest to the trained
    network's outputs, on calibration samples that nothing was fitted to, is kept. Fewer than 100 samples cannot tell:
    then θ is the percentile.

    ``neuron="st_bif"`` asks for a **lossless** network instead. Its activations are quantised to ``levels`` + 1 values
    each, without training; it is given its input once, and its ST-BIF neurons, whose spikes may be negative, settle on
    exactly these values. ``T`` is the most steps that this may take. It computes in float64, with weights on a binary
    grid so fine that they differ from the trained ones by one part in 2^28 and no sum rounds.

    ``arithmetic="int8"`` or ``"int16"`` asks for a network of integers: weights of so many bits, everything else whole
    numbers of 32, the same bits on any machine (`spikeport.integers.quantize`). It is run as any other, on the same
    real inputs, for up to 256 steps, or ``T`` where that is more, but for Poisson spikes, which integers do not draw.

    The model is left as it was found: it is run in eval mode without gradients, gets the mode of every module back, and
    shares no memory with the result, which keeps the model's dtype (half precisions become float32).

    Parameters
    ----------
    model : an nn.Sequential, or any module whose forward `torch.fx` can follow on a sample: linear layers and
        convolutions, batch normalisation, pooling, ReLU, ReLU6 and QCFSActivation, additions and concatenations; or
        the path of an ONNX file, or of a folder with config.json and model.safetensors, as transformers writes image
        classifiers; or a fitted MLPClassifier, MLPRegressor or pipeline of scikit-learn (`spikeport.interop`)
    calibration_data : (batch, …) tensor or array as the model takes it; or a list of samples or of batches, a
        DataLoader or any iterator of them, each with its labels or without: it is read once, batch by batch, in memory
        that does not grow with it. Any finite values: only a
        Poisson run asks for [0, 1]. Percentiles are exact for up to 2^20 positive activations of a layer, and within
        0.05 % for more
    T : number of timesteps, at least 1: more are more accurate and slower
    percentile : in (0, 100], of each layer's positive activations: its θ. Below 100, the few largest are clipped so
        that the rest are finer. Where it is given, nothing else is chosen or fitted, unless that is asked for
    thresholds : "percentile" (99.9 unless another is given); "data", θ with the smallest error of rounding to ``T``
        steps and clipping; "balanced", local threshold balancing; "auto", whichever serves best. By default
        "percentile" where one is given, else "auto"
    bias_calibration : move biases until the mean rates are the trained network's mean activations; by default chosen
        for "auto", with late starts, else not done
    readout_calibration : fit the last layer with weights, behind which averages may stand, to the rates that reach it,
        by ridge regression of the trained network's outputs, without labels; by default chosen for "auto", and the
        weights of hidden layers with it, else not done
    max_spikes : the most spikes that a neuron sends in one step, from 1 to 127: T steps have as many levels as
        T·max_spikes steps of single spikes, and a rate of 1 stands for θ/max_spikes
    readout_delay : steps at the start, fewer than ``T``, that will not be read: what is fitted and chosen, and the
        certificate, are for the steps after them. The network remembers it: ``run`` and ``classify`` leave them out.
        "auto" makes it one of what is chosen: all steps are read, or the second half of them, whichever comes closer;
        all of them where nothing is chosen or fitted
    neuron : "if", integrate-and-fire, whose rates are the activations; or "st_bif", a lossless network
    levels : N of a lossless network, by default 15: its activations have N + 1 values from 0 to θ, which ``thresholds``
        (by default "data") chooses; QCFS activations keep their own θ and T. Neither biases nor readout are calibrated
    arithmetic : "float", the model's own; "int8" or "int16": weights of so many bits, rounded by the calibration data
    classes : the names of the outputs; or whether the largest output is the answer (True), or the values are (False).
        By default a file or an estimator says so, else labels that came with the calibration data: whole numbers are
        classes, others values
    input_shape : of one sample, such as (3, 32, 32); asked for where there is no calibration data to say it
    per_channel : give each channel of an image a θ of its own, and for "auto" each neuron, where that serves best: this
        needs fewer steps; else one for the layer
    progress : show how far calibration is, on standard error

    Returns
    -------
    ConvertedSNN
        Its certificate is ``measured`` on up to 256 of the calibration samples, for ``T`` steps: fed as constant
        current, and beside it (``further``) drawn as Poisson spikes; ``unchecked`` without calibration data. Where
        something was chosen or fitted, these are samples that it was not fitted to, and the certificate names the rule
        and what else was tried, with the error of each. What is returned is then fitted once more in the same way, to
        these samples, too: the certificate stays the one of before.

    Raises
    ------
    ConversionError
        ``timesteps``, ``max_spikes``, ``neuron``, ``levels``, ``percentile``, ``thresholds``, ``calibration``,
        ``readout``, ``arithmetic``, ``classes``, ``model``, ``unsupported_module``, ``order``, ``non_finite``,
        ``shape``, ``dtype``, ``calibration_empty``, ``unfaithful``.
    MissingExtra
        where torch is not installed.

    Warns
    -----
    ConversionWarning
        where the result is worth little: an agreement below 90 %, calibration samples that are all the same or fewer
        than 8, a percentile of at most 1, a θ learnt down to its smallest value.
    UnsettledWarning
        where calibration samples of a lossless network do not settle within ``T`` steps.
    SilentLayerWarning
        where a layer is never active on the calibration data; its θ is then 1.
    """
    T, max_spikes = check_timesteps(T), check_max_spikes(max_spikes, ConversionError)
    delay = None if readout_delay == "auto" else check_delay(readout_delay, T)
    biases, readout = (
        check_fit("bias_calibration", bias_calibration),
        check_fit("readout_calibration", readout_calibration),
    )
    bits = check_arithmetic(arithmetic, calibration_data is not None)
    quantised = check_levels(neuron, levels, max_spikes, bool(biases or readout))
    if delay != 0 and quantised is not None:
        raise ConversionError("readout", f"a pulse comes once: leave readout_delay={readout_delay!r} off")
    rule, share = check_rule(thresholds, percentile, calibration_data is not None, bool(biases or readout))
    torch = import_torch("converting a torch model")
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.brought.origin import origin_of
    from spikeport.reading.torch import evaluating, read_model, unwrapped

    wanted_shape = None if input_shape is None else tuple(input_shape)
    inner = unwrapped(model, wanted_shape or shape_in(calibration_data))
    origin = origin_of(inner)
    said = [*advice.on_percentile(share)]
    with evaluating(inner):
        stream, first = _opened(inner, calibration_data)
        sample = None if first is None else torch.tensor(first.samples[:2])
        network = read_model(inner, ACTIVATIONS, sample=sample, input_shape=wanted_shape)
        said += advice.on_model(network)
        seen = Seen()
        values = {node.name: Outputs(channels_of(network, node, per_channel)) for node in network.nodes}
        if calibration_data is not None:
            _calibrate(network, stream, length(calibration_data), seen, values, progress)
        samples = seen.compared if seen.count else np.random.default_rng(0).random((4, *network.input_shape))
        expected = network.check_faithful(_as_input(network, samples))
        asked = Asked(T, rule, share, per_channel, biases, readout, max_spikes, delay)
        if quantised is not None:
            made = settling(network, values, seen, replace(asked, timesteps=quantised, rule=_settled(rule)))
        else:
            made = spiking(network, values, seen, asked, progress) if seen.count else untold(network, asked)
        if made.judged is not None:
            samples = evenly(made.judged, COMPARED)
            expected = network.check_faithful(_as_input(network, samples))
        expected = expected.reshape(len(samples), -1)

    last = network.output.activation
    described: dict[str, Any] = {
        "certificate": Certificate("unchecked", "converted without calibration data: every ReLU layer has θ = 1"),
        "output_activation": None if last is None else last.kind,
        "output_levels": None if last is None else last.levels,
        "input_range": (seen.low, seen.high) if seen.count else None,
        "classes": _classes(classes, origin, seen),
        "encoding": "poisson" if quantised is None else "pulse",
        "readout_delay": made.delay,
    }
    snn = ConvertedSNN.from_graph(made.graph, T, scales=made.scales, **described)
    before = (
        None if made.before is None else ConvertedSNN.from_graph(made.before[0], T, scales=made.before[1], **described)
    )
    whole = None
    if bits is not None:
        snn, whole = in_integers(snn, bits, seen.evenly(SAMPLES))
        before = None if before is None else in_integers(before, bits, seen.evenly(SAMPLES))[0]
    if quantised is not None:
        beside = (samples, expected) if seen.count else None
        snn.certificate = certified(snn, beside, quantised, made.details)
        said += advice.on_calibration(seen, made.silent) if seen.count else ()
        said += advice.on_settling(snn)
    elif seen.count:
        snn.certificate = measured(before or snn, samples, expected, made.details, made.chosen, made.delay)
        said += advice.on_calibration(seen, made.silent)
        said += advice.on_certificate(snn, share if rule == "percentile" else None)
    if whole is not None:
        snn.certificate = replace(snn.certificate, further=(*snn.certificate.further, whole))
    if origin is not None:
        snn.certificate = replace(snn.certificate, details={**snn.certificate.details, "origin": origin.to_dict()})
    for warning in said:
        advice.warn(warning)
    return snn


def _classes(asked: bool | Sequence[str] | None, origin: Origin | None, seen: Seen) -> bool | Sequence[str]:
    """Return what the outputs are: as asked, as the model that was brought says, or as labels beside the data say."""
    if asked is not None:
        return asked
    if origin is not None and origin.classes is not None:
        return origin.classes
    return seen.label_kind in (None, "i", "u", "b")


def _settled(rule: str) -> str:
    """Return the rule for a lossless network: that of the smallest error of rounding, unless one was asked for."""
    return "data" if rule == "auto" else rule


def _opened(model: Any, given: Any) -> tuple[Iterator[Batch], Batch | None]:
    """Return calibration data as a stream for ``model``, and its first batch."""
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.plain import is_plain, read_plain
    from spikeport.reading.torch import input_of

    if is_plain(model, ACTIVATIONS):
        plain = read_plain(model, ACTIVATIONS)
        form = SampleForm(plain.n_inputs, flattens=plain.flattens)
    else:
        form = SampleForm(*input_of(model), is_certain=False)
    if given is None:
        return iter(()), None
    stream = batches(given, form)
    first = next(stream)
    return chain([first], stream), first


def _calibrate(
    network: ReadNetwork,
    stream: Iterator[Batch],
    count: int | None,
    seen: Seen,
    values: Mapping[str, Outputs],
    progress: bool,
) -> None:
    import torch

    from spikeport.reading.compute import as_copy

    with bar("calibrating", count, shown=progress) as advance:
        for batch in stream:
            x = torch.tensor(batch.samples, dtype=network.dtype, device=network.device)
            for node, _, output in network.walk(x):
                array = as_copy(output)
                if not np.isfinite(array).all():
                    raise ConversionError(
                        "non_finite",
                        f"{node.name} overflows on the calibration data: its weights, or values of the data, are too "
                        f"large for {network.dtype}",
                    )
                if node.activation is not None or node is network.output:
                    values[node.name].add(array, is_drive=node.activation is None)
            seen.add(batch)
            advance(len(batch.samples))


def _as_input(network: ReadNetwork, samples: Array) -> Tensor:
    import torch

    return torch.tensor(samples, dtype=network.dtype, device=network.device)
