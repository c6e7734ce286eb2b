"""The Julia package as a backend, in this process, through juliacall.

A call is one line of text (kernel, sizes, addresses), so nothing depends on how two languages wrap each other's
objects: Julia reads NumPy's memory where it lies and writes its answer into arrays made here. Work that takes long is
done in several calls, for a running one is not to be stopped: neurons and samples are independent of each other.

juliacall brings its own demands on Julia (1.10.3 or newer at the time of writing). The package itself runs from 1.5 on,
and `python -m conformance` runs it through its runner.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import os
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends.backend import Backend
from spikeport.backends.julia_calls import (
    PARAMETERS,
    Answer,
    calls,
    contiguous,
    node_words,
    operation_words,
    parameter_words,
    room_for_counts,
    work,
)
from spikeport.backends.julia_network import JuliaNetwork
from spikeport.backends.network import Network
from spikeport.backends.parts import is_one_part, parts
from spikeport.errors import BackendError
from spikeport.kernels import PlacedNetwork, Trace
from spikeport.kernels.integrate_fire import IfParameters
from spikeport.kernels.layer import fire
from spikeport.kernels.network import Signal
from spikeport.kernels.st_bif import StBifParameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation

Array = npt.NDArray[Any]

HERE = Path(__file__).resolve()
SOURCES = (HERE.parents[1] / "_sources" / "julia" / "SpikePort", HERE.parents[3] / "julia" / "SpikePort")


class Julia(Backend):
    """Runs the kernels of the Julia package SpikePort; see `spikeport.kernels` for every method.

    ``answer`` is Julia's ``SpikePort.Python.answer``: kernel and words in, "" or "code message" out. It is called on
    the thread that made this object, which is the one that loaded Julia.
    """

    name = "julia"

    def __init__(self, answer: Answer) -> None:
        self.call = calls(answer)

    def _if_multistep(self, I: Array, given: IfParameters) -> Trace:
        return self._neurons("if_multistep", I, len(I), I.shape[1:], parameter_words(given))

    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace:
        words = {"timesteps": timesteps, **parameter_words(given)}
        return self._neurons("if_constant", I, timesteps, I.shape, words)

    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace:
        return self._neurons("st_bif_multistep", I, len(I), I.shape[1:], parameter_words(given))

    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace:
        if not is_one_part(math.prod(x.shape[:-1]), operation.n_inputs * operation.n_outputs):
            flat = x.reshape(1, math.prod(x.shape[:-1]), x.shape[-1])
            currents = self._operation_currents(operation, [flat]).reshape(*x.shape[:-1], operation.n_outputs)
            return self.fire(neuron, Signal(currents, False), len(x))
        steps = contiguous(x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1]))
        words, shape = {"inputs": steps, **node_words(operation, neuron)}, (*x.shape[:-1], operation.n_outputs)
        return self._trace("layer_forward", words, shape, operation.element, neuron.kind == "identity")

    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array:
        shape = operation.output_shape(*(signal.shape[2:] for signal in signals))
        T, B = signals[0].shape[:2]
        currents = np.zeros((T, B, *shape), signals[0].dtype)
        each = work(operation, shape)
        if not operation.remembers:  # every step is by itself: the steps of a sample may go in parts too
            flat = [signal.reshape(1, T * B, *signal.shape[2:]) for signal in signals]
            self._summed(operation, flat, currents.reshape(1, T * B, *shape), each)
        else:
            self._summed(operation, signals, currents, T * each)
        return currents

    def _summed(self, operation: Operation, signals: list[Array], currents: Array, each: int) -> None:
        """Write the currents of an operation, some samples at a time; a sample costs ``each``."""
        words = operation_words(operation)
        for part in parts(currents.shape[1], each):
            given = {f"signal.{k}": contiguous(signal[:, part]) for k, signal in enumerate(signals)}
            some = np.zeros((len(currents), *currents[:, part].shape[1:]), currents.dtype)
            self.call("operation_currents", words | given | {"currents": some})
            currents[:, part] = some

    def _network(self, placed: PlacedNetwork) -> Network:
        return JuliaNetwork(placed, self.call, self.encode_poisson, self._operation_currents, self.fire)

    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array:
        spikes: Array = np.zeros((timesteps, *p.shape), np.int8)
        for part in parts(len(p), timesteps * math.prod(p.shape[1:])):
            words: dict[str, Any] = {"rates": contiguous(p[part]), "timesteps": timesteps, "seed": seed}
            if samples is not None:
                words["samples"] = contiguous(samples[part])
            drawn = np.zeros((timesteps, *p[part].shape), np.int8)
            self.call("encode_poisson", words | {"spikes": drawn})
            spikes[:, part] = drawn
        return spikes

    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array:
        y = np.zeros_like(x)
        self.call("qcfs", {"x": x, "timesteps": timesteps, "y": y, "threshold": np.atleast_1d(θ)})
        return y

    def fire(self, neuron: Neuron, currents: Signal, steps: int) -> Trace:
        """Run the neurons of one node over ``steps`` steps of its currents."""
        I = currents.values
        if neuron.kind == "IF" or neuron.kind == "LIF":
            given = {name: getattr(neuron, name) for name in (*PARAMETERS, "max_spikes")}
            return self.if_constant(I, timesteps=steps, **given) if currents.steady else self.if_multistep(I, **given)
        I = currents.steps(steps)
        if neuron.kind == "identity":
            return fire(self._values("currents", I), neuron)
        bounds: dict[str, Any] = {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
        return self.st_bif_multistep(I, threshold=neuron.threshold, v_init=neuron.v_init, **bounds)

    def _neurons(self, kernel: str, I: Array, steps: int, shape: tuple[int, ...], words: dict[str, Any]) -> Trace:
        """Run a kernel on neurons of this shape; ``I`` are their currents, at every step or at all of them."""
        source, neurons = "current" if kernel == "if_constant" else "currents", math.prod(shape)
        if is_one_part(neurons, steps):
            return self._trace(kernel, {source: contiguous(I), **words}, (steps, *shape), I.dtype)
        each = {name: np.broadcast_to(value, shape).ravel() for name, value in words.items() if np.ndim(value)}
        currents, whole = I.reshape(*I.shape[: I.ndim - len(shape)], neurons), _room((steps, neurons), I.dtype)
        for part in parts(neurons, steps):
            given = words | {name: contiguous(value[part]) for name, value in each.items()}
            some = contiguous(currents[..., part])
            trace = self._trace(kernel, {source: some, **given}, (steps, some.shape[-1]), I.dtype)
            for array, found in zip(whole, trace, strict=True):
                array[..., part] = found
        return Trace(*(array.reshape(*array.shape[:-1], *shape) for array in whole))

    def _trace(
        self, kernel: str, words: dict[str, Any], shape: tuple[int, ...], dtype: Any, graded: bool = False
    ) -> Trace:
        """Run a kernel whose spikes have this shape; ``graded`` where they are not whole numbers."""
        trace = _room(shape, dtype, graded)
        self.call(kernel, words | trace._asdict())
        return trace


def _room(shape: tuple[int, ...], dtype: Any, graded: bool = False) -> Trace:
    return Trace(
        np.zeros(shape, dtype if graded else np.int8),
        np.zeros(shape[1:], dtype),
        room_for_counts(shape[1:], dtype, graded),
    )


def load() -> Julia:
    """Return the backend, or raise `BackendError` with ``backend_unavailable`` and what to install.

    Julia and its packages must be there already: this never starts a download.
    """
    package = next((folder for folder in SOURCES if (folder / "Project.toml").is_file()), None)
    if package is None:
        raise _unavailable("the sources of the Julia package are not there", "install spikeport again")
    if importlib.util.find_spec("juliacall") is None:
        raise _unavailable("juliacall is not installed", "pip install 'spikeport[julia]'")
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of juliacall, on torch having been imported before it
            _without_downloads()
            juliacall = importlib.import_module("juliacall")
            main = juliacall.Main
            _check_version(juliacall, main)
        main.seval(f'pushfirst!(LOAD_PATH, raw"{package}")')
        main.seval("import SpikePort")
        return Julia(main.seval("(kernel, words) -> SpikePort.Python.answer(String(kernel), String(words))"))
    except Exception as error:  # whatever juliapkg, juliacall and Julia raise where one of them is missing or too old
        raise _unavailable(
            f"juliacall finds no Julia that it accepts, or not its packages ({error})",
            "run `python -c 'import juliacall'` once, which brings both from the network, or point "
            "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT at a Julia that has PythonCall",
        ) from error


def _check_version(juliacall: ModuleType, main: Any) -> None:
    """Raise `RuntimeError` where Julia's half of juliacall, PythonCall, has another version than Python's."""
    ours = getattr(juliacall, "__version__", None)
    theirs = str(main.seval("import PythonCall; string(pkgversion(PythonCall))"))
    if ours is not None and theirs not in ("nothing", str(ours)):
        raise RuntimeError(f"juliacall is {ours} and Julia's PythonCall {theirs}: they must have one version")


def _without_downloads() -> None:
    """Resolve juliacall's Julia from what is on this machine, and leave juliapkg as it was."""
    if "PYTHON_JULIACALL_EXE" in os.environ:
        return
    juliapkg = importlib.import_module("juliapkg")
    was_offline = juliapkg.offline(None)
    juliapkg.offline(True)
    try:
        juliapkg.resolve()
    finally:
        juliapkg.offline(was_offline)


def _unavailable(what: str, remedy: str) -> BackendError:
    return BackendError("backend_unavailable", f"the Julia backend cannot run here: {what}; {remedy}")
