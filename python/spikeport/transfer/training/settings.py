"""How a network is trained: what `finetune` was asked for, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from spikeport.checks import is_real, is_whole
from spikeport.errors import KernelError
from spikeport.graph import SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels.encode import check_seed
from spikeport.transfer.errors import TransferError

ENCODINGS: Final = ("current", "poisson", "pulse")
LOSSES: Final = ("drive", "counts")
OPTIMISERS: Final = ("adam", "sgd")


@dataclass(frozen=True)
class Settings:
    """How a network is trained; see `spikeport.transfer.finetune`, whose arguments these are."""

    T: int
    encoding: str
    loss: str
    logit_scale: float
    optimiser: Any
    momentum: float
    clip: float | None
    batch_size: int
    patience: int | None
    seed: int
    device: Any
    surrogate: Any

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint's metadata says of it: JSON-ready, without what changes no number."""
        return {
            "T": self.T,
            "encoding": self.encoding,
            "loss": self.loss,
            "logit_scale": self.logit_scale,
            "optimiser": _named(self.optimiser),
            "momentum": self.momentum,
            "clip": self.clip,
            "batch_size": self.batch_size,
            "patience": self.patience,
            "seed": self.seed,
            "surrogate": _named(self.surrogate),
        }


def checked_settings(graph: SNNGraph, metadata: Mapping[str, Any], given: Mapping[str, Any]) -> Settings:
    """Return the settings that ``given`` asks for, with what the checkpoint says of itself where it asks for nothing.

    Raises `TransferError`: ``dtype`` for a network of integers, ``timesteps``, ``encoding``, ``loss``, ``optimiser``,
    ``momentum``, ``clip``, ``batch``, ``patience``, ``seed``.
    """
    wanted = dict(given)
    if dtype_of(graph) == np.int32:
        raise TransferError("dtype", "integers do not learn: fine-tune the network of floats that they were made from")
    wanted["T"] = _timesteps(wanted["T"], metadata)
    wanted["encoding"] = _one_of("encoding", wanted["encoding"] or _known_encoding(metadata), ENCODINGS)
    wanted["loss"] = _one_of("loss", wanted["loss"], LOSSES)
    if wanted["loss"] == "counts" and not graph[-1].neuron.is_spiking:
        raise TransferError(
            "loss", f"{graph[-1].name} passes values on and counts no spikes: take loss='drive', what it receives"
        )
    if wanted["logit_scale"] is None:
        wanted["logit_scale"] = _scale_of_the_head(metadata, graph) if wanted["loss"] == "drive" else 1.0
    wanted["logit_scale"] = _above_0("loss", "logit_scale", wanted["logit_scale"])
    if not callable(wanted["optimiser"]):
        _one_of("optimiser", wanted["optimiser"], OPTIMISERS)
    momentum = wanted["momentum"]
    if not is_real(momentum) or not 0 <= momentum < 1:
        raise TransferError("momentum", f"momentum must be in [0, 1), not {momentum!r}")
    if momentum and wanted["optimiser"] != "sgd":
        raise TransferError("momentum", "momentum is of optimiser='sgd': take that, or leave momentum off")
    if wanted["clip"] is not None:
        wanted["clip"] = _above_0("clip", "clip", wanted["clip"])
    for name, code in (("batch_size", "batch"), ("patience", "patience")):
        value = wanted[name]
        if value is None and name == "patience":
            continue
        if not is_whole(value) or value < 1:
            raise TransferError(code, f"{name} must be a whole number of at least 1, not {value!r}")
        wanted[name] = int(value)
    try:
        check_seed(wanted["seed"])
    except KernelError as error:
        raise TransferError("seed", str(error)) from None
    return Settings(**wanted | {"momentum": float(momentum), "seed": int(wanted["seed"])})


def _timesteps(given: Any, metadata: Mapping[str, Any]) -> int:
    known = metadata.get("T", metadata.get("timesteps")) if given is None else given
    if not is_whole(known) or known < 1:
        said = "the checkpoint does not say for how many" if known is None else f"T is {known!r}"
        raise TransferError("timesteps", f"{said} timesteps: give a whole number of at least 1, such as T=16")
    return int(known)


def _known_encoding(metadata: Mapping[str, Any]) -> str:
    return "pulse" if metadata.get("encoding") == "pulse" else "current"


def _scale_of_the_head(metadata: Mapping[str, Any], graph: SNNGraph) -> float:
    """Return what a conversion says that a drive of 1 at the output stands for, where that is one number; else 1."""
    scales = metadata.get("scales")
    last = scales[-1] if isinstance(scales, list) and len(scales) == len(graph) else 1.0
    return float(last) if is_real(last) and 0 < last < float("inf") else 1.0


def _one_of(name: str, given: Any, known: tuple[str, ...]) -> str:
    if given not in known:
        more = ", or a function of parameter groups" if name == "optimiser" else ""
        raise TransferError(name, f"{name} {given!r} is not one of {', '.join(known)}{more}")
    return str(given)


def _above_0(code: str, name: str, value: Any) -> float:
    if not is_real(value) or not 0 < value < float("inf"):
        raise TransferError(code, f"{name} must be a finite number above 0, not {value!r}")
    return float(value)


def _named(given: Any) -> str:
    """Return a word for what was given: the same one in every process, so no address in memory."""
    text = given if isinstance(given, str) else repr(given)
    return str(getattr(given, "__name__", type(given).__name__)) if " at 0x" in text else text
