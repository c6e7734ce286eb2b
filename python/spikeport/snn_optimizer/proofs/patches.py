"""What the terms of a node's sums read: the same at many places, so that a proof looks at each kind of place once."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.operations import Linear, Weighted

Array = npt.NDArray[Any]
PLACES_AT_ONCE: Final = 4096  # bounds the memory of what the terms of so many places read


class Patches(NamedTuple):
    """What the terms of the sums read of some signals.

    Attributes
    ----------
    values : for each signal, shape (kinds, groups, terms): a kind is what one place of the output, or several, read
    kind : of every place of the output, shape (places,)
    """

    values: list[Array]
    kind: Array


def patches_of(operation: Weighted, *signals: Array) -> Patches:
    """Return what the terms read of signals of one sample at one step, each of the shape that the operation reads.

    The places of padding read 0.
    """
    if isinstance(operation, Linear):
        return Patches([signal.reshape(1, 1, operation.n_inputs) for signal in signals], np.zeros(1, np.int64))
    views = [list(operation.patches(signal[None, None])) for signal in signals]
    places = views[0][0].shape[-1]
    kinds: dict[bytes, int] = {}
    found: list[Array] = []
    kind = np.empty(places, np.int64)
    for start in range(0, places, PLACES_AT_ONCE):
        part = slice(start, start + PLACES_AT_ONCE)
        read = np.stack(
            [[term[0, 0, :, part] for term in terms] for terms in views]
        )  # (signals, terms, groups, places)
        rows = np.ascontiguousarray(read.transpose(3, 0, 2, 1))
        for place, row in enumerate(rows, start):
            kind[place] = kinds.setdefault(row.tobytes(), len(kinds))
            if kind[place] == len(found):
                found.append(row)
    return Patches(list(np.stack(found, axis=1)), kind)
