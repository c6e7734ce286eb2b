"""Arrays that no network has."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.generate.hostile.change import (
    HOSTILE,
    WEIGHT,
    Pair,
    change_neuron,
    good_members,
    hostile,
    put_archive,
    put_weight,
    weights,
    zip_of,
)


def _header(text: str, values: bytes = WEIGHT.tobytes()) -> bytes:
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + text.ljust(length - 1).encode() + b"\n" + values


def _described(descr: str = "<f8", order: str = "False", shape: str = "(4, 3)") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


NPY: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "empty_member": ("archive_syntax", "a member of no bytes", lambda: b""),
    "not_npy": ("archive_syntax", "a member that is no .npy", lambda: b"spikes" * 20),
    "npy_version_2": ("archive_syntax", "a .npy of version 2", lambda: b"\x93NUMPY\x02\x00" + weights(WEIGHT)[8:]),
    "npy_header_long": (
        "archive_syntax",
        "a header longer than the member",
        lambda: b"\x93NUMPY\x01\x00\xff\xff" + weights(WEIGHT)[10:],
    ),
    "npy_header_code": ("archive_syntax", "a header that is code", lambda: _header("__import__('os').system('true')")),
    "npy_header_keys": (
        "archive_syntax",
        "a header with its keys in another order",
        lambda: _header("{'fortran_order': False, 'descr': '<f8', 'shape': (4, 3), }"),
    ),
    "npy_header_unpadded": (
        "archive_syntax",
        "a header padded by less",
        lambda: (
            b"\x93NUMPY\x01\x00" + struct.pack("<H", 60) + _described().ljust(59).encode() + b"\n" + WEIGHT.tobytes()
        ),
    ),
    "npy_structured": (
        "archive_syntax",
        "a structured dtype",
        lambda: _header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4, 3), }"),
    ),
    "pickled": ("pickle", "an array of Python objects", lambda: _header(_described("|O"), b"\x80\x04N.")),
    "integers": ("dtype", "an array of integers", lambda: _header(_described("<i8"))),
    "halves": ("dtype", "an array of float16", lambda: weights(WEIGHT.astype("<f2"))),
    "big_endian": ("dtype", "an array of the other byte order", lambda: _header(_described(">f8"))),
    "complex_numbers": (
        "dtype",
        "an array of complex numbers",
        lambda: _header(_described("<c16"), WEIGHT.astype("<c16").tobytes()),
    ),
    "fortran": ("shape", "an array in Fortran order", lambda: _header(_described(order="True"))),
    "transposed_shape": ("shape", "(in, out) instead of (out, in)", lambda: _header(_described(shape="(3, 4)"))),
    "flat_shape": ("shape", "one axis instead of two", lambda: _header(_described(shape="(12,)"))),
    "no_axes": ("shape", "no axis", lambda: _header(_described(shape="()"))),
    "bare_comma": ("archive_syntax", "a shape that is a comma", lambda: _header(_described(shape="(,)"))),
    "three_axes": ("shape", "three axes", lambda: _header(_described(shape="(4, 3, 1)"))),
    "huge_shape": (
        "shape",
        "a shape whose product overflows",
        lambda: _header(_described(shape="(4294967296, 4294967296)")),
    ),
    "eleven_digits": (
        "archive_syntax",
        "a number of eleven digits in a shape",
        lambda: _header(_described(shape="(10000000000, 3)")),
    ),
    "ten_digits": ("shape", "a number of ten digits in a shape", lambda: _header(_described(shape="(9999999999, 3)"))),
    "values_missing": ("shape", "one value too few", lambda: weights(WEIGHT)[:-8]),
    "values_extra": ("shape", "one byte too many", lambda: weights(WEIGHT) + b"\x00"),
    "tight_shape": ("archive_syntax", "a shape written without its space", lambda: _header(_described(shape="(4,3)"))),
    "nan_weight": (
        "non_finite",
        "a weight that is NaN",
        lambda: weights(np.where(np.arange(12).reshape(4, 3) == 7, np.nan, WEIGHT)),
    ),
    "inf_weight": (
        "non_finite",
        "a weight that is infinite",
        lambda: weights(np.where(np.arange(12).reshape(4, 3) == 11, -np.inf, WEIGHT)),
    ),
    "bias_of_other_type": ("dtype", "a weight of f32 beside a bias of f64", lambda: weights(WEIGHT.astype("<f4"))),
}
for _name, (_code, _comment, _data) in NPY.items():
    HOSTILE[_name] = (_code, _comment, lambda data=_data: put_weight(data()))


def _row(index: int, value: float) -> Callable[[Any], Any]:
    def change(rows: Any) -> Any:
        rows[index] = value
        return rows

    return change


NEURON: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "neuron_threshold_zero": ("neuron", "a threshold of zero", _row(0, 0.0)),
    "neuron_hard_reset_half": ("neuron", "half a hard reset", _row(2, 0.5)),
    "neuron_hard_reset_two": ("neuron", "two hard resets", _row(2, 2.0)),
    "neuron_reset_unused": ("neuron", "a reset value under soft reset", _row(3, 0.25)),
    "neuron_hard_reset_minus_zero": ("neuron", "soft reset written as -0: one content, one encoding", _row(2, -0.0)),
    "neuron_reset_minus_zero": ("neuron", "no reset value written as -0", _row(3, -0.0)),
    "neuron_tracer_minus_zero": ("neuron", "a tracer bound of -0", _row(5, -0.0)),
    "neuron_leak": ("neuron", "IF with a leak", _row(4, 0.5)),
    "neuron_leak_above_one": ("neuron", "a leak above one", _row(4, 1.5)),
    "neuron_tracer_fraction": ("neuron", "a tracer bound with a fraction", _row(6, 3.5)),
    "neuron_tracer_above_zero": ("neuron", "tracer bounds without zero", _row(5, 1.0)),
    "neuron_tracer_huge": ("neuron", "a tracer bound beyond 31 bits", _row(6, 2.0**40)),
    "neuron_nan": ("non_finite", "a threshold that is NaN", _row(0, np.nan)),
    "neuron_six_rows": ("shape", "six rows instead of seven", lambda rows: rows[:6]),
    "neuron_three_columns": ("shape", "three columns for four neurons", lambda rows: np.repeat(rows, 3, axis=1)),
    "neuron_f32": ("dtype", "neuron parameters as f32", lambda rows: rows.astype("<f4")),
}
for _name, (_code, _comment, _alter) in NEURON.items():
    HOSTILE[_name] = (_code, _comment, lambda alter=_alter: change_neuron(alter))


@hostile("neuron", "a tracer bound that differs between neurons")
def neuron_tracer_differs() -> Pair:
    rows = np.repeat(np.array([[1.0], [0.5], [0.0], [0.0], [1.0], [0.0], [31.0]]), 4, axis=1)
    rows[6, 2] = 30.0
    return change_neuron(lambda _: rows)


@hostile("shape", "a wrong total_params beside a threshold of zero: the total comes first")
def wrong_params_and_neuron() -> Pair:
    archive, sidecar = change_neuron(_row(0, 0.0))
    content = json.loads(sidecar)
    content["total_params"] += 1
    return archive, json.dumps(content).encode()


def _members(**changed: bytes) -> Pair:
    """Put bytes in place of members, named ``layer_0_weight`` and so on."""
    members = good_members()
    return put_archive(zip_of([(name, changed.get(name[:-4].replace(".", "_"), data)) for name, data in members]))


SINGLE = weights(WEIGHT.astype("<f4"))
NAN = np.full((2, 4), np.nan)


@hostile("dtype", "a bias of another type in the first layer, NaN in the second: layer by layer")
def other_type_before_nan() -> Pair:
    return _members(layer_0_weight=SINGLE, layer_1_weight=weights(NAN))


@hostile("non_finite", "a bias of another type and a neuron that is NaN in one layer: its members come first")
def other_type_beside_nan() -> Pair:
    return _members(layer_0_weight=SINGLE, layer_0_neuron=weights(np.full((7, 1), np.nan)))


@hostile("shape", "neuron parameters as f32 and of six rows: the type is looked at behind the layer's members")
def neuron_f32_six_rows() -> Pair:
    return _members(layer_0_neuron=weights(np.ones((6, 1), "<f4")))


@hostile("neuron", "a reset at the threshold")
def neuron_reset_at_threshold() -> Pair:
    def change(rows: Any) -> Any:
        rows[2], rows[3] = 1.0, 1.0
        return rows

    return change_neuron(change)
