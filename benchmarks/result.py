"""What a benchmark writes: raw samples with everything that is needed to judge or repeat them.

    measurements = [
        Measurement("redundancy", "spikeport", samples=seconds_a, params={"n": 4096}),
        Measurement("redundancy", "sc-neurocore 3.16.0", samples=seconds_b, params={"n": 4096}),
    ]
    write_result(
        "optimizer",
        title="Redundancy elimination of a 4096 × 4096 layer",
        command="python -m benchmarks.bench_optimizer",
        measurements=measurements,
        versions={"sc-neurocore": "3.16.0"},
        facts={"accuracy_before": 0.981, "accuracy_after": 0.979},
    )

A `Measurement` is one side of one comparison: what was timed (``what``), who did it (``who``), raw samples, their unit.
Both sides are measured in one run, alternating where that is possible (`alternate`). Ratios are of medians, with the
interquartile ranges beside. ``facts`` are figures that are no timings (accuracies, counts, certificates).
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
REASONS = [
    "measured on a shared machine with two cores, not isolated, frequency not fixed",
    "one run: it shows regressions and ratios on this machine, not what another one would give",
]
PACKAGES = ("numpy", "torch", "transformers", "mojo", "spikeport")


@dataclass(frozen=True)
class Measurement:
    """One side of one comparison.

    Attributes
    ----------
    what : what was measured
    who : who did it: a backend, a language, a peer with its version
    samples : raw samples, at least one
    unit : of a sample
    params : sizes and settings
    conformance : for a kernel: how the language did on its vectors ("71 passed"); None elsewhere
    """

    what: str
    who: str
    samples: Sequence[float]
    unit: str = "s"
    params: Mapping[str, Any] = field(default_factory=dict)
    conformance: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement with median and quartiles."""
        values = [float(value) for value in self.samples]
        low, median, high = quartiles(values)
        return {
            "what": self.what,
            "who": self.who,
            "unit": self.unit,
            "params": dict(self.params),
            "conformance": self.conformance,
            "samples": values,
            "median": median,
            "quartiles": [low, high],
        }


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile (inclusive method); one value is all three."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def samples(call: Callable[[], object], repeats: int = 9, warm_up: int = 1) -> list[float]:
    """Return the seconds of ``repeats`` calls, after ``warm_up`` untimed ones."""
    return alternate([call], repeats, warm_up)[0]


def alternate(calls: Sequence[Callable[[], object]], repeats: int = 9, warm_up: int = 1) -> list[list[float]]:
    """Return the seconds of ``repeats`` calls of each, in turn, so that all see the same machine."""
    for _ in range(warm_up):
        for call in calls:
            call()
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for mine, call in zip(taken, calls, strict=True):
            start = time.perf_counter()
            call()
            mine.append(time.perf_counter() - start)
    return taken


def write_result(
    name: str,
    *,
    title: str,
    command: str,
    measurements: Sequence[Measurement],
    versions: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    folder: Path = RESULTS,
) -> Path:
    """Write ``bench_<name>.json`` and return its path; the keys are closed by ``schema/result.schema.json``."""
    content = {
        "schema": "spikeport-benchmark",
        "version": 1,
        "name": name,
        "title": title,
        "command": command,
        "production_benchmark_claim": False,
        "why_not_production": REASONS,
        "machine": machine(),
        "versions": {"python": platform.python_version()} | _installed() | dict(versions or {}),
        "source": source(),
        "measurements": [measurement.to_dict() for measurement in measurements],
        "facts": dict(facts or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"bench_{name}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, load, threads in use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
        "threads": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")},
    }


def source() -> dict[str, Any]:
    """Return the commit, and whether the tree had changes, results aside."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = [line for line in git("status", "--porcelain").splitlines() if "benchmarks/results/" not in line]
    return {"commit": git("rev-parse", "HEAD") or None, "dirty": bool(changed)}


def ratio(slow: Mapping[str, Any], fast: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the ratio of medians, and the smallest and largest ratio that the quartiles allow."""
    (slow_low, slow_high), (fast_low, fast_high) = slow["quartiles"], fast["quartiles"]
    return slow["median"] / fast["median"], slow_low / fast_high, slow_high / fast_low


def _installed() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def run_in(interpreter: str, program: str, *words: str) -> Any:
    """Run a program text in another interpreter (the peers') on one thread and return the JSON of its last line."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [interpreter, "-c", program, *words], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise RuntimeError(f"the program ended with exit code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])
