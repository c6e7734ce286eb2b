"""Our side of a job, and the trained network's own forward: ``python -m benchmarks.bench_speed.ours JOB …``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench_speed.serving import serve
from spikeport.backends import get_backend
from spikeport.transfer import load_checkpoint

Array = npt.NDArray[Any]


def currents(*shape: int) -> Array:
    """Return ``(7·(i mod 17) mod 17)/16`` in order, float32."""
    return (((np.arange(np.prod(shape)) % 17 * 7) % 17 / 16).astype(np.float32)).reshape(shape)


def neurons(job: str, T: int, n: int) -> None:
    """Serve ``if_out``, ``if_fresh``, ``if_packed`` or ``if_constant`` of ``n`` IF neurons over ``T`` steps."""
    backend = get_backend("rust")
    if job == "if_constant":
        one = currents(n)
        serve(lambda: backend.if_constant(one, timesteps=T, record=False), lambda trace: float(trace.counts.sum()))
        return
    all_steps = currents(T, n)
    if job == "if_fresh":
        serve(
            lambda: backend.if_multistep(all_steps, v_init=0.0).spikes, lambda spikes: float(spikes.sum(dtype=np.int64))
        )
        return
    packed = job == "if_packed"
    out = np.zeros((T, -(-n // 8)) if packed else (T, n), np.uint8 if packed else np.int8)
    serve(
        lambda: backend.if_multistep(all_steps, v_init=0.0, out=out, packed=packed),
        lambda _: 0.0 if packed else float(out.sum(dtype=np.int64)),
    )


def network(folder: str, which: str, T: int, samples: int, threads: int) -> None:
    """Serve a run of a checkpoint of ``folder`` on the first samples, prepared once."""
    graph = load_checkpoint(Path(folder) / which).graph
    x = np.load(Path(folder) / ("x_whole.npy" if which.startswith("int") else "x.npy"))[:samples]
    prepared = graph.network("rust")
    serve(lambda: prepared.run(x, timesteps=T, threads=threads), lambda run: answered(run.counts[-1]))


def answered(counts: Array) -> float:
    """Return a number that depends on every count of the output: as ``answered`` in ``limits/main.c``."""
    flat = counts.reshape(-1).astype(np.float64)
    return float((flat * (1 + np.arange(flat.size) % 97)).sum())


def main(job: str, *words: str) -> None:
    if job == "network":
        network(words[0], words[1], *map(int, words[2:]))
    else:
        neurons(job, *map(int, words))


if __name__ == "__main__":
    main(*sys.argv[1:])
