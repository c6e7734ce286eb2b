"""What conversion did to the answer: the spiking network beside the trained one, in each way in which it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph.effort import compared_on

if TYPE_CHECKING:
    from spikeport.conversion.converted import ConvertedSNN

Array = npt.NDArray[Any]

FED = {
    "current": "on calibration samples fed as constant current",
    "poisson": "on the same samples drawn as Poisson spikes, as run() and classify() do unless told otherwise",
    "quantised": "as the quantised network computes it, on calibration samples",
    "pulse": "on calibration samples given once, as a pulse",
}


def measured(
    snn: ConvertedSNN, x: Array, expected: Array, details: dict[str, Any], chosen: str = "", delay: int = 0
) -> Certificate:
    """Return what ``snn`` answers beside what the trained network answered: ``expected``, for samples ``x``.

    Measured on all of them, or on fewer where a network takes long to run: as constant current, and beside it as
    Poisson spikes where ``x`` lies in [0, 1]. ``chosen`` says how the network was chosen, for the reason. The first
    ``delay`` steps are not read.
    """
    places = np.linspace(0, len(x) - 1, compared_on(snn.graph, snn.T, len(x))).round().astype(int)
    x, expected = x.reshape(len(x), -1)[places], expected[places]
    further: tuple[Certificate, ...] = ()
    if snn.units is not None:
        reason = "integers draw no Poisson spikes: constant current is what run() and classify() feed"
        further = (Certificate("unchecked", reason),)
    elif x.min() >= 0 and x.max() <= 1:
        further = (_compared(snn, x, expected, "poisson", {}, delay=delay),)
    else:
        reason = f"Poisson spikes want values in [0, 1], and the samples have some from {x.min():g} to {x.max():g}"
        further = (Certificate("unchecked", f"{reason}: run with encoding='current'"),)
    return _compared(snn, x, expected, "current", details, further, chosen, delay)


def _compared(
    snn: ConvertedSNN,
    x: Array,
    expected: Array,
    encoding: str,
    details: dict[str, Any],
    further: tuple[Certificate, ...] = (),
    chosen: str = "",
    delay: int = 0,
) -> Certificate:
    got = snn.run(x, encoding=encoding, readout="membrane", readout_delay=delay)
    details = {"readout_delay": delay, **details} if delay else details
    return compared(snn, got, expected, encoding, details, further, chosen)


def compared(
    snn: ConvertedSNN,
    got: Array,
    expected: Array,
    encoding: str,
    details: dict[str, Any],
    further: tuple[Certificate, ...] = (),
    chosen: str = "",
) -> Certificate:
    """Return what ``snn`` said, ``got``, beside what the trained network did, ``expected``, both (samples, outputs)."""
    has_classes = expected.shape[1] > 1 and snn.classes is not False
    what = "the output behind its activation" if snn.output_activation else "the last layer's drive"
    return Certificate(
        "measured",
        f"{what} against the trained network's, {FED[encoding]}{chosen}",
        agreement=float((got.argmax(1) == expected.argmax(1)).mean()) if has_classes else None,
        largest_difference=float(np.abs(got - expected).max()),
        samples=len(got),
        details={"T": snn.T, **details, "relative_error": _relative_error(got, expected)},
        further=further,
    )


def _relative_error(got: Array, expected: Array) -> float:
    """Return the mean absolute difference, in standard deviations of what the trained network says."""
    return float(np.abs(got - expected).mean()) / spread_of(expected)


def spread_of(expected: Array) -> float:
    """Return the unit of errors: the standard deviation of what the trained network says, (samples, n_outputs).

    Where it says one number alone, that number's magnitude, or 1.
    """
    return float(expected.std()) or float(np.abs(expected).max()) or 1.0
