"""How far a NIR graph answers as a network does."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.interop.nir.walking import run_nir

CERTIFICATE: Final = "spikeport_certificate"
"""Under this name the metadata of a graph keep what was measured of it."""


def certificate_in(nir_graph: Any) -> Certificate | None:
    """Return what `to_nir` measured of a graph with ``reset="plain"``, or None."""
    kept = (nir_graph.metadata or {}).get(CERTIFICATE)
    return None if kept is None else Certificate.from_dict(json.loads(kept))


def compared(graph: SNNGraph, nir_graph: Any, samples: npt.ArrayLike, *, T: int, dt: float = 1.0) -> Certificate:
    """Run a network and a NIR graph on samples, fed as a current, and say how many get the same answer.

    The answer is the output with the largest sum over T steps, the difference that of the sums, a step.
    """
    x = np.asarray(samples)
    layer = graph.layers[-1]
    ran = graph.run(x, T=T)
    ours = ran.counts[-1] if layer.neuron.is_spiking else ran.drive
    fed = np.broadcast_to(x, (T, *x.shape))
    theirs = np.asarray(run_nir(nir_graph, fed, dt=dt), np.float64).sum(axis=0)
    ours, theirs = (np.asarray(sums, np.float64).reshape(len(x), -1) for sums in (ours, theirs))
    same = float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()) if len(x) else None
    return Certificate(
        "measured",
        f"the NIR graph ran beside the network for {T} steps",
        agreement=same,
        largest_difference=float(np.abs(ours - theirs).max(initial=0)) / max(T, 1),
        samples=len(x),
    )
