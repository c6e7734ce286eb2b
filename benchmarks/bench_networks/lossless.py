"""Lossless conversion: each settled sample beside the quantised network, which levels it takes, and how many steps.

``python -m benchmarks.bench_networks.lossless [--only mlp lenet resnet20] [--images N]``. An MLP and a convolutional
network are trained on MNIST, and a public ResNet-20 for CIFAR-10 is taken as it is. With 15 levels the spiking network
settles image by image, and every count is compared; with other numbers of levels its quantised network alone is asked,
on all test images that there are. ``--images`` bounds those that the spiking ResNet-20 sees.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmarks.bench_networks import DATA, cifar, lenet, read, resnet20, train
from benchmarks.result import Measurement, write_result
from spikeport.conversion import ConversionWarning, convert
from spikeport.conversion.lossless.certificate import beside_quantised

Array = npt.NDArray[Any]

NAMES = ("mlp", "lenet", "resnet20")
LEVELS = (3, 7, 15, 31, 63)
SHOWN = 15
"""Levels of the network that spikes."""

T = 1000
"""The most steps; a run ends when all have settled."""


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def trained(name: str) -> tuple[nn.Module, Array, Array, Array]:
    """Return a network, calibration images, test images and their labels."""
    torch.manual_seed(0)
    if name == "resnet20":
        return resnet20().eval(), cifar("train_2000", 1000)[0], *cifar("test_2000", 2000)
    data = read(DATA / "mnist")
    x_train, x = (data[key].reshape(-1, 1, 28, 28) for key in ("x_train", "x_test"))
    model = mlp() if name == "mlp" else lenet()
    train(model, x_train[:20000], data["y_train"][:20000], 2)
    return model.eval(), x_train[:1000], x, data["y_test"]


def in_parts(answer: Any, x: Array, size: int = 100) -> Array:
    return np.concatenate([np.asarray(answer(x[k : k + size])) for k in range(0, len(x), size)])


def measured(name: str, images: int) -> tuple[dict[str, Any], Measurement]:
    model, calibration, x, y = trained(name)
    with torch.no_grad():
        expected = in_parts(lambda part: model(torch.tensor(part)).argmax(1), x)
    facts: dict[str, Any] = {"test images": len(x), "trained": float((expected == y).mean())}
    for levels in LEVELS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConversionWarning)  # of few levels; what they give is measured here
            snn = convert(model, calibration, T=T, neuron="st_bif", levels=levels)
        answers = in_parts(lambda part, snn=snn: snn.quantised(part).argmax(1), x)
        accuracy, agreement = float((answers == y).mean()), float((answers == expected).mean())
        facts[f"{levels} levels:"] = {"accuracy": accuracy, "agreement": agreement}
        print(name, levels, accuracy, agreement, flush=True)
        if levels != SHOWN:
            continue
        seen = x[:images] if name == "resnet20" else x
        start = time.perf_counter()
        found = beside_quantised(snn, seen)
        seconds = time.perf_counter() - start
        details = found.details
        facts["settling:"] = {
            "certificate": snn.certificate.level,
            "images": len(seen),
            "share settled": details["settled"],
            "steps on average": details["steps"]["mean"],
            "steps at most": details["steps"]["most"],
            "images with a count unlike the quantised network's": details["samples_with_other_counts"],
            "agreement with the quantised network": found.agreement,
            "largest difference of a logit": found.largest_difference,
        }
        print(name, facts["settling:"], flush=True)
    params = {"images": len(seen), "levels": SHOWN}
    return facts, Measurement(f"{name}: settling, and the quantised network", "spikeport", [seconds], params=params)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--images", type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {name: measured(name, options.images) for name in options.only}
    only = "" if len(options.only) == len(NAMES) else f" --only {' '.join(options.only)}"
    path = write_result(
        "lossless",
        title="Lossless conversion: the settled network beside the quantised one",
        command=f"python -m benchmarks.bench_networks.lossless{only} --images {options.images}",
        measurements=[taken for _, taken in results.values()],
        facts={name: facts for name, (facts, _) in results.items()},
    )
    print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
