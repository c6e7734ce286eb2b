"""One way to make a case: ask the reference, compare with the exact answer, write both down as decimals."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from conformance.cases import FILES, Case
from conformance.in_process import DTYPES, answer
from conformance.lines import Words, is_whole, resolve
from spikeport.backends import get_backend
from spikeport.transfer import load_checkpoint


def case(
    kernel: str,
    name: str,
    comment: str,
    flags: list[str],
    params: dict[str, Any],
    inputs: dict[str, Any],
) -> Case:
    """Return a case with the reference's answer as its expectation."""
    blank = Case(kernel, name, comment, flags, params, inputs, {"error": "none"})
    with tempfile.TemporaryDirectory() as folder:
        words = answer(get_backend("reference"), kernel, resolve(blank, Path(folder)))
    assert words is not None
    if "error" in words and "error" not in flags and "hostile" not in flags and kernel != "checkpoint.reject":
        raise AssertionError(f"{name}: the reference refuses it: {words['error']}")
    if "error" in flags and "error" not in words:
        raise AssertionError(f"{name}: the reference does not refuse it")
    expected = {"error": words["error"][0]} if "error" in words else _values(kernel, words, blank.arguments)
    return Case(kernel, name, comment, flags, params, inputs, expected)


def checked(made: list[Case], check: Callable[[Case], None]) -> list[Case]:
    """Return ``made`` after ``check`` has held every case that has an answer against the exact one."""
    for one in made:
        if "error" not in one.expected:
            check(one)
    return made


def _values(kernel: str, words: Words, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return reply words as JSON values: bit patterns become floats, decimals integers, the rest stays text."""
    if kernel.startswith("checkpoint."):
        return {key: [int(w) for w in value] if is_whole(key) else value for key, value in words.items()}
    if is_of_integers(arguments):
        return {key: [int(word) for word in value] for key, value in words.items()}
    single = arguments.get("dtype") == "f32"
    floats = ("v", "drive", "y", "rates", "weights", "velocities", "currents")
    graded = arguments.get("kind") == "identity"
    passed_on = _passed_on(arguments)
    result: dict[str, Any] = {}
    for key, value in words.items():
        stem = key.split(".")[0]
        if key == "frozen":
            result[key] = value
        elif stem in floats or (graded and stem in ("spikes", "counts")) or key in passed_on:
            result[key] = [_float(word, single and key != "rates") for word in value]
        else:
            result[key] = [int(word) for word in value]
    return result


def is_of_integers(arguments: dict[str, Any]) -> bool:
    """Whether a call is one of integers: by its dtype, or by the weights of its checkpoint."""
    if "checkpoint" not in arguments:
        return arguments.get("dtype") == "i32"
    weights = load_checkpoint(FILES / arguments["checkpoint"], backend="reference").weights
    return any(weight is not None and weight.dtype.kind == "i" for weight in weights)


def _passed_on(arguments: dict[str, Any]) -> set[str]:
    """Return the counts of nodes without neurons, which are sums of currents."""
    if "checkpoint" not in arguments:
        return set()
    kinds = load_checkpoint(FILES / arguments["checkpoint"], backend="reference").neuron_types
    return {f"counts.{k}" for k, kind in enumerate(kinds) if kind == "identity"}


def _float(word: str, single: bool) -> float:
    dtype = ">f4" if single else ">f8"
    return float(np.frombuffer(bytes.fromhex(word), dtype)[0])


def decimals(array: Any) -> list[float]:
    """Return an array's values as a flat list of floats, exact in decimals."""
    return [float(value) for value in np.asarray(array).ravel()]


def fractions(values: Any, dtype: str = "f64") -> list[Fraction]:
    """Return values, rounded to ``dtype`` as the kernel does, as fractions."""
    rounded = np.asarray(values, np.float64 if dtype == "i32" else DTYPES[dtype])  # of integers none is rounded
    return [Fraction(float(value)) for value in rounded.ravel()]


def dyadic(rng: np.random.Generator, low: int, high: int, bits: int, shape: Any) -> Any:
    """Return random multiples of 2^-bits in [low, high]: few bits, so that sums and products are exact."""
    return rng.integers(low << bits, (high << bits) + 1, shape) / (1 << bits)


def demand_exact(name: str, expected: dict[str, Any], exact: dict[str, Any]) -> None:
    """Raise unless every output equals its exact value (fractions, or floats of the contract's order)."""
    for key, values in exact.items():
        got = [Fraction(value) for value in expected[key]]
        want = [Fraction(value) for value in values]
        if got != want:
            place = next(i for i, (a, b) in enumerate(zip(got, want, strict=True)) if a != b)
            raise AssertionError(f"{name}: {key}[{place}] is {got[place]} where the exact value is {want[place]}")
