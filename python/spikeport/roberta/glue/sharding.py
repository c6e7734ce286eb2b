"""Training with FSDP: what accelerate has to be told before it, and the whole network after it.

FSDP shards parameters over the processes of a run. Training, evaluation and saving go on as they are; the spiking
conversion takes every weight and scale, so it is given the network gathered into one piece, in every process.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import os
from typing import Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from transformers import Trainer

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.glue.notices import say
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification, build


def shard_by_layer() -> None:
    """Let accelerate shard layer by layer, unless the user has named other modules.

    By its own choice it shards RoBERTa's embeddings, then once more the word embeddings inside, and torch refuses.
    """
    os.environ.setdefault("FSDP_TRANSFORMER_CLS_TO_WRAP", "RobertaLayer")


def check_sharding(trainer: Trainer) -> None:
    """Raise `RobertaError` where FSDP was asked for, and accelerate or transformers would do something else.

    On CPU accelerate trains data-parallel without a word; without training there is no optimiser, which it needs.
    """
    arguments = trainer.args
    if arguments.fsdp and not trainer.is_fsdp_enabled:
        raise RobertaError("arguments", "FSDP shards over GPUs, one a process, and accelerate sees none: leave it out")
    if trainer.is_fsdp_enabled and not arguments.do_train:
        raise RobertaError("arguments", "FSDP shards what is trained, and nothing is: leave it out to evaluate")


def evaluate_in_single(trainer: Trainer) -> None:
    """Take back a full evaluation in half precision where FSDP has sharded the network, and say so.

    Trainer would cast the network after its training, and torch gathers shards into buffers of the precision that they
    were trained in: "Expected out tensor to have dtype c10::Half, but got float". The conversion is in single precision
    anyway.
    """
    arguments = trainer.args
    for flag in ("fp16_full_eval", "bf16_full_eval"):
        if trainer.is_fsdp_enabled and getattr(arguments, flag):
            setattr(arguments, flag, False)
            say(f"--{flag} is for networks in one piece: shards cannot be cast, so it is evaluated as it was trained")


def whole_network(trainer: Trainer) -> QuantisedRobertaForSequenceClassification:
    """Return the trainer's quantised network; where FSDP has sharded it, a gathered copy, in every process."""
    # Without the wrapper, which would compute in half precision what the spiking network computes in single.
    network: Any = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if trainer.is_fsdp_enabled:
        weights = get_model_state_dict(trainer.model, options=StateDictOptions(full_state_dict=True))  # type: ignore[arg-type]
        network = build(QuantisedRobertaForSequenceClassification, network.config, network)
        network.load_state_dict(weights)
    whole: QuantisedRobertaForSequenceClassification = network
    return whole
