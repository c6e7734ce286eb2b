"""Run in the peers' environment: both packages' checkpoints, timed in turn and probed, in an empty folder."""

import contextlib
import importlib
import json
import os
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.result import alternate

CALLS = 100


def checkpoint(transfer, **fields):
    """Return the 64→32→10 checkpoint of the source document's bench."""
    rng = np.random.default_rng(0)
    sizes = [(64, 32), (32, 10)]
    content = {
        "weights": [rng.normal(size=(b, a)) for a, b in sizes],
        "layer_names": ["hidden", "output"],
        "layer_sizes": sizes,
        "neuron_types": ["LIF", "LIF"],
    }
    return transfer.SNNCheckpoint(**(content | fields))


def rates(transfer, until, backbone, head, made=None):
    config = transfer.TransferConfig(freeze_until=until, lr_backbone=backbone, lr_head=head)
    return transfer.apply_transfer_config(made or checkpoint(transfer), config)[1]


def phase_2(t):
    made = checkpoint(t)
    rates(t, 0, 0.0, 0.001, made)
    t.unfreeze_layers(made, layer_names=["hidden"])
    return rates(t, -1, 0.0001, 0.001, made)


def frozen_layer(t):
    return rates(t, 0, 0.1, 0.001)


def frozen_head(t):
    made = checkpoint(t)
    t.freeze_layers(made, layer_names=["output"])
    return rates(t, -1, 0.1, 0.001, made)


def mixed_pair(t):
    t.save_checkpoint(checkpoint(t), "one")
    t.save_checkpoint(checkpoint(t, weights=[np.zeros((32, 64)), np.zeros((10, 32))]), "two")
    Path("one.npz").write_bytes(Path("two.npz").read_bytes())
    t.load_checkpoint("one")
    return "loads"


def saving_nan(t):
    made = checkpoint(t)
    made.weights[0][0, 0] = np.nan
    t.save_checkpoint(made, "nan")
    try:
        t.load_checkpoint("nan")
    except ValueError as error:
        return f"saves; loading then fails: {error}"
    return "saves and loads"


def unchained(t):
    sizes = [(64, 32), (31, 10)]
    t.save_checkpoint(checkpoint(t, weights=[np.zeros((b, a)) for a, b in sizes], layer_sizes=sizes), "chain")
    t.load_checkpoint("chain")
    return "saves and loads"


def symbolic_link(t):
    t.save_checkpoint(checkpoint(t), "there")
    for suffix in (".npz", ".json"):
        os.symlink(f"there{suffix}", f"link{suffix}")
    t.load_checkpoint("link")
    return "loads"


def whole_numbers(t):
    weights = [np.ones((32, 64), np.int64), np.ones((10, 32), np.int64)]
    t.save_checkpoint(checkpoint(t, weights=weights), "whole")
    return f"loads as {t.load_checkpoint('whole').weights[0].dtype}"


PROBES = {
    "rates of the documented second phase: backbone 0.0001, head 0.001": phase_2,
    "freeze_until=0, lr_backbone=0.1: the rates, the first layer being frozen": frozen_layer,
    "the head frozen before, lr_backbone=0.1, lr_head=0.001: the rates": frozen_head,
    "an archive beside another checkpoint's sidecar, shapes equal": mixed_pair,
    "a weight that became NaN after construction": saving_nan,
    "a layer of 32 outputs before one of 31 inputs": unchained,
    "a checkpoint through symbolic links": symbolic_link,
    "weights of whole numbers": whole_numbers,
}


def answer(probe, transfer):
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            return str(probe(transfer))
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def timings(packages):
    """Return the samples of 100 roundtrips and 100 schedules of each package, taken in turn."""
    made = {name: checkpoint(transfer) for name, transfer in packages.items()}

    def roundtrip(name):
        for _ in range(CALLS):
            packages[name].save_checkpoint(made[name], name)
            packages[name].load_checkpoint(name)

    def schedule(name):
        for k in range(CALLS):
            rates(packages[name], k % 2 - 1, 0.0001, 0.001, made[name])

    found = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for what, call in (("checkpoint roundtrip", roundtrip), ("apply_transfer_config", schedule)):
            taken = alternate([lambda n=name, c=call: c(n) for name in packages], repeats=9)
            found[what] = dict(zip(packages, taken, strict=True))
    return found


def main():
    modules = {"spikeport": "spikeport.transfer", "sc-neurocore": "sc_neurocore.transfer"}
    packages = {name: importlib.import_module(module) for name, module in modules.items()}
    rows = [
        {"probe": what, **{name: answer(probe, transfer) for name, transfer in packages.items()}}
        for what, probe in PROBES.items()
    ]
    version = metadata.version("sc-neurocore")
    print(json.dumps({"probes": rows, "timings": timings(packages), "calls": CALLS, "version": version}))


if __name__ == "__main__":
    sys.exit(main())
