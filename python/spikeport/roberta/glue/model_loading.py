"""The model of a run: from the hub or a folder, transformed, calibrated, with fine-tuned weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, RobertaConfig, RobertaForSequenceClassification

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.evaluate import pad
from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import ModelArguments
from spikeport.roberta.glue.hub import reached_once
from spikeport.roberta.glue.notices import say
from spikeport.roberta.network.calibration import fit_scales, sample_sentences
from spikeport.roberta.network.quantised import (
    QuantisedRobertaConfig,
    QuantisedRobertaForSequenceClassification,
    check_architecture,
    check_weights,
    quantise,
)
from spikeport.roberta.network.sentences import SentenceSample
from spikeport.roberta.network.spiking import SpikingRobertaConfig
from spikeport.roberta.network.transform import Transform


def load_config(arguments: ModelArguments, task: Task | None = None) -> RobertaConfig:
    """Return the model's config with the task's classes, or, without a task, with its own.

    Raises
    ------
    RobertaError
        ``model``: no such model, not a RoBERTa, or one that is spiking already; ``activation``: not ReLU where a
        transform is asked for.
    """
    source = arguments.config_name or arguments.model_name_or_path
    try:
        with reached_once(source):
            config = AutoConfig.from_pretrained(source, **_options(arguments))
    except (OSError, ValueError) as error:
        raise RobertaError("model", f"cannot load {source!r}: {error}") from error
    if isinstance(config, SpikingRobertaConfig):
        raise RobertaError(
            "model",
            f"{source} is a spiking network already: use "
            "SpikingRobertaForSequenceClassification.from_pretrained, or give the folder it was converted from",
        )
    if not isinstance(config, RobertaConfig):
        raise RobertaError("model", f"{source} is a {config.model_type}, not a RoBERTa")
    if task is not None:
        _give_classes(config, task, source, anew=arguments.ignore_mismatched_sizes)
    if arguments.relufy:
        config.hidden_act = "relu"
    if arguments.transform_config:
        check_architecture(config)
    return config


def _give_classes(config: RobertaConfig, task: Task, source: str, *, anew: bool) -> None:
    """Put the task's classes into ``config``, unless it has names of its own for as many of GLUE's."""
    names = dict(enumerate(task.labels)) or {0: "score"}
    has_head = any(str(name).endswith("ForSequenceClassification") for name in config.architectures or ())
    fits = config.num_labels == len(names)
    if not fits and has_head and not anew:
        raise RobertaError(
            "model",
            f"{source} has {config.num_labels} classes, and {task.name} {len(names)}: "
            "give a model of this task, or --ignore_mismatched_sizes with --do_train for a new head",
        )
    if fits and (not task.labels or label_order(config, task) is not None):
        return
    called = [str(name) for name in (config.id2label or {}).values()]
    if fits and called != [f"LABEL_{number}" for number in range(len(called))]:
        has, needs = ", ".join(called), ", ".join(task.labels)
        say(f"the model calls its classes {has}, and {task.name} {needs}: taken by their numbers")
        if task.is_glue:
            return
    config.problem_type = config.problem_type if fits else None
    config.id2label = names
    config.label2id = {name: number for number, name in names.items()}


def label_order(config: RobertaConfig, task: Task) -> list[int] | None:
    """Return the model's number of each of the task's classes, or None where the model does not name them so."""
    for spelt in (str, str.lower):
        named = {spelt(str(name)): int(number) for name, number in (config.label2id or {}).items()}
        wanted = [spelt(name) for name in task.labels]
        if wanted and len(set(wanted)) == len(wanted) and set(named) == set(wanted):
            return [named[name] for name in wanted]
    return None


def _options(arguments: ModelArguments) -> dict[str, Any]:
    """Return what transformers takes to load from the hub: which version, where to, and who asks."""
    return {"revision": arguments.model_revision, "cache_dir": arguments.cache_dir, "token": arguments.hub_token}


def load_transform(arguments: ModelArguments) -> Transform | None:
    """Return the transform that is asked for, or None for a baseline."""
    if arguments.transform_config is None:
        return None
    if arguments.transform_config == "default":
        return Transform.default()
    return Transform.from_yaml(arguments.transform_config)


def load_tokenizer(arguments: ModelArguments, config: RobertaConfig) -> Any:
    """Return the model's tokenizer, or the one that is named.

    Raises
    ------
    RobertaError
        ``model``: there is none, it knows no words, or more of them than the model.
    """
    source = arguments.tokenizer_name or arguments.model_name_or_path
    try:
        with reached_once(source):
            tokenizer = AutoTokenizer.from_pretrained(source, **_options(arguments))
    except (OSError, ValueError) as error:
        raise RobertaError("model", f"cannot load the tokenizer of {source!r}: {error}") from error
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes of a folder without its files
        raise RobertaError("model", f"{source} holds no tokenizer: name the folder or hub id of one, --tokenizer_name")
    if len(tokenizer) > config.vocab_size:
        counts = f"{len(tokenizer)} tokens, and the model {config.vocab_size}"
        raise RobertaError("model", f"the tokenizer of {source} has {counts}: give the model's own")
    return tokenizer


def load_model(
    arguments: ModelArguments, config: RobertaConfig, transform: Transform | None
) -> RobertaForSequenceClassification:
    """Return the model, quantised where a transform is given, with the weights of ``model_weights_path`` if any.

    Raises
    ------
    RobertaError
        ``model``, ``transform``, ``weights``.
    """
    already = isinstance(config, QuantisedRobertaConfig)
    kind = QuantisedRobertaForSequenceClassification if already else RobertaForSequenceClassification
    if already and transform is not None and transform.to_dict() != config.spikeport_transform:
        raise RobertaError(
            "transform",
            f"{arguments.model_name_or_path} is quantised already, by another transform: leave --transform_config out",
        )
    try:
        with reached_once(arguments.model_name_or_path):
            loaded: Any = kind.from_pretrained(
                arguments.model_name_or_path,
                config=config,
                dtype=torch.float32,  # a file in half precision would else be calibrated and converted in it
                ignore_mismatched_sizes=arguments.ignore_mismatched_sizes,
                output_loading_info=True,
                **_options(arguments),
            )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise RobertaError("model", f"cannot load {arguments.model_name_or_path!r}: {error}") from error
    model: RobertaForSequenceClassification
    model, loading = loaded
    fresh = {
        name if isinstance(name, str) else name[0] for name in (*loading["missing_keys"], *loading["mismatched_keys"])
    }
    if any(name.startswith("classifier.") for name in fresh) and not arguments.model_weights_path:
        say(
            f"{arguments.model_name_or_path} has no classifier for this task: it begins at random, and answers by "
            "chance until it is trained"
        )
    if transform is not None and not already:
        model = quantise(model, transform)
    if arguments.model_weights_path:
        load_weights(model, arguments.model_weights_path)
    check_weights(model)
    return model


def load_weights(model: PreTrainedModel, folder: str | Path) -> None:
    """Load ``model.safetensors`` of ``folder``, or the file of weights that it is, into ``model``, every tensor of it.

    Raises
    ------
    RobertaError
        ``weights``: no such folder or file, a damaged file, or tensors that do not fit the model.
    """
    root = Path(folder)
    files = sorted(root.glob("model*.safetensors")) if root.is_dir() else [root] if root.is_file() else []
    if not files:
        within = sorted(path.parent.name for path in root.glob("checkpoint-*/model.safetensors"))
        hint = f"; did you mean {root / within[-1]}?" if within else ""
        raise RobertaError("weights", f"{root} holds no model.safetensors: give the output folder of a training{hint}")
    weights: dict[str, Any] = {}
    for file in files:
        try:
            weights |= load_file(file) if file.suffix == ".safetensors" else torch.load(file, weights_only=True)
        except (SafetensorError, OSError, TypeError, ValueError, RuntimeError, EOFError, UnpicklingError) as error:
            raise RobertaError("weights", f"{file} cannot be read: {error}") from error
    own = model.state_dict()
    # Factors of heads are 1 where a file was written before there were any.
    weights = {n: torch.ones_like(v) for n, v in own.items() if n.endswith(".head_scales.scale")} | weights
    missing, foreign = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    shapes = [name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape]
    if missing or foreign or shapes:
        if all(name.endswith(".scale") for name in missing) and not foreign and not shapes:
            reason = "it has no quantiser scales, so it was trained without this --transform_config"
        elif all(name.endswith(".scale") for name in foreign) and not missing and not shapes:
            reason = "it has quantiser scales: give the --transform_config it was trained with"
        else:
            reason = f"missing {missing[:3]}, unknown {foreign[:3]}, other shapes {shapes[:3]}"
        raise RobertaError("weights", f"{root} does not fit the model: {reason}")
    model.load_state_dict(weights)


def calibrate_on(
    model: QuantisedRobertaForSequenceClassification,
    samples: Sequence[dict[str, Any]],
    batches: int,
    batch_size: int,
    seed: int,
) -> tuple[dict[str, float], SentenceSample]:
    """Calibrate on ``batches`` batches drawn from ``samples``, the same ones in every process of a run.

    Returns the scales by name, and what was run.
    """
    order = list(range(len(samples)))
    random.Random(seed).shuffle(order)
    chosen = [order[first : first + batch_size] for first in range(0, len(order), batch_size)][:batches]
    padded = (pad([samples[i] for i in batch], model.config.pad_token_id) for batch in chosen)
    sample = sample_sentences(model, padded)
    return fit_scales(model, sample), sample
