"""The warnings of this room, and when an input is unlike what a network was calibrated with."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from spikeport.integers.inputs.step import NEAR, InputStep


class ConversionWarning(UserWarning):
    """What was converted, or how, is worth little; the message says what to do."""


class SilentLayerWarning(ConversionWarning):
    """A layer is never active on the calibration data, so nothing says what a rate of 1 should stand for."""


class InputRangeWarning(ConversionWarning):
    """A network is run on values far outside those it was calibrated with."""


class InputStepWarning(ConversionWarning):
    """A network of integers is run on values between the whole numbers that its inputs were."""


class UnsettledWarning(ConversionWarning):
    """Samples still sent spikes at the last step, so that they are not yet what the quantised network answers."""

    code = "unsettled"


def unsettled(settled: npt.NDArray[Any], T: int) -> UnsettledWarning | None:
    """Return what is to be said of the steps after which samples settled, -1 for those that did not in ``T`` steps."""
    late = int((settled < 0).sum())
    if not late:
        return None
    return UnsettledWarning(
        f"{late} of {len(settled)} samples had not settled after {T} steps (unsettled): their answers are not yet the "
        f"quantised network's; give more steps (T={4 * T})"
    )


def far_outside(low: float, high: float, calibrated: tuple[float, float] | None) -> str | None:
    """Return what is to be said of values from ``low`` to ``high``, or None where they are like those calibrated with.

    Far is further below or above them than they are wide.
    """
    if calibrated is None or not math.isfinite(low) or not math.isfinite(high):
        return None  # NaN and infinity are refused by the run itself
    least, most = calibrated
    width = (most - least) or abs(most) or 1.0
    if low >= least - width and high <= most + width:
        return None
    return (
        f"the input has values from {low:g} to {high:g}, and the network was calibrated with {least:g} to {most:g}: "
        "prepare it as the training data was prepared"
    )


def between_steps(x: npt.NDArray[Any], step: InputStep) -> InputStepWarning | None:
    """Return what is to be said of inputs that lie between whole numbers, where those of the calibration data did not.

    Of an input that was measured, and not exact, rounding is part of what was certified.
    """
    if not step.exact or (off := step.off(x)) <= 10 * NEAR:
        return None
    return InputStepWarning(
        f"the calibration data were multiples of {step.said}, and the input is not: it is rounded, by up to "
        f"{off:.2g} of a step; calibrate with such data, or quantise by integers.quantize(graph, input_step=…)"
    )
