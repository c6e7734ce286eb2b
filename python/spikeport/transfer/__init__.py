"""Transfer: checkpoints on disk, freezing, per-layer learning rates, fine-tuning steps."""

from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import CODES, CheckpointError
from spikeport.transfer.finetune import finetune_step
from spikeport.transfer.saving import save_checkpoint
from spikeport.transfer.schedule import TransferConfig, apply_transfer_config, freeze_layers, unfreeze_layers
from spikeport.transfer.store import load_checkpoint

__all__ = [
    "CODES",
    "CheckpointError",
    "SNNCheckpoint",
    "TransferConfig",
    "apply_transfer_config",
    "finetune_step",
    "freeze_layers",
    "load_checkpoint",
    "save_checkpoint",
    "unfreeze_layers",
]
