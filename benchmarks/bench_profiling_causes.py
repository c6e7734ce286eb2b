"""Does the profiler's first line name the mistake, and does a training do well that follows it to the letter?

    python -m benchmarks.bench_profiling_causes [--seeds 5]

scikit-learn's digits (8 × 8, pixels from 0 to 1), 64-64-64-10, T = 8, Adam at 0.002, 12 epochs, with snnTorch's neurons
and with neurons written in plain torch. Every mistake is made with every seed and both kinds of neurons under a watch;
what the first line says, its numbers included, is read from its text and done, and the network trained anew. "Healed"
is an accuracy on held-out digits of at most 3 points below that of the healthy training of the same seed.

Runs in the interpreter that has the peers; started by another one, it looks for ``.venv-peers``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import statistics
import sys
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from benchmarks.result import ROOT, write_result

T, EPOCHS, BATCH, POINTS = 8, 12, 64, 0.03


@dataclass(frozen=True)
class Setting:
    """What a user may get wrong."""

    thresholds: tuple[float, ...] = (1.0, 1.0)
    lr: float = 2e-3
    scale: float = 1.0
    is_cut: bool = False


MISTAKES = {
    "threshold of 20": (Setting(thresholds=(20.0, 20.0)), "silent_network or dead_neurons"),
    "learning rate of 0.5": (Setting(lr=0.5), "learning_rate"),
    "learning rate of 0.05": (Setting(lr=0.05), "learning_rate"),
    "input / 255": (Setting(scale=1 / 255), "input_scale"),
    "input × 255": (Setting(scale=255.0), "input_scale"),
    "gradient cut off": (Setting(is_cut=True), "no_gradient"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if importlib.util.find_spec("snntorch") is None:
        python = ROOT / ".venv-peers" / "bin" / "python"
        if not python.exists():
            sys.exit("snntorch is not installed here, and there is no .venv-peers: see benchmarks/peers.txt")
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'python'}:{ROOT}", "OMP_NUM_THREADS": "1"}
        command = [str(python), "-W", "ignore", "-m", "benchmarks.bench_profiling_causes", *sys.argv[1:]]
        os.execve(python, command, environment)
    study(options.seeds)


def study(n_seeds: int) -> None:
    from benchmarks.peers.digits_networks import KINDS, train

    cases = [(kind, seed) for kind in KINDS for seed in range(n_seeds)]
    well = {case: train(*case, Setting(), EPOCHS, BATCH, T) for case in cases}
    critical = sum(report.has_critical for _, report in well.values())
    healthy = statistics.mean(accuracy for accuracy, _ in well.values())
    print(f"healthy: {healthy:.1%}, {critical} of {len(cases)} with a critical finding")
    rows: list[dict[str, Any]] = []
    for mistake, (setting, cause) in MISTAKES.items():
        before, after, named, healed = [], [], 0, 0
        for case in cases:
            accuracy, report = train(*case, setting, EPOCHS, BATCH, T)
            first = report.pathologies[0] if report.pathologies else None
            is_named = first is not None and first.category in cause.split(" or ")
            if is_named and mistake.startswith("threshold"):
                is_named = first.suggestion.startswith("Lower the threshold")
            cured = heed(setting, first.suggestion) if is_named else setting
            mended, _ = train(*case, cured, EPOCHS, BATCH, T)
            named += is_named
            healed += mended >= well[case][0] - POINTS
            before.append(accuracy)
            after.append(mended)
            if not is_named or mended < well[case][0] - POINTS:
                print(f"  {case}: {first and first.category}, {accuracy:.3f} -> {mended:.3f}, {cured}")
        rows.append(
            {
                "mistake": mistake,
                "first line": cause,
                "named": f"{named} of {len(cases)}",
                "healed": f"{healed} of {len(cases)}",
                "accuracy before": round(statistics.mean(before), 3),
                "after": round(statistics.mean(after), 3),
            }
        )
        print(" | ".join(map(str, rows[-1].values())), flush=True)
    facts = {
        "healthy accuracy": round(healthy, 3),
        "healthy trainings with a critical finding": f"{critical} of {len(cases)}",
        "mistakes": rows,
    }
    path = write_result(
        "profiling_causes",
        title="Whether the profiler's first line names the mistake, and heals it",
        command="python -m benchmarks.bench_profiling_causes",
        measurements=[],
        versions={"snntorch": metadata.version("snntorch")},
        facts=facts,
    )
    print(f"wrote {path.relative_to(ROOT)}")


def heed(setting: Setting, advice: str) -> Setting:
    """Return the setting after what a suggestion says was done; one without a number changes nothing."""
    if advice.startswith("Lower the threshold"):
        told = {name: float(θ) for name, θ in re.findall(r"(lif\d) to (\d[\d.]*\d|\d)", advice)}
        θs = tuple(told.get(f"lif{i}", θ) for i, θ in enumerate(setting.thresholds, 1))
        return replace(setting, thresholds=θs)
    if lr := re.search(r"learning rate from \S+ to (\S+)", advice):
        return replace(setting, lr=float(lr[1]))
    if factor := re.search(r"Multiply the input by ([\d.e-]+)", advice):
        return replace(setting, scale=setting.scale * float(factor[1].rstrip(".")))
    if "surrogate gradient" in advice or ".detach()" in advice:
        return replace(setting, is_cut=False)
    return setting


if __name__ == "__main__":
    main()
