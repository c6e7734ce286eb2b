"""A bounded, evenly spread sample of the sentences of a stream of batches, each sentence as long as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from spikeport.roberta.errors import RobertaError

NAMES = ("input_ids", "attention_mask")


class SentenceSample:
    """Sentences that go by, of which every one is kept, then every second, every fourth, … : up to twice the room.

    Parameters
    ----------
    room : how many sentences of so many tokens fit
    """

    def __init__(self, room: Callable[[int], int]) -> None:
        self.count = 0
        self._room = room
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._longest, self._stride = 1, 1

    def add(self, batch: Mapping[str, Tensor]) -> None:
        """Take one batch.

        Raises
        ------
        RobertaError
            ``samples``: not a mapping with ``input_ids`` and ``attention_mask``, tensors of shape (batch, tokens).
        """
        ids, mask = _checked(batch)
        for place in range(-self.count % self._stride, len(ids), self._stride):
            end = _length(mask[place])
            self._kept.append((ids[place, :end].clone(), mask[place, :end].clone()))
            self._longest = max(self._longest, end)
        self.count += len(ids)
        while len(self._kept) > 2 * self._room(self._longest):
            self._kept, self._stride = self._kept[::2], 2 * self._stride
            self._longest = _longest(self._kept)

    def __len__(self) -> int:
        """Return how many sentences are run."""
        return min(len(self._kept), self._room(self._longest))

    def joined(self, padding: int) -> dict[str, Tensor]:
        """Return the sentences to run as one batch, ``padding`` at the end of those that are shorter than others."""
        places = torch.linspace(0, len(self._kept) - 1, len(self)).round().long().tolist()
        rows = [self._kept[place] for place in places]
        longest = _longest(rows)
        joined = {}
        for name, column, fill in zip(NAMES, zip(*rows, strict=True), (padding, 0), strict=True):
            joined[name] = torch.stack([functional.pad(row, (0, longest - len(row)), value=fill) for row in column])
        return joined


def _longest(rows: Sequence[tuple[Tensor, Tensor]]) -> int:
    return max(len(ids) for ids, _ in rows)


def _length(mask: Tensor) -> int:
    """Return where the last token that counts ends; of a sentence without any, 1."""
    places = mask.nonzero()
    return int(places[-1]) + 1 if len(places) else 1


def _checked(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, Mapping) or not all(name in batch for name in NAMES):
        had = ", ".join(map(str, batch)) if isinstance(batch, Mapping) else f"a {type(batch).__name__}"
        raise RobertaError(
            "samples", f"a calibration batch holds {' and '.join(NAMES)}, as a tokenizer gives, not {had}"
        )
    ids, mask = (batch[name] for name in NAMES)
    for name, value in zip(NAMES, (ids, mask), strict=True):
        if not isinstance(value, Tensor) or value.dim() != 2 or value.shape != ids.shape or not value.shape[1]:
            given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            other = f" like its {NAMES[0]}" if name != NAMES[0] else ""
            raise RobertaError("samples", f"{name} must be a tensor of shape (batch, tokens){other}, not {given}")
    return ids, mask
