"""``python -m benchmarks.bench_transfer [--only roundtrip mnist digits] [--seeds N]``.

``roundtrip`` is the bench of the source document; ``mnist`` and ``digits`` are the experiment of
`benchmarks.bench_transfer.experiment`, on MNIST (``$SPIKEPORT_DATA/mnist``) and on scikit-learn's 8 × 8 digits, which
stand for MNIST where that is absent.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.result import ROOT, write_result

PARTS = ("roundtrip", "mnist", "digits")
FIRST_SEED = 10
"""Those below were used for trials."""


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast checkpoints are, and what transfer is worth.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if "roundtrip" in options.only:
        from benchmarks.bench_transfer.roundtrip import main as roundtrip

        roundtrip()
    for name in ("mnist", "digits"):
        if name in options.only:
            experiment(name, options.seeds)
    return 0


def experiment(name: str, seeds: int) -> None:
    """Run the experiment on one of the two sets of images, and write its result."""
    import torch

    from benchmarks.bench_transfer.experiment import digits, mnist, run

    torch.set_num_threads(1)
    folder = Path(os.environ.get("SPIKEPORT_DATA", ROOT.parent / "shared" / "data")) / "mnist"
    if name == "mnist" and not folder.is_dir():
        print("no mnist data: set SPIKEPORT_DATA to a folder that holds mnist/", file=sys.stderr)
        return
    data = mnist(folder) if name == "mnist" else digits()
    only = f"--only {name}" + ("" if seeds == 5 else f" --seeds {seeds}")
    for measurements, facts in run(
        data, range(FIRST_SEED, FIRST_SEED + seeds)
    ):  # written behind each, for whoever stops
        path = write_result(
            f"transfer_{name}",
            title=f"Transfer from the classes 0 to 4 of {data.name} to 5 to 9 with few labels, beside scratch",
            command=f"python -m benchmarks.bench_transfer {only}",
            measurements=measurements,
            facts=facts,
        )
        print(path.name, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
