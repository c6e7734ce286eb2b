"""Run in the peers' environment: convert a trained network by each peer's public API, print what came of it over T.

A step does not depend on those that follow, so where a conversion does not take T, one run of the largest T is read at
each. Sinabs gets batch normalisation folded by torch, since its rescaling of weights knows of none.
"""

import copy
import json
import sys
import time
import warnings
from importlib import metadata
from itertools import pairwise

import numpy as np
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.bench_conversion.judged import judged
from benchmarks.bench_conversion.networks import BUILD

AT_ONCE = 50
FINE_TUNED_AT = 16
"""NeuroCUDA's own number of steps."""


class Spikes:
    """Counts what modules of a kind put out."""

    def __init__(self, network, kind):
        self.total = 0.0
        for module in network.modules():
            if isinstance(module, kind):
                module.register_forward_hook(self.count)

    def count(self, _module, _inputs, output):
        self.total += float((output != 0).sum() if output.is_floating_point() and output.max() <= 1 else output.sum())


def spikingjelly(net, recipe, **options):
    """Yield T, summed outputs over T, spikes for each sample, seconds."""
    from spikingjelly.activation_based import ann2snn, functional, neuron

    start = time.perf_counter()
    if recipe == "RateCodingRecipe":
        data = [(net.calibration, None)]
    else:  # thresholds grow batch by batch
        data = [(some, None) for _ in range(10) for some in net.calibration.split(32)]
    snn = ann2snn.Converter(getattr(ann2snn, recipe)(data, **options)).convert(copy.deepcopy(net.model)).eval()
    converted = time.perf_counter()
    spikes = Spikes(snn, neuron.BaseNode)
    sums, counted = {T: [] for T in net.steps}, dict.fromkeys(net.steps, 0.0)
    for some in net.x.split(AT_ONCE):
        functional.reset_net(snn)
        total, before = 0, spikes.total
        for t in range(1, max(net.steps) + 1):
            total = total + snn(some)
            if t in sums:
                sums[t].append(total / t)
                counted[t] += spikes.total - before
    seconds = {"convert": converted - start, f"run to T = {max(net.steps)}": time.perf_counter() - converted}
    for T in net.steps:
        yield T, torch.cat(sums[T]), counted[T] / len(net.x), seconds, True


