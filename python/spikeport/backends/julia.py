"""The Julia package as a backend, in this process, through juliacall.

A call is one line of text (kernel, sizes, addresses), so nothing depends on how two languages wrap each other's
objects: Julia reads NumPy's memory where it lies and writes its answer into arrays made here. The other end is
`julia/SpikePort/src/python.jl`.

juliacall brings its own demands on Julia (1.10.3 or newer at the time of writing). The package itself runs from 1.5 on,
and `python -m conformance` runs it through its runner.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import BackendError
from spikeport.errors import KernelError
from spikeport.kernels import Layer, NetworkTrace, Trace
from spikeport.kernels.checks import as_currents, as_float, as_parameter, check_timesteps
from spikeport.kernels.encode import as_samples, check_seed
from spikeport.kernels.layer import as_factors
from spikeport.kernels.network import as_inputs
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]
Answer = Callable[[str, str], str]

HERE = Path(__file__).resolve()
SOURCES = (HERE.parents[1] / "_sources" / "julia" / "SpikePort", HERE.parents[3] / "julia" / "SpikePort")
TYPES = {"float64": "f64", "float32": "f32", "int8": "i8", "int64": "i64", "uint64": "u64"}
PARAMETERS = ("threshold", "v_init", "v_reset", "beta")


class Julia:
    """Runs the kernels of the Julia package SpikePort; see `spikeport.kernels` for every method.

    ``answer`` is Julia's ``SpikePort.Python.answer``: kernel and words in, "" or "code message" out.
    """

    name = "julia"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def if_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_multistep`."""
        I = _contiguous(as_currents(currents))
        given = _parameters(I, threshold=threshold, v_init=v_init, v_reset=v_reset, beta=beta)
        return self._trace("if_multistep", {"currents": I, **given}, I.shape, I.dtype)

    def if_constant(
        self,
        current: npt.ArrayLike,
        *,
        timesteps: int,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_constant`."""
        check_timesteps(timesteps)
        I = _contiguous(as_currents(np.asarray(current)[None])[0])
        given = _parameters(I, threshold=threshold, v_init=v_init, v_reset=v_reset, beta=beta)
        words = {"current": I, "timesteps": timesteps, **given}
        return self._trace("if_constant", words, (timesteps, *I.shape), I.dtype)

    def st_bif_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        tracer_min: int = 0,
        tracer_max: int = 31,
        v_init: npt.ArrayLike = 0.5,
    ) -> Trace:
        """See `spikeport.kernels.st_bif_multistep`."""
        I = _contiguous(as_currents(currents))
        given = _parameters(I, threshold=threshold, v_init=v_init)
        words = {"currents": I, "tracer_min": tracer_min, "tracer_max": tracer_max, **given}
        return self._trace("st_bif_multistep", words, I.shape, I.dtype)

    def layer_forward(
        self, inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron
    ) -> Trace:
        """See `spikeport.kernels.layer_forward`."""
        x, W = as_factors(inputs, weights)
        steps = x.reshape(len(x), int(np.prod(x.shape[1:-1])), x.shape[-1]).astype(W.dtype, copy=False)
        words = {"inputs": _contiguous(steps), **_layer(W, bias, neuron)}
        return self._trace("layer_forward", words, (*x.shape[:-1], len(W)), W.dtype, neuron.kind == "identity")

    def network_run(
        self,
        layers: Sequence[Layer],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
    ) -> NetworkTrace:
        """See `spikeport.kernels.network_run`."""
        check_timesteps(timesteps)
        x = _contiguous(as_inputs(layers, inputs, timesteps, encoding))
        if encoding == "poisson":
            check_seed(seed)
        words: dict[str, Any] = {"inputs": x, "timesteps": timesteps, "encoding": encoding, "layers": len(layers)}
        words["seed"] = seed if encoding == "poisson" else 0
        counts, membrane, spikes = [], [], []
        for k, layer in enumerate(layers):
            given = _layer(layer.weights.astype(x.dtype, copy=False), layer.bias, layer.neuron)
            shape, graded = (x.shape[-2], len(layer.weights)), layer.neuron.kind == "identity"
            counts.append(np.zeros(shape, x.dtype if graded else np.int64))
            membrane.append(np.zeros(shape, x.dtype))
            given |= {"counts": counts[k], "membrane": membrane[k]}
            if record:
                spikes.append(np.zeros((timesteps, *shape), x.dtype if graded else np.int8))
                given |= {"spikes": spikes[k]}
            words |= {f"{key}.{k}": value for key, value in given.items()}
        drive = np.zeros((x.shape[-2], len(layers[-1].weights)), x.dtype)
        self._call("network_run", words | {"drive": drive})
        return NetworkTrace(counts, membrane, drive, spikes if record else None)

    def encode_poisson(
        self, rates: npt.ArrayLike, *, timesteps: int, seed: int = 0, samples: npt.ArrayLike | None = None
    ) -> Array:
        """See `spikeport.kernels.encode_poisson`."""
        check_timesteps(timesteps)
        check_seed(seed)
        p = _contiguous(as_float("rates", rates).astype(np.float64, copy=False))
        if p.ndim != 2:
            raise KernelError("shape", f"rates have shape {p.shape}: give (batch, n)")
        words: dict[str, Any] = {"rates": p, "timesteps": timesteps, "seed": seed}
        if samples is not None:
            words["samples"] = as_samples(samples, p.shape[:1])
        words["spikes"] = np.zeros((timesteps, *p.shape), np.int8)
        self._call("encode_poisson", words)
        spikes: Array = words["spikes"]
        return spikes

    def qcfs(self, x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0) -> Array:
        """See `spikeport.kernels.qcfs`."""
        check_timesteps(timesteps)
        values = _contiguous(as_float("x", x))
        if values.ndim < 1:
            raise KernelError("shape", "x is a single number: give an array")
        y = np.zeros_like(values)
        self._call("qcfs", {"x": values, "timesteps": timesteps, "y": y, **_parameters(values, threshold=threshold)})
        return y

    def _trace(
        self, kernel: str, words: dict[str, Any], shape: tuple[int, ...], dtype: Any, graded: bool = False
    ) -> Trace:
        """Run a kernel whose spikes have this shape; ``graded`` where they are not whole numbers."""
        trace = Trace(
            np.zeros(shape, dtype if graded else np.int8),
            np.zeros(shape[1:], dtype),
            np.zeros(shape[1:], dtype if graded else np.int64),
        )
        self._call(kernel, words | trace._asdict())
        return trace

    def _call(self, kernel: str, words: dict[str, Any]) -> None:
        line = " ".join(f"{key}={_word(value)}" for key, value in words.items())
        code, _, message = self._answer(kernel, line).partition(" ")
        if code:
            raise KernelError(code, message)


def _contiguous(array: Array) -> Array:
    return np.asarray(array, order="C")


def _word(value: Any) -> str:
    """Return an array's type, address and shape, or a number or name as it is."""
    if isinstance(value, np.ndarray):
        return f"{TYPES[value.dtype.name]}@{value.ctypes.data}:{','.join(map(str, value.shape))}"
    return str(value)


def _parameters(values: Array, **given: npt.ArrayLike | None) -> dict[str, Array]:
    """Return the neuron parameters that are there, each as one number for all or one a neuron."""
    checked = {name: as_parameter(name, value, values) for name, value in given.items() if value is not None}
    return {name: np.atleast_1d(value) for name, value in checked.items()}


def _layer(weights: Array, bias: npt.ArrayLike | None, neuron: Neuron) -> dict[str, Any]:
    given = {name: getattr(neuron, name) for name in PARAMETERS}
    words: dict[str, Any] = {name: np.atleast_1d(value) for name, value in given.items() if value is not None}
    words |= {"weights": _contiguous(weights), "kind": neuron.kind}
    words |= {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
    if bias is not None:
        words["bias"] = _contiguous(as_float("bias", bias).astype(weights.dtype, copy=False))
    return words


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
            main = importlib.import_module("juliacall").Main
        main.seval(f'pushfirst!(LOAD_PATH, raw"{package}")')
        main.seval("import SpikePort")
        return Julia(main.seval("(kernel, words) -> SpikePort.Python.answer(String(kernel), String(words))"))
    except Exception as error:  # whatever juliapkg, juliacall and Julia raise where one of them is missing or too old
        raise _unavailable(
            f"juliacall finds no Julia that it accepts, or not its packages ({error})",
            "run `python -c 'import juliacall'` once, which brings both from the network, or point "
            "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT at a Julia that has PythonCall",
        ) from error


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
