"""A network pretrained on the classes 0 to 4 learns 5 to 9 from a few labels, beside one that begins from nothing.

Both have the same few samples, the same head, the same number of epochs, batches and steps, by seed, which also draws
the weights that scratch begins with; one network is pretrained. Transfer unfreezes layer by layer: the head alone, the
hidden layer with it, then all. From scratch all layers learn in all epochs, at two learning rates: the one that is
better *on the test images* is shown, which is in its favour. The phases of transfer and the rates of both were chosen
in trials with other seeds than these. Networks are run by `graph.run`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.result import Measurement
from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Conv, Linear
from spikeport.transfer import SNNCheckpoint, TransferConfig, finetune, replace_head

Array = npt.NDArray[Any]

T = 5
CLASSES = 5
EPOCHS = {5: (10, 20, 10), 10: (10, 20, 10), 20: (5, 10, 5), 50: (3, 4, 3)}
"""By labels of a class: epochs of each phase of transfer; from scratch there are as many in all."""

BATCH = 16
TESTED = 2000
PHASES = [TransferConfig("hidden", 0.0, 0.01), TransferConfig("conv2", 0.01, 0.01), TransferConfig(-1, 0.003, 0.003)]
SCRATCH_RATES = (0.003, 0.01)
NEURON = Neuron("LIF", threshold=1.0, beta=0.9)


@dataclass(frozen=True)
class Digits:
    """Ten classes of images: those that are learnt from, and those that nothing is learnt from."""

    name: str
    x: Array
    y: Array
    x_test: Array
    y_test: Array
    pretraining: int
    epochs: int


def mnist(folder: Any) -> Digits:
    """The 28 × 28 images."""
    from benchmarks.bench_optimizer_mnist import read

    found = read(folder)
    images = (found[name].reshape(-1, 1, 28, 28) for name in ("x_train", "x_test"))
    x, x_test = images
    return Digits("MNIST", x, found["y_train"], x_test, found["y_test"], pretraining=20000, epochs=2)


def digits() -> Digits:
    """The 8 × 8 images of scikit-learn, every third one for testing."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = (bunch.data / 16).astype(np.float32).reshape(-1, 1, 8, 8), bunch.target.astype(np.int64)
    test = np.arange(len(x)) % 3 == 0
    return Digits("8 × 8 digits", x[~test], y[~test], x[test], y[test], pretraining=2000, epochs=15)


def untrained(shape: tuple[int, ...], seed: int) -> SNNCheckpoint:
    """Two convolutions, a hidden layer and a head, 8, 16, 64 and 5 channels and neurons; weights by seed."""
    rng = np.random.default_rng(seed)

    def drawn(*of: int) -> Array:
        bound = 2 * (3 / np.prod(of[1:])) ** 0.5
        return rng.uniform(-bound, bound, of).astype(np.float32)

    stride, window = (2, 5) if shape[1] > 8 else (1, 3)
    layers = [
        LayerNode.of("conv1", Conv(drawn(8, 1, window, window), zeros(8), stride=stride), NEURON),
        LayerNode.of("conv2", Conv(drawn(16, 8, 3, 3), zeros(16), stride=stride), NEURON),
    ]
    width = SNNGraph(layers, shape).n_outputs
    layers.append(LayerNode.of("hidden", Linear(drawn(64, width), zeros(64)), NEURON))
    layers.append(LayerNode.of("head", Linear(drawn(CLASSES, 64), zeros(CLASSES)), NEURON))
    return SNNCheckpoint.from_graph(SNNGraph(layers, shape), {"T": T})


def zeros(n: int) -> Array:
    return np.zeros(n, np.float32)


def accuracy(checkpoint: SNNCheckpoint, x: Array, y: Array) -> float:
    """The share of right answers in per cent, of the network as it runs."""
    graph = checkpoint.to_graph()
    answers = [graph.run(x[i : i + 500], T=T).drive.argmax(axis=1) for i in range(0, len(x), 500)]
    return 100 * float((np.concatenate(answers) == y).mean())


def few(data: Digits, count: int, seed: int) -> tuple[Array, Array]:
    """So many training images of each of the last five classes, drawn by seed, labelled from 0."""
    rng = np.random.default_rng((seed, count))
    rows = np.concatenate([rng.choice(np.flatnonzero(data.y == k), count, replace=False) for k in range(5, 10)])
    return data.x[rows], data.y[rows] - 5


