"""What `convert` says aloud: a network, calibration data or arguments with which the result is worth little."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from spikeport.conversion.cautions import ConversionWarning, SilentLayerWarning, UnsettledWarning

if TYPE_CHECKING:
    from spikeport.certificate import Certificate
    from spikeport.conversion.calibration import Seen
    from spikeport.conversion.converted import ConvertedSNN
    from spikeport.reading.network import ReadNetwork

LOW_AGREEMENT: Final = 0.9
HIGH_ERROR: Final = 0.25
"""Mean difference in standard deviations of the output, for networks without classes."""

FEW_SAMPLES: Final = 8


def warn(warning: ConversionWarning) -> None:
    """Warn whoever calls the function that calls this."""
    warnings.warn(warning, stacklevel=4)  # past the check of its arguments' names


def on_percentile(percentile: float) -> Iterator[ConversionWarning]:
    """Yield what is to be said of a percentile."""
    if percentile <= 1:
        yield ConversionWarning(
            f"percentile={percentile:g} lies among the smallest activations, and nearly all others are clipped: it is "
            f"counted from 0 to 100, so for the share {percentile:g} give percentile={100 * percentile:g}"
        )


def on_model(network: ReadNetwork) -> Iterator[ConversionWarning]:
    """Yield what is to be said of a trained model."""
    floored = [node.name for node in network.nodes if node.activation is not None and node.activation.is_at_floor]
    if floored:
        yield ConversionWarning(
            f"{', '.join(floored)}: θ was learnt down to its smallest value, so the layer passes on next to nothing; "
            "train again with a lower learning rate, or look at θ while it trains"
        )


def on_calibration(seen: Seen, silent: list[str]) -> Iterator[ConversionWarning]:
    """Yield what is to be said of calibration data."""
    if seen.count < FEW_SAMPLES:
        yield ConversionWarning(
            f"calibrated on {seen.count} sample{'s' * (seen.count != 1)}: the certificate says next to nothing; give a "
            "few hundred"
        )
    elif seen.is_constant:
        yield ConversionWarning(
            f"all {seen.count} calibration samples are the same: thresholds and certificate are those of one input; "
            "give samples like those that the network will see"
        )
    if silent:
        yield SilentLayerWarning(
            f"{', '.join(silent)}: no neuron is active on any of the {seen.count} calibration samples, so θ = 1 "
            "is used; calibrate with data that drives it, or look whether the layer is dead"
        )


def on_certificate(snn: ConvertedSNN, percentile: float | None) -> Iterator[ConversionWarning]:
    """Yield what is to be said of what was just measured; ``percentile`` where one was asked for."""
    current, poisson = snn.certificate, snn.certificate.further[0]
    more = f"more timesteps (T={4 * snn.T})"
    if _is_low(current):
        rule = "thresholds='auto'; " if percentile is not None else ""
        yield ConversionWarning(
            f"{_how_low(current)} on {current.samples} calibration samples at T={snn.T}. What helps: {more}; "
            f"{rule}training with QCFSActivation (replace_relu_with_qcfs)"
        )
    elif poisson.level == "measured" and _is_low(poisson):
        yield ConversionWarning(
            f"{_how_low(poisson)} when its input is drawn as Poisson spikes, which is what run() and classify() do "
            f"unless told otherwise. What helps: encoding='current', or {more}"
        )


def on_settling(snn: ConvertedSNN) -> Iterator[ConversionWarning]:
    """Yield what is to be said of how a lossless network settled, and of what it answers."""
    found, trained = snn.certificate.details, snn.certificate.further[0]
    if found.get("settled", 1.0) < 1:
        yield UnsettledWarning(
            f"{1 - found['settled']:.1%} of the calibration samples had not settled after T={snn.T} steps (unsettled), "
            f"and only those that have are exact; give more steps (T={4 * snn.T}): a run ends when all have settled"
        )
    elif trained.level == "measured" and _is_low(trained):
        yield ConversionWarning(
            f"{_how_low(trained)} on {trained.samples} calibration samples with {found['levels']} levels. What helps: "
            f"more levels (levels={2 * found['levels'] + 1}); training with QCFSActivation (replace_relu_with_qcfs)"
        )


def _is_low(certificate: Certificate) -> bool:
    if certificate.agreement is None:
        return bool(certificate.details["relative_error"] > HIGH_ERROR)
    return certificate.agreement < LOW_AGREEMENT


def _how_low(certificate: Certificate) -> str:
    if certificate.agreement is None:
        error = certificate.details["relative_error"]
        return f"the spiking network's values are off by {error:.2g} of their standard deviation on average"
    return f"the spiking network gives the trained one's answer for {certificate.agreement:.1%} of samples only,"
