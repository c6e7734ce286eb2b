"""``python -m benchmarks.bench_nir [--only NAME …]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.bench_nir.networks import NETWORKS
from benchmarks.bench_nir.written_by_others import written_by_others
from benchmarks.bench_nir.written_here import check_there, written_here
from benchmarks.result import write_result

T = 32


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_nir")
    parser.add_argument("--only", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    check_there()
    for name in parser.parse_args().only:
        travel(name)


def travel(name: str) -> None:
    """Write what becomes of a network, with the MLP also what others write."""
    versions: dict[str, str] = {}
    one = NETWORKS[name](T)
    with tempfile.TemporaryDirectory() as folder:
        facts = {"written here": list(written_here(one, Path(folder), T, versions))}
    if name == "mlp":
        with tempfile.TemporaryDirectory() as folder:
            facts["written by others"] = list(written_by_others(Path(folder), T))
    for row in [row for rows in facts.values() for row in rows]:
        print(" | ".join(map(str, row.values())), flush=True)
    path = write_result(
        "nir" if name == "mlp" else f"nir_{name}",
        title=f"A {one.name} as NIR graphs, run by others and by us: {len(one.x)} samples, T = {T}",
        command=f"python -m benchmarks.bench_nir --only {name}",
        measurements=[],
        versions=versions,
        facts=facts,
    )
    print(path.name)


if __name__ == "__main__":
    main()
