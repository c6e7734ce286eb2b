"""What several nodes of NIR are together: the circle of a soft reset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spikeport.interop.nir.view import View


class Circle(NamedTuple):
    """The names of the four nodes of a soft reset: membrane, threshold, what a spike takes off, the delay or None."""

    integrator: str
    threshold: str
    scale: str
    delay: str | None

    @property
    def inner(self) -> set[str]:
        """The nodes between a membrane and itself, which nothing else may read or feed."""
        return {self.scale, *([self.delay] if self.delay else [])}


def circles_in(view: View, dt: float) -> list[Circle]:
    """Return the circles I or LI, Threshold, Scale and at most one Delay of one step, Scale and Delay in any order."""
    found = (_circle(view, name, dt) for name in view.nodes if view.kind(name) in ("I", "LI"))
    return [circle for circle in found if circle is not None]


def _circle(view: View, integrator: str, dt: float) -> Circle | None:
    readers = view.readers[integrator]
    if len(readers) != 1 or view.kind(readers[0]) != "Threshold" or view.sources[readers[0]] != [integrator]:
        return None
    for begin in view.readers[readers[0]]:
        way = [begin]
        while view.readers[way[-1]] != [integrator] and len(way) < 2 and len(view.readers[way[-1]]) == 1:
            way += view.readers[way[-1]]
        alone = all(len(view.sources[name]) == 1 and len(view.readers[name]) == 1 for name in way)
        kinds = {view.kind(name): name for name in way}
        if view.readers[way[-1]] != [integrator] or not alone or len(kinds) != len(way):
            continue
        delay = kinds.get("Delay")
        if kinds.keys() in ({"Scale"}, {"Scale", "Delay"}) and (
            delay is None or bool(np.all(np.asarray(view.nodes[delay].delay) == dt))
        ):
            return Circle(integrator, readers[0], kinds["Scale"], delay)
    return None


def without_circles(view: View, circles: list[Circle]) -> View:
    """Return the view in which each circle is one node, called as its threshold, with the circle's sources."""
    inner = {name for circle in circles for name in (*circle.inner, circle.integrator)}
    sources: dict[str, list[str]] = {}
    membranes = {circle.threshold: circle for circle in circles}
    for name, feeding in view.sources.items():
        if name in membranes:
            continue
        circle = next((circle for circle in circles if circle.integrator == name), None)
        if circle is not None:
            sources[circle.threshold] = [source for source in feeding if source not in circle.inner]
        elif name not in inner:
            sources[name] = feeding
    readers: dict[str, list[str]] = {name: [] for name in sources}
    for name, feeding in sources.items():
        for source in feeding:
            readers[source].append(name)
    return view._replace(sources=sources, readers=readers)
