"""Transfer: checkpoints on disk, freezing, per-layer learning rates, a head for another task, fine-tuning."""

from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import CODES, CheckpointError, TransferError
from spikeport.transfer.head import replace_head
from spikeport.transfer.saving import save_checkpoint
from spikeport.transfer.schedule import TransferConfig, apply_transfer_config, freeze_layers, unfreeze_layers
from spikeport.transfer.step import finetune_step
from spikeport.transfer.store import load_checkpoint
from spikeport.transfer.training.finetuning import finetune
from spikeport.transfer.training.history import Epoch, FineTuned, FineTunedPhase, Outcome
from spikeport.transfer.training.phases import Phase

__all__ = [
    "CODES",
    "CheckpointError",
    "Epoch",
    "FineTuned",
    "FineTunedPhase",
    "Outcome",
    "Phase",
    "SNNCheckpoint",
    "TransferConfig",
    "TransferError",
    "apply_transfer_config",
    "finetune",
    "finetune_step",
    "freeze_layers",
    "load_checkpoint",
    "replace_head",
    "save_checkpoint",
    "unfreeze_layers",
]
