"""How right a spiking RoBERTa is: float, quantised and spiking networks on all of SST-2's test sentences and on MRPC.

    python -m benchmarks.bench_roberta_accuracy [--seeds 0 1 2] [--models FOLDER] [--calibration-alone] [--quick]

For every seed: a small ReLU RoBERTa from `spikeport relu-roberta`'s recipe (2 layers of 128), and on the test set its
accuracy as it is; quantised to level 32 with scales left at 1.0, with scales calibrated on 20 batches, and after one
epoch of quantisation-aware training on the labels or on the float network's logits (`spikeport glue
--distillation`); spiking, in float32 and in float64, until settled: share of equal predictions,
logits within 1e-4 (float32) or 1e-6 (float64) of the quantised network's, the sentences outside named, steps until
settled. Of the calibrated network without training also the share of predictions that are the float network's, and how
far each quantiser alone moves the logits' difference (root mean square, the first 400 test sentences). With
``--models`` the folders ``FOLDER/<task>-<seed>`` are used where they are there, and kept there;
``--calibration-alone`` leaves out what follows it, the spiking networks and the training, and takes a minute or two a
seed.

Data: SST-2 and MRPC in the folder that SPIKEPORT_DATA names. Takes about a quarter of an hour a seed on one core.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ON_LABELS, ON_LOGITS = "quantised, one epoch on the labels", "quantised, one epoch on the float logits"
AS_FLOAT = "quantised, calibrated: predictions as float"
MAX_LENGTH = {"sst2": 64, "mrpc": 100}
FILES = {
    "sst2": ("stsa.binary.train", "stsa.binary.test"),
    "mrpc": ("msr_paraphrase_train.txt", "msr_paraphrase_test.txt"),
}


def data_folder() -> Path:
    """Return the folder with ``sst2/`` and ``mrpc/``."""
    folder = Path(os.environ.get("SPIKEPORT_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "sst2").is_dir():
        sys.exit("no SST-2: set SPIKEPORT_DATA to a folder that holds sst2/ and mrpc/")
    return folder


def train(folder: Path, data: Path, seed: int, task: str = "sst2", epochs: int | None = None) -> Path:
    """Train the recipe's network for ``task`` into ``folder`` unless it is there, and return the folder."""
    from spikeport.roberta import Recipe, train_relu_roberta

    target = folder / f"{task}-{seed}"
    if not (target / "model.safetensors").exists():
        changes: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
        recipe = Recipe(seed=seed, max_length=MAX_LENGTH[task], **changes)
        train_relu_roberta(data / task / FILES[task][0], target, task_name=task, recipe=recipe)
    return target


def quantised_and_samples(folder: Path, tokenizer: Any, data: Path, task: str = "sst2") -> tuple[Any, list[Any], Any]:
    """Return the calibrated quantised network of a folder, and tokens and labels of the test set."""
    from transformers import RobertaForSequenceClassification

    from spikeport.roberta import quantise
    from spikeport.roberta.glue.model_loading import calibrate_on

    quantised = quantise(RobertaForSequenceClassification.from_pretrained(folder).eval())
    training, _ = load(tokenizer, data, task, 0)
    calibrate_on(quantised, training, batches=20, batch_size=32, seed=0)
    samples, labels = load(tokenizer, data, task, 1)
    return quantised, samples, labels


def load(tokenizer: Any, data: Path, task: str, which: int) -> tuple[list[Any], list[int]]:
    """Return tokens and labels of the training (0) or test (1) file."""
    from spikeport.roberta.evaluation.tasks import TASKS
    from spikeport.roberta.glue.data import read_examples
    from spikeport.roberta.glue.splits import tokenise

    rows = read_examples(data / task / FILES[task][which], TASKS[task])
    samples = tokenise(tokenizer, rows, TASKS[task], MAX_LENGTH[task])
    return samples, [sample["labels"] for sample in samples]


def logits_of(model: Any, samples: list[Any]) -> Any:
    """Return the logits, shape (samples, classes)."""
    import torch

    from spikeport.roberta.evaluation.evaluate import pad

    model.eval()
    with torch.inference_mode():
        batches = [samples[first : first + 32] for first in range(0, len(samples), 32)]
        return torch.cat([model(**pad(batch, model.config.pad_token_id)).logits for batch in batches])


def accuracy(model: Any, samples: list[Any], labels: list[int]) -> float:
    import torch

    return float((logits_of(model, samples).argmax(1) == torch.tensor(labels)).double().mean())


def moved_by_each(quantised: Any, model: Any, samples: list[Any]) -> dict[str, float]:
    """Return, for each quantiser, the root mean square by which it alone moves the difference of two logits."""
    expected = logits_of(model, samples)
    found = {}
    for name in quantised.quantisers():
        others = [one for other, one in quantised.quantisers().items() if other != name]
        hooks = [one.register_forward_hook(lambda _, given, __: given[0]) for one in others]
        moved = (logits_of(quantised, samples) - expected).diff(dim=1)
        found[name] = round(float(moved.square().mean().sqrt()), 4)
        for hook in hooks:
            hook.remove()
    return found


