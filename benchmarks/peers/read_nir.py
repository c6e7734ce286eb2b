"""Run in the peers' environment: each tool reads a file of NIR and runs samples, fed as a current, step by step.

``main`` takes the folder with the files and the samples (x.npy), the number of steps, a folder with the nir and
nirtorch to take before the environment's, and one with spyx; it prints counts as JSON.
"""

import contextlib
import io
import json
import signal
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

SHOWN = 90
"""Characters of an error that are kept."""
AT_MOST = 30
"""Seconds of the processor that a tool has for a network."""


def snntorch(graph, x, T):
    from snntorch.import_nir import import_from_nir

    return stepped(import_from_nir(graph), x, T)


def norse(graph, x, T):
    from norse.torch import from_nir

    return stepped(from_nir(graph, dt=1.0), x, T)


def sinabs(graph, x, T):
    from sinabs.nir import from_nir

    network = from_nir(graph, batch_size=len(x))
    every = x.repeat_interleave(T, 0)  # batch and time in one axis, time the inner one
    sent = network(every)
    return answered(sent).reshape(len(x), T, -1).sum(1)


def spikingjelly(graph, x, T):
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return stepped(import_from_nir(graph, dt=1.0), x, T)


def spyx(graph, x, T):
    from spyx.nir import from_nir

    every = np.broadcast_to(x.numpy(), (T, *x.shape))
    return np.asarray(from_nir(graph, every, dt=1)[1]).sum(0)


def stepped(network, x, T):
    state, total = None, 0
    for _ in range(T):
        sent = network(x, state)
        total = total + answered(sent)
        state = sent[1] if isinstance(sent, tuple) else None
    return total


def answered(sent):
    return sent[0] if isinstance(sent, tuple) else sent


TOOLS = (snntorch, norse, sinabs, spikingjelly, spyx)


def attempt(tool, path, x, T):
    """Return counts, or what the tool says where it gives none."""
    import nir

    def late(*_):
        raise TimeoutError(f"no answer after {AT_MOST} s")

    torch.manual_seed(0)
    signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, AT_MOST)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            counts = tool(nir.read(str(path)), x, T)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            return {"error": said if len(said) <= SHOWN else said[:SHOWN] + "…"}
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return {"counts": np.asarray(counts, np.float64).tolist()}


def main() -> None:
    folder, T = Path(sys.argv[1]), int(sys.argv[2])
    sys.path.insert(0, sys.argv[3])
    sys.path.append(sys.argv[4])
    x = torch.tensor(np.load(folder / "x.npy"), dtype=torch.float32)
    files = sorted(folder.glob("*.nir"))
    found = {tool.__name__: {file.stem: attempt(tool, file, x, T) for file in files} for tool in TOOLS}
    versions = {name: metadata.version(name) for name in (*found, "nir", "nirtorch")}
    print(json.dumps({"found": found, "versions": versions}))
