"""Conversion beside its peers: the same weights, calibration data and test data, over T.

Every peer is called by its public API, in an environment of its own: ``SPIKEPORT_PEERS`` names its interpreter
(`.venv-peers/bin/python` by default).

- SpikingJelly: ``ann2snn.Converter`` with the two recipes for ReLU networks, ``RateCodingRecipe`` at four settings and
  ``LocalThresholdBalancingRecipe`` on ten passes over the calibration data in batches of 32
- Sinabs: ``from_torch.from_model``, as it is and after ``utils.normalize_weights``; its neurons send any number of
  spikes a step unless ``SingleSpike`` is asked for
- sc-neurocore: ``convert(model, calibration_data, T)``, whose input is drawn as Poisson spikes
- NeuroCUDA, where it is installed (its wheel brings a module ``models`` of its own): ``convert``, which trains with
  labels, so it is beside the others, not against them; T = 16 is its own

All but sc-neurocore, and one row of ours, are fed the pixel at every step. Logits are the last layer's mean drive. A
neuron of up to k spikes a step has N = k·T levels. The digits networks are trained from five seeds and the table has
medians; the spread is in the file, as are seconds, from one thread each on a machine that other programs used, too.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.bench_conversion.networks import BUILD
from benchmarks.bench_conversion.ours import WAYS, ours
from benchmarks.bench_conversion.trained import Trained, trained
from benchmarks.result import RESULTS, ROOT, quartiles, run_in, write_result

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
PROGRAM = "import runpy; runpy.run_module('benchmarks.peers.{}', run_name='__main__')"
TIMESTEPS = (1, 2, 4, 8, 16, 32, 64, 128)
SHOWN = {"accuracy": "accuracy", "agreement": "agreement with the trained network", "error": "relative logit error"}
SHOWN |= {"spikes": "spikes of all hidden neurons for a sample"}

DEFAULT = [name for name, way in WAYS.items() if way.fitted != "asked for"]

Said = dict[str, dict[int, dict[str, Any]]]


def theirs(net: Trained, name: str, only: str, timesteps: Iterable[int]) -> dict[str, Any]:
    """Return what the peers whose names begin with one of ``only`` say: sides, failed, versions."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trained.npz"
        arrays = {f"model/{key}": value.numpy() for key, value in net.model.state_dict().items()}
        arrays |= {key: value for key, value in net._asdict().items() if key != "model"}
        np.savez(file, **arrays)
        words = str(file), name, only, *map(str, timesteps)
        answer: dict[str, Any] = run_in(PEERS, PROGRAM.format("convert_networks"), *words)
    return answer


def compared(name: str, seed: int, options: argparse.Namespace) -> tuple[float, Said, dict[str, Any]]:
    """Return the trained network's accuracy, what each system made of it, and the peers' other answers."""
    net = trained(name, seed, options.calibration, options.images)
    print(f"{name}, seed {seed}: trained {net.accuracy:.4f}", file=sys.stderr, flush=True)
    said: Said = defaultdict(dict)
    for who, T, one in ours(net, tuple(options.timesteps), options.fitted, options.ours):
        said[who][T] = one
        print(f"{who}, T = {T}: {one['accuracy']:.4f}", file=sys.stderr, flush=True)
    answer = theirs(net, name, options.peers, options.timesteps)
    for who, row in answer.pop("sides").items():
        said[who] = {int(T): one for T, one in row.items()}
    return net.accuracy, said, answer | {"test samples": len(net.x)}


def tables(by_seed: list[Said]) -> dict[str, list[dict[str, Any]]]:
    """Return one table for each thing that is shown, one row for each system: medians over the seeds, for every T."""
    found = {}
    for key, what in SHOWN.items():
        rows = [{"system": who, **medians(who, key, by_seed)} for who in by_seed[0]]
        shown = [f"T={T}" for T in TIMESTEPS if any(f"T={T}" in row for row in rows)]
        found[what] = [{head: row.get(head) for head in ("system", *shown)} for row in rows if len(row) > 1]
    return found


