"""Lists with one entry for each layer, for views that hold a graph and show its parts as lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from spikeport.errors import GraphError


class PerLayer(list[Any]):
    """A list of one part of every layer. To assign an entry is to change the layer; the number of entries is fixed."""

    def __init__(self, entries: Iterable[Any], assign: Callable[[int, Any], None]) -> None:
        super().__init__(entries)
        self._assign = assign

    def __setitem__(self, index: Any, value: Any) -> None:
        places = range(len(self))[index]
        if isinstance(places, int):
            places, value = range(places, places + 1), [value]
        values = list(value)
        if len(values) != len(places):
            raise GraphError("shape", f"{len(values)} entries were given for {len(places)} layers: give one for each")
        for place, entry in zip(places, values, strict=True):
            self._assign(place, entry)
            super().__setitem__(place, entry)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise GraphError("shape", "a network's layers are added and removed in its graph: build a new one from layers")

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
    __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce_ex__(self, protocol: Any) -> Any:
        return list, (list(self),)
