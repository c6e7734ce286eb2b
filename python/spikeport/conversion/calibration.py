"""Calibration data as people have it: an array, samples or batches in a list, a data loader, an iterator.

Whatever is given is read once, batch by batch, so that it need not fit into memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.conversion.checks import as_array
from spikeport.errors import ConversionError

Array = npt.NDArray[Any]

BATCH: Final = 1024
"""Samples of an array that run through the model at once."""

IMAGES: Final = 64
"""The same of images and the like, of which every layer makes more values than a vector has."""

COMPARED: Final = 256
"""Samples that the certificate is measured on, at most."""

KEPT: Final = 1536
"""Samples that are kept, to fit and to compare on: so many, or fewer of many values each, but no fewer than 256."""

VALUES: Final = 1 << 26

JUDGED: Final = 3
"""Of samples that are fitted to, one in so many is kept apart, to judge the fit on."""

WHAT = "calibration data"


class Batch(NamedTuple):
    """Samples of shape (n, …) in the form that the model takes, and their labels where they came with some."""

    samples: Array
    labels: Array | None = None


class SampleForm:
    """What a sample of a model looks like, as far as that is known before the first one.

    Parameters
    ----------
    n_inputs : how many values it has, or None
    axes : how many axes it has, or None
    flattens : whether samples may have any axes
    is_certain : whether the model takes nothing but ``n_inputs`` values
    """

    def __init__(
        self, n_inputs: int | None, axes: int | None = None, *, flattens: bool = False, is_certain: bool = True
    ) -> None:
        self.n_inputs, self.axes, self.flattens, self.is_certain = n_inputs, axes, flattens, is_certain
        self.shape: tuple[int, ...] | None = None

    def is_sample(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one sample, not a batch."""
        if self.axes is not None:
            return len(shape) == self.axes
        if self.n_inputs is None:
            return len(shape) < 2
        return math.prod(shape) == self.n_inputs and (len(shape) < 2 or math.prod(shape[1:]) != self.n_inputs)

    def is_batch(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is a batch of samples, all alike."""
        if self.is_certain:
            wide = len(shape) == 2 or (self.flattens and len(shape) > 2)
            return wide and math.prod(shape[1:]) == self.n_inputs
        self.shape = self.shape or shape[1:]
        return len(shape) >= 2 and shape[1:] == self.shape

    def __str__(self) -> str:
        if self.is_certain:
            return f"(batch, {self.n_inputs})"
        return f"(batch, {', '.join(map(str, self.shape))})" if self.shape else "(batch, …)"


class Seen:
    """What is remembered of samples that went by: how many, their range, up to `KEPT` of them, evenly spread."""

    def __init__(self) -> None:
        self.count = 0
        self.low, self.high = math.inf, -math.inf
        self.is_constant = True
        self.label_kind: str | None = None
        self._first: Array | None = None
        self._kept: list[Array] = []
        self._stride = 1

    def add(self, batch: Batch) -> None:
        """Take one batch."""
        samples = batch.samples
        self._first = samples[:1].copy() if self._first is None else self._first
        self.low, self.high = min(self.low, float(samples.min())), max(self.high, float(samples.max()))
        self.is_constant = self.is_constant and bool((samples == self._first).all())
        if batch.labels is not None:
            self.label_kind = batch.labels.dtype.kind
        most = max(COMPARED, min(KEPT, VALUES // max(1, samples[0].size)))
        start = -self.count % self._stride
        self._kept += [sample.copy() for sample in samples[start :: self._stride]]
        self.count += len(samples)
        while len(self._kept) > 2 * most:
            self._kept, self._stride = self._kept[::2], 2 * self._stride

    def evenly(self, most: int) -> Array:
        """Return up to ``most`` samples, evenly spread over all that went by."""
        return np.stack(evenly(self._kept, most))

    @property
    def compared(self) -> Array:
        """The samples to compare on."""
        return self.evenly(COMPARED)


def evenly(samples: Any, most: int) -> Any:
    """Return ``most`` of an array's or a list's samples, evenly spread, or all where there are fewer."""
    places = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int))
    return samples[places] if isinstance(samples, np.ndarray) else [samples[place] for place in places]


def shape_in(given: Any) -> tuple[int, ...] | None:
    """Return the shape of a sample in an array (batch, …), or in a pair of one and its labels; else None."""
    array = given[0] if isinstance(given, tuple) and len(given) == 2 else given
    shape = getattr(array, "shape", ())
    return tuple(shape[1:]) if len(shape) > 1 else None


def parted(samples: Array) -> tuple[Array, Array]:
    """Return the samples to fit to, and one in `JUDGED` of them to judge on."""
    judged = np.arange(len(samples)) % JUDGED == JUDGED - 1
    return samples[~judged], samples[judged]


def batches(given: Any, form: SampleForm) -> Iterator[Batch]:
    """Yield what is ``given`` batch by batch, for a model that takes samples of ``form``.

    Raises
    ------
    ConversionError
        ``dtype``, ``shape``, ``non_finite``, and ``calibration_empty`` where there was no sample at all.
    """
    count, at_once = 0, _at_once(form)
    for batch in _items(given, form):
        values = batch.samples
        if values.dtype.kind not in "fiub":
            raise ConversionError("dtype", f"{WHAT} has dtype {values.dtype}: give real numbers")
        if values.size == 0:
            continue
        shape = values.shape
        if not form.is_batch(shape):
            raise ConversionError("shape", f"{WHAT} has shape {shape}: the model takes {form}")
        if not np.isfinite(values).all():
            raise ConversionError("non_finite", f"{WHAT} holds NaN or infinity: take those samples out")
        count += len(values)
        for start in range(0, len(values), at_once):
            labels = None if batch.labels is None else batch.labels[start : start + at_once]
            yield Batch(values[start : start + at_once], labels)
    if not count:
        raise ConversionError("calibration_empty", f"{WHAT} holds no sample: give some")


def length(given: Any) -> int | None:
    """Return how many samples are given, or None where that is not known before the end."""
    given = getattr(given, "dataset", given)
    try:
        return None if isinstance(given, list | tuple | Mapping) else len(given)
    except TypeError:
        return None


def _items(given: Any, form: SampleForm) -> Iterator[Batch]:
    if isinstance(given, str | bytes):
        raise ConversionError("dtype", f"{WHAT} is the text {given!r}: give the samples themselves")
    if _is_pair(given, form) or isinstance(given, Mapping) or _is_array(given):
        yield _batch(given)
    elif isinstance(given, list | tuple) and not any(map(_is_item, given)):
        yield Batch(as_array(WHAT, given))  # numbers in lists
    elif isinstance(given, Iterable) or hasattr(given, "__getitem__"):
        yield from _gathered(map(_batch, given), form)
    else:
        name = type(given).__name__
        raise ConversionError("dtype", f"{WHAT} is a {name}: give an array, a list of batches, or a DataLoader")


def _gathered(batches: Iterable[Batch], form: SampleForm) -> Iterator[Batch]:
    """Yield batches as they are, and single samples in groups."""
    group: list[Batch] = []
    for batch in batches:
        shape = batch.samples.shape
        if form.is_sample(shape) and (not group or group[0].samples.shape == shape):
            group.append(batch)
            if len(group) == _at_once(form):
                yield _stacked(group)
                group = []
            continue
        if group:
            yield _stacked(group)
            group = []
        yield batch
    if group:
        yield _stacked(group)


def _at_once(form: SampleForm) -> int:
    return BATCH if form.is_certain else IMAGES


def _stacked(group: list[Batch]) -> Batch:
    labels = [batch.labels for batch in group if batch.labels is not None]
    return Batch(np.stack([batch.samples for batch in group]), np.ravel(labels) if len(labels) == len(group) else None)


def _batch(item: Any) -> Batch:
    if isinstance(item, Mapping):
        name = "x" if "x" in item else next(iter(item)) if len(item) == 1 else None
        if name is None:
            raise ConversionError("dtype", f"{WHAT} has the entries {', '.join(map(str, item))}: call the samples x")
        return Batch(as_array(WHAT, item[name]), _labels(item.get("y")))
    if isinstance(item, list | tuple) and item and _is_array(item[0]):
        return Batch(as_array(WHAT, item[0]), _labels(item[1] if len(item) == 2 else None))
    return Batch(as_array(WHAT, item))


def _labels(values: Any) -> Array | None:
    return None if values is None else np.atleast_1d(as_array("the labels", values))


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_item(value: Any) -> bool:
    is_pair = isinstance(value, list | tuple) and bool(value) and _is_array(value[0])
    return _is_array(value) or isinstance(value, Mapping) or is_pair


def _is_pair(given: Any, form: SampleForm) -> bool:
    """Whether ``given`` is samples and one label for each, not two batches."""
    if not (isinstance(given, tuple) and len(given) == 2 and all(map(_is_array, given))):
        return False
    samples, labels = given
    is_labels = labels.shape[:1] == samples.shape[:1] and (
        math.prod(labels.shape[1:]) != form.n_inputs if form.n_inputs is not None else labels.ndim < samples.ndim
    )
    return bool(samples.ndim >= 2 and is_labels)