def train_quantised(
    model: Any, samples: list[Any], seed: int, teacher: Any = None, epochs: int = 1, rate: float = 1e-4
) -> None:
    """Quantisation-aware training by Adam, on the labels or on ``teacher``'s logits (then without dropout).

    The rate is a tenth of the float training's (Esser et al. 2020, section 3), with its warm-up over the first tenth.
    """
    import torch

    from spikeport.roberta.evaluation.evaluate import pad
    from spikeport.roberta.glue.distillation import distillation_loss

    torch.manual_seed(seed)
    draw = random.Random(seed)
    steps = epochs * -(-len(samples) // 32)
    warm_up = max(1, steps // 10)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))
    )
    model.train(teacher is None)
    for _ in range(epochs):
        order = draw.sample(samples, len(samples))
        for first in range(0, len(order), 32):
            batch = order[first : first + 32]
            inputs = pad(batch, model.config.pad_token_id)
            optimiser.zero_grad()
            if teacher is None:
                loss = model(**inputs, labels=torch.tensor([sample["labels"] for sample in batch])).loss
            else:
                loss = distillation_loss(model, teacher, inputs)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    model.eval()


def spiking_figures(quantised: Any, samples: list[Any], labels: list[int], task: str, dtype: str) -> dict[str, Any]:
    import torch

    from spikeport.roberta import convert_to_spiking, evaluate_spiking
    from spikeport.roberta.evaluation.tasks import TASKS

    quantised = copy.deepcopy(quantised).to(getattr(torch, dtype))
    evaluation = evaluate_spiking(convert_to_spiking(quantised), quantised, samples, labels, TASKS[task])
    keep = ("samples", "timesteps", "metrics", "agreement", "settling", "energy", "seconds")
    return {name: evaluation.figures[name] for name in keep}


def run_seed(seed: int, task: str, folder: Path, data: Path, quick: bool, calibration_alone: bool) -> dict[str, Any]:
    """Return all figures of one seed and task, or those up to the calibrated network."""
    from transformers import AutoTokenizer, RobertaForSequenceClassification

    from spikeport.roberta import quantise

    home = train(folder, data, seed, task, epochs=1 if quick else None)
    tokenizer = AutoTokenizer.from_pretrained(home)
    quantised, samples, labels = quantised_and_samples(home, tokenizer, data, task)
    if quick:
        samples, labels = samples[:32], labels[:32]
    model = RobertaForSequenceClassification.from_pretrained(home).eval()
    figures: dict[str, Any] = {
        "float": accuracy(model, samples, labels),
        "quantised, scales 1.0": accuracy(quantise(model), samples, labels),
        "quantised, calibrated": accuracy(quantised, samples, labels),
    }
    same = logits_of(model, samples).argmax(1) == logits_of(quantised, samples).argmax(1)
    figures[AS_FLOAT] = float(same.double().mean())
    figures["sentences with another prediction"] = int((~same).sum())
    figures["each quantiser alone"] = moved_by_each(quantised, model, samples[:400])
    if calibration_alone:
        return figures
    for dtype in ("float32", "float64"):
        figures[f"spiking, {dtype}"] = spiking_figures(quantised, samples, labels, task, dtype)
    training = load(tokenizer, data, task, 0)[0][: 64 if quick else None]
    for name, teacher in {ON_LABELS: None, ON_LOGITS: model}.items():
        trained = copy.deepcopy(quantised)
        train_quantised(trained, training, seed, teacher)
        figures[name] = accuracy(trained, samples, labels)
    return figures


def measured(task: str, figures: list[dict[str, Any]]) -> list[Any]:
    """Return the measurements of a task, a value for each seed's figures."""
    from benchmarks.result import Measurement

    accuracy = f"test accuracy, {task}"
    plain = ("float", "quantised, scales 1.0", "quantised, calibrated", ON_LABELS, ON_LOGITS)
    values = {name: [each[name] for each in figures] for name in plain if name in figures[0]}
    for name in ("spiking, float32", "spiking, float64"):
        if name in figures[0]:
            values[name] = [each[name]["metrics"]["accuracy"] for each in figures]
    same = [each[AS_FLOAT] for each in figures]
    return [
        *(Measurement(accuracy, name, found, unit="share") for name, found in values.items()),
        Measurement(f"predictions as float, {task}", "quantised, calibrated", same, unit="share"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tasks", nargs="+", default=["sst2", "mrpc"], choices=list(FILES))
    parser.add_argument("--models", type=Path, help="where trained models are kept")
    parser.add_argument("--calibration-alone", action="store_true", help="no spiking network and no training")
    parser.add_argument("--quick", action="store_true", help="one epoch, 32 sentences, and no file is written")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers.utils import logging

    from benchmarks.result import write_result

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    facts: dict[str, Any] = {}
    measurements = []
    with tempfile.TemporaryDirectory() as temporary:
        for task in options.tasks:
            for seed in options.seeds:
                start = time.perf_counter()
                home = options.models or Path(temporary)
                figures = run_seed(seed, task, home, data_folder(), options.quick, options.calibration_alone)
                facts[f"{task}, seed {seed}"] = figures
                print(f"{task}, seed {seed}: {time.perf_counter() - start:.0f} s")
                for name, value in figures.items():
                    print(f"  {name}: {value}", flush=True)
            measurements += measured(task, [facts[f"{task}, seed {seed}"] for seed in options.seeds])
    if options.quick:
        return
    tasks = "" if sorted(options.tasks) == sorted(FILES) else f" --tasks {' '.join(options.tasks)}"
    alone = options.calibration_alone
    kinds = " and calibrated" if alone else ", quantised and spiking"
    flags = f"{tasks} --seeds {' '.join(map(str, options.seeds))}{' --calibration-alone' if alone else ''}"
    print(
        write_result(
            "_".join([f"roberta_{'calibration' if alone else 'accuracy'}", *(options.tasks if tasks else [])]),
            title=f"Float{kinds} RoBERTa: {', '.join(options.tasks)}",
            command=f"python -m benchmarks.bench_roberta_accuracy{flags}",
            measurements=measurements,
            facts=facts,
        )
    )


if __name__ == "__main__":
    main()
