"""Run in the peers' environment: convert a trained digits network by each peer's public API, print accuracy over T."""

import copy
import json
import sys
import warnings
from importlib import metadata

import numpy as np
import torch

from benchmarks.bench_conversion import network

file = np.load(sys.argv[1])
x, x_test, y_test = torch.tensor(file["x"]), torch.tensor(file["x_test"]), file["y_test"]
model = network().eval()
model.load_state_dict({name: torch.tensor(file[name]) for name in model.state_dict()})


def accuracy(classes):
    return float((np.asarray(classes) == y_test).mean())


def sc_neurocore(T):
    from sc_neurocore.conversion import convert

    return accuracy(convert(model, x, T=T).classify(x_test.numpy()))


def spikingjelly(T, **options):
    from spikingjelly.activation_based import ann2snn

    recipe = ann2snn.RateCodingRecipe([(x, None)], **options)
    snn = ann2snn.Converter(recipe).convert(copy.deepcopy(model)).eval()
    return accuracy(sum(snn(x_test) for _ in range(T)).argmax(1))


def sinabs(T, normalised):
    from sinabs.from_torch import from_model
    from sinabs.utils import normalize_weights

    ann = copy.deepcopy(model)
    if normalised:
        normalize_weights(ann, x, output_layers=["1", "3"], param_layers=["0", "2"], percentile=99.9)
    snn = from_model(ann, num_timesteps=T).spiking_model
    repeated = x_test.repeat_interleave(T, dim=0)
    return accuracy(snn(repeated).reshape(len(x_test), T, -1).sum(1).argmax(1))


LONGEST = 64
SIDES = {
    "sc-neurocore, Poisson": sc_neurocore,
    "SpikingJelly, defaults": spikingjelly,
    "SpikingJelly, mode 99.9%": lambda T: spikingjelly(T, mode="99.9%"),
    "SpikingJelly, mode 99.9%, channel_wise, half_threshold": lambda T: spikingjelly(
        T, mode="99.9%", channel_wise=True, half_threshold=True
    ),
    "Sinabs, defaults": lambda T: sinabs(T, False),
    "Sinabs, normalize_weights": lambda T: sinabs(T, True),
}
if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with torch.no_grad():
        steps = [int(word) for word in sys.argv[2:]]
        result = {
            who: {T: side(T) for T in steps if T <= LONGEST or side is sc_neurocore} for who, side in SIDES.items()
        }
    versions = {name: metadata.version(name) for name in ("sc-neurocore", "spikingjelly", "sinabs")}
    print(json.dumps({"accuracy": result, "versions": versions}))
