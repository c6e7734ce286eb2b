"""`demonstrate`: train or reload, convert, measure over T, save, load again, and write the page."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion import ConvertedSNN, convert
from spikeport.demo.digits import Digits, Recipe, load_digits, trained_network
from spikeport.demo.measurement import Measurement
from spikeport.errors import MissingExtra

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[Any]

TIMESTEPS = (1, 2, 4, 8, 16, 32, 64)
ENCODINGS = ("current", "poisson")


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration showed, and the files it left.

    Attributes
    ----------
    test_digits : number of digits measured on
    trained_accuracy : share of them that the trained network gets right
    retrained : whether it was trained now, and not read from an earlier run
    certificate : of the conversion
    measurements : one for every encoding and T
    spikes_compared : number of spikes of the network that was loaded again
    same_spikes : whether every one of them came from the same neuron at the same step as before saving
    checkpoint, samples, page : files
    """

    test_digits: int
    trained_accuracy: float
    retrained: bool
    certificate: Certificate
    measurements: list[Measurement]
    spikes_compared: int
    same_spikes: bool
    checkpoint: Path
    samples: Path
    page: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the demonstration as JSON-ready data."""
        paths = {name: str(getattr(self, name)) for name in ("checkpoint", "samples", "page")}
        measurements = [asdict(measurement) for measurement in self.measurements]
        return {**self.__dict__, "certificate": self.certificate.to_dict(), "measurements": measurements, **paths}


def demonstrate(
    folder: Path, on_step: Callable[[str, int, int], None] = lambda step, done, of: None, recipe: Recipe | None = None
) -> Demonstration:
    """Run the demonstration in ``folder`` and return what it showed.

    ``on_step(step, done, of)`` is called as each step goes on. The trained weights are kept in ``folder`` under a name
    that their `Recipe` gives, so that a second run does not train again.

    Raises `spikeport.errors.MissingExtra` without scikit-learn, torch, safetensors or matplotlib, before any work.
    """
    _check_extras()
    from spikeport.demo.page import write_page

    recipe = recipe or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits(recipe)
    model, cached = trained_network(recipe, digits, folder, lambda done, of: on_step("training", done, of))

    on_step("converting", 0, 1)
    snn = convert(model, digits.x_train, T=16, percentile=99.9)  # nothing fitted to T: it is run at many
    on_step("converting", 1, 1)

    answers = _logits(model, digits.x_test).argmax(axis=1)
    runs = [(encoding, T) for encoding in ENCODINGS for T in TIMESTEPS]
    measurements = []
    for done, (encoding, T) in enumerate(runs, 1):
        measurements.append(_measured(snn, digits, answers, T, encoding))
        on_step("running", done, len(runs))

    on_step("saving and loading", 0, 1)
    checkpoint, spikes, same = _saved_and_loaded(snn, digits, folder)
    samples = folder / "digits_test.npz"
    np.savez(samples, x=digits.x_test, y=digits.y_test)
    on_step("saving and loading", 1, 1)

    on_step("drawing", 0, 1)
    accuracy = float((answers == digits.y_test).mean())
    page = write_page(folder / "report.html", model, snn, digits, measurements, accuracy)
    on_step("drawing", 1, 1)
    return Demonstration(
        test_digits=len(digits.y_test),
        trained_accuracy=accuracy,
        retrained=not cached,
        certificate=snn.certificate,
        measurements=measurements,
        spikes_compared=spikes,
        same_spikes=same,
        checkpoint=checkpoint,
        samples=samples,
        page=page,
    )


def _check_extras() -> None:
    packages = {"sklearn": "scikit-learn", "torch": "torch", "safetensors": "safetensors", "matplotlib": "matplotlib"}
    absent = [package for name, package in packages.items() if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingExtra(", ".join(absent), "dev", "the demonstration")


def _logits(model: nn.Module, x: Array) -> Array:
    import torch

    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(x)).numpy())


def _measured(snn: ConvertedSNN, digits: Digits, answers: Array, T: int, encoding: str) -> Measurement:
    result = snn.graph.run(digits.x_test, T=T, encoding=encoding)
    classes = result.drive.argmax(axis=1)
    return Measurement(
        T,
        encoding,
        accuracy=float((classes == digits.y_test).mean()),
        agreement=float((classes == answers).mean()),
        spikes_per_inference=float(sum(counts.sum() for counts in result.counts) / len(classes)),
    )


def _saved_and_loaded(snn: ConvertedSNN, digits: Digits, folder: Path) -> tuple[Path, int, bool]:
    """Save the network, load it, run both; return the file, the number of spikes, and whether they are the same."""
    from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

    metadata = {
        "task": "scikit-learn digits, 8x8",
        "T": snn.T,
        "scales": snn.scales,
        "certificate": snn.certificate.to_dict(),
    }
    path = save_checkpoint(SNNCheckpoint.from_graph(snn.graph, metadata=metadata), folder / "digits_snn")
    loaded = load_checkpoint(path).to_graph()
    runs = [graph.run(digits.x_test, T=snn.T, encoding="poisson", record=True) for graph in (snn.graph, loaded)]
    before, after = (run.spikes or [] for run in runs)
    same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    return path, int(sum(layer.sum() for layer in after)), same
