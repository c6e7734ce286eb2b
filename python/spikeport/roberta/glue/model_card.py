"""The model card of a run: ``README.md`` in the output folder, from what was run and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import DataArguments, ModelArguments


def write_model_card(
    folder: Path,
    model_args: ModelArguments,
    data_args: DataArguments,
    task: Task,
    figures: dict[str, Any],
    *,
    quantised: bool,
) -> Path:
    """Write the card and return its path; figures are those of the run, rounded to four digits."""
    kind = "quantised RoBERTa" if quantised else "RoBERTa"
    if model_args.convert_to_snn:
        kind += " and its spiking twin (folder `snn`)"
    files = data_args.validation_file or data_args.train_file or data_args.test_file
    source = data_args.data_dir or data_args.dataset_name or files or "GLUE, from the hub"
    transform = model_args.transform_config or ("the model's own" if quantised else "none (baseline)")
    rows = [f"| {name} | {_rounded(value)} |" for name, value in figures.items() if isinstance(value, int | float)]
    text = f"""---
library_name: spikeport
base_model: {model_args.model_name_or_path}
tags: [spiking-neural-network, text-classification, {task.name}]
---

# {kind}, {task.name.upper()}

Made from `{model_args.model_name_or_path}` by `spikeport glue`.

- Task: {task.name} ({", ".join(task.labels) or "a score"}); metrics: {", ".join(task.metrics)}
- Data: `{source}`, at most {data_args.max_seq_length} tokens an example
- Transform: {transform}
{_scales(model_args, figures) if quantised else ""}
| figure | value |
|---|---|
{chr(10).join(rows)}
"""
    path = folder / "README.md"
    path.write_text(text + _usage(folder, model_args.convert_to_snn, quantised), encoding="utf-8")
    return path


def write_spiking_card(folder: Path) -> None:
    """Write the card of a folder that holds the spiking network alone: how it is loaded, and how it is not."""
    text = f"""---
library_name: spikeport
tags: [spiking-neural-network, text-classification]
---

# Spiking RoBERTa

Made by `spikeport glue --convert_to_snn`. A plain RoBERTa of transformers cannot be made of it (`KeyError`): it would
answer without the thresholds.
{_how_to_load("Spiking", ".")}"""
    (folder / "README.md").write_text(text, encoding="utf-8")


def _scales(model_args: ModelArguments, figures: dict[str, Any]) -> str:
    if "calibrated_on" in figures:
        origin = f"calibrated on {figures['calibrated_on']}"
    elif model_args.model_weights_path:
        origin = f"those of `{model_args.model_weights_path}`"
    else:
        origin = "started at 1.0" if model_args.transform_config and not model_args.calibrate else "the model's own"
    target = " on the float network's logits" if model_args.distillation else ""
    return f"- Scales: {origin}{f', then trained{target}' if 'train_loss' in figures else ''}\n"


def _usage(folder: Path, spiking: bool, quantised: bool) -> str:
    """Return how to load what the run has saved; an evaluation saves the spiking network and no other."""
    if not (spiking or (quantised and (folder / "config.json").is_file())):
        return ""
    return _how_to_load("Spiking", "snn") if spiking else _how_to_load("Quantised", ".")


def _how_to_load(kind: str, where: str) -> str:
    name = f"{kind}RobertaForSequenceClassification"
    return f"""
```python
from spikeport.roberta import {name}  # this import is what makes transformers' Auto classes know the network

model = {name}.from_pretrained("{where}")
```
"""


def _rounded(value: float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
