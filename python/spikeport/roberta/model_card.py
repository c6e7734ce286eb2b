"""The model card of a run: ``README.md`` in the output folder, from what was run and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikeport.roberta.arguments import DataArguments, ModelArguments
from spikeport.roberta.tasks import Task


def write_model_card(
    folder: Path, model_args: ModelArguments, data_args: DataArguments, task: Task, figures: dict[str, Any]
) -> Path:
    """Write the card and return its path; figures are those of the run, rounded to four digits."""
    spiking = model_args.convert_to_snn
    kind = "quantised RoBERTa" if model_args.transform_config else "RoBERTa"
    if spiking:
        kind += " and its spiking twin (folder `snn`)"
    source = data_args.data_dir or data_args.validation_file or data_args.train_file or "GLUE, from the hub"
    target = " on the float network's logits" if model_args.distillation else ""
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
- Transform: {f"`{model_args.transform_config}`" if model_args.transform_config else "none (baseline)"}
- Scales: {"calibrated on data" if model_args.calibrate else "started at 1.0"}, then as trained{target}

| figure | value |
|---|---|
{chr(10).join(rows)}
"""
    path = folder / "README.md"
    path.write_text(text + _usage(spiking, bool(model_args.transform_config)), encoding="utf-8")
    return path


def _usage(spiking: bool, quantised: bool) -> str:
    if not quantised:
        return ""
    kind, folder = ("Spiking", "snn") if spiking else ("Quantised", ".")
    name = f"{kind}RobertaForSequenceClassification"
    return f"""
```python
from spikeport.roberta import {name}

model = {name}.from_pretrained("{folder}")
```
"""


def _rounded(value: float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
