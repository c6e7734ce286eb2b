"""The evaluation of a spiking network: accuracy per timestep, agreement, settling, spikes, operations, energy.

Batches are made once, by length, and dealt out to the processes of a distributed run, so that every sentence is
computed in the same batch, and to the same bit, however many processes there are.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeport.certificate import Certificate
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.energy import energy, quantised_work, spiking_work
from spikeport.roberta.evaluation.tasks import Task, compute_metrics
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification, check_weights
from spikeport.roberta.network.signals import EMBEDDING, signals
from spikeport.roberta.network.spiking import SpikingRobertaForSequenceClassification

Features = dict[str, list[int]]
Gather = Callable[[list[Any]], list[Any]]
DIFFERENCE = {torch.float32: 1e-4, torch.float64: 1e-6}


@dataclass(frozen=True)
class SpikingEvaluation:
    """What a spiking network did on a set of sentences.

    Attributes
    ----------
    figures : everything measured, ready for JSON (`evaluate_spiking` lists the keys)
    certificate : what the spiking conversion did to the answers
    logits, quantised_logits : shape (samples, classes), in the order of the samples
    """

    figures: dict[str, Any]
    certificate: Certificate
    logits: np.ndarray[Any, Any]
    quantised_logits: np.ndarray[Any, Any]


def evaluate_spiking(
    spiking: SpikingRobertaForSequenceClassification,
    quantised: QuantisedRobertaForSequenceClassification,
    samples: Sequence[Features],
    labels: Sequence[int | float],
    task: Task,
    *,
    batch_size: int = 32,
    timesteps: int | None = None,
    process: int = 0,
    processes: int = 1,
    gather: Gather | None = None,
    progress: Callable[[int], None] | None = None,
) -> SpikingEvaluation:
    """Evaluate both networks on ``samples`` and compare them.

    Parameters
    ----------
    samples : ``input_ids`` of each, without padding, special tokens included
    labels : of each; -1 everywhere where there are none (or NaN, for regression), and then no metric is computed
    timesteps : steps at most; None for the network's own limit
    process, processes, gather : this process, how many there are, and how to collect lists from all of them
    progress : called with the number of sentences done, after every batch

    Returns
    -------
    SpikingEvaluation
        ``figures`` has ``samples``, ``timesteps``, ``metrics``, ``quantised_metrics``, ``per_timestep`` (a list of
        metrics), ``agreement`` (``predictions``, ``largest_difference``, ``tolerance``, ``within_tolerance``,
        ``outside``: the sentences by number), ``settling`` (``mean``, ``most``, ``unsettled``), ``layers`` (spikes and
        synaptic operations a sentence), ``values`` (what enters as values and not as spikes: who reads it, whether at
        every step, its multiply-adds a sentence), ``energy`` (with the task's own metric as ``score``) and ``seconds``
        (of each network, in this process).

    Raises
    ------
    RobertaError
        ``samples``: none; ``timesteps``; ``weights``: a number in a network is not finite, or a logit of its is not.
    """
    if not samples or len(samples) != len(labels):
        raise RobertaError("samples", f"{len(samples)} samples with {len(labels)} labels: give at least one, labelled")
    for network in (quantised, spiking):
        check_weights(network)
    order = sorted(range(len(samples)), key=lambda i: (len(samples[i]["input_ids"]), i))
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    spiking.eval()
    quantised.eval()
    seconds = np.zeros(2)
    results: list[dict[str, Any]] = []
    with torch.inference_mode():
        for batch in batches[process::processes]:
            results += _run_batch(spiking, quantised, [samples[i] for i in batch], batch, timesteps, seconds)
            if progress:
                progress(len(batch))
    if gather:
        results = gather(results)
    results.sort(key=lambda result: result["index"])
    return _summarise(spiking, results, np.asarray(labels), task, seconds)


def _run_batch(
    spiking: SpikingRobertaForSequenceClassification,
    quantised: QuantisedRobertaForSequenceClassification,
    samples: list[Features],
    indices: list[int],
    timesteps: int | None,
    seconds: np.ndarray[Any, Any],
) -> list[dict[str, Any]]:
    inputs = pad(samples, spiking.config.pad_token_id, spiking.device)
    start = time.perf_counter()
    expected = quantised(**inputs).logits.cpu().double()
    middle = time.perf_counter()
    run = spiking.run(inputs["input_ids"], inputs["attention_mask"], timesteps=timesteps)
    trajectory = run.trajectory.cpu().double().numpy()
    seconds += (time.perf_counter() - middle, middle - start)
    settled, steps = run.settled_at.cpu(), run.steps_run.cpu()
    spikes, first = (torch.stack(list(x.values()), dim=1).cpu() for x in (run.spikes, run.first_spikes))
    return [
        {
            "index": index,
            "trajectory": trajectory[: int(steps[i]), i],
            "quantised": expected[i].numpy(),
            "settled_at": int(settled[i]),
            "tokens": len(samples[i]["input_ids"]),
            "spikes": spikes[i].numpy(),
            "first_spikes": first[i].numpy(),
        }
        for i, index in enumerate(indices)
    ]


def pad(samples: Sequence[Features], pad_token_id: int | None, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Return ``input_ids`` and ``attention_mask`` of shape (samples, longest), padded at the end."""
    longest = max(len(sample["input_ids"]) for sample in samples)
    ids = torch.full((len(samples), longest), 0 if pad_token_id is None else pad_token_id)
    mask = torch.zeros_like(ids)
    for row, sample in enumerate(samples):
        ids[row, : len(sample["input_ids"])] = torch.tensor(sample["input_ids"])
        mask[row, : len(sample["input_ids"])] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def _summarise(
    spiking: SpikingRobertaForSequenceClassification,
    results: list[dict[str, Any]],
    labels: np.ndarray[Any, Any],
    task: Task,
    seconds: np.ndarray[Any, Any],
) -> SpikingEvaluation:
    steps = max(len(result["trajectory"]) for result in results)
    held = np.stack([_hold(result["trajectory"], steps) for result in results], axis=1)
    logits, quantised_logits = held[-1], np.stack([result["quantised"] for result in results])
    labelled = not any(map(task.lacks, labels.tolist())) and bool((labels != -1).any())
    per_timestep = [compute_metrics(task, at, labels) for at in held] if labelled else []
    settled = np.array([result["settled_at"] for result in results])
    figures = {
        "task": task.name,
        "samples": len(results),
        "timesteps": steps,
        "metrics": per_timestep[-1] if labelled else {},
        "quantised_metrics": compute_metrics(task, quantised_logits, labels) if labelled else {},
        "per_timestep": per_timestep,
        "agreement": agreement_of(logits, quantised_logits, task, DIFFERENCE.get(spiking.dtype, 1e-2)),
        "settling": _settling(settled),
        **_costs(spiking, results),
        "seconds": {"spiking": float(seconds[0]), "quantised": float(seconds[1])},
    }
    both = (figures["metrics"], figures["quantised_metrics"])
    figures["energy"]["score"] = (
        {"name": task.score, "spiking": both[0][task.score], "quantised": both[1][task.score]} if labelled else None
    )
    return SpikingEvaluation(figures, _certificate(figures), logits, quantised_logits)


def _hold(trajectory: np.ndarray[Any, Any], steps: int) -> np.ndarray[Any, Any]:
    """Return the trajectory with its last logits held up to ``steps``."""
    return np.concatenate([trajectory, np.repeat(trajectory[-1:], steps - len(trajectory), axis=0)])


def agreement_of(
    logits: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], task: Task, tolerance: float
) -> dict[str, Any]:
    """Return how far two networks' logits, of shape (samples, classes), agree; not finite ones are an error."""
    for kind, values in (("spiking", logits), ("quantised", expected)):
        if bad := np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
            count = f"{len(bad)} of {len(values)} sentences, the first of them number {bad[0]}"
            reason = f"the {kind} network's logits are not finite for {count}"
            raise RobertaError("weights", f"{reason}: nothing agrees with that, so check weights and scales")
    difference = np.abs(logits - expected).max(axis=1)
    same = difference <= tolerance if task.is_regression else logits.argmax(1) == expected.argmax(1)
    return {
        "predictions": float(same.mean()),
        "largest_difference": float(difference.max()),
        "tolerance": tolerance,
        "within_tolerance": float((difference <= tolerance).mean()),
        "outside": np.flatnonzero(difference > tolerance).tolist(),
    }


