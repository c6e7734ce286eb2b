"""Quantised and spiking RoBERTa: from a trained ReLU RoBERTa, by a YAML transform, to a network of ST-BIF neurons.

- `quantise`, `calibrate`, `convert_to_spiking`: the three steps
- `Transform`: the YAML, validated; `explain`: which module becomes what
- `evaluate_spiking`: accuracy per timestep, agreement, spikes, synaptic operations, energy
- `train_relu_roberta`: a small ReLU RoBERTa from local text
- `spikeport.roberta.run_glue`, `spikeport.roberta.glue.suite`: the GLUE program, and tasks × learning rates

Four folders stand below it, and each knows only those before it: `modules`, `network`, `evaluation`, `glue`.

Needs the extra ``roberta``; nothing of it is imported before it is used. Once `SpikingRobertaForSequenceClassification`
has been taken from here, transformers' Auto classes know both networks.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikeport.errors import MissingExtra

if TYPE_CHECKING:
    from spikeport.roberta.errors import RobertaError
    from spikeport.roberta.evaluation.evaluate import SpikingEvaluation, evaluate_spiking
    from spikeport.roberta.modules.lsq import LSQInteger
    from spikeport.roberta.modules.st_bif import STBIF
    from spikeport.roberta.network.calibration import calibrate
    from spikeport.roberta.network.explanation import explain
    from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification, quantise
    from spikeport.roberta.network.spiking import SpikingRobertaForSequenceClassification, convert_to_spiking
    from spikeport.roberta.network.timeline import SpikingRun
    from spikeport.roberta.network.transform import Transform
    from spikeport.roberta.recipe import Recipe, train_relu_roberta

_HOME = {
    "LSQInteger": "modules.lsq",
    "QuantisedRobertaForSequenceClassification": "network.quantised",
    "Recipe": "recipe",
    "RobertaError": "errors",
    "STBIF": "modules.st_bif",
    "SpikingEvaluation": "evaluation.evaluate",
    "SpikingRobertaForSequenceClassification": "network.spiking",
    "SpikingRun": "network.timeline",
    "Transform": "network.transform",
    "calibrate": "network.calibration",
    "convert_to_spiking": "network.spiking",
    "evaluate_spiking": "evaluation.evaluate",
    "explain": "network.explanation",
    "quantise": "network.quantised",
    "train_relu_roberta": "recipe",
}

__all__ = [
    "STBIF",
    "LSQInteger",
    "QuantisedRobertaForSequenceClassification",
    "Recipe",
    "RobertaError",
    "SpikingEvaluation",
    "SpikingRobertaForSequenceClassification",
    "SpikingRun",
    "Transform",
    "calibrate",
    "convert_to_spiking",
    "evaluate_spiking",
    "explain",
    "quantise",
    "train_relu_roberta",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spikeport.roberta' has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"spikeport.roberta.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("spikeport"):
            raise
        raise MissingExtra(str(error.name), "roberta", f"spikeport.roberta.{name}") from None
    globals()[name] = value
    return value
