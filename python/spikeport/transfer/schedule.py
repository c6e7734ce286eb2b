"""Freezing and learning rates: who learns in a phase of transfer, and how fast.

The helpers change the checkpoint they are given and return it, as documented; the rules are in
`spikeport.kernels.finetune`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spikeport.errors import KernelError
from spikeport.kernels import finetune
from spikeport.transfer.checkpoint import SNNCheckpoint


@dataclass(frozen=True)
class TransferConfig:
    """One phase of fine-tuning.

    Attributes
    ----------
    freeze_until : an index k freezes layers 0 … k, a name freezes up to and with that layer, -1 freezes none
    lr_backbone : learning rate of an unfrozen layer before the head
    lr_head : learning rate of the head
    head : name of the first layer of the head; by default the last layer
    """

    freeze_until: int | str = -1
    lr_backbone: float = 0.0
    lr_head: float = 0.01
    head: str | None = None


def apply_transfer_config(checkpoint: SNNCheckpoint, config: TransferConfig) -> tuple[SNNCheckpoint, list[float]]:
    """Freeze as ``config`` says and return the checkpoint with the learning rate of every layer.

    A frozen layer's rate is 0.0, frozen now or before.

    Raises
    ------
    KernelError
        a `ValueError`: ``unknown_layer``, ``index_range``, ``learning_rate``; the checkpoint is unchanged then.
    """
    frozen, rates = finetune.schedule(
        checkpoint.layer_names,
        freeze_until=config.freeze_until,
        lr_backbone=config.lr_backbone,
        lr_head=config.lr_head,
        frozen=checkpoint.frozen_layers,
        head=config.head,
    )
    checkpoint.frozen_layers = frozen
    return checkpoint, rates


def freeze_layers(
    checkpoint: SNNCheckpoint, layer_names: Sequence[str] | None = None, until_index: int | None = None
) -> SNNCheckpoint:
    """Freeze the layers named, and layers 0 … ``until_index``; those frozen before stay so.

    Raises `KernelError`: ``unknown_layer``, ``index_range``, and ``nothing_named`` where neither is given.
    """
    if layer_names is None and until_index is None:
        raise KernelError("nothing_named", "say which layers to freeze: layer_names=[…] or until_index=k")
    named = _names(layer_names)
    until = -1 if until_index is None else until_index
    before = [*checkpoint.frozen_layers, *named]
    checkpoint.frozen_layers = finetune.schedule(checkpoint.layer_names, freeze_until=until, frozen=before).frozen
    return checkpoint


def unfreeze_layers(
    checkpoint: SNNCheckpoint, layer_names: Sequence[str] | None = None, all_layers: bool = False
) -> SNNCheckpoint:
    """Set the layers named free, or all of them.

    Raises `KernelError`: ``unknown_layer``, and ``nothing_named`` where neither is given.
    """
    if layer_names is None and not all_layers:
        raise KernelError("nothing_named", "say which layers to unfreeze: layer_names=[…] or all_layers=True")
    checkpoint.frozen_layers = finetune.unfreeze(
        checkpoint.layer_names, checkpoint.frozen_layers, names=_names(layer_names), all_layers=all_layers
    )
    return checkpoint


def _names(layer_names: Sequence[str] | None) -> list[str]:
    if layer_names is None:
        return []
    if isinstance(layer_names, str) or not isinstance(layer_names, Iterable):
        raise KernelError("unknown_layer", f"layer_names is {layer_names!r}: give a list of names")
    return list(layer_names)
