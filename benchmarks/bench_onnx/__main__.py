"""Converts the files and writes the table."""

from __future__ import annotations

import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_onnx.origins import Origin, origins
from benchmarks.result import write_result
from spikeport.conversion import convert
from spikeport.demo.digits import Recipe, load_digits

TIMESTEPS = (8, 32, 128)


def main() -> None:
    digits = load_digits(Recipe())
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for origin in origins(Path(scratch), digits):
            rows.append(row(origin, digits))
            print(" | ".join(map(str, rows[-1].values())), flush=True)
    names = ("onnx", "onnxscript", "skl2onnx", "scikit-learn", "torch")
    path = write_result(
        "onnx",
        title=f"ONNX files of other exporters, converted: {len(digits.x_test)} digits that nothing saw",
        command="python -m benchmarks.bench_onnx",
        measurements=[],
        versions={name: metadata.version(name) for name in names},
        facts={"accuracy": rows},
    )
    print(path.name)


def row(origin: Origin, digits: Any) -> dict[str, Any]:
    """Return what the origin and the spiking network get right; nothing in the latter is fitted to a T."""
    shape = (-1, *origin.shape)
    x, test = digits.x_train.reshape(shape), digits.x_test.reshape(shape)
    found: dict[str, Any] = {"network": origin.network, "written by": origin.exporter}
    found["origin"] = f"{np.mean(origin.answers == digits.y_test):.2%}"
    snn = convert(origin.path, x, T=TIMESTEPS[-1], percentile=99.9)
    for T in TIMESTEPS:
        answers = snn.classify(test, T=T, encoding="current")
        found[f"spiking, T = {T}"] = f"{np.mean(answers == digits.y_test):.2%}"
    return found


if __name__ == "__main__":
    main()
