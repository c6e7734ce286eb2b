"""How the calls of a spiking module make sequences of steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor


def letters_of(prefix: str, ndim: int) -> str:
    """Return one letter per axis; what has too few axes has no samples."""
    prefix = prefix if ndim > len(prefix) else prefix.replace("B", "")
    return prefix + "CDEFGHIJ"[: ndim - len(prefix)]


def sequences(calls: list[Tensor], passes: list[int], layout: str) -> Iterator[tuple[Tensor, str]]:
    """Yield the sequences that calls make, each with its layout.

    A call with an axis of steps is one by itself. Calls of one step follow each other while their shape stays; where a
    forward pass of the model has several of them, the loop over time is inside it, and the next pass is another one.
    """
    if "T" in layout:
        yield from ((call, layout) for call in calls)
        return
    inside = len(set(passes)) < len(passes)
    place = [(call.shape, number if inside else 0) for call, number in zip(calls, passes, strict=False)]
    for _, group in itertools.groupby(range(len(calls)), key=place.__getitem__):
        steps = [calls[index] for index in group]
        yield (torch.stack(steps), "T" + layout) if len(steps) > 1 else (steps[0], layout)