def _settling(settled: np.ndarray[Any, Any]) -> dict[str, Any]:
    seen = settled[settled >= 0]
    return {
        "mean": float(seen.mean()) if seen.size else None,
        "most": int(seen.max()) if seen.size else None,
        "unsettled": int((settled < 0).sum()),
    }


def _costs(spiking: SpikingRobertaForSequenceClassification, results: list[dict[str, Any]]) -> dict[str, Any]:
    tokens = torch.tensor([result["tokens"] for result in results])
    needed = [r["settled_at"] if r["settled_at"] >= 0 else len(r["trajectory"]) for r in results]
    steps = torch.tensor(needed)
    names = list(spiking.neurons())
    spikes, first = (
        dict(zip(names, torch.tensor(np.stack([result[kind] for result in results], axis=1)), strict=True))
        for kind in ("spikes", "first_spikes")
    )
    layers, values = [], []
    sent = {signal.sender: signal for signal in signals(spiking.config, tokens)}
    for name in names:
        operations = sent[name].operations(spikes[name], first[name])
        layers.append(
            {
                "name": name,
                "spikes": float(spikes[name].double().mean()),
                "synaptic_operations": float(operations.double().mean()),
            }
        )
    for name, signal in sent.items():
        if name not in spikes:
            every_step = name != EMBEDDING
            values.append(
                {
                    "name": name.removesuffix(".quantiser"),
                    "readers": list(signal.readers),
                    "every_step": every_step,
                    "multiply_adds": float((signal.products * (steps if every_step else 1)).double().mean()),
                }
            )
    cost = energy(
        spiking_work(spiking.config, tokens, steps, spikes, first), quantised_work(spiking.config, tokens, names)
    )
    return {"layers": layers, "values": values, "energy": cost}


def readers_of_values(figures: dict[str, Any]) -> list[str]:
    """Return the linear layers and residual blocks that values, and not spikes, enter at every step."""
    return [reader for entry in figures["values"] if entry["every_step"] for reader in entry["readers"]]


def _certificate(figures: dict[str, Any]) -> Certificate:
    agreement, unsettled = figures["agreement"], figures["settling"]["unsettled"]
    if unsettled:
        reason = f"{unsettled} of {figures['samples']} sentences were still moving after {figures['timesteps']} steps"
    else:
        reason = "every sentence settled: each tracer stands on its quantiser's level; logits compared all the same"
    return Certificate(
        "measured",
        reason,
        agreement=agreement["predictions"],
        largest_difference=agreement["largest_difference"],
        samples=figures["samples"],
        details={
            "outside_tolerance": len(agreement["outside"]),
            "tolerance": agreement["tolerance"],
            "fed_by_values": readers_of_values(figures),
        },
    )
