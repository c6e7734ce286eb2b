"""An MNIST MLP (784-512-512-10), converted and optimised: size, operations and accuracy before and after each pass.

``python -m benchmarks.bench_optimizer_mnist [--page PAGE.html] [--weights FILE.npz]``. Reads the four IDX files of
MNIST from ``$SPIKEPORT_DATA/mnist``. Trains on the first 50 000 images; the optimiser sees only the other 10 000;
what is reported is the accuracy on the 10 000 test images, which nothing was chosen on.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.result import ROOT, Measurement, write_result
from spikeport.conversion import ConvertedSNN, convert
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer import EXACT_PASSES, Cost, OptimizationReport, as_graph, optimize

Array = npt.NDArray[Any]

T = 16
DROP = (
    0.004  # the search's budget: a tenth of a point below half a point is left for the sampling error of 5 000 images
)
EPOCHS = 6
FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def read(folder: Path) -> dict[str, Array]:
    """Images as float32 in [0, 1] of shape (n, 784), labels as int64."""
    found: dict[str, Array] = {}
    for name, file in FILES.items():
        with gzip.open(folder / file) as stream:
            raw = np.frombuffer(stream.read(), np.uint8)
        images = name.startswith("x")
        found[name] = raw[16:].reshape(-1, 784).astype(np.float32) / 255 if images else raw[8:].astype(np.int64)
    return found


def trained(x: Array, y: Array, stored: Path | None) -> Any:
    """The trained torch model; its weights are read from ``stored`` where that exists, else written there."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    if stored is not None and stored.exists():
        with np.load(stored, allow_pickle=False) as arrays:
            model.load_state_dict({name: torch.tensor(arrays[name]) for name in arrays.files})
        return model.eval()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = torch.tensor(x), torch.tensor(y)
    steps = EPOCHS * -(-len(x) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(128):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}", file=sys.stderr, flush=True)
    if stored is not None:
        np.savez(stored, **{name: value.numpy() for name, value in model.state_dict().items()})
    return model.eval()


def accuracy(graph: SNNGraph, x: Array, y: Array) -> float:
    answers = [graph.run(x[i : i + 1000], T=T).drive.argmax(axis=1) for i in range(0, len(x), 1000)]
    return float((np.concatenate(answers) == y).mean())


def row(name: str, cost: Cost | None, right: float | None, level: str) -> dict[str, Any]:
    figures = {} if cost is None else cost.to_dict()
    return {"step": name, "accuracy": right, "certificate": level, **figures}


def steps_of(report: OptimizationReport) -> list[dict[str, Any]]:
    first = [row("before", report.before, report.accuracy_before, "")]
    return first + [row(r.name, r.after, r.accuracy, r.certificate.level) for r in report.pass_results if r.changed]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--page", type=Path, help="write the report of the search as an HTML page")
    parser.add_argument("--weights", type=Path, help="read trained weights from here, or write them here")
    options = parser.parse_args()
    folder = Path(os.environ.get("SPIKEPORT_DATA", ROOT.parent / "shared" / "data")) / "mnist"
    if not folder.is_dir():
        print("no mnist data: set SPIKEPORT_DATA to a folder that holds mnist/", file=sys.stderr)
        return 1
    data = read(folder)
    x, y, x_test, y_test = data["x_train"], data["y_train"], data["x_test"], data["y_test"]
    model = trained(x[:50000], y[:50000], options.weights)
    snn: ConvertedSNN = convert(model, x[:2000], T=T, percentile=99.9)
    held = x[50000:], y[50000:]

    tables: dict[str, Any] = {}
    tests: dict[str, dict[str, Any]] = {}
    taken: list[Measurement] = []

    def run(name: str, **how: Any) -> OptimizationReport:
        start = time.perf_counter()
        smaller, report = optimize(snn, data=held, **how)
        taken.append(Measurement(name, "spikeport", [time.perf_counter() - start], params={"T": T}))
        tables[name] = steps_of(report)
        tests[name] = row(name, report.after, accuracy(as_graph(smaller), x_test, y_test), report.certificate.level)
        print(f"\n{name}\n{report}", flush=True)
        return report

    exact = list(EXACT_PASSES)
    seen = run("exact passes, any image", passes=exact, input_range=(0.0, 1.0))
    assert seen.before is not None
    tests = {"before": row("before", seen.before, accuracy(snn.graph, x_test, y_test), "")} | tests
    blank = x.max(
        axis=0
    )  # pixels that are 0 in every training image: a promise about the inputs, not a measurement of them
    run("exact passes, border pixels blank", passes=exact, input_range=(0.0, np.where(blank > 0, 1.0, 0.0)))
    report = run(f"within {DROP:.1%} of accuracy", max_accuracy_drop=DROP, input_range=(0.0, 1.0))

    heads = f"{'accuracy':>9} {'neurons':>8} {'numbers':>9} {'nonzero':>9} {'bytes':>10} operations"
    print(f"\n{'on the 10 000 test images':36} {heads}")
    for name, figures in tests.items():
        print(
            f"{name:36} {figures['accuracy']:9.2%} {figures['neurons']:8,} {figures['parameters']:9,} "
            f"{figures['nonzero']:9,} {figures['bytes']:10,} {figures['synaptic_operations']:10,.0f}"
        )
    if options.page is not None:
        print(report.save(options.page))
    facts = {"test": list(tests.values()), "passes": tables, "front": [point.to_dict() for point in report.front]}
    path = write_result(
        "optimizer_mnist",
        title="An MNIST MLP (784-512-512-10), converted and optimised within half a point of accuracy",
        command="python -m benchmarks.bench_optimizer_mnist",
        measurements=taken,
        facts=facts,
    )
    print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
