"""Networks that other tools write, run by them and, as `from_nir` reads them, by us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_nir.written_here import NIR, PEERS
from benchmarks.result import run_in
from spikeport.interop import from_nir, load_nir

WEIGHTS = ((-8, 13, (32, 64)), (-8, 9, 32), (-16, 25, (10, 32)), (-8, 9, 10))


def written_by_others(folder: Path, T: int) -> Iterator[dict[str, Any]]:
    """Have each tool write a network of 64→32→10 neurons in NIR, and run what `from_nir` makes of it beside it.

    Weights and samples are such that no sum is rounded.
    """
    draws = np.random.default_rng(0)
    x = draws.integers(0, 17, (100, 64)) / 16
    weights = [draws.integers(low, high, shape) / 64 for low, high, shape in WEIGHTS]
    np.save(folder / "x.npy", x)
    np.savez(folder / "w.npz", *weights)
    found = run_in(PEERS, "from benchmarks.peers.write_nir import main; main()", str(folder), str(T), str(NIR))
    for k, one in enumerate(found):
        said = {"written by": f"{one['tool']} {one['version']}", "neurons": one["neurons"]}
        if "counts" not in one:
            yield said | {"counts equal here": f"fails: {one['error']}"}
            continue
        graph = from_nir(load_nir(folder / f"{k}.nir"), dt=1e-4 if one["tool"] == "snntorch" else 1.0)
        ours = graph.run(x.reshape(-1, *graph.input_shape), T=T, backend="reference").counts[-1]
        theirs = np.array(one["counts"])
        yield said | {
            "counts equal here": f"{(ours == theirs).all(axis=1).mean():.1%} of samples",
            "spikes of an output": f"{theirs.mean():.1f} there, {ours.mean():.1f} here",
        }
