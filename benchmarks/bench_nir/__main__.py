"""``python -m benchmarks.bench_nir``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.bench_nir.networks import networks
from benchmarks.bench_nir.written_by_others import written_by_others
from benchmarks.bench_nir.written_here import check_there, written_here
from benchmarks.result import write_result

T = 32


def main() -> None:
    check_there()
    versions: dict[str, str] = {}
    rows, samples = [], []
    for one in networks(T):
        with tempfile.TemporaryDirectory() as folder:
            for row in written_here(one, Path(folder), T, versions):
                print(" | ".join(map(str, row.values())), flush=True)
                rows.append(row)
        samples.append(f"{len(one.x)} of the {one.name}")
    with tempfile.TemporaryDirectory() as folder:
        others = list(written_by_others(Path(folder), T))
    for row in others:
        print(" | ".join(map(str, row.values())))
    path = write_result(
        "nir",
        title=f"Converted networks as NIR graphs, run by others and by us: T = {T}, samples: {', '.join(samples)}",
        command="python -m benchmarks.bench_nir",
        measurements=[],
        versions=versions,
        facts={"written here": rows, "written by others": others},
    )
    print(path.name)


if __name__ == "__main__":
    main()
