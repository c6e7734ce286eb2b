"""Quantised and spiking RoBERTa: from a trained ReLU RoBERTa, by a YAML transform, to a network of ST-BIF neurons.

- `quantise`, `calibrate`, `convert_to_spiking`: the three steps
- `Transform`: the YAML, validated; `explain`: which module becomes what
- `evaluate_spiking`: accuracy per timestep, agreement, spikes, synaptic operations, energy
- `train_relu_roberta`: a small ReLU RoBERTa from local text
- `spikeport.roberta.run_glue`, `spikeport.roberta.suite`: the GLUE program, and tasks × learning rates

Needs the extra ``roberta``; nothing of it is imported before it is used. Once `spikeport.roberta.spiking` has been
imported, transformers' Auto classes know both networks.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikeport.errors import MissingExtra

if TYPE_CHECKING:
    from spikeport.roberta.calibration import calibrate
    from spikeport.roberta.errors import RobertaError
    from spikeport.roberta.evaluate import SpikingEvaluation, evaluate_spiking
    from spikeport.roberta.explanation import explain
    from spikeport.roberta.lsq import LSQInteger
    from spikeport.roberta.quantised import QuantisedRobertaForSequenceClassification, quantise
    from spikeport.roberta.recipe import Recipe, train_relu_roberta
    from spikeport.roberta.spiking import SpikingRobertaForSequenceClassification, convert_to_spiking
    from spikeport.roberta.st_bif import STBIF
    from spikeport.roberta.timeline import SpikingRun
    from spikeport.roberta.transform import Transform

_HOME = {
    "LSQInteger": "lsq",
    "QuantisedRobertaForSequenceClassification": "quantised",
    "Recipe": "recipe",
    "RobertaError": "errors",
    "STBIF": "st_bif",
    "SpikingEvaluation": "evaluate",
    "SpikingRobertaForSequenceClassification": "spiking",
    "SpikingRun": "timeline",
    "Transform": "transform",
    "calibrate": "calibration",
    "convert_to_spiking": "spiking",
    "evaluate_spiking": "evaluate",
    "explain": "explanation",
    "quantise": "quantised",
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