def run(data: Digits, seeds: Sequence[int]) -> Iterator[tuple[list[Measurement], dict[str, Any]]]:
    """Yield accuracies on the test images of the classes 5 to 9, and what is said of them, after each seed."""
    taken: dict[tuple[int, str], list[float]] = {}
    source = np.flatnonzero(data.y < 5)[: data.pretraining]
    unseen = np.flatnonzero(data.y_test >= 5)[:TESTED]
    x, y = data.x_test[unseen], data.y_test[unseen] - 5
    how: dict[str, Any] = {"batch_size": 64, "epochs": data.epochs}
    network, every_layer = untrained(data.x.shape[1:], 0), TransferConfig(-1, 0.003, 0.003)
    pretrained = finetune(network, data.x[source], data.y[source], every_layer, **how).checkpoint
    old = np.flatnonzero(data.y_test < 5)[:TESTED]
    known = accuracy(pretrained, data.x_test[old], data.y_test[old])
    print(f"{data.name}: pretrained, {known:.2f} % on 0 to 4", flush=True)
    for seed in seeds:
        start = untrained(data.x.shape[1:], seed)
        print(f"seed {seed}", flush=True)
        for count in EPOCHS:
            samples = few(data, count, seed)
            for who, network, phases, epochs in ways(pretrained, start, count, seed):
                tuned = finetune(network, *samples, phases, epochs=epochs, batch_size=BATCH, seed=seed).checkpoint
                taken.setdefault((count, who), []).append(accuracy(tuned, x, y))
                print(f"  {count} labels a class, {who}: {taken[count, who][-1]:.2f} %", flush=True)
        yield measurements(taken), facts(data, taken, known, len(source), len(x))


def ways(
    pretrained: SNNCheckpoint, start: SNNCheckpoint, count: int, seed: int
) -> list[tuple[str, SNNCheckpoint, list[TransferConfig], list[int]]]:
    """Return who learns, from which network, in which phases, in how many epochs of each."""
    found = [("transfer", replace_head(pretrained, CLASSES, seed), PHASES, list(EPOCHS[count]))]
    for rate in SCRATCH_RATES:
        config = [TransferConfig(-1, rate, rate)]
        found.append((f"scratch at {rate:g}", replace_head(start, CLASSES, seed), config, [sum(EPOCHS[count])]))
    return found


def measurements(taken: dict[tuple[int, str], list[float]]) -> list[Measurement]:
    what = "right answers on the classes 5 to 9"
    return [Measurement(what, who, values, "%", {"labels a class": count}) for (count, who), values in taken.items()]


def facts(
    data: Digits, taken: dict[tuple[int, str], list[float]], known: float, source: int, tested: int
) -> dict[str, Any]:
    """Return a row for each number of labels: transfer beside the best of scratch, least and most over the seeds."""
    rows = []
    for count in sorted({count for count, _ in taken}):
        transfer = np.array(taken[count, "transfer"])
        others = {who: np.array(values) for (n, who), values in taken.items() if n == count and who != "transfer"}
        best = max(others, key=lambda who: float(others[who].mean()))
        gain = transfer - others[best]
        rows.append(
            {
                "labels a class": count,
                "transfer": transfer.mean(),
                "its least": transfer.min(),
                "its most": transfer.max(),
                "from scratch": others[best].mean(),
                "least": others[best].min(),
                "most": others[best].max(),
                "learning rate": best.rpartition(" ")[2],
                "gain": gain.mean(),
                "least gain of a seed": gain.min(),
                "standard deviation of the gain": gain.std(ddof=1) if len(gain) > 1 else 0.0,
            }
        )
    return {
        "data": data.name,
        "pretrained on": f"{source} images of the classes 0 to 4, {data.epochs} epochs",
        "right answers of the pretrained on 0 to 4, %": known,
        "tested on": f"{tested} images of the classes 5 to 9 that nothing was learnt from",
        "budget": f"batches of {BATCH}, T = {T}, Adam; epochs of the head, with the hidden layer, of all layers: "
        + "; ".join(f"{count} labels {', '.join(map(str, of))}" for count, of in EPOCHS.items()),
        "accuracy in %": [{name: plain(value) for name, value in row.items()} for row in rows],
    }


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value
