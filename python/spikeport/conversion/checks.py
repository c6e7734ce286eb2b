"""What conversion asks of its arguments, before any work."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_real, is_whole
from spikeport.errors import ConversionError

RULES: Final = ("auto", "percentile", "balanced", "data")
"""Rules for thresholds, as `spikeport.conversion.convert` takes them."""

NEURONS: Final = ("if", "st_bif")
"""What an activation can become."""

ARITHMETIC: Final = {"float": None, "int8": 8, "int16": 16}
"""What a network computes with, and the bits of its weights where these are whole numbers."""

LEVELS: Final = 15
"""Of a lossless network where no other number is given: four bits."""

USUAL: Final = 99.9
"""The percentile where none is given."""


def check_timesteps(T: Any) -> int:
    """Return ``T`` as an int, or raise `ConversionError` ``timesteps`` unless it is a whole number of at least 1."""
    if not is_whole(T) or T < 1:
        raise ConversionError("timesteps", f"T must be a whole number of at least 1, not {T!r}")
    return int(T)


def check_levels(neuron: Any, levels: Any, max_spikes: int, fits: bool) -> int | None:
    """Return N, the levels of a lossless network, or None where a network of rates was asked for.

    Raises `ConversionError`: ``neuron`` for no kind of ours; ``levels`` unless they are a whole number from 1 to
    2^31 - 1 and asked for with ST-BIF; ``max_spikes`` and ``calibration`` for what such a network does not have.
    """
    if neuron not in NEURONS:
        names = " or ".join(repr(name) for name in NEURONS)
        raise ConversionError("neuron", f"neuron must be {names}, not {neuron!r}")
    if neuron == "if":
        if levels is not None:
            said = f"levels={levels!r} belongs to neuron='st_bif': rates have T·max_spikes levels"
            raise ConversionError("levels", said)
        return None
    if levels is not None and (not is_whole(levels) or not 1 <= levels <= 2**31 - 1):
        raise ConversionError("levels", f"levels must be a whole number of at least 1, not {levels!r}: 15 is usual")
    if max_spikes != 1:
        raise ConversionError("max_spikes", f"ST-BIF neurons send one spike a step: leave max_spikes={max_spikes} off")
    if fits:
        raise ConversionError(
            "calibration", "biases and readout are calibrated on rates: leave that off for neuron='st_bif'"
        )
    return LEVELS if levels is None else int(levels)


def check_arithmetic(arithmetic: Any, has_data: bool) -> int | None:
    """Return the bits of weights that are to be whole numbers, None for floats.

    Raises `ConversionError` ``arithmetic`` for anything else, ``calibration_empty`` where nothing says what a whole
    number at the input stands for.
    """
    if arithmetic not in ARITHMETIC:
        names = ", ".join(map(repr, ARITHMETIC))
        raise ConversionError("arithmetic", f"arithmetic must be one of {names}, not {arithmetic!r}")
    bits = ARITHMETIC[arithmetic]
    if bits is not None and not has_data:
        raise ConversionError(
            "calibration_empty",
            f"arithmetic={arithmetic!r} needs calibration data: they say what a whole number at the input stands for",
        )
    return bits


def check_percentile(percentile: Any) -> float:
    """Return ``percentile`` as a float, or raise `ConversionError` ``percentile`` unless it lies in (0, 100]."""
    if not is_real(percentile) or not 0 < percentile <= 100:
        raise ConversionError("percentile", f"percentile must lie in (0, 100], not {percentile!r}: 99.9 is usual")
    return float(percentile)


def check_rule(thresholds: Any, percentile: Any, has_data: bool, fits: bool) -> tuple[str, float]:
    """Return which rule chooses the thresholds, and the percentile for those that are to have one.

    Raises `ConversionError`: ``thresholds`` for no rule of ours, ``percentile`` for one that is out of range or meant
    for another rule, ``calibration_empty`` where there is nothing to choose or, for ``fits``, to fit by.
    """
    if thresholds is not None and thresholds not in RULES:
        names = ", ".join(repr(rule) for rule in RULES)
        raise ConversionError("thresholds", f"thresholds must be one of {names}, not {thresholds!r}")
    share = check_percentile(USUAL if percentile is None else percentile)
    if percentile is not None and thresholds not in (None, "percentile"):
        raise ConversionError(
            "percentile",
            f"percentile={percentile!r} belongs to thresholds='percentile': leave it off for {thresholds!r}",
        )
    if not has_data and (fits or thresholds not in (None, "percentile")):
        what = (
            f"thresholds={thresholds!r}" if thresholds not in (None, "percentile") else "calibrating biases or readout"
        )
        raise ConversionError("calibration_empty", f"{what} needs calibration data: give a few hundred samples")
    if thresholds is None:
        thresholds = "auto" if percentile is None and has_data else "percentile"
    return thresholds, share


def check_fit(name: str, value: Any) -> bool | None:
    """Return ``value``, or raise `ConversionError` ``calibration`` unless it is True, False, or None to choose."""
    if value is not None and not isinstance(value, bool | np.bool_):
        raise ConversionError("calibration", f"{name} must be True, False, or None to choose, not {value!r}")
    return None if value is None else bool(value)


def check_theta(theta: Any, name: str = "theta") -> float:
    """Return ``theta`` as a float, or raise `ConversionError` ``threshold`` unless it is finite and above 0."""
    if not is_real(theta) or not math.isfinite(theta) or theta <= 0:
        raise ConversionError("threshold", f"{name} must be a finite number above 0, not {theta!r}")
    return float(theta)


def check_scale(scale: Any) -> float | list[float]:
    """Return what a rate of 1 stands for, or what it does in each channel, as `check_theta` takes a number."""
    if isinstance(scale, list | tuple) and len(scale):
        return [check_theta(value, "a scale") for value in scale]
    return check_theta(scale, "a scale")


def check_activation(activation: Any, levels: Any) -> tuple[str | None, int | None]:
    """Return what the trained network ends in, or raise `ConversionError` ``readout`` where that is none of ours."""
    if activation not in (None, "relu", "clamp", "qcfs"):
        raise ConversionError(
            "readout", f"output_activation {activation!r} is not one of None, 'relu', 'clamp', 'qcfs'"
        )
    return activation, None if levels is None else check_timesteps(levels)


def check_range(given: Any) -> tuple[float, float] | None:
    """Return the lowest and the highest value, or raise `ConversionError` ``range`` unless these are two in order."""
    if given is None:
        return None
    if not (isinstance(given, list | tuple) and len(given) == 2 and all(map(is_real, given)) and given[0] <= given[1]):
        raise ConversionError("range", f"input_range must be None, or (lowest, highest), not {given!r}")
    return float(given[0]), float(given[1])


def check_classes(classes: Any, n_outputs: int) -> bool | list[str]:
    """Return the names of classes, or whether there are any; raise `ConversionError` ``classes`` for anything else."""
    if isinstance(classes, bool):
        return classes
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes) or len(classes) != n_outputs:
        raise ConversionError("classes", f"classes must be {n_outputs} names, True or False, not {classes!r}")
    return list(classes)


def as_array(name: str, values: Any) -> npt.NDArray[Any]:
    """Return ``values`` as a NumPy array; a torch tensor comes off its graph and its device.

    Raises `ConversionError`: ``shape`` for a ragged list, ``dtype`` for a tensor that no array holds (sparse, meta).
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            values = (values.float() if "bfloat16" in str(values.dtype) else values).numpy()  # NumPy has no bfloat16
        return np.asarray(values)
    except ValueError:
        raise ConversionError("shape", f"{name} is ragged: give every sample the same shape") from None
    except (TypeError, NotImplementedError) as error:
        raise ConversionError("dtype", f"{name} cannot be read as an array: {error}") from None
