"""Conversion beside its peers: accuracy over T of the same trained digits networks, and small probes of behaviour.

Every peer is called by its public API on the weights that were trained here, in an environment of its own:
``SPIKEPORT_PEERS`` names its interpreter (`.venv-peers/bin/python` by default).

- sc-neurocore, the documented system: ``convert(model, calibration_data, T)`` and ``classify``, Poisson input
- SpikingJelly: ``ann2snn.Converter`` with ``RateCodingRecipe``, at its defaults and with options that suit few steps
- Sinabs: ``from_torch.from_model``, at its defaults and after ``utils.normalize_weights`` on the calibration data

The last two are fed the pixel at every step, and their linear output is summed over the steps; Sinabs neurons may fire
several times in one step. snnTorch and Norse convert no trained networks. Nothing is timed: all results are facts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from benchmarks.result import ROOT, run_in, write_result
from spikeport.conversion import convert

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
PROGRAM = "import runpy; runpy.run_module('benchmarks.peers.{}', run_name='__main__')"
SEEDS = (0, 1, 2, 3, 4)
TIMESTEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WIDTHS = (64, 256, 256, 10)

Accuracies = Mapping[str, Mapping[int, float]]


def network() -> torch.nn.Sequential:
    """Return the untrained 64-256-256-10 ReLU network."""
    nn = torch.nn
    a, b, c, d = WIDTHS
    return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d))


def digits() -> list[np.ndarray]:
    """Return x_train, x_test, y_train, y_test of scikit-learn's 8×8 digits, pixels in [0, 1]."""
    bunch = load_digits()
    x = (bunch.data / 16).astype(np.float32)
    return list(train_test_split(x, bunch.target, test_size=0.2, random_state=7))


def train(x: np.ndarray, y: np.ndarray, seed: int, epochs: int = 40) -> torch.nn.Sequential:
    """Return the network trained as a user would: Adam, 40 epochs, batches of 64."""
    torch.manual_seed(seed)
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    samples, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(samples)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(samples[rows]), labels[rows]).backward()
            optimiser.step()
    return model.eval()


def ours(model: torch.nn.Sequential, data: list[np.ndarray], timesteps: tuple[int, ...]) -> Accuracies:
    """Return our accuracy over T, by encoding; converted once for each T, as the peers are."""
    x, x_test, _, y_test = data
    result: dict[str, dict[int, float]] = {}
    for encoding, name in (("current", "constant current"), ("poisson", "Poisson")):
        result[f"spikeport, {name}"] = {
            T: float((convert(model, x, T=T).classify(x_test, encoding=encoding) == y_test).mean()) for T in timesteps
        }
    return result


def table(by_seed: Mapping[str, Mapping[str, list[float]]], timesteps: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return one row per system: the median over the seeds for every T."""
    return [
        {"system": who, **{f"T={T}": statistics.median(row[str(T)]) for T in timesteps if str(T) in row}}
        for who, row in by_seed.items()
    ]


def probes() -> list[dict[str, str]]:
    """Return what each side does with small inputs whose right answer is known: one program, run on both packages."""
    theirs, mine = (run_in(PEERS, PROGRAM.format("probe_conversion"), name) for name in ("sc_neurocore", "spikeport"))
    return [{"probe": name, "sc-neurocore": answer, "spikeport": mine[name]} for name, answer in theirs.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="number of trained networks (default: 5)")
    parser.add_argument("--largest", type=int, default=TIMESTEPS[-1], help="largest T (default: 256)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, timesteps = SEEDS[: options.seeds], tuple(T for T in TIMESTEPS if options.largest >= T)

    data = digits()
    by_seed: dict[str, dict[str, list[float]]] = {}
    trained: list[float] = []
    versions: dict[str, str] = {}
    for seed in seeds:
        model = train(data[0], data[2], seed)
        with torch.no_grad():
            trained.append(float((model(torch.tensor(data[1])).argmax(1).numpy() == data[3]).mean()))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "trained.npz"
            arrays = {name: value.numpy() for name, value in model.state_dict().items()}
            np.savez(file, x=data[0], x_test=data[1], y_test=data[3], **arrays)
            answer = run_in(PEERS, PROGRAM.format("convert_digits"), str(file), *map(str, timesteps))
        versions = answer["versions"]
        for who, row in {**ours(model, data, timesteps), **answer["accuracy"]}.items():
            for T, value in row.items():
                by_seed.setdefault(who, {}).setdefault(str(T), []).append(value)
        print(f"seed {seed}: trained {trained[-1]:.4f}", flush=True)

    facts: dict[str, Any] = {
        "test samples": len(data[1]),
        "networks trained (seeds 0, 1, …)": len(seeds),
        "accuracy of the trained network, median": statistics.median(trained),
        "accuracy of the spiking network, median over the networks": table(by_seed, timesteps),
        "probes": probes(),
        "by seed": {"trained": trained, **by_seed},
    }
    path = write_result(
        "conversion",
        title="Conversion of trained 64-256-256-10 digits networks beside its peers: accuracy over T",
        command=" ".join(["python -m benchmarks.bench_conversion", *sys.argv[1:]]),
        measurements=[],
        versions=versions,
        facts=facts,
    )
    report(facts)
    print(path.name)


def report(facts: Mapping[str, Any]) -> None:
    """Print the tables."""
    rows = facts["accuracy of the spiking network, median over the networks"]
    print(f"trained: {facts['accuracy of the trained network, median']:.4f}")
    for row in rows:
        print(f"{row['system']:44}", *(f"{T}: {value:.3f}" for T, value in row.items() if T != "system"))
    for row in facts["probes"]:
        print(f"{row['probe']}\n    sc-neurocore: {row['sc-neurocore']}\n    spikeport:    {row['spikeport']}")


if __name__ == "__main__":
    main()
