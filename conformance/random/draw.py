"""A case of a seed and a number: the same one at any time, on any machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from conformance.cases import KERNELS, Case
from conformance.in_process import answer
from conformance.lines import Words, resolve
from conformance.random import (
    draw_checkpoints,
    draw_encode,
    draw_finetune,
    draw_networks,
    draw_neurons,
    draw_operations,
)
from conformance.random.parameters import Arguments
from conformance.random.values import Draw
from spikeport.backends import get_backend

DRAWS: dict[str, tuple[int, Callable[[Draw], Arguments | None]]] = {
    # kernel: (how often among all, what draws its arguments)
    "if.multistep": (12, draw_neurons.if_multistep),
    "if.constant": (6, draw_neurons.if_constant),
    "st_bif.multistep": (8, draw_neurons.st_bif_multistep),
    "operation.currents": (20, draw_operations.operation_currents),
    "layer.forward": (8, draw_networks.layer_forward),
    "network.run": (20, draw_networks.network_run),
    "encode.poisson": (4, draw_encode.encode_poisson),
    "qcfs": (6, draw_neurons.qcfs),
    "finetune.schedule": (4, draw_finetune.schedule),
    "finetune.unfreeze": (3, draw_finetune.unfreeze),
    "finetune.step": (6, draw_finetune.step),
    "checkpoint.read": (4, draw_checkpoints.read),
    "checkpoint.write": (8, draw_checkpoints.write),
    "checkpoint.reject": (14, draw_checkpoints.reject),
}
assert list(DRAWS) == list(KERNELS), "a kernel that is never drawn"
SHARES = np.cumsum([share for share, _ in DRAWS.values()]) / sum(share for share, _ in DRAWS.values())
NAME = re.compile(r"random\.(\d+)\.(\d+)")
NOT_FINITE = re.compile(r"\b([7f]ff[0-9a-f]{13}|[7f]f[89a-f][0-9a-f]{5})\b")


def drawn(seed: int, number: int, folder: Path) -> Case:
    """Return a case; the files that it reads are put into ``folder``.

    What the contract promises nothing of is drawn again: outputs that are NaN or infinite.
    """
    rng = np.random.default_rng([seed, number])
    name = f"random.{seed}.{number}"
    while True:
        kernel = KERNELS[int(np.searchsorted(SHARES, rng.random(), side="right"))]
        draw = Draw(rng, folder / name)
        arguments = DRAWS[kernel][1](draw)
        if arguments is None:
            continue
        case = Case(kernel, name, "drawn at random", ["random"], {}, arguments, {})
        words = asked(case, folder)
        if promised(words):
            if kernel == "checkpoint.reject":
                words.pop("metadata", None)  # the reference prints it again, a mirror carries it as it stands
            return Case(kernel, name, case.comment, case.flags, {}, arguments, dict(words))


def asked(case: Case, folder: Path) -> Words:
    """Return the reference's answer."""
    written = folder / "written"
    written.mkdir(exist_ok=True)
    try:
        with np.errstate(all="ignore"):
            words = answer(get_backend("reference"), case.kernel, resolve(case, written))
    except Exception as error:  # no answer at all: each language differs from it, and the case is seen
        return {"error": [f"the reference stopped: {type(error).__name__}: {error}"]}
    assert words is not None
    return words


FLOATS = ("spikes", "v", "counts", "drive", "currents", "y", "rates")
"""Outputs that may be floats; so may those with a number behind them."""


def promised(words: Words) -> bool:
    """Whether no output is NaN or infinite."""
    return not any(NOT_FINITE.search(",".join(values)) for key, values in words.items() if key in FLOATS or "." in key)


def named(name: str, folder: Path) -> Case | None:
    """Return the case that an id such as ``random.7.123`` names, or None for another id."""
    found = NAME.fullmatch(name)
    return drawn(int(found[1]), int(found[2]), folder) if found else None
