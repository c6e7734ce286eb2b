"""Run in the peers' environment: checkpoints of both packages and files of safetensors, timed in turn."""

import json
import tempfile
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import safetensors.numpy

from benchmarks.result import alternate

FOLDERS = {"disk": None, "memory": "/dev/shm"}
SMALL = [(64, 32), (32, 10)]
LARGE = [(5000, 5000)]
CALLS = 100


def checkpoint(transfer, sizes):
    rng = np.random.default_rng(0)
    return transfer.SNNCheckpoint(
        weights=[rng.normal(size=(b, a)).astype(np.float32) for a, b in sizes],
        layer_names=[f"layer {k}" for k in range(len(sizes))],
        layer_sizes=sizes,
        neuron_types=["LIF"] * len(sizes),
    )


def roundtrips(folder, packages):
    """Return the seconds of one roundtrip of the small network, each sample a mean of 100, by package."""

    def roundtrip(name, made):
        for _ in range(CALLS):
            packages[name].save_checkpoint(made, folder / name)
            assert packages[name].load_checkpoint(folder / name).weights[0].shape == (32, 64)

    made = {name: checkpoint(transfer, SMALL) for name, transfer in packages.items()}
    taken = alternate([lambda n=name: roundtrip(n, made[n]) for name in packages], repeats=15)
    return {name: [second / CALLS for second in seconds] for name, seconds in zip(packages, taken, strict=True)}


def large(folder, packages):
    """Return the seconds of saving and of loading 100 MB, by package; who deflates has three samples of a save."""
    made = {name: checkpoint(transfer, LARGE) for name, transfer in packages.items()}
    plain, file = {"layer 0": made["spikeport"].weights[0]}, str(folder / "plain.safetensors")
    name, peer = packages
    saves = {
        name: lambda: packages[name].save_checkpoint(made[name], folder / name),
        "safetensors": lambda: safetensors.numpy.save_file(plain, file),
    }
    saved = dict(zip(saves, alternate(list(saves.values()), repeats=9), strict=True))
    slow = alternate([lambda: packages[peer].save_checkpoint(made[peer], folder / peer)], repeats=3, warm_up=0)
    loads = {who: lambda who=who: packages[who].load_checkpoint(folder / who).weights[0].shape for who in packages} | {
        "safetensors": lambda: safetensors.numpy.load_file(file)
    }
    loaded = dict(zip(loads, alternate(list(loads.values()), repeats=9), strict=True))
    return saved | {peer: slow[0]}, loaded


def main():
    modules = {"spikeport": "spikeport.transfer", "sc-neurocore": "sc_neurocore.transfer"}
    packages = {name: import_module(module) for name, module in modules.items()}
    rows = []
    for where, parent in FOLDERS.items():
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            size, megabytes = {"where": where, "network": "64→32→10"}, {"where": where, "network": "100 MB, float32"}
            rows.append({"what": "roundtrip", "params": size, "seconds": roundtrips(Path(folder), packages)})
            saved, loaded = large(Path(folder), packages)
            rows.append({"what": "save", "params": megabytes, "seconds": saved})
            rows.append({"what": "load", "params": megabytes, "seconds": loaded})
    versions = {name: metadata.version(name) for name in ("sc-neurocore", "safetensors")}
    print(json.dumps({"rows": rows, "versions": versions}))
