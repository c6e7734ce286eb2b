"""What is timed: each job with the commands of its sides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench_speed.handed import hand_over
from benchmarks.result import ROOT

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-fno-trapping-math")
T = 32
NEURONS = 1_000_000
SPIKING = ("SpikingJelly", "sinabs", "snnTorch", "Norse", "sc-neurocore")
STEPPING = SPIKING[:4]
TRAINED = ("torch", "onnxruntime", "onnxruntime-int8")
NETWORKS: dict[str, tuple[int, tuple[str, ...]]] = {
    "digits MLP": (360, SPIKING),
    "digits CNN": (360, STEPPING),
    "MNIST MLP": (256, STEPPING),
    "ResNet-20": (16, ("SpikingJelly",)),
}
"""Samples of each network and the peers that run it; others lack an operation of it, or take minutes."""

Sides = dict[str, Sequence[str]]


class Job:
    """One thing to do: what, by whom, with which parameters; ``owes`` names sides that must answer the same."""

    def __init__(self, what: str, sides: Sides, params: dict[str, Any], owes: Sequence[str] = (), at_once: int = 1):
        self.what, self.sides, self.params, self.owes, self.at_once = what, sides, params, owes, at_once


def ours(*words: object) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bench_speed.ours", *map(str, words)]


def theirs(*words: object) -> list[str]:
    return [PEERS, "-m", "benchmarks.peers.timed", *map(str, words)]


def compiled(folder: Path) -> str:
    """Compile the C programs and return what they became."""
    program, sources = folder / "limits", sorted((ROOT / "benchmarks" / "limits").glob("*.c"))
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-o", program, *sources], check=True)
    return str(program)


def memory(c: str) -> Iterator[Job]:
    """Copy and triad of arrays that no cache of a core holds; additions without memory."""
    for job, n, unit in (("copy", 1 << 25, "512 MiB moved"), ("triad", 1 << 25, "768 MiB moved")):
        yield Job(job, {"C": [c, job, "1", str(n)]}, {"of": unit})
    yield Job("additions", {"C": [c, "additions", "1", "10000000"]}, {"of": "1.28e9 float32 additions"})


def kernels(c: str) -> Iterator[Job]:
    """IF neurons of 32-bit floats: spikes into a buffer, into a fresh array, as bits; counts of a constant current."""
    peers: Sides = {peer: theirs(peer, "neurons", T, NEURONS) for peer in STEPPING}
    for what, job, in_c, beside in (
        ("IF, spikes into a buffer", "if_out", "if_bytes", peers),
        ("IF, spikes into a fresh array", "if_fresh", "if_fresh", peers),
        ("IF, spikes as bits", "if_packed", "if_bits", {}),
        ("IF, constant current, counts", "if_constant", "if_constant", {}),
    ):
        sides: Sides = {"spikeport": ours(job, T, NEURONS), "C": [c, in_c, str(T), str(NEURONS)], **beside}
        yield Job(what, sides, {"T": T, "neurons": NEURONS}, ("spikeport", "C"))


def networks(c: str, folder: Path, chosen: Sequence[str], facts: dict[str, Any]) -> Iterator[Job]:
    """Whole batches of each network, one digit, and two threads."""
    for name in chosen:
        samples, peers = NETWORKS[name]
        at = folder / name.replace(" ", "_")
        at.mkdir()
        facts[name] = hand_over(name, samples, at)
        sides: Sides = {"spikeport": ours("network", at, "float32", T, samples, 1)}
        sides["spikeport, int8"] = ours("network", at, "int8", T, samples, 1)
        sides |= {one: theirs(one, "network", at, name, T, samples) for one in (*peers, *TRAINED)}
        if (at / "mlp.bin").exists():
            sides |= {"C": [c, "mlp_floats", str(T), str(at / "mlp.bin")]}
            sides |= {"C, int8": [c, "mlp_whole", str(T), str(at / "mlp.bin")]}
        yield Job(name, sides, {"T": T, "samples": samples}, ("spikeport", "C"))
        two = {f"spikeport, {which}": ours("network", at, which, T, samples, 2) for which in ("float32", "int8")}
        yield Job(f"{name}, 2 threads", two, {"T": T, "samples": samples, "threads": 2})
        if name == "digits MLP":
            sides = {"spikeport": ours("network", at, "float32", T, 1, 1)}
            sides |= {"spikeport, int8": ours("network", at, "int8", T, 1, 1)}
            sides |= {one: theirs(one, "network", at, name, T, 1) for one in (*STEPPING, *TRAINED)}
            yield Job("one digit", sides, {"T": T, "samples": 1}, at_once=50)
            yield from sweeps(at)


def sweeps(at: Path) -> Iterator[Job]:
    """The digits MLP over steps and over samples, beside SpikingJelly."""
    for steps in (1, 4, 16, 64, 256):
        sides = {"spikeport": ours("network", at, "float32", steps, 360, 1)}
        sides |= {"SpikingJelly": theirs("SpikingJelly", "network", at, "digits MLP", steps, 360)}
        yield Job("digits MLP over T", sides, {"T": steps, "samples": 360})
    for samples in (1, 4, 16, 64, 256):
        sides = {"spikeport": ours("network", at, "float32", T, samples, 1)}
        sides |= {"SpikingJelly": theirs("SpikingJelly", "network", at, "digits MLP", T, samples)}
        yield Job("digits MLP over samples", sides, {"T": T, "samples": samples}, at_once=1 if samples > 16 else 20)
