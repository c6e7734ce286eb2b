"""What a spiking RoBERTa costs: against its quantised twin, and against SpikingJelly's SpikeZIP-TF recipe.

    python -m benchmarks.bench_roberta [--model FOLDER] [--sentences 24] [--steps 48] [--quick]

A small ReLU RoBERTa (2 layers of 128, level 32, from `spikeport relu-roberta`; trained here on SST-2 where no folder is
given), its quantised network, its spiking network, and the same network converted by SpikingJelly, its single-step and
its multi-step form. One thread; the sides take turns over the same sentences of SST-2's test set, one sentence at a
time, all for the same number of steps. (spikeport's last layer runs for the first token only, which is all that the
classifier reads; the other sides run it for every token.) Then batches of 32 with early stop, spiking and quantised.

Runs in the interpreter that has the peers; started by another one, it looks for ``.venv-peers``; without either the
peer is left out.
"""

from __future__ import annotations

import argparse
import copy
import functools
import importlib.util
import os
import statistics
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a ReLU RoBERTa")
    parser.add_argument("--sentences", type=int, default=24)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--batches", type=int, default=5, help="batches of 32 for the second comparison")
    parser.add_argument("--quick", action="store_true", help="3 sentences, one batch, and no file is written")
    options = parser.parse_args()
    python = ROOT / ".venv-peers" / "bin" / "python"
    if importlib.util.find_spec("spikingjelly") is None and python.exists():
        paths = f"{ROOT / 'python'}:{ROOT}"
        environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        os.execve(python, [str(python), "-W", "ignore", "-m", "benchmarks.bench_roberta", *sys.argv[1:]], environment)
    if options.quick:
        options.sentences, options.batches = 3, 1
    run(options)


def run(options: argparse.Namespace) -> None:
    # A torchaudio that a peer brought, for another CUDA than torch's, fails at import; transformers only looks whether
    # it is there, and needs none.
    sys.modules["torchaudio"] = None  # type: ignore[assignment]
    import torch
    from transformers import AutoTokenizer

    from benchmarks.bench_roberta_accuracy import data_folder, quantised_and_samples, train
    from benchmarks.result import Measurement, alternate, write_result
    from spikeport.roberta import convert_to_spiking
    from spikeport.roberta.evaluation.evaluate import pad

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.model or train(Path(temporary), data_folder(), seed=0, epochs=2)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        quantised, samples, _ = quantised_and_samples(folder, tokenizer, data_folder())
    with torch.no_grad():  # the recipe knows one threshold of probabilities, whatever the head
        for factors in quantised.head_scales().values():
            factors.scale.fill_(1.0)
    spiking = convert_to_spiking(quantised)
    steps = options.steps
    calls: dict[str, Any] = {
        "quantised": lambda ids: quantised(ids).logits,
        "spikeport": lambda ids: spiking.run(ids, timesteps=steps, early_stop=False).logits,
    }
    versions = {}
    if importlib.util.find_spec("spikingjelly") is not None:
        from benchmarks.peers.spikezip_roberta import convert

        version = metadata.version("spikingjelly")
        versions["spikingjelly"] = version
        peer = convert(copy.deepcopy(quantised), steps)
        calls[f"spikingjelly {version}, single-step"] = lambda ids: peer(ids, "s")
        calls[f"spikingjelly {version}, multi-step"] = lambda ids: peer(ids, "m")

    taken: dict[str, list[float]] = {who: [] for who in calls}
    differences: dict[str, list[float]] = {who: [] for who in calls}
    with torch.inference_mode():
        chosen = samples[:: max(1, len(samples) // options.sentences)][: options.sentences]
        for sample in chosen:
            ids = torch.tensor([sample["input_ids"]])
            expected = quantised(ids).logits
            for who, call in calls.items():
                differences[who].append(float((call(ids) - expected).abs().max()))
            seconds = alternate([functools.partial(call, ids) for call in calls.values()], repeats=3)
            for who, values in zip(calls, seconds, strict=True):
                taken[who].append(statistics.median(values))
        batch_times: dict[str, list[float]] = {"quantised": [], "spikeport": []}
        batch_steps = []
        for first in range(0, 32 * options.batches, 32):
            inputs = pad(samples[first : first + 32], quantised.config.pad_token_id)
            batch_steps.append(float(spiking.run(**inputs).steps_run.double().mean()))
            both = alternate([functools.partial(call, **inputs) for call in (quantised, spiking.run)], repeats=3)
            for who, values in zip(batch_times, both, strict=True):
                batch_times[who].append(statistics.median(values) / 32)

    medians = {who: statistics.median(values) for who, values in taken.items()}
    facts: dict[str, Any] = {
        "steps": steps,
        "per_step_over_quantised_forward": medians["spikeport"] / steps / medians["quantised"],
        "largest_difference_of_a_logit_from_quantised": {w: max(v) for w, v in differences.items() if w != "quantised"},
        "batch_32_mean_steps_until_settled": statistics.mean(batch_steps),
        "batch_32_per_step_over_quantised_forward": statistics.median(
            s / n / q for s, n, q in zip(batch_times["spikeport"], batch_steps, batch_times["quantised"], strict=True)
        ),
    }
    for who in medians:
        if who.startswith("spikingjelly"):
            facts[f"times_faster_than_{who}"] = medians[who] / medians["spikeport"]
    for name, value in facts.items():
        print(f"{name}: {value}")
    for who, value in medians.items():
        print(f"{who}: {1e3 * value:.2f} ms a sentence")
    if options.quick:
        return
    params = {"layers": 2, "hidden": 128, "level": 32, "steps": steps}
    measurements = [Measurement("one sentence", who, values, params=params) for who, values in taken.items()]
    measurements += [
        Measurement("a sentence in a batch of 32, until settled", who, values, params={**params, "steps": batch_steps})
        for who, values in batch_times.items()
    ]
    path = write_result(
        "roberta",
        title="A spiking RoBERTa: time of a sentence against its quantised twin and SpikingJelly",
        command="python -m benchmarks.bench_roberta",
        measurements=measurements,
        versions=versions,
        facts=facts,
    )
    print(path)


if __name__ == "__main__":
    main()
