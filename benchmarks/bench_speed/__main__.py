"""``python -m benchmarks.bench_speed [PART …] [--rounds N]``: kernels, networks, one digit, threads, sweeps, memory.

One thread on each side, all sides of a job in turn (`benchmarks.bench_speed.turns`), one file. ``SPIKEPORT_PEERS``
names the peers' interpreter (`.venv-peers/bin/python` by default), ``CC`` the compiler of ``benchmarks/limits``.
Ratios of a job are to our 32-bit floats. What peers compute is the same network in spikes, with neurons of their own
(snnTorch's fire above the threshold and reset a step later, Norse's reset to 0); ``torch`` and ``onnxruntime`` run the
trained network itself, once: what a step of ours costs beside it is in the facts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

from benchmarks.bench_speed.jobs import FLAGS, NETWORKS, PEERS, Job, T, compiled, kernels, memory, networks
from benchmarks.bench_speed.turns import in_turn
from benchmarks.result import RESULTS, Measurement, quartiles, write_result


def measured(job: Job, rounds: int, facts: dict[str, Any]) -> list[Measurement]:
    """Do a job in turns; `RuntimeError` where sides that owe the same spikes do not give them."""
    print(f"{job.what} {job.params}", file=sys.stderr, flush=True)
    seconds, checks, failed = in_turn(job.sides, rounds, job.at_once)
    owed = {who: checks[who] for who in job.owes if who in checks}
    if len(set(owed.values())) > 1:
        raise RuntimeError(f"{job.what}: the spikes differ: {owed}")
    for who, why in failed.items():
        facts.setdefault("no answer", []).append({"job": job.what, "side": who, "why": why})
    for who, taken in seconds.items():
        print(f"  {who:22} {quartiles(taken)[1] * 1e3:10.3f} ms", file=sys.stderr, flush=True)
    return [Measurement(job.what, who, taken, params=job.params) for who, taken in seconds.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"memory, kernels, {', '.join(NETWORKS)}; by default all")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each side that count (default: 9)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options = parser.parse_args()
    parts = options.parts or ["memory", "kernels", *NETWORKS]
    unknown = set(parts) - {"memory", "kernels", *NETWORKS}
    if unknown:
        parser.error(
            f"no part is called {', '.join(sorted(unknown))}: there are memory, kernels, {', '.join(NETWORKS)}"
        )
    if not shutil.which(PEERS):
        parser.error(f"there is no interpreter {PEERS}: make peers, or set SPIKEPORT_PEERS")
    facts: dict[str, Any] = {}
    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        c = compiled(folder)
        jobs = [*(memory(c) if "memory" in parts else ()), *(kernels(c) if "kernels" in parts else ())]
        for job in (*jobs, *networks(c, folder, [one for one in NETWORKS if one in parts], facts)):
            found += measured(job, options.rounds, facts)
    write_result(
        "speed",
        title="Speed beside peers, beside the trained network and beside C, one thread each",
        command="python -m benchmarks.bench_speed" + "".join(f" '{part}'" for part in options.parts),
        measurements=found,
        versions={"C": f"{os.environ.get('CC', 'cc')} {' '.join(FLAGS)}", **peers_versions()},
        facts=distances(found) | facts,
        folder=options.results,
    )
    return 0


def distances(found: Sequence[Measurement]) -> dict[str, Any]:
    """Return how far from C the kernels are, and what a step costs beside the trained network's own forward."""
    median = {(one.what, one.who): quartiles(list(one.samples))[1] for one in found}
    shares = {
        what: round(median[what, "C"] / seconds, 3)
        for (what, who), seconds in median.items()
        if who == "spikeport" and (what, "C") in median
    }
    steps = {
        what: round(seconds / T / median[what, "torch"], 3)
        for (what, who), seconds in median.items()
        if who == "spikeport" and (what, "torch") in median
    }
    known = {"speed in parts of C's": shares, "a step in parts of the trained network's forward in torch": steps}
    return {name: row for name, row in known.items() if row}


def peers_versions() -> dict[str, str]:
    packages = ("spikingjelly", "sinabs", "snntorch", "norse", "sc-neurocore", "onnxruntime")
    program = "import sys\nfrom importlib.metadata import version\nfor name in sys.argv[1:]: print(name, version(name))"
    done = subprocess.run([PEERS, "-c", program, *packages], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


if __name__ == "__main__":
    raise SystemExit(main())
