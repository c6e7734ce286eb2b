"""A ReLU RoBERTa from local text: a byte-level BPE tokenizer, then a small network, both from scratch.

The spiking conversion needs ReLU where RoBERTa has GELU, and the published ReLU checkpoints need the hub. This
recipe needs one file of labelled sentences: 2 layers of 128 learn the Stanford treebank in minutes on one core.
What it writes is an ordinary Hugging Face folder: tokenizer, config and weights.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task, compute_metrics, get_task
from spikeport.roberta.glue.data import Row, read_examples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase, RobertaForSequenceClassification

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


@dataclass(frozen=True)
class Recipe:
    """The sizes and rates of a small RoBERTa.

    Attributes
    ----------
    vocabulary : tokens of the BPE tokenizer, special ones and the 256 bytes included
    layers, hidden, heads, intermediate : sizes of the encoder
    dropout : share of units dropped while training
    token_dropout : share of tokens replaced by ``<mask>`` while training, which keeps words from being learned by heart
    max_length : tokens of an example, special ones included; longer ones are cut
    epochs, batch, learning_rate, weight_decay : of AdamW, with a linear warm-up over the first tenth and decay to 0
    seed : of weights, order and dropout
    """

    vocabulary: int = 4000
    layers: int = 2
    hidden: int = 128
    heads: int = 4
    intermediate: int = 512
    dropout: float = 0.2
    token_dropout: float = 0.2
    max_length: int = 64
    epochs: int = 8
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0


def train_tokenizer(texts: Iterator[str] | list[str], vocabulary: int, max_length: int) -> PreTrainedTokenizerBase:
    """Return a byte-level BPE tokenizer, RoBERTa's kind, trained on ``texts``."""
    from tokenizers import ByteLevelBPETokenizer, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = ByteLevelBPETokenizer(add_prefix_space=True)
    tokenizer.train_from_iterator(
        texts, vocabulary, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )
    backend = tokenizer._tokenizer
    ends = (("</s>", 2), ("<s>", 0))
    backend.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=max_length,
    )


def build_model(recipe: Recipe, task: Task, vocabulary: int) -> RobertaForSequenceClassification:
    """Return an untrained RoBERTa with ReLU for ``task``."""
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    torch.manual_seed(recipe.seed)
    names = dict(enumerate(task.labels)) or {0: "score"}
    config = RobertaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.intermediate,
        hidden_act="relu",
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=recipe.dropout / 2,
        max_position_embeddings=recipe.max_length + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    return RobertaForSequenceClassification(config)


