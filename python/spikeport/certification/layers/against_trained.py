"""`certify`: where a conversion loses its accuracy, on data that it never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.certification.layers.advice import advice_on
from spikeport.certification.layers.evidence import Evidence, evidence
from spikeport.certification.layers.findings import ChangedSample, LayerLoss
from spikeport.certification.layers.losses import KINDS, check_neurons, levels
from spikeport.certification.layers.report import Certification
from spikeport.certification.layers.settled import settled_of
from spikeport.certification.layers.trained import TrainedNetwork
from spikeport.certification.layers.units import Units, is_fitted, units_of
from spikeport.certification.samples import as_samples, check_fed, encoding_of
from spikeport.certification.shares import Share
from spikeport.checks import takes
from spikeport.conversion.calibration import shape_in
from spikeport.conversion.checks import check_timesteps
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.measurement import spread_of
from spikeport.conversion.running.samples import classes_of
from spikeport.errors import ConversionError
from spikeport.lazy import import_torch
from spikeport.report.progress import bar

Array = npt.NDArray[Any]


@takes("T", instead_of="timesteps")
def certify(
    model: Any,
    snn: ConvertedSNN,
    x: Any,
    *,
    T: int | None = None,
    encoding: str | None = None,
    seed: int = 0,
    backend: str = "auto",
    progress: bool = False,
    distributed: bool = False,
) -> Certification:
    """Say what each layer of a converted network loses, and what of it arrives at the output.

    Of a lossless network it says, too, whether settled samples are the quantised network's to the bit, and when they
    settled. A network of integers is judged by the same report: its scales say what its numbers stand for.

    Parameters
    ----------
    model : the trained torch model that ``snn`` was converted from
    snn : IF neurons with soft reset, or ST-BIF neurons of a lossless network, as conversion makes them, whose layers
        bear the names they were given
    x : (n, …) samples that neither training nor calibration saw, as the model takes them, or flat
    T : number of timesteps, by default those of ``snn``
    encoding, seed, backend : as `ConvertedSNN.run` takes them, but that the default is a constant current, and a pulse
        for a lossless network
    progress : show how far it is, on standard error
    distributed : share the samples among the processes of ``torch.distributed``; each gets the whole report

    Raises
    ------
    ConversionError
        ``timesteps``, ``encoding``, ``shape``, ``samples`` for none at all,
        ``neuron`` for neurons of another kind, ``graph`` for layers that are not the model's, ``distributed``, and what
        reading the model raises.
    spikeport.errors.KernelError
        ``non_finite``, ``rate_range``, ``seed``.
    """
    if not isinstance(snn, ConvertedSNN):
        raise ConversionError(
            "graph", f"{type(snn).__name__} is no ConvertedSNN: give what convert or spikeport.load returned"
        )
    timesteps = check_timesteps(snn.T if T is None else T)
    encoding = encoding_of(snn, encoding)
    check_fed(snn, encoding)
    for layer in snn.graph.layers[:-1]:
        check_neurons(layer, snn.is_pulsed)
    samples = as_samples(x, snn.graph)
    share = Share.of_group() if distributed else Share()
    import_torch("certifying against a torch model")
    from spikeport.reading.torch import evaluating, unwrapped

    own = samples[share.rows(len(samples))]
    parts: list[Evidence] = []
    inner = unwrapped(model, shape_in(x))
    with evaluating(inner), bar("certifying", len(own), shown=progress) as advance:
        trained = TrainedNetwork(inner, snn.graph, samples)
        units = units_of(snn, trained)
        for part in evidence(snn, trained, units, own, timesteps, encoding=encoding, seed=seed, backend=backend):
            parts.append(part)
            advance(len(part.trained))
    return _report(snn, units, Evidence.joined(share.gathered(parts)), timesteps, encoding)


def _report(snn: ConvertedSNN, units: Mapping[str, Units], found: Evidence, T: int, encoding: str) -> Certification:
    difference = found.spiking - found.trained
    spread = spread_of(found.trained)
    has_classes = snn.classes is not False
    answers = [classes_of(found.trained), classes_of(found.spiking)]
    same = answers[0] == answers[1]
    settled = settled_of(snn, found.settled, found.other) if snn.is_pulsed else None
    fed = 1 if snn.is_pulsed else T  # a pulse is fed once, and its values are sums
    layers = tuple(
        _layer_loss(snn, name, column, unit, found, fed, spread) for column, (name, unit) in enumerate(units.items())
    )
    error = float(np.sqrt(np.square(difference).mean())) / spread
    drawing = float(np.sqrt(found.drawing.mean())) / spread if encoding == "poisson" else None
    whole = "" if snn.units is None else f", in whole numbers with weights of {snn.units.bits} bits,"
    is_late = 0 < snn.readout_delay < T
    late = f", read after step {snn.readout_delay}; what layers lose is of all steps" if is_late else ""
    certificate = Certificate(
        "measured",
        f"the spiking network's answers{whole} against the trained network's, input as {encoding}, T={T}{late}",
        agreement=float(same.mean()) if has_classes else None,
        largest_difference=float(np.abs(difference).max()),
        samples=len(same),
        details={"T": T, "encoding": encoding, "relative_logit_error": error},
    )
    return Certification(
        certificate,
        T,
        encoding,
        error,
        layers,
        drawing,
        _changed(found, answers, spread) if has_classes else (),
        advice_on(layers, T, drawing, is_fitted(snn.certificate) or snn.units is not None, settled),
        settled,
    )


def _layer_loss(
    snn: ConvertedSNN, name: str, column: int, unit: Units, found: Evidence, T: int, spread: float
) -> LayerLoss:
    layer = snn.graph[name]
    size = float(np.sqrt(found.activations[:, column].mean())) or 1.0
    inherited, *own, shift = (float(v) / size for v in np.sqrt(found.losses[:, column].mean(axis=0)))
    arrives = np.sqrt(found.arrivals[:, column].mean(axis=0)) / spread
    reach = levels(layer, T) / T * unit.rate
    asked = np.asarray(layer.threshold) * unit.current / unit.rate
    return LayerLoss(
        name,
        layer.n_neurons,
        levels(layer, T),
        (float(reach.min()), float(reach.max())),
        float(found.largest[:, column].max()),
        float(found.spikes[:, column].mean()) / (layer.n_neurons * T),
        inherited,
        **dict(zip(KINDS, own, strict=True)),
        clipped=float(found.clipped[:, column].mean()),
        arrives=dict(zip((*KINDS, "all"), map(float, arrives), strict=True)),
        threshold=float(np.exp(np.log(asked).mean())),
        weights=unit.changed,
        shift=shift,
    )


def _changed(found: Evidence, answers: list[Array], spread: float) -> tuple[ChangedSample, ...]:
    trained = found.trained
    ranked = np.sort(trained, axis=1)
    margins = (ranked[:, -1] - ranked[:, -2] if trained.shape[1] > 1 else np.abs(trained[:, 0])) / spread
    errors = np.sqrt(np.square(found.spiking - trained).mean(axis=1)) / spread
    return tuple(
        ChangedSample(int(i), int(answers[0][i]), int(answers[1][i]), float(margins[i]), float(errors[i]))
        for i in np.flatnonzero(answers[0] != answers[1])
    )
