"""Run in the peers' environment, once for each package: what it does with inputs whose right answer is known."""

import importlib
import json
import sys
import warnings

import numpy as np
import torch
from torch import nn

conversion = importlib.import_module(f"{sys.argv[1]}.conversion")
convert, QCFSActivation = conversion.convert, conversion.QCFSActivation


def linear(weight, bias):
    layer = nn.Linear(len(weight[0]), len(weight))
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return layer


def small(*between):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), *between, nn.Linear(16, 4))


def numbers(values):
    return "[" + ", ".join(f"{value:g}" for value in np.asarray(values).ravel()) + "]"


def bias_only_neuron():
    model = nn.Sequential(linear([[0.0, 0.0]], [0.5]), nn.ReLU(), linear([[1.0]], [0.0]))
    return f"{convert(model, torch.zeros(4, 2), T=64).run(np.zeros(2))[0]:g} output spikes"


def negative_logits():
    model = nn.Sequential(linear([[1.0]], [0.0]), nn.ReLU(), linear([[-3.0], [-1.0], [-2.0]], [0.0, 0.0, 0.0]))
    return f"class {convert(model, torch.ones(4, 1), T=32).classify(np.ones(1))}"


def scales_of_layers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
    x = torch.rand(200, 8)
    snn = convert(model, x, T=4)
    layers = [model[0], model[2], model[4]]
    weights = [np.median(W / m.weight.detach().numpy()) for W, m in zip(snn.weights, layers, strict=True)]
    biases = [np.median(b / m.bias.detach().numpy()) for b, m in zip(snn.biases, layers, strict=True)]
    return f"weights × {numbers(np.round(weights, 3))}, biases × {numbers(np.round(biases, 3))}"


def qcfs_forward():
    x = torch.linspace(-0.5, 1.5, 2001)
    y = QCFSActivation(4, 1.0)(x)
    formula = torch.clamp(torch.floor(x * 4 + 0.5), 0, 4) / 4
    return f"{len(np.unique(y))} values, up to {float((y - formula).abs().max()):.3g} from the formula"


def qcfs_gradient():
    x = torch.linspace(0.01, 0.99, 99, requires_grad=True)
    QCFSActivation(4, 1.0)(x).sum().backward()
    return f"mean {float(x.grad.mean()):g}"


def batch_order():
    model = small(nn.ReLU())
    x = torch.rand(50, 8)
    snn = convert(model, x, T=16)
    order = np.arange(50)[::-1]
    changed = (snn.run(x.numpy()[order])[order] != snn.run(x.numpy())).any(axis=1)
    return f"{int(changed.sum())} of 50 samples change"


def run_on(value):
    def probe():
        snn = convert(small(nn.ReLU()), torch.rand(50, 8), T=16)
        return f"counts {numbers(snn.run(np.full(8, value)))}"

    return probe


def no_steps():
    x = torch.rand(50, 8)
    return f"counts {numbers(convert(small(nn.ReLU()), x, T=0).run(x.numpy()[0]))}"


def percentile_of_zero():
    snn = convert(small(nn.ReLU()), torch.rand(50, 8), percentile=0.0)
    return f"converts, largest weight {max(float(np.abs(W).max()) for W in snn.weights):.3g}"


def empty_calibration():
    convert(small(nn.ReLU()), torch.rand(0, 8))
    return "converts"


def tanh():
    convert(small(nn.Tanh()), torch.rand(50, 8))
    return "converts, as if it were a ReLU"


def batch_norm():
    normalisation = nn.BatchNorm1d(16)
    normalisation.weight.data = torch.arange(1.0, 17.0)
    model = small(normalisation, nn.ReLU()).eval()
    first = np.asarray(convert(model, torch.rand(50, 8)).weights[0]) / model[0].weight.detach().numpy()
    return f"converts, the normalisation {'left out' if np.ptp(first) < 1e-3 * first.max() else 'folded'}"


def convolution():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    snn = convert(model, torch.rand(4, 1, 8, 8))
    try:
        snn.run(np.random.default_rng(0).random((4, 1, 8, 8)))
    except Exception as error:
        return f"converts, then run() fails: {type(error).__name__}"
    return "converts and runs"


def training_mode():
    model = small(nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 16), nn.ReLU()).train()
    x = torch.rand(50, 8)
    first, second = convert(model, x), convert(model, x)
    same = all(np.array_equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))
    return f"two conversions of one model are {'equal' if same else 'different'}"


def shared_memory():
    model = small(nn.ReLU())
    snn = convert(model, torch.rand(50, 8))
    before = [array.copy() for array in [*snn.weights, *snn.biases]]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    same = all(np.array_equal(a, b) for a, b in zip(before, [*snn.weights, *snn.biases], strict=True))
    return f"the converted network {'stays' if same else 'changes too'}"


PROBES = {
    "a neuron driven by its bias alone (rate 1), T = 64": bias_only_neuron,
    "logits -3, -1, -2: the class": negative_logits,
    "factors by which layers of 3 were scaled": scales_of_layers,
    "QCFSActivation(T=4) forward: its formula has 5 values": qcfs_forward,
    "QCFSActivation(T=4) inside the clip: gradient": qcfs_gradient,
    "the batch in another order": batch_order,
    "input of NaN": run_on(np.nan),
    "input of 7, as Poisson rate": run_on(7.0),
    "T = 0": no_steps,
    "percentile = 0": percentile_of_zero,
    "calibration data without a sample": empty_calibration,
    "a network with Tanh": tanh,
    "a network with BatchNorm1d": batch_norm,
    "a network with Conv2d": convolution,
    "a model in training mode, with Dropout": training_mode,
    "the model's parameters change after conversion": shared_memory,
}


def answer(probe):
    try:
        return probe()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    print(json.dumps({name: answer(probe) for name, probe in PROBES.items()}))
