"""Distillation: quantisation-aware training towards the float network's logits in place of the labels.

    loss = mean over sentences and classes of (z - z_float)²      (Ba and Caruana 2014, "Do Deep Nets Really Need to be
                                                                   Deep?", eq. 1)

The labels have taught the float network already; another epoch of them moves a network elsewhere, for better or worse.
This moves the quantised network to where the float one stands, which is what a conversion is held to. Dropout is off:
both networks see the same sentence.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from transformers import RobertaForSequenceClassification, Trainer

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import ModelArguments
from spikeport.roberta.glue.model_loading import load_config, load_model
from spikeport.roberta.network.quantised import QuantisedRobertaConfig


class DistillationTrainer(Trainer):
    """A `Trainer` that trains on ``teacher``'s logits and evaluates on the labels.

    Parameters
    ----------
    teacher : the network whose logits are the target; put into eval mode on the training's device, never changed
    """

    def __init__(self, *arguments: Any, teacher: nn.Module, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.teacher = teacher.requires_grad_(False).eval().to(self.args.device)

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        """Return the squared distance of the logits in training; in evaluation the loss of the task."""
        if not model.training:
            return super().compute_loss(model, inputs, *arguments, **options)
        return distillation_loss(model.eval(), self.teacher, {k: v for k, v in inputs.items() if k != "labels"})


def distillation_loss(student: nn.Module, teacher: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Return the mean squared difference of both networks' logits, a scalar with ``student``'s gradient."""
    with torch.no_grad():
        target = teacher(**inputs).logits
    return mse_loss(student(**inputs).logits, target)


def load_teacher(arguments: ModelArguments, task: Task) -> RobertaForSequenceClassification:
    """Return the float network of ``--model_name_or_path``, with its own activation and head.

    Raises
    ------
    RobertaError
        ``model``: it is quantised already, or is no model of this task.
    """
    own: dict[str, Any] = {
        "transform_config": None,
        "model_weights_path": None,
        "relufy": False,
        "ignore_mismatched_sizes": False,
    }
    plain = dataclasses.replace(arguments, **own)
    config = load_config(plain, task)
    if isinstance(config, QuantisedRobertaConfig):
        name = arguments.model_name_or_path
        raise RobertaError("model", f"--distillation learns from a float network, and {name} is quantised already")
    return load_model(plain, config, None)