def train_relu_roberta(
    train_file: str | Path,
    output_dir: str | Path,
    *,
    validation_file: str | Path | None = None,
    task_name: str = "sst2",
    recipe: Recipe | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train tokenizer and network on ``train_file``, save both in ``output_dir``, return what was measured.

    Parameters
    ----------
    report : called after every epoch with its number, loss and, with a validation file, the task's metrics

    Raises
    ------
    RobertaError
        ``data``: the files cannot be read, or hold no labels; ``arguments``: sizes or rates that cannot be;
        ``output``: ``output_dir`` is a file.
    """
    import torch

    recipe = recipe or Recipe()
    task = get_task(task_name)
    _check(recipe, task)
    target = Path(output_dir)
    if target.exists() and not target.is_dir():
        raise RobertaError("output", f"output_dir {target} is a file")
    train = read_examples(train_file, task)
    validation = read_examples(validation_file, task) if validation_file else []
    for file, rows in ((train_file, train), (validation_file, validation)):
        if any(task.lacks(row["label"]) for row in rows):
            raise RobertaError("data", f"{file} has examples without a label: give each one")

    texts = [row[column] for row in train for column in task.sentences]
    tokenizer = train_tokenizer(texts, recipe.vocabulary, recipe.max_length)
    model = build_model(recipe, task, len(tokenizer))
    start = time.perf_counter()
    history = []
    for figures in _epochs(model, tokenizer, train, task, recipe):
        if validation:
            logits = predict(model, tokenizer, validation, task, recipe.max_length)
            figures |= compute_metrics(task, logits, _labels(validation))
        history.append(figures)
        if report:
            report(figures)
    seconds = time.perf_counter() - start
    model.eval()
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    parameters = sum(p.numel() for p in model.parameters())
    return {
        "task": task.name,
        "output_dir": str(target),
        "examples": len(train),
        "parameters": parameters,
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "recipe": asdict(recipe),
        "epochs": history,
    }


def predict(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[Row],
    task: Task,
    max_length: int,
    batch: int = 64,
) -> Any:
    """Return the logits of ``rows`` as a NumPy array of shape (samples, classes), in the order given."""
    import numpy as np
    import torch

    model.eval()
    outputs = []
    with torch.inference_mode():
        for first in range(0, len(rows), batch):
            features = encode(tokenizer, rows[first : first + batch], task, max_length)
            outputs.append(model(**features).logits.double().numpy())
    return np.concatenate(outputs)


def encode(tokenizer: PreTrainedTokenizerBase, rows: list[Row], task: Task, max_length: int) -> dict[str, torch.Tensor]:
    """Return ``input_ids`` and ``attention_mask``, shape (rows, longest), padded at the end."""
    columns = [[row[column] for row in rows] for column in task.sentences]
    encoded = tokenizer(*columns, truncation=True, max_length=max_length, padding=True, return_tensors="pt")
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def _epochs(
    model: RobertaForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[Row],
    task: Task,
    recipe: Recipe,
) -> Iterator[dict[str, Any]]:
    import torch

    generator = torch.Generator().manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(rows) // recipe.batch)
    warm_up = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))
    )
    lengths = torch.tensor([sum(len(row[c]) for c in task.sentences) for row in rows])
    label_type = torch.float if task.is_regression else torch.long
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        losses = []
        for chosen in _batches(lengths, recipe.batch, generator):
            batch = [rows[i] for i in chosen]
            features = encode(tokenizer, batch, task, recipe.max_length)
            _drop_tokens(features["input_ids"], recipe.token_dropout, tokenizer, generator)
            labels = torch.tensor([row["label"] for row in batch], dtype=label_type)
            loss = model(**features, labels=labels).loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        yield {"epoch": epoch, "loss": sum(losses) / len(losses)}


def _batches(lengths: torch.Tensor, batch: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Yield every row once, batches in random order, each of rows of about the same length (less padding)."""
    import torch

    noise = torch.rand(len(lengths), generator=generator) * 30
    order = torch.argsort(lengths + noise)
    batches = order.split(batch)
    for i in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[i].tolist()


def _drop_tokens(ids: torch.Tensor, share: float, tokenizer: Any, generator: torch.Generator) -> None:
    import torch

    ordinary = ids >= len(SPECIAL_TOKENS)
    ids[ordinary & (torch.rand(ids.shape, generator=generator) < share)] = tokenizer.mask_token_id


def _labels(rows: list[Row]) -> Any:
    import numpy as np

    return np.array([row["label"] for row in rows])


def _check(recipe: Recipe, task: Task) -> None:
    whole = ("vocabulary", "layers", "hidden", "heads", "intermediate", "max_length", "epochs", "batch")
    for name in whole:
        if getattr(recipe, name) < 1:
            raise RobertaError("arguments", f"{name} must be at least 1, not {getattr(recipe, name)}")
    if recipe.hidden % recipe.heads:
        raise RobertaError("arguments", f"hidden {recipe.hidden} is not a multiple of heads {recipe.heads}")
    if recipe.vocabulary < 256 + len(SPECIAL_TOKENS):
        smallest = 256 + len(SPECIAL_TOKENS)
        raise RobertaError("arguments", f"vocabulary {recipe.vocabulary} is below {smallest}: bytes and special tokens")
    special = 2 * len(task.sentences)
    if recipe.max_length <= special:
        raise RobertaError(
            "arguments", f"max_length {recipe.max_length}: {special} special tokens leave no room for words"
        )
    if not 0 < recipe.learning_rate < math.inf:
        raise RobertaError("arguments", f"learning_rate {recipe.learning_rate} is not a finite number above 0")
    if not 0 <= recipe.weight_decay < math.inf:
        raise RobertaError("arguments", f"weight_decay {recipe.weight_decay} is not a finite number of at least 0")
    for name in ("dropout", "token_dropout"):
        if not 0 <= getattr(recipe, name) < 1:
            raise RobertaError("arguments", f"{name} {getattr(recipe, name)} is not in [0, 1)")