def medians(who: str, key: str, by_seed: list[Said]) -> dict[str, float]:
    """Return the median of one figure of one system over the seeds, by T, where each run has it."""
    found = {}
    for T in by_seed[0][who]:
        values = [said[who][T][key] for said in by_seed if T in said.get(who, {})]
        if None not in values:
            found[f"T={T}"] = statistics.median(values)
    return found


def spread(by_seed: list[Said]) -> dict[str, Any]:
    """Return first quartile, median and third quartile over the seeds of all figures, by system, T and figure."""
    found: dict[str, Any] = {}
    for who, row in by_seed[0].items():
        for T in row:
            for key in SHOWN:
                values = [said[who][T][key] for said in by_seed if T in said.get(who, {})]
                if None not in values:
                    found.setdefault(who, {}).setdefault(f"T={T}", {})[key] = [*quartiles(values)]
    return found


def probes() -> list[dict[str, str]]:
    """Return what each side does with small inputs whose right answer is known: one program, run on both packages."""
    both, mine = (run_in(PEERS, PROGRAM.format("probe_conversion"), name) for name in ("sc_neurocore", "spikeport"))
    return [{"probe": name, "sc-neurocore": answer, "spikeport": mine[name]} for name, answer in both.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=BUILD, nargs="?", default="digits MLP", help="default: digits MLP")
    parser.add_argument("--seeds", type=int, default=5, help="number of trained networks (default: 5)")
    parser.add_argument("--timesteps", type=int, nargs="+", default=TIMESTEPS, help="default: 1, 2, 4, … 128")
    parser.add_argument("--fitted", type=int, default=128, help="largest T that a rule is chosen for (default: 128)")
    parser.add_argument("--calibration", type=int, default=512, help="samples to calibrate on (default: 512)")
    parser.add_argument("--images", type=int, default=2000, help="most samples to test on (default: 2000)")
    parser.add_argument("--ours", choices=WAYS, nargs="+", default=DEFAULT, help="which rows of ours")
    parser.add_argument("--peers", default="SpikingJelly,Sinabs,sc-neurocore,NeuroCUDA", help="which peers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    name = options.network
    runs = [compared(name, seed, options) for seed in range(options.seeds)]
    by_seed = [said for _, said, _ in runs]
    failed = {who: why for _, _, answer in runs for who, why in answer["failed"].items()}
    facts: dict[str, Any] = {
        "accuracy of the trained network, median": statistics.median(accuracy for accuracy, _, _ in runs),
        "networks trained (seeds 0, 1, …)": options.seeds,
        "calibration samples": options.calibration,
        "test samples": runs[0][2]["test samples"],
        **tables(by_seed),
    }
    if failed:
        facts["no answer"] = [{"system": who, "why": why} for who, why in failed.items()]
    if name == "digits MLP":
        facts["probes"] = probes()
    facts["quartiles over the seeds"] = spread(by_seed)
    facts["seconds"] = [seconds(said) for said in by_seed]
    versions = {"torch of the peers" if one == "torch" else one: what for one, what in runs[0][2]["versions"].items()}
    path = write_result(
        "conversion" if name == "digits MLP" else "conversion_" + name.lower().replace(" ", "_").replace("-", ""),
        title=f"Conversion beside its peers, {name}: accuracy, agreement, logit error and spikes over T",
        command=shlex.join(["python", "-m", "benchmarks.bench_conversion", *sys.argv[1:]]),
        measurements=[],
        versions=versions,
        facts=facts,
        folder=options.results,
    )
    print(path.name)


def seconds(said: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the seconds of each system at each T."""
    return {who: {f"T={T}": one["seconds"] for T, one in row.items() if one["seconds"]} for who, row in said.items()}


if __name__ == "__main__":
    main()
