"""Phases: who learns when, and how fast. Gradual unfreezing is a phase after a phase with fewer layers frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spikeport.checks import is_whole
from spikeport.kernels import finetune
from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import TransferError
from spikeport.transfer.schedule import TransferConfig


@dataclass(frozen=True)
class Phase:
    """One phase of fine-tuning.

    Attributes
    ----------
    frozen : names of the layers that are frozen in it, in network order
    rates : learning rate of each layer by name, above 0 for those that learn; layers without weights are left out
    epochs : passes over the samples, at most
    """

    frozen: tuple[str, ...]
    rates: dict[str, float]
    epochs: int


def planned(checkpoint: SNNCheckpoint, config: Any, epochs: Any) -> list[Phase]:
    """Return the phases of a fine-tuning.

    Parameters
    ----------
    config : a `TransferConfig`, or one for each phase. What a phase freezes is free again in the next; what the
        checkpoint had frozen before stays frozen in all
    epochs : a whole number of at least 1, or one for each phase

    Raises
    ------
    TransferError
        ``config``, ``epochs``, ``nothing_learns`` where no layer with weights has a rate above 0.
    spikeport.errors.KernelError
        ``unknown_layer``, ``index_range``, ``learning_rate``, as `apply_transfer_config`.
    """
    configs = [config] if isinstance(config, TransferConfig) else config
    if not isinstance(configs, Sequence) or not configs or not all(isinstance(c, TransferConfig) for c in configs):
        raise TransferError("config", f"config is {config!r}: give a TransferConfig, or a list with one for each phase")
    lengths = [epochs] * len(configs) if is_whole(epochs) else epochs
    if not isinstance(lengths, Sequence) or len(lengths) != len(configs):
        raise TransferError(
            "epochs", f"epochs is {epochs!r} for {len(configs)} phases: give a whole number, or one for each phase"
        )
    for length in lengths:
        if not is_whole(length) or length < 1:
            raise TransferError("epochs", f"epochs must be a whole number of at least 1, not {length!r}")
    return [_planned(checkpoint, one, int(length)) for one, length in zip(configs, lengths, strict=True)]


def _planned(checkpoint: SNNCheckpoint, config: TransferConfig, epochs: int) -> Phase:
    names = list(checkpoint.layer_names)
    frozen, rates = finetune.schedule(
        names,
        freeze_until=config.freeze_until,
        lr_backbone=config.lr_backbone,
        lr_head=config.lr_head,
        frozen=checkpoint.frozen_layers,
        head=config.head,
    )
    learning = {
        name: rate
        for name, rate, weight in zip(names, rates, checkpoint.weights, strict=True)
        if weight is not None and rate > 0
    }
    if not learning:
        raise TransferError(
            "nothing_learns",
            f"no layer with weights has a learning rate above 0 (frozen: {', '.join(frozen) or 'none'}): freeze fewer, "
            "call unfreeze_layers, or name the head with head=",
        )
    return Phase(tuple(frozen), learning, epochs)
