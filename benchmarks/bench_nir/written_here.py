"""Networks that we write, run by other tools and by our own executor, beside the network itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_nir.networks import Travelling, with_hard_reset
from benchmarks.result import ROOT, run_in
from spikeport.interop import run_nir, save_nir, to_nir

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
NIR = ROOT / "build" / "nir"
SPYX = ROOT / "build" / "spyx"
FORMS = ("soft reset, feedback", "soft reset, plain", "hard reset to 0")


def written_here(one: Travelling, folder: Path, T: int, versions: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Write a network three times and yield a row for each form and each who runs it; ``versions`` are filled in."""
    hard = with_hard_reset(one.graph)
    graphs = (one.graph, one.graph, hard)
    written = (to_nir(one.graph), to_nir(one.graph, reset="plain", samples=one.x, T=T), to_nir(hard))
    for k, graph in enumerate(written):
        save_nir(graph, folder / f"{k}.nir")
    np.save(folder / "x.npy", one.x)
    result = run_in(PEERS, "from benchmarks.peers.read_nir import main; main()", *map(str, (folder, T, NIR, SPYX)))
    versions |= result["versions"]
    for k, form in enumerate(FORMS):
        about = {"form": form}
        ours = graphs[k].run(one.x, T=T, backend="rust").counts[-1]
        walked = run_nir(written[k], np.broadcast_to(one.x, (T, *one.x.shape))).sum(axis=0)
        yield about | row("spikeport.interop.run_nir", ours, walked, one.y)
        for tool, answers in result["found"].items():
            who, answer = f"{tool} {versions[tool]}", answers[str(k)]
            if "counts" in answer:
                yield about | row(who, ours, np.array(answer["counts"]), one.y)
            else:
                yield about | {"run by": who, "counts equal": f"fails: {answer['error']}"}


def row(who: str, ours: Any, theirs: Any, labels: Any) -> dict[str, Any]:
    agree = (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()
    return {
        "run by": who,
        "counts equal": f"{(ours == theirs).all(axis=1).mean():.1%} of samples",
        "same answer": f"{agree:.1%}",
        "largest difference": f"{np.abs(ours - theirs).max():g} spikes",
        "accuracy": f"{(theirs.argmax(axis=1) == labels).mean():.1%}",
    }


def check_there() -> None:
    """Leave with the command that brings what is not here."""
    for folder, brings in ((NIR, "--no-deps nir==1.0.7 nirtorch==2.6"), (SPYX, "spyx==1.0.0")):
        if not folder.exists():
            sys.exit(f"there is no {folder}: pip install --target build/{folder.name} {brings}")
