"""Pairs of integer networks that say what cannot be."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from conformance.generate.hostile.change import HOSTILE, Pair, hostile, put_archive, put_weight, zip_of
from conformance.generate.networks import NETWORKS
from spikeport.transfer.files.archive import npy_header
from spikeport.transfer.saving import checkpoint_bytes

GOOD = "integers_graph"
ROW = (8.0, 0.5, 0.0, 0.0, 1.0, 0.0, 31.0, 1.0)


def npy(array: Any) -> bytes:
    """Return a `.npy` as we write it."""
    return npy_header(f"<{array.dtype.str[1:]}", array.shape) + array.tobytes()


def _replaced(change: dict[str, Any], network: str = GOOD) -> Pair:
    archive, sidecar = checkpoint_bytes(NETWORKS[network]())
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    data = {f"{name}.npy": value if isinstance(value, bytes) else npy(value) for name, value in change.items()}
    return put_archive(zip_of([(name, data.get(name, old)) for name, old in members]), sidecar)


def _labelled(label: str, network: str = GOOD) -> Pair:
    archive, sidecar = checkpoint_bytes(NETWORKS[network]())
    return archive, sidecar.replace(b'"neuron": "IF"', f'"neuron": "{label}"'.encode(), 1)


def _rows(*rows: float) -> Any:
    return np.array([rows]).T


MEMBERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "weight_32": ("dtype", "weights of 32 bits", {"layer_0.weight": np.ones((4, 2, 3, 3), np.int32)}),
    "weight_64": ("dtype", "weights of 64 bits", {"layer_0.weight": np.ones((4, 2, 3, 3), np.int64)}),
    "weight_unsigned": ("dtype", "weights without a sign", {"layer_0.weight": np.ones((4, 2, 3, 3), np.uint8)}),
    "weight_swapped": (
        "dtype",
        "weights with the high byte first",
        {"layer_0.weight": npy_header(">i2", (4, 2, 3, 3)) + bytes(144)},
    ),
    "weight_not_ours": (
        "dtype",
        "a type of one byte as NumPy spells it",
        {"layer_0.weight": npy_header("|i1", (4, 2, 3, 3)) + bytes(72)},
    ),
    "weight_short": (
        "shape",
        "a byte too few for the shape",
        {"layer_0.weight": npy_header("<i1", (4, 2, 3, 3)) + bytes(71)},
    ),
    "two_widths": ("dtype", "weights of 8 and of 16 bits", {"layer_1.weight": np.ones((4, 1, 3, 3), np.int16)}),
    "one_of_floats": ("dtype", "one weight of floats", {"layer_1.weight": np.ones((4, 1, 3, 3))}),
    "bias_16": ("dtype", "a bias of 16 bits", {"layer_0.bias": np.ones(4, np.int16)}),
    "bias_8": ("dtype", "a bias of the weight's type", {"layer_0.bias": np.ones(4, np.int8)}),
    "bias_of_floats": ("dtype", "a bias of floats", {"layer_0.bias": np.ones(4)}),
    "neuron_of_integers": ("dtype", "neurons that are integers", {"layer_0.neuron": np.ones((8, 4), np.int32)}),
    "neuron_threshold": ("neuron", "a threshold with a fraction", {"layer_3.neuron": _rows(8.5, 0.0, *ROW[2:])}),
    "neuron_start": ("neuron", "a start with a fraction", {"layer_3.neuron": _rows(7.0, *ROW[1:])}),
    "neuron_large": ("neuron", "a threshold of 2^31", {"layer_3.neuron": _rows(2.0**31, *ROW[1:])}),
    "neuron_start_large": ("neuron", "a start of -2^31", {"layer_3.neuron": _rows(2.0**16, -(2.0**15), *ROW[2:])}),
    "neuron_reset": ("neuron", "a reset with a fraction", {"layer_3.neuron": _rows(8.0, 0.5, 1.0, 0.5, *ROW[4:])}),
}
for _name, (_code, _comment, _change) in MEMBERS.items():
    HOSTILE[f"integers_{_name}"] = (_code, _comment, lambda change=_change: _replaced(change))


@hostile("neuron", "neurons that leak")
def integers_leaky() -> Pair:
    return _labelled("LIF")


@hostile("neuron", "a label alone of neurons that leak")
def integers_leaky_label() -> Pair:
    return _labelled("LIF", "integers_labels_only")


@hostile("operation", "an average of integers")
def integers_average() -> Pair:
    archive, sidecar = checkpoint_bytes(NETWORKS[GOOD]())
    return archive, sidecar.replace(b'"operation": "sum_pool"', b'"operation": "avg_pool"')


@hostile("dtype", "integers in version 1")
def integers_version_1() -> Pair:
    return put_weight(npy(np.ones((4, 3), np.int8)))


@hostile("dtype", "a bias of integers beside weights of floats")
def integers_bias_alone() -> Pair:
    return _replaced({"layer_0.bias": np.ones(4, np.int32)}, "residual")
