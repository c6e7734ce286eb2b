"""The documented lists of a checkpoint, as views of the graph that it holds.

``checkpoint.weights`` is a list: it is indexed, sliced, compared, joined and handed to other code as one. It owns
nothing. What is read is what the graph has at that moment; what is assigned goes into the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from spikeport.transfer.held.chain import HeldGraph
from spikeport.transfer.held.nodes import HeldNodes

READING: Final = (
    "__getitem__",
    "__iter__",
    "__reversed__",
    "__contains__",
    "__repr__",
    "__add__",
    "__mul__",
    "__rmul__",
    "copy",
    "count",
    "index",
)
CHANGING: Final = (
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "__imul__",
    "append",
    "clear",
    "extend",
    "insert",
    "pop",
    "remove",
    "reverse",
    "sort",
)


class LayerList(list[Any]):
    """A list with one entry for each layer, read from a held graph and written to it.

    Every method of a list works on the entries as they now are. A change that keeps one entry for each layer is
    assigned to the graph; any other raises `CheckpointError` with ``sidecar_schema``. Copied or pickled, it becomes a
    plain list.
    """

    def __new__(cls, source: Any, field: str = "") -> Any:
        """Return the view of a held graph; called with the entries of one, as copying code does, a plain list."""
        return super().__new__(cls) if isinstance(source, HeldGraph | HeldNodes) else list(source)

    def __init__(self, held: HeldGraph | HeldNodes, field: str) -> None:
        super().__init__(held.read(field))
        self._held, self._field = held, field

    def __eq__(self, other: object) -> bool:
        """Compare with another list: arrays by type and values."""
        if not isinstance(other, list):
            return NotImplemented
        mine, theirs = list(self), list(other)
        return len(mine) == len(theirs) and all(map(same, mine, theirs))

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__reduce__()


def _reading(name: str) -> Callable[..., Any]:
    def method(self: LayerList, *arguments: Any) -> Any:
        return getattr(self._held.read(self._field), name)(*arguments)

    return method


def _changing(name: str) -> Callable[..., Any]:
    def method(self: LayerList, *arguments: Any, **keywords: Any) -> Any:
        entries = self._held.read(self._field)
        result = getattr(entries, name)(*arguments, **keywords)
        self._held.assign(self._field, entries)
        list.__setitem__(self, slice(None), self._held.read(self._field))
        return self if result is entries else result

    return method


for _name in READING:
    setattr(LayerList, _name, _reading(_name))
for _name in CHANGING:
    setattr(LayerList, _name, _changing(_name))


def same(a: Any, b: Any) -> bool:
    """Whether two entries are equal, arrays by type and values."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if a is None or b is None:
            return False
        return np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)
    return bool(a == b)