def sinabs(net, normalised=False, single=False):
    from sinabs.activation import MultiSpike, SingleSpike
    from sinabs.from_torch import from_model
    from sinabs.layers import IAFSqueeze
    from sinabs.utils import normalize_weights

    start = time.perf_counter()
    ann = folded(copy.deepcopy(net.model))
    if normalised:
        if not isinstance(ann, torch.nn.Sequential):
            raise NotImplementedError(
                "not tried: it is told layers and what they feed, which only a chain says by itself"
            )
        ends = [name for name, module in ann.named_children() if isinstance(module, torch.nn.ReLU)]
        kinds = (torch.nn.Linear, torch.nn.Conv2d)
        weighted = [name for name, module in ann.named_children() if isinstance(module, kinds)]
        normalize_weights(ann, net.calibration, output_layers=ends, param_layers=weighted[: len(ends)], percentile=99.9)
    most = max(net.steps)
    snn = from_model(ann, num_timesteps=most, spike_fn=SingleSpike if single else MultiSpike).spiking_model.eval()
    converted = time.perf_counter()
    seen = dict.fromkeys(net.steps, 0.0)

    def count(_module, _inputs, output):
        steps = output.reshape(-1, most, output[0].numel()).sum((0, 2), dtype=torch.float64).cumsum(0)
        for T in seen:
            seen[T] += float(steps[T - 1])

    for module in snn.modules():
        if isinstance(module, IAFSqueeze):
            module.register_forward_hook(count)
    outputs = []
    for some in net.x.split(max(1, AT_ONCE * 32 // most)):
        for module in snn.modules():
            if isinstance(module, IAFSqueeze):
                module.reset_states()
        outputs.append(snn(some.repeat_interleave(most, dim=0)).reshape(len(some), most, -1).cumsum(1))
    total = torch.cat(outputs)
    seconds = {"convert": converted - start, f"run to T = {most}": time.perf_counter() - converted}
    for T in net.steps:
        yield T, total[:, T - 1] / T, seen[T] / len(net.x), seconds, not normalised


def folded(model):
    """Fold batch normalisation that follows a convolution in a chain, or in a block by the names conv1, bn1 …"""
    children = list(model.named_children())
    for (_, module), (name, after) in pairwise(children):
        if isinstance(module, torch.nn.Conv2d) and isinstance(after, torch.nn.BatchNorm2d):
            fold(model, module, name, after)
    for name, child in children:
        beside = getattr(model, f"bn{name[4:]}", None) if name.startswith("conv") else None
        if isinstance(beside, torch.nn.BatchNorm2d):
            fold(model, child, f"bn{name[4:]}", beside)
        folded(child)
    return model


def fold(model, convolution, name, normalisation):
    new = fuse_conv_bn_eval(convolution.eval(), normalisation.eval())
    convolution.weight, convolution.bias = new.weight, new.bias
    setattr(model, name, torch.nn.Identity())


def sc_neurocore(net):
    from sc_neurocore.conversion import convert

    for T in net.steps:
        start = time.perf_counter()
        snn = convert(net.model, net.calibration, T=T)
        converted = time.perf_counter()
        counts = torch.tensor(np.asarray(snn.run(net.x.numpy())), dtype=torch.float64)
        seconds = {"convert": converted - start, "run": time.perf_counter() - converted}
        yield T, counts, None, seconds, False


def neurocuda(net, **options):
    import neurocuda as nc
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_grad_enabled(True)
    torch.manual_seed(0)
    start = time.perf_counter()
    loaders = [
        DataLoader(TensorDataset(x, torch.as_tensor(y)), batch_size=64, shuffle=shuffled)
        for x, y, shuffled in ((net.calibration, net.labels, True), (net.x, net.y, False))
    ]
    _, said = nc.convert(copy.deepcopy(net.model), loaders[0], loaders[1], device="cpu", verbose=False, **options)
    seconds = {"convert and run": time.perf_counter() - start}
    yield FINE_TUNED_AT, said["if_accuracy"] / 100, None, seconds, False


JELLY = "SpikingJelly, "
SIDES = {
    JELLY + "Max": lambda net: spikingjelly(net, "RateCodingRecipe"),
    JELLY + "99.9%": lambda net: spikingjelly(net, "RateCodingRecipe", mode="99.9%"),
    JELLY + "Max, channel_wise, half_threshold": lambda net: spikingjelly(
        net, "RateCodingRecipe", channel_wise=True, half_threshold=True
    ),
    JELLY + "99.9%, channel_wise, half_threshold": lambda net: spikingjelly(
        net, "RateCodingRecipe", mode="99.9%", channel_wise=True, half_threshold=True
    ),
    JELLY + "LocalThresholdBalancing": lambda net: spikingjelly(net, "LocalThresholdBalancingRecipe"),
    "Sinabs, any number of spikes a step": sinabs,
    "Sinabs, normalize_weights 99.9, any number": lambda net: sinabs(net, normalised=True),
    "Sinabs, normalize_weights 99.9, SingleSpike": lambda net: sinabs(net, normalised=True, single=True),
    "sc-neurocore, Poisson input": sc_neurocore,
    "NeuroCUDA, qcfs_direct (trains with labels)": lambda net: neurocuda(net, strategy="qcfs_direct"),
    "NeuroCUDA, qcfs_if_ft (trains with labels)": lambda net: neurocuda(net, strategy="qcfs_if_ft"),
}
PACKAGES = ("torch", "spikingjelly", "sinabs", "sc-neurocore", "neurocuda", "snntoolbox")


class Net:
    """What a side gets: model, calibration, labels, x, steps; and y and logits to judge by."""

    def __init__(self, file, name, steps):
        arrays = np.load(file)
        self.model = BUILD[name]().eval()
        self.model.load_state_dict({key: torch.tensor(arrays[f"model/{key}"]) for key in self.model.state_dict()})
        self.calibration, self.x = torch.tensor(arrays["calibration"]), torch.tensor(arrays["x"])
        self.labels, self.y, self.logits = torch.tensor(arrays["labels"]), arrays["y"], arrays["logits"]
        self.steps = steps


def version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def main(file, name, only, *steps):
    """Print the JSON of each side whose name begins with one of ``only``, words with commas between them."""
    result, failed = {}, {}
    for who, side in SIDES.items():
        if not who.startswith(tuple(only.split(","))):
            continue
        try:
            net = Net(file, name, [int(word) for word in steps])
            for T, answer, spikes, seconds, readable in side(net):
                if isinstance(answer, float):  # an accuracy, where the peer shows no more
                    said = {"accuracy": answer, "agreement": None, "error": None}
                else:
                    said = judged(answer.double().numpy(), net.logits, net.y, readable)
                result.setdefault(who, {})[T] = said | {"spikes": spikes, "seconds": seconds}
        except Exception as error:
            failed[who] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    print(json.dumps({"sides": result, "failed": failed, "versions": {p: version(p) for p in PACKAGES}}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with torch.set_grad_enabled(False):
        main(*sys.argv[1:])
