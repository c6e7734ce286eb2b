"""`sweep`: a converted network over the length of its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certification.energy.assumptions import Assumptions
from spikeport.certification.energy.work import structure_of
from spikeport.certification.expected import trained_outputs
from spikeport.certification.layers.losses import levels
from spikeport.certification.lengths.figures import early_exit_of, point_of
from spikeport.certification.lengths.report import Sweep
from spikeport.certification.lengths.trajectory import Trajectory, read_at_each_step, trajectories
from spikeport.certification.samples import as_labels, as_samples, check_fed, encoding_of
from spikeport.certification.shares import Share
from spikeport.checks import is_real, takes
from spikeport.conversion.checks import check_timesteps
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.running.readout import check_delay
from spikeport.conversion.running.samples import classes_of
from spikeport.errors import ConversionError
from spikeport.report.progress import bar

Array = npt.NDArray[Any]


@takes("T", instead_of="timesteps")
def sweep(
    snn: ConvertedSNN,
    x: Any,
    y: Any = None,
    T: Sequence[int] | None = None,
    *,
    model: Any = None,
    logits: Any = None,
    calibration: Any = None,
    tolerance: float = 0.005,
    readout_delay: int | None = None,
    encoding: str | None = None,
    seed: int = 0,
    backend: str = "auto",
    assumptions: Assumptions | None = None,
    progress: bool = False,
    distributed: bool = False,
) -> Sweep:
    """Run a converted network once, to the longest of the lengths ``T``, and say what each length gives and costs.

    Parameters
    ----------
    snn : what `convert` gave, or a view of any other graph
    x : (n, …) samples, as the trained network takes them, or flat
    y : their classes, (n,) whole numbers, or None
    T : lengths, by default 1, 2, 4, … up to that of ``snn``, and that itself, but for those that are not read
    model, logits : the trained torch model, or what it answered to ``x``, (n, n_outputs), for the agreement
    calibration : samples to learn the margin of early exit on; without any it is learnt on every other sample of ``x``,
        and reported for the rest
    tolerance : share of those whose answer early exit may change, in [0, 1]
    readout_delay : steps at the start that are not read, fewer than the shortest length; by default those that ``snn``
        was converted for
    encoding, seed, backend : as `ConvertedSNN.run` takes them, but that the default is a constant current, and a pulse
        for a lossless network
    assumptions : of the energies
    progress : show how far it is, on standard error
    distributed : share the samples among the processes of ``torch.distributed``; each gets the whole report

    Raises
    ------
    ConversionError
        ``timesteps``, ``encoding``, ``readout``, ``shape``, ``dtype``, ``samples``, ``labels``, ``logits``,
        ``tolerance``, ``distributed``.
    spikeport.errors.KernelError
        ``rate_range`` for Poisson input outside [0, 1], ``seed``.
    """
    if not isinstance(snn, ConvertedSNN):
        raise ConversionError("graph", f"{type(snn).__name__} is no ConvertedSNN: give what convert or load returned")
    lengths = _lengths(snn, T, readout_delay)
    encoding = encoding_of(snn, encoding)
    check_fed(snn, encoding)
    if not is_real(tolerance) or not 0 <= tolerance <= 1:
        raise ConversionError("tolerance", f"tolerance must be a share in [0, 1], not {tolerance!r}")
    if model is not None and logits is not None:
        raise ConversionError("logits", "model and logits were both given: give one of them")
    samples = as_samples(x, snn.graph)
    labels = None if y is None else as_labels(y, samples)
    aside = None if calibration is None else as_samples(calibration, snn.graph)
    share = Share.of_group() if distributed else Share()
    expected = trained_outputs(snn, samples, share, model=model, logits=logits)
    delay = check_delay(readout_delay, min(lengths), snn.readout_delay)
    if delay and snn.is_pulsed:
        raise ConversionError("readout", f"a pulse comes once: leave readout_delay={delay} off")
    how: dict[str, Any] = {"delay": delay, "encoding": encoding, "seed": seed, "backend": backend}
    found = _run(snn, samples, lengths, share, "sweeping", progress, **how)
    learnt = None if aside is None else _run(snn, aside, [max(lengths)], share, "learning the margin", progress, **how)

    given = assumptions or Assumptions()
    structure = structure_of(read_at_each_step(snn.graph), encoding)
    neurons = [layer for layer in snn.graph.layers[:-1] if layer.neuron.is_spiking]

    def most(T: int) -> int:
        return max((levels(layer, T) for layer in neurons), default=T)

    has_classes = snn.classes is not False
    classes = labels if has_classes else None
    points = tuple(
        point_of(found, place, length, structure, classes, expected, has_classes, most, given, snn.is_pulsed)
        for place, length in enumerate(lengths)
    )
    trained = None if expected is None or classes is None else float((classes_of(expected) == classes).mean())
    exit_early = None
    if has_classes and (learnt is not None or len(samples) > 1):
        exit_early = early_exit_of(found, learnt, structure, classes, expected, float(tolerance), most, given)
    return Sweep(points, len(samples), encoding, snn.T, trained, exit_early, given, delay)


def _lengths(snn: ConvertedSNN, T: Any, delay: int | None) -> list[int]:
    if T is None:
        unread = snn.readout_delay if delay is None else 0
        return sorted({*(2**k for k in range(snn.T.bit_length()) if unread < 2**k <= snn.T), snn.T})
    given = [T] if np.ndim(T) == 0 else list(T)
    if not given:
        raise ConversionError("timesteps", "T is empty: give lengths, such as T=[1, 2, 4, 8]")
    return sorted({check_timesteps(length) for length in given})


def _run(
    snn: ConvertedSNN, x: Array, lengths: list[int], share: Share, what: str, progress: bool, **how: Any
) -> Trajectory:
    own = x[share.rows(len(x))]
    parts = []
    with bar(what, len(own), shown=progress) as advance:
        for part in trajectories(snn, own, lengths, **how):
            parts.append(part)
            advance(len(part.classes))
    return Trajectory.joined(share.gathered(parts))
